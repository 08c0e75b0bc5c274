package main

import (
	"fmt"
	"net/http"
)

// The baseline answers with as many bytes as a token response of ours has.
const baselineBody = `{"access_token":"sps_` +
	`AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA` +
	`","token_type":"Bearer","expires_in":3600,"scope":"read write"}`

// serveRole runs this program as one of the servers that are not Sallyport.
func serveRole(role, addr string) error {
	switch role {
	case "baseline":
		return http.ListenAndServe(addr, http.HandlerFunc(baseline))
	case "upstream":
		return http.ListenAndServe(addr, http.HandlerFunc(upstream))
	}
	return fmt.Errorf("there is no role %q", role)
}

// baseline is the least a token endpoint on net/http can do: read the form and the credentials, write the bytes.
func baseline(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") == "" {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	if id, secret, ok := r.BasicAuth(); !ok || id == "" || secret == "" {
		http.Error(w, "no credentials", http.StatusUnauthorized)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	_, _ = w.Write([]byte(baselineBody))
}

func upstream(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(baselineBody))
}
