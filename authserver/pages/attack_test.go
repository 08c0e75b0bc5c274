package pages_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sallyport/authserver/pages"
)

// attacks are what somebody might call a client, a scope, a browser, and everything else that ends up on a page.
var attacks = []string{
	`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `" onfocus="alert(1)" autofocus="`, `javascript:alert(1)`,
	`data:text/html,<script>alert(1)</script>`, `</title><script>alert(1)</script>`, `{{.}}<svg onload=alert(1)>`, "\x00<b>", `%s%d%!`, `data:image/png;base64,"><script>alert(1)</script>`,
	`x.y:"onmouseover=alert(1)`, ` javascript:alert(1)`, "java\nscript:alert(1)",
}

// fill puts s into every string below v, and something into everything else that decides what is shown.
func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), s)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(now))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), s)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(s))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), s)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), s)
		}
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(3)
	}
}

// TestNothingFromOutsideBecomesMarkup fills every string of every view with attacks and reads the page as a browser does.
func TestNothingFromOutsideBecomesMarkup(t *testing.T) {
	s := newSet(t)
	for _, view := range views() {
		for _, lang := range languages {
			for i, attack := range attacks {
				t.Run(fmt.Sprintf("%T %s %d", view, lang, i), func(t *testing.T) {
					v := reflect.New(reflect.TypeOf(view))
					fill(v.Elem(), attack)
					f := v.Elem().FieldByName("Frame").Addr().Interface().(*pages.Frame)
					f.Lang, f.Notice, f.Root = lang, pages.NoticeWait, "/realms/acme"
					if home, ok := v.Interface().(*pages.Home); ok {
						for i := range home.Factors {
							home.Factors[i].Kind = "totp"
						}
					}
					w := draw(t, s, v.Elem().Interface())
					if w.Code != 200 {
						t.Fatalf("status %d: %s", w.Code, w.Body)
					}
					inspect(t, w.Body.String())
					policy := w.Header().Get("Content-Security-Policy")
					if strings.ContainsAny(policy, "<>\"\n") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "javascript:") || strings.Contains(policy, "data:text") {
						t.Errorf("policy %q", policy)
					}
				})
			}
		}
	}
}

// inspect finds what must not be on any page: scripts and styles of its own, handlers, addresses that run something.
func inspect(t *testing.T, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script":
			if n.FirstChild != nil || !strings.HasPrefix(attribute(n, "src"), "/realms/acme/signin/assets?") {
				t.Errorf("a script that is not ours: %s", page)
			}
		case "style", "object", "embed", "base", "b\x00":
			t.Errorf("<%s> on a page", n.Data)
		case "img":
			if src := attribute(n, "src"); src != "" && !strings.HasPrefix(src, "https://") && !strings.HasPrefix(src, "data:image/") {
				t.Errorf("a picture from %q", src)
			}
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
			if (a.Key == "href" || a.Key == "action" || a.Key == "src") && strings.Contains(strings.ToLower(a.Val), "script:") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// views are all structs that Write takes, empty.
func views() []any {
	return []any{
		pages.SignIn{}, pages.SecondFactor{}, pages.EnrolFactor{}, pages.RecoveryCodes{}, pages.Consent{}, pages.ChooseAccount{}, pages.SignOut{},
		pages.SignedOut{}, pages.ForgotPassword{}, pages.NewPassword{}, pages.VerifyEmail{}, pages.Home{}, pages.Failure{}, pages.FormPost{},
	}
}
