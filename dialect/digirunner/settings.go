package digirunner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sallyport/realm"
)

// Lifetimes where neither client nor realm sets one: the product gives a new client 86400 seconds for both tokens.
const (
	accessTTL  = realm.Duration(24 * time.Hour)
	refreshTTL = realm.Duration(24 * time.Hour)
)

// Settings are what a realm may set for this dialect.
type Settings struct {
	// WrongPasswordStatus is the HTTP status for a wrong user name or password: 401 as documented (the default), or 400
	// as the running product answers.
	WrongPasswordStatus int `json:"wrong_password_status"`
	// RotateRefreshTokens gives out a new refresh token at every refresh and detects when an old one is used again.
	// Without it a refresh token keeps its jti and its end, as the product has it. What the realm or the client itself
	// says about refresh tokens (refresh_token: rotate) goes before this setting.
	RotateRefreshTokens bool `json:"rotate_refresh_tokens"`
	// BareCalls has refusals of calls by an API's own path written in the product's shape as well, as those of calls by
	// /dgrc and /tsmpc are. What an API says itself (errors) goes before this setting.
	BareCalls bool `json:"bare_calls"`
	// Hosts are the host names under which APIs are called by the product's paths, and with bare_calls by their own; empty:
	// any. Ports do not count.
	Hosts []string `json:"hosts"`
}

// CheckSettings implements dialect.Dialect.
func (f *front) CheckSettings(raw json.RawMessage) error {
	_, err := parseSettings(raw)
	return err
}

// parseSettings reads a realm's settings strictly. None at all are the defaults.
func parseSettings(raw json.RawMessage) (Settings, error) {
	s := Settings{WrongPasswordStatus: http.StatusUnauthorized}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return s, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, explain(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return s, errors.New("settings: there is something after the object; write one object")
	}
	if s.WrongPasswordStatus != http.StatusUnauthorized && s.WrongPasswordStatus != http.StatusBadRequest {
		return s, fmt.Errorf("wrong_password_status: %d is not allowed; use 401 (as documented) or 400 (as the product does)", s.WrongPasswordStatus)
	}
	for _, host := range s.Hosts {
		if host == "" || strings.ContainsAny(host, "*/ :") && !strings.HasPrefix(host, "[") {
			return s, fmt.Errorf("hosts: %s is not a host name; write it without port and path, such as api.example.org", realm.Show(host))
		}
	}
	return s, nil
}

func explain(err error) error {
	const known = "wrong_password_status (401 or 400), rotate_refresh_tokens and bare_calls (true or false), and hosts (a list of names)"
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("%s: unknown setting; there are %s", strings.Trim(name, `"`), known)
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		want := "a number"
		switch wrong.Type.Kind().String() {
		case "bool":
			want = "true or false"
		case "slice", "string":
			want = "a list of host names"
		}
		return fmt.Errorf("%s: %s is not allowed; write %s", wrong.Field, wrong.Value, want)
	}
	return fmt.Errorf("settings: not an object of %s: %w", known, err)
}

// access is what this front door wants of access tokens below what client and realm say.
func (s Settings) access() realm.AccessToken { return realm.AccessToken{TTL: accessTTL} }

func (s Settings) refresh() realm.RefreshToken {
	return realm.RefreshToken{TTL: refreshTTL, Rotate: &s.RotateRefreshTokens}
}
