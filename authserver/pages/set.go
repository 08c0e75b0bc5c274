package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"strings"
	"time"
)

//go:embed templates lang assets
var files embed.FS

// A Set draws every page in every language. Its methods may be called by several goroutines.
type Set struct {
	Now func() time.Time // for "5 minutes ago"

	pages  map[string]map[string]*template.Template // by language, then by the name of the view
	style  asset
	script asset
}

// A view is one of the structs of view.go: they embed a Frame.
type view interface{ frame() Frame }

func (f Frame) frame() Frame { return f }

// New reads all templates and texts.
func New() (*Set, error) {
	s := &Set{Now: time.Now, pages: map[string]map[string]*template.Template{}}
	var err error
	if s.style, err = readAsset("style.css", "text/css; charset=utf-8"); err != nil {
		return nil, err
	}
	if s.script, err = readAsset("script.js", "text/javascript; charset=utf-8"); err != nil {
		return nil, err
	}
	for _, lang := range languages() {
		if s.pages[lang], err = s.parse(lang); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parse makes the templates of one language. What is in templates/parts is known to each of them.
func (s *Set) parse(lang string) (map[string]*template.Template, error) {
	w, err := readWords(lang)
	if err != nil {
		return nil, err
	}
	parts, err := template.New("").Option("missingkey=error").Funcs(s.functions(w)).ParseFS(files, "templates/parts/*.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*template.Template, len(names))
	for _, name := range names {
		t, err := parts.Clone()
		if err != nil {
			return nil, err
		}
		if t, err = t.ParseFS(files, name); err != nil {
			return nil, err
		}
		all[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return all, nil
}

// A page is what a template sees.
type page struct {
	Frame
	V      any // the view
	Lang   string
	Style  string // URL of the style sheet
	Script string // URL of the script; empty: this page has none
	Name   string // of who asks people to sign in
	Logo   template.URL
}

// Write draws a view, which is one of the structs of view.go, with all headers that a page needs.
func (s *Set) Write(w http.ResponseWriter, r *http.Request, status int, v any) {
	var out bytes.Buffer
	framed, err := s.draw(&out, r, v)
	if err != nil {
		slog.ErrorContext(r.Context(), "a page could not be drawn", "error", err)
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "Something went wrong on the server. The log has the details.", http.StatusInternalServerError)
		return
	}
	headers(w.Header(), framed, s.language(r, framed.frame()))
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

func (s *Set) language(r *http.Request, f Frame) string {
	if s.pages[f.Lang] != nil {
		return f.Lang
	}
	return Language(r, nil)
}

func (s *Set) draw(out *bytes.Buffer, r *http.Request, v any) (view, error) {
	framed, ok := v.(view)
	if !ok {
		return nil, fmt.Errorf("%T is no view", v)
	}
	f := framed.frame()
	p := page{Frame: f, V: v, Lang: s.language(r, f)}
	t := s.pages[p.Lang][reflect.Indirect(reflect.ValueOf(v)).Type().Name()]
	if t == nil {
		return nil, fmt.Errorf("%T has no template", v)
	}
	p.Style = s.style.url(f.Root)
	if f.Realm != nil {
		p.Style += accentQuery(f.Realm.Brand.Accent)
		p.Logo = pictureURL(f.Realm.Brand.Logo)
	}
	p.Name = brandName(f.Realm)
	if scripted(framed) {
		p.Script = s.script.url(f.Root)
	}
	return framed, t.ExecuteTemplate(out, "page", &p)
}
