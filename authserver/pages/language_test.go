package pages_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/authserver/pages"
	"sallyport/realm"
)

func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		locales []string
		accept  string
		want    string
	}{
		{nil, "", "en"},
		{nil, "de", "de"},
		{nil, "de-AT,de;q=0.9", "de"},
		{nil, "fr, de;q=0.3, en;q=0.8", "en"},
		{nil, "fr;q=0.9, de;q=0.8, en;q=0.1", "de"},
		{nil, "zh-Hant-HK", "zh-TW"},
		{nil, "zh-TW,zh;q=0.9,en;q=0.8", "zh-TW"},
		{nil, "ZH-tw", "zh-TW"},
		{nil, "de;q=0, en;q=0.1", "en"},
		{nil, "de;q=x, *", "en"},
		{nil, "fr", "en"},
		{[]string{"de"}, "zh-TW", "de"},
		{[]string{"fr", "zh-Hant"}, "de", "zh-TW"},
		{[]string{"fr"}, "de", "de"},
		{[]string{"d", "", "-"}, "", "en"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Language", c.accept)
		if got := pages.Language(r, c.locales); got != c.want {
			t.Errorf("%v, %q: %s, want %s", c.locales, c.accept, got, c.want)
		}
	}
}

func FuzzLanguage(f *testing.F) {
	f.Add("de", "en;q=0.5, zh-TW;q=1")
	f.Add("-", ";;q=,,")
	f.Fuzz(func(t *testing.T, locales, accept string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Accept-Language"] = []string{accept}
		switch got := pages.Language(r, strings.Fields(locales)); got {
		case "en", "de", "zh-TW":
		default:
			t.Errorf("%q", got)
		}
	})
}

func TestRoot(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://login.example.org":              "",
		"https://login.example.org/":             "",
		"https://login.example.org/realms/acme":  "/realms/acme",
		"https://login.example.org/realms/acme/": "/realms/acme",
		"https://login.example.org/a%20b":        "/a%20b",
		"":                                       "",
	} {
		if got := pages.Root(&realm.Realm{Issuer: issuer}); got != want {
			t.Errorf("%s: %q, want %q", issuer, got, want)
		}
	}
}

func TestNameOfTheRealm(t *testing.T) {
	s := newSet(t)
	for _, c := range []struct {
		realm *realm.Realm
		want  string
	}{
		{&realm.Realm{Name: "default", Issuer: "https://login.example.org"}, "login.example.org"},
		{&realm.Realm{Name: "acme", Issuer: "https://login.example.org/realms/acme"}, "acme"},
		{&realm.Realm{Name: "acme", Brand: realm.Brand{Name: "Acme & Sons"}}, "Acme &amp; Sons"},
		{nil, "sallyport"},
	} {
		if page := draw(t, s, pages.ForgotPassword{Frame: pages.Frame{Realm: c.realm}}).Body.String(); !strings.Contains(page, "· "+c.want+"</title>") {
			t.Errorf("no %q in the title", c.want)
		}
	}
}

func TestLogoOfTheRealm(t *testing.T) {
	s := newSet(t)
	for logo, shown := range map[string]bool{
		"data:image/png;base64,iVBORw0KGgo=":                true,
		"data:image/svg+xml;base64,PHN2Zy8+":                true,
		"data:text/html,<script>alert(1)</script>":          false,
		"https://elsewhere.example/logo.png":                false,
		"":                                                  false,
		"data:image/svg+xml,%3Csvg xmlns='http://x'/%3E":    true,
		"javascript:alert(1)//data:image/png;base64,iVBORw": false,
	} {
		f := aFrame("en")
		f.Realm.Brand.Logo = logo
		if page := draw(t, s, pages.SignIn{Frame: f}).Body.String(); strings.Contains(page, `class="logo"`) != shown {
			t.Errorf("%q: shown is %v", logo, !shown)
		}
	}
}

// constants reads the string constants of a type from a file.
func constants(t *testing.T, file, typeName string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typeName {
			for _, v := range spec.Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, text)
			}
		}
		return true
	})
	if len(all) < 10 {
		t.Fatalf("only %d constants of type %s in %s", len(all), typeName, file)
	}
	return all
}

func TestEveryNoticeAndEveryReasonCanBeTold(t *testing.T) {
	s := newSet(t)
	for _, lang := range languages {
		for _, n := range constants(t, "view.go", "Notice") {
			f := aFrame(lang)
			f.Notice, f.Wait = pages.Notice(n), time.Minute
			for _, view := range []any{pages.SignIn{Frame: f, Password: true}, pages.NewPassword{Frame: f, Old: true}, pages.Home{Frame: f}} {
				if w := draw(t, s, view); w.Code != 200 || !strings.Contains(w.Body.String(), `id="notice"`) {
					t.Errorf("%s: %T does not tell %s", lang, view, n)
				}
			}
		}
		for _, reason := range append(constants(t, "../../oauth/reason.go", "Reason"), "", "no_such_reason") {
			for _, status := range []int{400, 403, 404, 429, 500, 503} {
				if w := draw(t, s, pages.Failure{Frame: pages.Frame{Lang: lang}, Status: status, Reason: reason}); w.Code != 200 {
					t.Errorf("%s: %d %s cannot be told", lang, status, reason)
				}
			}
		}
	}
}

func TestHowLongAgo(t *testing.T) {
	s := newSet(t)
	for d, want := range map[time.Duration]string{
		-time.Hour: "just now", 0: "just now", 61 * time.Second: "1 minute ago", 59 * time.Minute: "59 minutes ago", 90 * time.Minute: "1 hour ago",
		5 * time.Hour: "5 hours ago", 25 * time.Hour: "yesterday", 29 * 24 * time.Hour: "29 days ago", 40 * 24 * time.Hour: "13 October 2026",
	} {
		seen := now.Add(-d)
		page := draw(t, s, pages.Home{Frame: pages.Frame{Lang: "en"}, Sessions: []pages.SessionLine{{Current: true, Started: now, Seen: seen}}}).Body.String()
		if whole := `seen <time datetime="` + seen.Format(time.RFC3339) + `">` + want + `</time>`; !strings.Contains(page, whole) {
			t.Errorf("%v: no %s", d, whole)
		}
	}
}

func TestWhatIsNoViewIsAnError(t *testing.T) {
	if w := draw(t, newSet(t), struct{}{}); w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
}
