package stepstest

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"sallyport/realm"
	"sallyport/web"
)

// A Browser keeps cookies, follows redirects within the house, and shows one page at a time. It runs no script.
type Browser struct {
	House  *House
	Jar    *cookiejar.Jar
	Source string      // address; empty: 192.0.2.1
	Header http.Header // sent with everything

	URL    *url.URL // of the page shown, or where the browser was sent
	Status int
	Answer http.Header
	Text   string
	forms  []*Form
	Notice string // text of the notice, empty if there is none
	Title  string
}

// A Form is a form of a page.
type Form struct {
	Action string
	Fields url.Values
	Names  []string // of fields and buttons
	Data   string   // options of a passkey
}

// Browser returns a browser that has been nowhere.
func (h *House) Browser() *Browser {
	jar, err := cookiejar.New(nil)
	h.must(err)
	return &Browser{House: h, Jar: jar, Header: http.Header{}}
}

// Get goes to an address; one that begins with a slash is the house's.
func (b *Browser) Get(address string) *Browser {
	b.House.T.Helper()
	return b.send(http.MethodGet, address, nil, "")
}

// Post sends a form to an address as a page of ours does.
func (b *Browser) Post(address string, form url.Values) *Browser {
	b.House.T.Helper()
	return b.send(http.MethodPost, address, form, "same-origin")
}

// PostFrom sends a form to an address from elsewhere: site is what the browser says in Sec-Fetch-Site; with "" it is an old
// one that says nothing, and sends Origin.
func (b *Browser) PostFrom(site, address string, form url.Values) *Browser {
	b.House.T.Helper()
	return b.send(http.MethodPost, address, form, site)
}

// Request makes a request by another method.
func (b *Browser) Request(method, address string) *Browser {
	b.House.T.Helper()
	return b.send(method, address, nil, "same-origin")
}

func (b *Browser) send(method, address string, form url.Values, site string) *Browser {
	b.House.T.Helper()
	for range 20 {
		if strings.HasPrefix(address, "/") {
			address = URL + address
		}
		u, err := url.Parse(address)
		b.House.must(err)
		if b.URL, b.Text, b.forms, b.Status, b.Answer = u, "", nil, 0, nil; !strings.HasPrefix(address, URL+"/") {
			return b // sent elsewhere
		}
		w := b.once(method, u, form, site)
		b.Jar.SetCookies(u, w.Result().Cookies())
		to := w.Header().Get("Location")
		if to == "" {
			b.Status, b.Answer, b.Text = w.Code, w.Header(), w.Body.String()
			b.read()
			return b
		}
		next, err := u.Parse(to)
		b.House.must(err)
		method, address, form = http.MethodGet, next.String(), nil
	}
	b.House.T.Fatalf("redirects without end: %s", b.URL)
	return b
}

// Once makes one request and follows nothing.
func (b *Browser) once(method string, u *url.URL, form url.Values, site string) *httptest.ResponseRecorder {
	h := b.House
	rl, path := h.Realms.ByName(realm.Default), u.Path
	if below, ok := strings.CutPrefix(path, "/realms/"); ok {
		name, rest, _ := strings.Cut(below, "/")
		rl, path = h.Realms.ByName(name), "/"+rest
	}
	r := httptest.NewRequest(method, u.String(), strings.NewReader(form.Encode())).WithContext(h.T.Context())
	for _, c := range b.Jar.Cookies(u) {
		r.AddCookie(c)
	}
	for k, v := range b.Header {
		r.Header[k] = slices.Clone(v)
	}
	if host := b.Header.Get("Host"); host != "" {
		r.Host = host
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		} else {
			r.Header.Set("Origin", "https://evil.example")
		}
	}
	source := b.Source
	if source == "" {
		source = "192.0.2.1"
	}
	r = r.WithContext(web.WithSource(realm.NewContext(r.Context(), rl), netip.MustParseAddr(source)))
	w := httptest.NewRecorder()
	handler := h.Routes[path]
	if handler == nil {
		h.T.Fatalf("there is no page %s", path)
	}
	handler.ServeHTTP(w, r)
	return w
}

// Submit fills in the form that has the first field, and sends it.
func (b *Browser) Submit(pairs ...string) *Browser {
	b.House.T.Helper()
	f := b.Form(pairs[0])
	if f == nil {
		b.House.T.Fatalf("%s has no form with %q: %d\n%s", b.URL, pairs[0], b.Status, b.Text)
	}
	return b.Fill(f, pairs...)
}

// Fill fills in a form and sends it.
func (b *Browser) Fill(f *Form, pairs ...string) *Browser {
	b.House.T.Helper()
	to, err := b.URL.Parse(f.Action)
	b.House.must(err)
	return b.Post(to.String(), f.With(pairs...))
}

// With returns the fields of a form with some of them filled in.
func (f *Form) With(pairs ...string) url.Values {
	values := url.Values{}
	for k, v := range f.Fields {
		values[k] = slices.Clone(v)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

// Form returns the first form of the page that has a field or button of that name, nil if none has.
func (b *Browser) Form(field string) *Form {
	for _, f := range b.forms {
		if slices.Contains(f.Names, field) {
			return f
		}
	}
	return nil
}

// FormTo returns the first form of the page that is sent to a path, nil if none is.
func (b *Browser) FormTo(path string) *Form {
	for _, f := range b.forms {
		if f.Action == path {
			return f
		}
	}
	return nil
}

// At reports whether the page at a path of the house is shown.
func (b *Browser) At(path string) bool {
	return b.Status != 0 && b.URL.Path == path
}

// Code returns the code with which the browser was sent to a client, and fails the test if it was not.
func (b *Browser) Code() string {
	b.House.T.Helper()
	code := b.URL.Query().Get("code")
	if b.Status != 0 || code == "" {
		b.House.T.Fatalf("no code, but %s: %d %s %q\n%s", b.URL, b.Status, b.Title, b.Notice, b.Text)
	}
	return code
}

// Cookie returns the value of the house's cookie whose name contains what, empty if there is none.
func (b *Browser) Cookie(what string) string {
	u, err := url.Parse(URL)
	b.House.must(err)
	for _, c := range b.Jar.Cookies(u) {
		if strings.Contains(c.Name, what) {
			return c.Value
		}
	}
	return ""
}

func (b *Browser) read() {
	b.Notice, b.Title = "", ""
	root, err := html.Parse(strings.NewReader(b.Text))
	b.House.must(err)
	var walk func(n *html.Node, f *Form)
	walk = func(n *html.Node, f *Form) {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "form":
			f = &Form{Action: attribute(n, "action"), Fields: url.Values{}, Data: attribute(n, "data-options")}
			b.forms = append(b.forms, f)
		case n.Data == "h1":
			b.Title = text(n)
		case attribute(n, "id") == "notice":
			b.Notice = text(n)
		case n.Data == "input" || n.Data == "button":
			if name := attribute(n, "name"); f != nil && name != "" {
				f.Names = append(f.Names, name)
				if n.Data == "input" {
					f.Fields.Set(name, attribute(n, "value"))
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, f)
		}
	}
	walk(root, nil)
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(text(c))
	}
	return strings.TrimSpace(b.String())
}
