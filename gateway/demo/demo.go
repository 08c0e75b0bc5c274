// Package demo is an upstream to try a gateway with: it answers with what it was asked and who the gateway says is
// calling. It shows of the headers only those that the gateway adds, never a credential, and refuses nothing: it decides
// nothing either.
package demo

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// An Answer is what a call is answered with.
type Answer struct {
	Method string            `json:"method"`
	Path   string            `json:"path"` // as it came on the wire
	Query  string            `json:"query,omitempty"`
	Caller map[string]string `json:"caller"` // X-Sallyport-*, as they were received
	Time   time.Time         `json:"time"`
}

// Handler returns the upstream.
func Handler(now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := Answer{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Caller: map[string]string{}, Time: now().UTC()}
		for name, values := range r.Header {
			if strings.HasPrefix(name, "X-Sallyport-") {
				a.Caller[name] = strings.Join(values, ", ")
			}
		}
		// Marshal escapes markup, and the type forbids browsers to look for it.
		body, err := json.MarshalIndent(a, "", "  ")
		if err != nil {
			http.Error(w, "cannot write the answer", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		_, _ = w.Write(append(body, '\n')) // the caller is gone if this fails
	})
}
