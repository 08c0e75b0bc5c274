package digirunner_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"sallyport/client"
	"sallyport/dialect/digirunner"
	"sallyport/oauth"
)

func TestLooseBase64(t *testing.T) {
	const odd = "\xfb\xff\xfe~" // encodes with plus, slash and padding: "+//+fg=="
	for _, tc := range []struct{ name, in, want string }{
		{"the documented client password", "dHNwMTIzYWJjZA==", "tsp123abcd"},
		{"the documented user password", "dXNlcjEyM2FiY2Q=", "user123abcd"},
		{"standard alphabet", "+//+fg==", odd},
		{"a plus that became a space", " // fg==", odd},
		{"URL-safe alphabet", "-__-fg==", odd},
		{"both alphabets mixed", "-//+fg==", odd},
		{"no padding", "+//+fg", odd},
		{"half the padding", "+//+fg=", odd},
		{"spaces after the padding", "+//+fg== ", odd},
		{"a line break at the end", "dHNwMTIzYWJjZA==\n", "tsp123abcd"},
		{"a line break inside", "dHNwMTIz\r\nYWJjZA==", "tsp123abcd"},
		{"nothing", "", ""},
		{"nothing but padding", "==", ""},
	} {
		got, ok := digirunner.LooseBase64(tc.in)
		if !ok || string(got) != tc.want {
			t.Errorf("%s: %q gave %q, %v; want %q", tc.name, tc.in, got, ok, tc.want)
		}
	}
	for _, bad := range []string{"dHNw!", "d", "dHNwM", "dH=Nw", "tsp:123", "dHNwM\x00I", "é", "dHNw=MTIz="} {
		if got, ok := digirunner.LooseBase64(bad); ok {
			t.Errorf("%q was decoded to %q", bad, got)
		}
	}
}

func TestCredentials(t *testing.T) {
	header := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	for _, tc := range []struct {
		name, header string
		want         client.Credentials
	}{
		{"as documented", "Basic dHNwY2xpZW50OmRITndNVEl6WVdKalpBPT0=", client.Credentials{Method: client.MethodBasic, ID: "tspclient", Secret: "tsp123abcd", HasSecret: true}},
		{"public, as documented", "Basic dHNwY2xpZW50Og==", client.Credentials{Method: client.MethodNone, ID: "tspclient"}},
		{"keyword in capitals", "BASIC dHNwY2xpZW50Og==", client.Credentials{Method: client.MethodNone, ID: "tspclient"}},
		{"keyword not at the start", "  x-proxy Basic dHNwY2xpZW50Og==", client.Credentials{Method: client.MethodNone, ID: "tspclient"}},
		{"blanks around", "Basic   dHNwY2xpZW50Og==  ", client.Credentials{Method: client.MethodNone, ID: "tspclient"}},
		{"no padding", "Basic dHNwY2xpZW50OmRITndNVEl6WVdKalpBPT0", client.Credentials{Method: client.MethodBasic, ID: "tspclient", Secret: "tsp123abcd", HasSecret: true}},
		{"colon in the password", header("c:" + base64.StdEncoding.EncodeToString([]byte("a:b"))), client.Credentials{Method: client.MethodBasic, ID: "c", Secret: "a:b", HasSecret: true}},
		{"blank id", header("  :YQ=="), client.Credentials{Method: client.MethodBasic, Secret: "a", HasSecret: true}},
		{"inner part not Base64 matches nothing", header("c:not base64!"), client.Credentials{Method: client.MethodBasic, ID: "c", Secret: "\x00not base64!", HasSecret: true}},
	} {
		got, err := digirunner.Credentials(tc.header)
		if err != nil || got != tc.want {
			t.Errorf("%s: got %+v, %v; want %+v", tc.name, got, err, tc.want)
		}
	}
	for _, tc := range []struct {
		header string
		want   oauth.Reason
	}{
		{"", oauth.ClientAuthMissing},
		{"Basic", oauth.ClientAuthMissing},
		{"Bearer abc", oauth.ClientAuthMissing},
		{"Basic ", oauth.ClientAuthMalformed},
		{"Basic !!!", oauth.ClientAuthMalformed},
		{"Bearer basic x", oauth.ClientAuthMalformed},
		{header("no colon"), oauth.ClientAuthMalformed},
		{header("\xff:YQ=="), oauth.ClientAuthMalformed},
		{header("a\x00:YQ=="), oauth.ClientAuthMalformed},
	} {
		if got, err := digirunner.Credentials(tc.header); oauth.ReasonOf(err) != tc.want {
			t.Errorf("%q: got %+v, %v; want %s", tc.header, got, err, tc.want)
		}
	}
}

func FuzzLooseBase64(f *testing.F) {
	for _, s := range []string{"", "dHNwMTIzYWJjZA==", " // fg", "-__-fg==", "====", "a=b", "\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// Whatever is encoded survives every kind of damage that is tolerated.
		std := base64.StdEncoding.EncodeToString([]byte(s))
		for _, damaged := range []string{
			std, strings.ReplaceAll(std, "+", " "), strings.TrimRight(std, "="), base64.URLEncoding.EncodeToString([]byte(s)),
			base64.RawURLEncoding.EncodeToString([]byte(s)), std + "\r\n",
		} {
			if got, ok := digirunner.LooseBase64(damaged); !ok || string(got) != s {
				t.Fatalf("%q encoded as %q gave %q, %v", s, damaged, got, ok)
			}
		}
		// What is decoded is what the text says: encoding it again gives the same characters.
		got, ok := digirunner.LooseBase64(s)
		if !ok {
			return
		}
		text, _, _ := strings.Cut(s, "=")
		text = strings.NewReplacer(" ", "+", "-", "+", "_", "/", "\r", "", "\n", "", "\t", "").Replace(text)
		again := base64.RawStdEncoding.EncodeToString(got)
		// The bits of the last character that belong to no byte may be anything.
		if len(text) != len(again) || len(text) > 0 && text[:len(text)-1] != again[:len(again)-1] {
			t.Fatalf("%q decoded to %q, which encodes to %q", s, got, again)
		}
	})
}

func FuzzCredentials(f *testing.F) {
	for _, s := range []string{"", "Basic dHNwY2xpZW50OmRITndNVEl6WVdKalpBPT0=", "Basic dHNwY2xpZW50Og==", "bAsIc \xff", "xbasic Og"} {
		f.Add(s, "id", "secret")
	}
	f.Fuzz(func(t *testing.T, header, id, secret string) {
		if got, err := digirunner.Credentials(header); err == nil {
			if strings.ContainsAny(got.ID, ":\x00") || !utf8.ValidString(got.ID) {
				t.Fatalf("%q gave the client id %q", header, got.ID)
			}
			if got.HasSecret != (got.Secret != "") {
				t.Fatalf("%q gave %+v", header, got)
			}
		}
		if strings.ContainsAny(id, ":\x00") || !utf8.ValidString(id) || strings.TrimSpace(id) == "" {
			return
		}
		var pair bytes.Buffer
		pair.WriteString(id + ":" + base64.StdEncoding.EncodeToString([]byte(secret)))
		got, err := digirunner.Credentials("Basic " + base64.StdEncoding.EncodeToString(pair.Bytes()))
		if err != nil || got.ID != id || got.Secret != secret {
			t.Fatalf("%q, %q came back as %+v, %v", id, secret, got, err)
		}
	})
}
