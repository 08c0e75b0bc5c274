package pages

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// AssetPath is where Asset is served below a realm's root.
const AssetPath = "/signin/assets"

// An asset is a file that pages refer to. Its address holds its hash, so that browsers may keep it for ever.
type asset struct {
	name, kind, hash string
	body             string
}

func readAsset(name, kind string) (asset, error) {
	body, err := files.ReadFile("assets/" + name)
	if err != nil {
		return asset{}, err
	}
	sum := sha256.Sum256(body)
	return asset{name: name, kind: kind, hash: hex.EncodeToString(sum[:8]), body: string(body)}, nil
}

func (a asset) url(root string) string { return root + AssetPath + "?f=" + a.name + "&v=" + a.hash }

// Asset serves the style sheet and the script.
func (s *Set) Asset(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "Use GET.", http.StatusMethodNotAllowed)
		return
	}
	q := r.URL.Query()
	body, tag := "", ""
	var a asset
	switch q.Get("f") {
	case s.style.name:
		a = s.style
		extra, key := accentStyle(q.Get("accent"))
		body, tag = a.body+extra, a.hash+key
	case s.script.name:
		a = s.script
		body, tag = a.body, a.hash
	default:
		h.Set("Cache-Control", "no-store")
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	if q.Get("v") == a.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache") // a page of another version of the program: it must not keep this one under its name
	}
	tag = strconv.Quote(tag)
	h.Set("ETag", tag)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write([]byte(body))
	}
}
