package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const verifier = "a-code-verifier-that-is-long-enough-to-be-one-0123456789"

// A browser has cookies and one connection.
type browser struct {
	base    string
	client  *http.Client
	cookies map[string]string
}

func newBrowser(addr string) *browser {
	return &browser{
		base: "http://" + addr, cookies: map[string]string{},
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 1},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// ask sends a request and returns where it leads and what it says.
func (b *browser) ask(method, address string, form url.Values) (location string, body []byte, err error) {
	if strings.HasPrefix(address, "/") {
		address = b.base + address
	}
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", nil, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := b.client.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		return "", nil, err
	}
	for _, c := range res.Cookies() {
		b.cookies[c.Name] = c.Value
	}
	if res.StatusCode >= http.StatusBadRequest {
		return "", nil, fmt.Errorf("%s %s: %d %.300s", method, address, res.StatusCode, body)
	}
	return res.Header.Get("Location"), body, nil
}

func request(more string) string {
	sum := sha256.Sum256([]byte(verifier))
	return "/authorize?" + url.Values{
		"client_id": {"rp"}, "redirect_uri": {"https://rp.example.org/callback"}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"state"}, "nonce": {"nonce"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode() + more
}

func redirects(addr string) flow {
	b := newBrowser(addr)
	return func() error {
		_, _, err := b.ask(http.MethodGet, request("&prompt=none"), nil)
		return err
	}
}

// codeIn returns the code with which a browser is sent to the client.
func codeIn(location string) (string, error) {
	u, err := url.Parse(location)
	if err != nil || u.Query().Get("code") == "" {
		return "", fmt.Errorf("no code in %q", location)
	}
	return u.Query().Get("code"), nil
}

func (b *browser) redeem(code string) error {
	_, body, err := b.ask(http.MethodPost, "/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"rp"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {"https://rp.example.org/callback"},
	})
	if err != nil {
		return err
	}
	var a struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal(body, &a); err != nil || a.IDToken == "" {
		return fmt.Errorf("no ID token in %s", body)
	}
	return nil
}

// signIn goes through the pages and returns the code.
func (b *browser) signIn() (string, error) {
	clear(b.cookies)
	to, _, err := b.ask(http.MethodGet, request(""), nil)
	if err != nil {
		return "", err
	}
	_, page, err := b.ask(http.MethodGet, to, nil)
	if err != nil {
		return "", err
	}
	form := url.Values{"username": {"dory"}, "password": {"dorypass"}, "flow": {hidden(page, "flow")}}
	if to, _, err = b.ask(http.MethodPost, to, form); err != nil {
		return "", err
	}
	if to, _, err = b.ask(http.MethodGet, to, nil); err != nil {
		return "", err
	}
	return codeIn(to)
}

// hidden returns the value of a hidden field.
func hidden(page []byte, name string) string {
	_, rest, _ := bytes.Cut(page, []byte(`name="`+name+`" value="`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

func whole(addr string) flow {
	b := newBrowser(addr)
	return func() error {
		code, err := b.signIn()
		if err != nil {
			return err
		}
		return b.redeem(code)
	}
}

func silent(addr string, redeem bool) (flow, error) {
	b := newBrowser(addr)
	if _, err := b.signIn(); err != nil {
		return nil, err
	}
	return func() error {
		to, _, err := b.ask(http.MethodGet, request("&prompt=none"), nil)
		if err != nil {
			return err
		}
		code, err := codeIn(to)
		if err != nil || !redeem {
			return err
		}
		return b.redeem(code)
	}, nil
}
