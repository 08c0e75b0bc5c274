package pages_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sallyport/authserver/pages"
	"sallyport/realm"
)

var languages = []string{"en", "de", "zh-TW"}

func newSet(t *testing.T) *pages.Set {
	t.Helper()
	s, err := pages.New()
	if err != nil {
		t.Fatal(err)
	}
	s.Now = func() time.Time { return now }
	return s
}

var now = time.Date(2026, time.November, 22, 9, 30, 0, 0, time.UTC)

func draw(t *testing.T, s *pages.Set, view any) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.Write(w, httptest.NewRequest(http.MethodGet, "/signin", nil), http.StatusOK, view)
	return w
}

func aRealm() *realm.Realm {
	return &realm.Realm{
		Name: "acme", Issuer: "https://login.example.org/realms/acme",
		Brand: realm.Brand{Name: "Acme Books", Support: "mailto:help@example.org", Policy: "https://example.org/privacy", Terms: "https://example.org/terms"},
	}
}

func aFrame(lang string) pages.Frame {
	rl := aRealm()
	return pages.Frame{
		Realm: rl, Root: pages.Root(rl), Lang: lang, Flow: "flowflowflowflow",
		Asker:   &pages.Asker{ID: "reports", Name: "Reports", Host: "reports.example.com", Policy: "https://reports.example.com/p", Terms: "https://reports.example.com/t"},
		Targets: []string{"https://reports.example.com/callback"},
	}
}

// TestScreens writes every page to a folder, to be looked at: SCREENS=DIR go test -run Screens.
func TestScreens(t *testing.T) {
	dir := os.Getenv("SCREENS")
	if dir == "" {
		return
	}
	s := newSet(t)
	for _, lang := range languages {
		for name, view := range samples(lang) {
			w := draw(t, s, view)
			if err := os.WriteFile(filepath.Join(dir, name+"."+lang+".html"), w.Body.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
