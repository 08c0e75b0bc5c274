package cache_test

import (
	"testing"

	"sallyport/policy"
	"sallyport/policy/policytest"
)

// TestVary has a first call stored and looks whether a second one gets its answer (RFC 9111 section 4.1).
func TestVary(t *testing.T) {
	tests := []struct {
		name          string
		vary          string
		first, second []string
		hit           bool
	}{
		{"none", "", []string{"Accept: a"}, []string{"Accept: b"}, true},
		{"the same", "Accept", []string{"Accept: a"}, []string{"Accept: a"}, true},
		{"another", "Accept", []string{"Accept: a"}, []string{"Accept: b"}, false},
		{"absent", "Accept", []string{"Accept: a"}, nil, false},
		{"absent twice", "Accept", nil, nil, true},
		{"absent is not empty", "Accept", nil, []string{"Accept:"}, false},
		{"names by case", "aCCEPT", []string{"Accept: a"}, []string{"accept: a"}, true},
		{"values by case", "Accept", []string{"Accept: a"}, []string{"Accept: A"}, false},
		{"two", "Accept, Accept-Language", []string{"Accept: a", "Accept-Language: de"}, []string{"Accept: a", "Accept-Language: it"}, false},
		{"lines are joined", "Accept", []string{"Accept: a", "Accept: b"}, []string{"Accept: a, b"}, true},
		{"a value is not moved to another field", "Accept, X-A", []string{"Accept: a", "X-A: b"}, []string{"Accept: b", "X-A: a"}, false},
		{"host is always part of it", "Host", nil, nil, true},
		{"what the gateway says to the upstream alone", "X-Forwarded-For", nil, nil, false},
		{"likewise", "Via", nil, nil, false},
		{"more than anybody means", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", nil, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, "")
			header := []string{"Cache-Control: max-age=60"}
			if tt.vary != "" {
				header = append(header, "Vary: "+tt.vary)
			}
			r.says("first", header...)
			r.get("/a", tt.first...)
			r.says("second", header...)
			if o := r.get("/a", tt.second...); o.Body == "first" != tt.hit {
				t.Errorf("the second call got %q (%s)", o.Body, o.Cache)
			}
		})
	}
}

// Variants stand beside one another.
func TestVariants(t *testing.T) {
	r := newRig(t, "")
	r.answer = func(c *policy.Call) *policy.Response {
		return policytest.NewResponse(200, c.Header.Get("Accept-Language"), "Cache-Control: max-age=60", "Vary: Accept-Language")
	}
	want(t, r.get("/a", "Accept-Language: de_DE"), 200, "de_DE", stored)
	want(t, r.get("/a", "Accept-Language: it_IT"), 200, "it_IT", "fwd=vary-miss; stored")
	want(t, r.get("/a", "Accept-Language: de_DE"), 200, "de_DE", "hit; ttl=60")
	want(t, r.get("/a", "Accept-Language: it_IT"), 200, "it_IT", "hit; ttl=60")
}

// A caller that sends ever new values gets room for a number of variants and no more.
func TestVariantsAreBounded(t *testing.T) {
	r := newRig(t, "")
	r.answer = func(c *policy.Call) *policy.Response {
		return policytest.NewResponse(200, c.Header.Get("X-A"), "Cache-Control: max-age=60", "Vary: X-A")
	}
	name := func(i int) string { return "X-A: " + string(rune('0'+i)) }
	for i := range 70 {
		r.get("/a", name(i))
	}
	if o := r.get("/a", name(69)); o.Cache != "hit; ttl=60" {
		t.Errorf("the last one: %s", o.Cache)
	}
	if o := r.get("/a", name(0)); o.Cache != "fwd=vary-miss; stored" {
		t.Errorf("the first one: %s", o.Cache)
	}
}

// An upstream that compresses without saying that it depends on the caller: nobody gets a coding that it did not ask for.
func TestForgottenVary(t *testing.T) {
	r := newRig(t, "")
	r.answer = func(c *policy.Call) *policy.Response {
		if c.Header.Get("Accept-Encoding") == "gzip" {
			return policytest.NewResponse(200, "(gzip)", "Cache-Control: max-age=60", "Content-Encoding: gzip")
		}
		return policytest.NewResponse(200, "plain", "Cache-Control: max-age=60")
	}
	want(t, r.get("/a", "Accept-Encoding: gzip"), 200, "(gzip)", stored)
	want(t, r.get("/a"), 200, "plain", "fwd=vary-miss; stored")
	want(t, r.get("/a", "Accept-Encoding: br"), 200, "plain", "hit; ttl=60")
}

// Fields that the settings name set answers apart although the upstream does not say so.
func TestVaryOfTheSettings(t *testing.T) {
	for _, settings := range []string{`{"vary": ["X-Tenant"]}`, `{"vary": ["X-Tenant"], "shared": true}`} {
		r := newRig(t, settings)
		r.answer = func(c *policy.Call) *policy.Response {
			return policytest.NewResponse(200, c.Header.Get("X-Tenant"), "Cache-Control: public, max-age=60")
		}
		want(t, r.get("/a", "X-Tenant: a"), 200, "a", stored)
		want(t, r.get("/a", "X-Tenant: b"), 200, "b", stored)
		want(t, r.get("/a", "X-Tenant: a"), 200, "a", "hit; ttl=60")
	}
}
