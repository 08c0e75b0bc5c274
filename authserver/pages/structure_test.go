package pages_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"sallyport/authserver/pages"
)

const maxWeight = 30_000 // bytes of a page with its style and script; pictures that come from outside are the realm's own affair

func weigh(t *testing.T, file string) int {
	t.Helper()
	info, err := os.Stat(filepath.Join("assets", file))
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}

// TestEveryPage draws everything in every language and looks at what people with and without eyes depend on.
func TestEveryPage(t *testing.T) {
	s := newSet(t)
	shared := weigh(t, "style.css")
	drawn := map[string]bool{}
	for _, lang := range languages {
		for name, view := range samples(lang) {
			drawn[reflect.TypeOf(view).Name()] = true
			t.Run(name+" "+lang, func(t *testing.T) {
				w := draw(t, s, view)
				page := w.Body.String()
				if w.Code != 200 {
					t.Fatalf("status %d: %s", w.Code, page)
				}
				weight := shared + len(page)
				if strings.Contains(page, "<script") {
					weight += weigh(t, "script.js")
				}
				if i := strings.Index(page, `src="data:image/png`); i > 0 {
					weight -= strings.IndexByte(page[i+5:], '"')
				}
				if weight > maxWeight {
					t.Errorf("%d bytes, more than %d", weight, maxWeight)
				}
				for _, trace := range []string{"%!", "{{", "ZgotmplZ", "&lt;b", "<no value>"} {
					if strings.Contains(page, trace) {
						t.Errorf("%q on the page", trace)
					}
				}
				doc, err := html.Parse(strings.NewReader(page))
				if err != nil {
					t.Fatal(err)
				}
				structure(t, doc, lang)
				inspect(t, page)
			})
		}
	}
	for _, v := range views() {
		if !drawn[reflect.TypeOf(v).Name()] {
			t.Errorf("%T is drawn nowhere", v)
		}
	}
}

func structure(t *testing.T, doc *html.Node, lang string) {
	t.Helper()
	count, ids, described := map[string]int{}, map[string]int{}, []string{}
	labelled := map[string]bool{}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		if id := attribute(n, "id"); id != "" {
			ids[id]++
		}
		described = append(described, strings.Fields(attribute(n, "aria-describedby"))...)
		described = append(described, strings.Fields(attribute(n, "aria-labelledby"))...)
		if n.Data == "label" {
			labelled[attribute(n, "for")] = true
		}
		if n.Data == "html" && attribute(n, "lang") != lang {
			t.Errorf("lang is %q", attribute(n, "lang"))
		}
		if n.Data == "img" && !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "alt" }) {
			t.Error("a picture without alt")
		}
		if n.Data == "form" && attribute(n, "method") != "post" {
			t.Error("a form that does not post")
		}
	}
	for _, once := range []string{"title", "main", "h1", "header"} {
		if count[once] != 1 {
			t.Errorf("%d × <%s>", count[once], once)
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("the id %s is there %d times", id, n)
		}
	}
	for _, id := range described {
		if ids[id] == 0 {
			t.Errorf("something is described by %s, which is not there", id)
		}
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attribute(n, "type") != "hidden" && attribute(n, "aria-hidden") == "" {
			if !labelled[attribute(n, "id")] {
				t.Errorf("the field %s has no label", attribute(n, "name"))
			}
			if attribute(n, "autocomplete") == "" {
				t.Errorf("the field %s does not say what may be filled in", attribute(n, "name"))
			}
		}
	}
}

// forms lists each form of a page as "path: names of its fields", with the value of those that choose.
func forms(t *testing.T, page string) []string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		line := strings.TrimPrefix(attribute(n, "action"), "/realms/acme") + ":"
		for c := range n.Descendants() {
			if c.Type == html.ElementNode && (c.Data == "input" || c.Data == "button") && attribute(c, "name") != "" {
				line += " " + attribute(c, "name")
				if c.Data == "button" || attribute(c, "name") == "kind" {
					line += "=" + attribute(c, "value")
				}
			}
		}
		all = append(all, line)
	}
	return all
}

// TestForms is what the handlers behind the pages rely on.
func TestForms(t *testing.T) {
	s := newSet(t)
	all := samples("en")
	for name, want := range map[string][]string{
		"signin":          {"/signin: flow username password", "/signin: flow ceremony kind=passkey response", "/signin: flow decision=deny"},
		"signin-passkey":  {"/signin: flow ceremony kind=passkey response", "/signin: flow decision=deny"},
		"second":          {"/signin/second: flow ceremony kind=passkey response", "/signin/second: flow kind=totp code", "/signin/second: flow kind=recovery code", "/signin/second: flow decision=deny"},
		"enrol":           {"/signin/enrol: flow ceremony kind=passkey response name", "/signin/enrol: flow kind=totp ceremony name code", "/signin/enrol: flow decision=deny"},
		"enrol-account":   {"/account/totp: kind=totp ceremony name code"},
		"recovery":        {"/signin/recovery: flow continue=1"},
		"consent":         {"/signin/consent: flow decision=allow decision=deny"},
		"accounts":        {"/signin/accounts: flow session=1 session=2 session=another", "/signin/accounts: flow decision=deny"},
		"signout":         {"/logout: flow ticket decision=allow decision=deny"},
		"forgot":          {"/signin/forgot: flow username"},
		"forgot-sent":     nil,
		"newpassword":     {"/signin/password: flow ticket username new again"},
		"newpassword-own": {"/account/password: username old new again"},
		"verify":          {"/signin/verify: flow action=resend", "/signin/verify: flow decision=deny"},
		"verify-confirm":  {"/signin/verify: ticket"},
		"formpost":        {"https://reports.example.com/callback: code state iss"},
		"home": {
			"/account/signout:", "/account/verify:", "/account/factor: factor name action=rename", "/account/factor: factor action=remove",
			"/account/factor: factor name action=rename", "/account/factor: factor action=remove", "/account/recovery:",
			"/account/session: session action=end", "/account/session: action=end_others", "/account/consent: client",
		},
	} {
		if diff := cmp.Diff(want, forms(t, draw(t, s, all[name]).Body.String())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWaysOut(t *testing.T) {
	s := newSet(t)
	f := aFrame("en")
	if page := draw(t, s, pages.SignIn{Frame: f, Password: true, Reset: true, Others: true}).Body.String(); !strings.Contains(page, `href="/realms/acme/signin/forgot?flow=flowflowflowflow"`) ||
		!strings.Contains(page, `href="/realms/acme/signin/accounts?flow=flowflowflowflow"`) || !strings.Contains(page, "Cancel and go back to Reports") {
		t.Error("the sign-in page lacks a way")
	}
	f.Nobody = true
	if page := draw(t, s, pages.SignIn{Frame: f, Password: true}).Body.String(); strings.Contains(page, "deny") {
		t.Error("a way back to nobody")
	}
	f.Asker = nil
	if page := draw(t, s, pages.RecoveryCodes{Frame: f, Codes: []string{"a"}, Next: "/account"}).Body.String(); !strings.Contains(page, `class="go" href="/account"`) {
		t.Error("no way on from the recovery codes")
	}
}
