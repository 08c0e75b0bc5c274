package optest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// A Browser keeps cookies, follows redirects within the OP, and shows one page at a time. It runs no scripts.
type Browser struct {
	t      testing.TB
	op     *OP
	client *http.Client
	Page   Page
	Header http.Header // that it sends with every request beside its own
}

// A Page is what a browser shows: a page of the OP, or the place outside to which it was sent.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Text   string
	Forms  []Form
	Left   *url.URL   // set if the browser was sent elsewhere; nothing was asked for there
	Sent   url.Values // with Left, what a form would have posted there
}

// A Form is a form of a page with its fields as they are.
type Form struct {
	Action string
	Method string
	Fields url.Values
	Names  []string // of all fields and buttons
}

// NewBrowser returns a browser that has been nowhere.
func (o *OP) NewBrowser() *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.T.Fatal(err)
	}
	return &Browser{t: o.T, op: o, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Cookies returns the cookies the browser has for the OP.
func (b *Browser) Cookies() []*http.Cookie {
	u, _ := url.Parse(b.op.URL)
	return b.client.Jar.Cookies(u)
}

// SetCookies replaces cookies.
func (b *Browser) SetCookies(cs ...*http.Cookie) {
	u, _ := url.Parse(b.op.URL)
	b.client.Jar.SetCookies(u, cs)
}

// Get goes to an address; one that begins with a slash is the OP's.
func (b *Browser) Get(address string) Page {
	b.t.Helper()
	return b.send(http.MethodGet, address, nil, nil)
}

// Post sends a form to an address, as a page of the given origin would (empty: the OP's own).
func (b *Browser) Post(address string, form url.Values, origin string) Page {
	b.t.Helper()
	if origin == "" {
		origin = b.op.URL
	}
	h := http.Header{"Origin": {origin}, "Sec-Fetch-Site": {"same-origin"}}
	if origin != b.op.URL {
		h.Set("Sec-Fetch-Site", "cross-site")
	}
	return b.send(http.MethodPost, address, form, h)
}

func (b *Browser) send(method, address string, form url.Values, header http.Header) Page {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.op.URL + address
	}
	for range 20 {
		if !strings.HasPrefix(address, b.op.URL+"/") && address != b.op.URL {
			return b.leave(address)
		}
		var body io.Reader
		if method == http.MethodPost {
			body = strings.NewReader(form.Encode())
		}
		r, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
		if err != nil {
			b.t.Fatal(err)
		}
		for k, v := range header {
			r.Header[k] = v
		}
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header.Set("Accept", "text/html")
		for k, v := range b.Header {
			r.Header[k] = v
			if k == "Host" {
				r.Host = v[0]
			}
		}
		res, err := b.client.Do(r)
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
		_ = res.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		to := res.Header.Get("Location")
		if res.StatusCode < 300 || res.StatusCode > 399 || to == "" {
			b.Page = Page{URL: r.URL, Status: res.StatusCode, Header: res.Header, Text: string(text)}
			b.Page.read()
			return b.Page
		}
		next, err := r.URL.Parse(to)
		if err != nil {
			b.t.Fatalf("Location %q: %v", to, err)
		}
		method, address, form, header = http.MethodGet, next.String(), nil, nil
	}
	b.t.Fatal("redirects without end")
	return Page{}
}

func (b *Browser) leave(address string) Page {
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Page = Page{Left: u, URL: u}
	return b.Page
}

// read finds the forms of a page. One that posts elsewhere, as a form_post answer does, is where the browser leaves to.
func (p *Page) read() {
	root, err := html.Parse(strings.NewReader(p.Text))
	if err != nil {
		return
	}
	var walk func(n *html.Node, f *Form)
	walk = func(n *html.Node, f *Form) {
		if n.Type == html.ElementNode {
			switch n.Data {
			case "form":
				p.Forms = append(p.Forms, Form{Action: attr(n, "action"), Method: strings.ToUpper(attr(n, "method")), Fields: url.Values{}})
				f = &p.Forms[len(p.Forms)-1]
			case "input", "button", "textarea", "select":
				if name := attr(n, "name"); f != nil && name != "" {
					f.Names = append(f.Names, name)
					if kind := attr(n, "type"); n.Data == "input" && kind != "submit" && kind != "checkbox" && kind != "radio" {
						f.Fields.Set(name, attr(n, "value"))
					}
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, f) // forms do not nest, so f stays where it is while its fields are read
		}
	}
	walk(root, nil)
	if len(p.Forms) == 1 {
		if to, err := p.URL.Parse(p.Forms[0].Action); err == nil && to.Host != p.URL.Host && p.Forms[0].Method == http.MethodPost {
			p.Left, p.Sent = to, p.Forms[0].Fields
		}
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// At reports whether the page shown is the one at a path of the OP.
func (b *Browser) At(path string) bool {
	return b.Page.Left == nil && b.Page.URL != nil && b.Page.URL.Path == path && b.Page.Status == http.StatusOK
}

// Form returns the form of the page that has a field, nil if none has.
func (p *Page) Form(field string) *Form {
	for i := range p.Forms {
		for _, n := range p.Forms[i].Names {
			if n == field {
				return &p.Forms[i]
			}
		}
	}
	return nil
}

// Submit fills in the form that has the first field, and sends it.
func (b *Browser) Submit(pairs ...string) Page {
	b.t.Helper()
	f := b.Page.Form(pairs[0])
	if f == nil {
		b.t.Fatalf("%s has no form with %q:\n%d %s", b.Page.URL, pairs[0], b.Page.Status, b.Page.Brief())
	}
	values := url.Values{}
	for k, v := range f.Fields {
		values[k] = v
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	to := b.Page.URL.String()
	if f.Action != "" {
		u, err := b.Page.URL.Parse(f.Action)
		if err != nil {
			b.t.Fatal(err)
		}
		to = u.String()
	}
	return b.Post(to, values, "")
}

// Brief is what a page says, without its markup, for messages.
func (p *Page) Brief() string {
	if p.Left != nil {
		return "left to " + p.Left.String()
	}
	root, err := html.Parse(strings.NewReader(p.Text))
	if err != nil {
		return p.Text
	}
	var words []string
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && (n.Data == "style" || n.Data == "script") {
			return
		}
		if n.Type == html.TextNode {
			words = append(words, strings.Fields(n.Data)...)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	text := strings.Join(words, " ")
	return text[:min(len(text), 600)]
}

// Answer returns the parameters with which the browser was sent to a client, by whatever response mode.
func (b *Browser) Answer() url.Values {
	b.t.Helper()
	switch {
	case b.Page.Left == nil:
		b.t.Fatalf("the browser is still at %s: %d %s", b.Page.URL, b.Page.Status, b.Page.Brief())
	case b.Page.Sent != nil:
		return b.Page.Sent
	case b.Page.Left.Fragment != "":
		v, err := url.ParseQuery(b.Page.Left.Fragment)
		if err != nil {
			b.t.Fatal(err)
		}
		return v
	}
	return b.Page.Left.Query()
}

// SignIn gets from the sign-in page to wherever it leads, agreeing to what is asked.
func (b *Browser) SignIn(user, password string) Page {
	b.t.Helper()
	if !b.At("/signin") {
		b.t.Fatalf("no sign-in page but %s: %d %s", b.Page.URL, b.Page.Status, b.Page.Brief())
	}
	b.Submit("username", user, "password", password)
	return b.Agree()
}

// Agree agrees if the page asks for consent.
func (b *Browser) Agree() Page {
	b.t.Helper()
	if b.At("/signin/consent") {
		b.Submit("decision", "allow")
	}
	return b.Page
}
