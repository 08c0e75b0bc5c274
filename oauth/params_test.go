package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"sallyport/oauth"
)

func TestParseForm(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       []oauth.Param
		dup        string
	}{
		{"nothing", "", nil, ""},
		{"one", "grant_type=password", []oauth.Param{{Name: "grant_type", Value: "password"}}, ""},
		{"escapes", "a=%41%2b+b&c%20d=e", []oauth.Param{{Name: "a", Value: "A+ b"}, {Name: "c d", Value: "e"}}, ""},
		{"no equals sign", "a&b=", []oauth.Param{{Name: "a"}, {Name: "b"}}, ""},
		{"equals in value", "a=b=c", []oauth.Param{{Name: "a", Value: "b=c"}}, ""},
		{"empty pairs", "&&a=1&&", []oauth.Param{{Name: "a", Value: "1"}}, ""},
		{"repeated", "a=1&b=2&a=3", []oauth.Param{{Name: "a", Value: "1"}, {Name: "b", Value: "2"}, {Name: "a", Value: "3"}}, "a"},
		{"semicolon is no separator", "a=1;b=2", []oauth.Param{{Name: "a", Value: "1;b=2"}}, ""},
		{"unicode", "u=d%C3%B6ry", []oauth.Param{{Name: "u", Value: "döry"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := oauth.ParseForm(tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.All(); len(got) != len(tt.want) {
				t.Fatalf("got %v, want %v", got, tt.want)
			}
			for i, w := range tt.want {
				if p.All()[i] != w {
					t.Errorf("parameter %d: got %v, want %v", i, p.All()[i], w)
				}
			}
			if p.Duplicate() != tt.dup {
				t.Errorf("duplicate: got %q, want %q", p.Duplicate(), tt.dup)
			}
		})
	}
}

func TestParseFormRefuses(t *testing.T) {
	for _, tt := range []struct{ name, body, subject, says string }{
		{"broken escape", "user=%zz", "user", "broken percent-escape"},
		{"cut escape", "user=a%2", "user", "broken percent-escape"},
		{"broken name", "%=1", "", "name of a parameter"},
		{"not UTF-8", "user=%ff%fe", "user", "not valid UTF-8"},
		{"raw bytes", "user=\xff", "user", "not valid UTF-8"},
		{"NUL", "user=a%00b", "user", "NUL"},
		{"NUL in a name", "u%00=1", "", "name of a parameter"},
		{"10,000 parameters", strings.Repeat("a=1&", 10000), "", "more than 256"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := oauth.ParseForm(tt.body)
			e := oauth.AsError(err)
			if e == nil || e.Reason != oauth.RequestMalformed || e.Code != oauth.InvalidRequest {
				t.Fatalf("got %v, want RequestMalformed", err)
			}
			if e.Subject != tt.subject || !strings.Contains(e.Description, tt.says) {
				t.Errorf("got subject %q, %q; want %q, …%s…", e.Subject, e.Description, tt.subject, tt.says)
			}
		})
	}
}

func TestParamsSetReplacesEveryValue(t *testing.T) {
	p, _ := oauth.ParseForm("a=1&a=2&b=3")
	p.Set("a", "4")
	if p.Get("a") != "4" || p.Len() != 2 || p.Duplicate() != "" {
		t.Errorf("got %v, duplicate %q", p.All(), p.Duplicate())
	}
}

func TestParseJSON(t *testing.T) {
	for _, tt := range []struct{ name, body, member, want string }{
		{"string", `{"client_id":"x"}`, "client_id", "x"},
		{"number keeps its digits", `{"client_id":12345678901234567890123}`, "client_id", "12345678901234567890123"},
		{"escapes", `{"client_id":"\u0041\n"}`, "client_id", "A\n"},
		{"others ignored", `{"a":null,"b":true,"c":[1,{"client_id":"y"}],"client_id":"x"}`, "client_id", "x"},
		{"white space", " \r\n\t{ \"client_id\" : \"x\" } \n", "client_id", "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := oauth.ParseJSON([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Get(tt.member); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if p, err := oauth.ParseJSON([]byte(`{"a":"1","a":"2"}`)); err != nil || p.Duplicate() != "a" {
		t.Errorf("duplicate member: got %q, %v", p.Duplicate(), err)
	}
}

func TestParseJSONRefuses(t *testing.T) {
	many := "{" + strings.TrimSuffix(strings.Repeat(`"a":"1",`, 10000), ",") + "}"
	for name, body := range map[string]string{
		"empty": "", "array": "[]", "string": `"x"`, "cut": `{"a":"b`, "cut after member": `{"a":"b"`, "two objects": "{}{}",
		"trailing text": "{} x", "not UTF-8": "{\"a\":\"\xff\"}", "NUL": "{\"a\":\"\x00\"}", "escaped NUL": `{"a":"\u0000"}`,
		"bare member": `{a:1}`, "10,000 members": many, "deep": strings.Repeat(`{"a":`, 20000),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := oauth.ParseJSON([]byte(body)); oauth.ReasonOf(err) != oauth.RequestMalformed {
				t.Errorf("got %v, want RequestMalformed", err)
			}
		})
	}
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"", "a=b", "a=%41&a=+", "%", "a=%0", "=&==&", "grant_type=password&username=dory&password=x%26y", "a;b=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, err := oauth.ParseForm(body)
		if err != nil {
			if oauth.ReasonOf(err) != oauth.RequestMalformed {
				t.Fatalf("reason %s", oauth.ReasonOf(err))
			}
			return
		}
		// What we read must be what net/url reads, wherever both read it.
		if strings.Contains(body, ";") {
			return
		}
		want, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("net/url refuses what we take: %v", err)
		}
		for _, q := range p.All() {
			if want.Get(q.Name) != p.Get(q.Name) {
				t.Fatalf("%q: got %q, net/url has %q", q.Name, p.Get(q.Name), want.Get(q.Name))
			}
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{"{}", `{"a":"b"}`, `{"a":1e99}`, `{"a":{"b":[]}}`, `{"a":"b","a":"c"}`, `{`, `{"\ud800":"x"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := oauth.ParseJSON(body)
		if err != nil {
			if oauth.ReasonOf(err) != oauth.RequestMalformed {
				t.Fatalf("reason %s", oauth.ReasonOf(err))
			}
			return
		}
		for _, q := range p.All() {
			if strings.Contains(q.Value, "\x00") || strings.Contains(q.Name, "\x00") {
				t.Fatalf("a NUL got through in %q", q.Name)
			}
		}
	})
}
