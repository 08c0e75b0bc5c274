package expression_test

import (
	"strings"
	"testing"

	"sallyport/expression"
)

type call map[string]string

func (c call) Text(name string) string { return c[name] }

func (c call) Scopes() []string { return strings.Fields(c["scope"]) }

func (c call) Header(name string) (string, bool) {
	v, ok := c["header."+strings.ToLower(name)]
	return v, ok
}

func (c call) Param(name string) (string, bool) {
	v, ok := c["param."+name]
	return v, ok
}

var order = call{
	"method": "GET", "host": "api.example.org", "path": "/orders/7", "query": "a=b", "address": "192.0.2.1",
	"realm": "default", "api": "orders", "client": "shop", "user": "dory", "credential": "key1", "scope": "read write",
	"header.x-tenant": "acme", "header.x-empty": "", "param.id": "7",
}

func TestText(t *testing.T) {
	for source, want := range map[string]string{
		`call.method + " " + call.host + call.path + "?" + call.query`:          "GET api.example.org/orders/7?a=b",
		`call.address + call.realm + call.api`:                                  "192.0.2.1defaultorders",
		`call.client + "/" + call.user + "/" + call.credential`:                 "shop/dory/key1",
		`call.header["x-tenant"]`:                                               "acme",
		`call.header['X-Tenant']`:                                               "acme",
		`call.header["x-" + "tenant"]`:                                          "acme",
		`call.header[call.method == "GET" ? "x-tenant" : "x-empty"]`:            "acme",
		`call.header["x-other"]`:                                                "",
		`"x-other" in call.header ? "sent" : "not sent"`:                        "not sent",
		`"x-empty" in call.header ? "sent" : "not sent"`:                        "sent",
		`call.param["id"]`:                                                      "7",
		`call.param["other"] == "" ? "none" : "some"`:                           "none",
		`"write" in call.scope ? "writer" : "reader"`:                           "writer",
		`call.scope.exists(s, s.startsWith("wr")) ? "writer" : "reader"`:        "writer",
		`string(size(call.scope))`:                                              "2",
		`call.header["x-tenant"] != "" ? call.header["x-tenant"] : call.client`: "acme",
		`call.path.matches("^/orders/[0-9]+$") ? "one" : "all"`:                 "one",
	} {
		e, err := expression.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := e.Text(order); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", source, got, err, want)
		}
		if e.String() != source {
			t.Errorf("written as %q, was %q", e, source)
		}
	}
}

func TestRefused(t *testing.T) {
	for source, part := range map[string]string{
		``:                           "at character",
		`call.metod`:                 "undeclared reference",
		`call`:                       "undeclared reference",
		`call.method +`:              "at character",
		`call.method == "GET"`:       "type bool",
		`size(call.path)`:            "type int",
		`call.header`:                "sallyport.Fields",
		`call.header[1]`:             "no matching overload",
		`string(call.header.size())`: "no matching overload",
		`call.header.exists(h, h == "a") ? "a" : "b"`: "cannot be range",
		`call.password`:                       "undeclared reference",
		`"` + strings.Repeat("a", 2001) + `"`: "longer than 2000 bytes",
		strings.Repeat("(", 500) + `"a"` + strings.Repeat(")", 500): "recursion",
	} {
		if _, err := expression.Compile(source); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want something about %q", source, err, part)
		}
	}
}

// An expression that would run long is given up.
func TestCost(t *testing.T) {
	list := "[" + strings.Repeat("1,", 100) + "1]"
	_, err := expression.Compile(list + `.all(a, L.all(b, L.all(c, a + b + c > 0))) ? "a" : call.path`)
	if err == nil {
		t.Fatal("L is not declared")
	}
	e, err := expression.Compile(strings.ReplaceAll(`L.all(a, L.all(b, L.all(c, a + b + c > 0 && call.path != "x"))) ? "a" : "b"`, "L", list))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.Text(order); err == nil || !strings.Contains(err.Error(), "cost") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFaultsAreErrors(t *testing.T) {
	e, err := expression.Compile(`string(1 / size(call.client)) + string(call.scope[5])`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.Text(call{}); err == nil {
		t.Errorf("%q", got)
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{`call.header["x-tenant"]`, `call.scope.map(s, s + "x")[0]`, `"a"`, `call.path.matches("(a+)+$") ? "a" : "b"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		e, err := expression.Compile(source)
		if err != nil {
			return
		}
		first, err1 := e.Text(order)
		second, err2 := e.Text(order)
		if first != second || (err1 == nil) != (err2 == nil) {
			t.Errorf("%s: %q (%v), then %q (%v)", source, first, err1, second, err2)
		}
	})
}

func BenchmarkHeader(b *testing.B) {
	e, err := expression.Compile(`call.header["x-tenant"]`)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Text(order); err != nil {
			b.Fatal(err)
		}
	}
}
