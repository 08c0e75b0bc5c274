package ddi_test

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sallyport/dialect/dialecttest"
	"sallyport/oauth"
	"sallyport/realm"
)

var sample = regexp.MustCompile(`^\{"access_token":"[0-9a-f]{56}","expires_in":1800,"token_type":"Bearer","scope":"read write"\}$`)

// multipartBody is what tools send that are told "form data".
const multipartBody = "--b\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\n" + pageID +
	"\r\n--b\r\nContent-Disposition: form-data; name=\"client_secret\"\r\n\r\n" + pageSecret +
	"\r\n--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--b--\r\n"

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// TestAnswersAsDocumented: the four members in order and nothing else, whatever way the request is written.
func TestAnswersAsDocumented(t *testing.T) {
	h := open(t)
	const json = "application/json"
	compact := `{"client_id":"` + pageID + `","client_secret":"` + pageSecret + `","grant_type":"client_credentials"`
	for name, c := range map[string]dialecttest.Call{
		"the page's sample":              {Type: json, Body: pageBody},
		"without the slash":              {Type: json, Body: pageBody, Path: "/oauth2/token"},
		"with a charset":                 {Type: "application/json; charset=utf-8", Body: pageBody},
		"another JSON type":              {Type: "application/vnd.ddi+json", Body: pageBody},
		"in chunks":                      {Type: json, Body: pageBody, Chunked: true},
		"form":                           {Body: form},
		"form without the slash":         {Body: form, Path: "/oauth2/token"},
		"form with a charset":            {Body: form, Type: "application/x-www-form-urlencoded; charset=UTF-8"},
		"stale Bearer":                   {Type: json, Body: pageBody, Auth: "Bearer 604c6b3c89688821edc3f852701b636e0c3d76bf5cc153dd76815d08"},
		"the page's own placeholder":     {Type: json, Body: pageBody, Auth: "Bearer {bearer_tk}"},
		"bogus Bearer, form":             {Body: form, Auth: "Bearer"},
		"unknown members":                {Type: json, Body: compact + `,"x":"y","n":null,"o":{"client_id":"evil"},"l":[1],"b":true}`},
		"client_id as a number":          {Type: json, Body: strings.Replace(compact, `"`+pageID+`"`, bigID, 1) + "}"},
		"client_id as digits":            {Type: json, Body: strings.Replace(compact, pageID, bigID, 1) + "}"},
		"client_id as digits in a form":  {Body: strings.Replace(form, pageID, bigID, 1)},
		"no content type, JSON":          {Type: "-", Body: "\r\n\t " + pageBody},
		"no content type, form":          {Type: "-", Body: form + "\n"},
		"JSON said to be a form":         {Body: pageBody}, // curl -d
		"JSON said to be text":           {Type: "text/plain", Body: pageBody},
		"form said to be text":           {Type: "text/plain; charset=utf-8", Body: form},
		"broken content type":            {Type: "json; =", Body: pageBody},
		"broken charset":                 {Type: "application/x-www-form-urlencoded; charset", Body: form},
		"a byte order mark":              {Type: json, Body: "\ufeff" + pageBody},
		"multipart":                      {Type: "multipart/form-data; boundary=b", Body: multipartBody},
		"Basic":                          {Auth: basic(pageID, pageSecret), Body: "grant_type=client_credentials"},
		"Basic, JSON":                    {Auth: basic(pageID, pageSecret), Type: json, Body: `{"grant_type":"client_credentials"}`},
		"Basic, form-encoded halves":     {Auth: basic("id%3Awith+colon", pageSecret), Body: "grant_type=client_credentials"},
		"the body wins over Basic":       {Auth: basic("nobody", "wrong"), Body: form},
		"the body wins over broken":      {Auth: "Basic %%%", Body: form},
		"the scope asked for":            {Body: form + "&scope=read+write"},
		"an empty scope is none":         {Body: form + "&scope="},
		"a query is not read":            {Path: "/oauth2/token/?client_id=nobody&scope=admin", Body: form},
		"other parameters are of no use": {Body: form + "&username=x&audience=y"},
	} {
		got := h.post(c)
		if got.Status != http.StatusOK || !sample.MatchString(got.Body) {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		for header, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache", "Location": ""} {
			if v := got.Header.Get(header); v != want {
				t.Errorf("%s: %s: %q, want %q", name, header, v, want)
			}
		}
	}
}

func TestScopeAskedFor(t *testing.T) {
	h := open(t)
	if got := h.post(dialecttest.Call{Body: form + "&scope=read"}); got.Text("scope") != "read" {
		t.Errorf("read alone: %d %s", got.Status, got.Body)
	}
	got := h.post(dialecttest.Call{Type: "application/json", Body: strings.Replace(pageBody, `"grant_type"`, `"scope":"write","grant_type"`, 1)})
	if got.Text("scope") != "write" {
		t.Errorf("write alone, JSON: %d %s", got.Status, got.Body)
	}
}

// TestSecondTokenLeavesTheFirst: the page says that callers may keep their token.
func TestSecondTokenLeavesTheFirst(t *testing.T) {
	h := open(t)
	first, second := h.post(dialecttest.Call{Body: form}).Text("access_token"), h.post(dialecttest.Call{Body: form}).Text("access_token")
	if first == second {
		t.Fatal("the same token twice")
	}
	for _, raw := range []string{first, second} {
		a, err := h.Tokens.Verify(t.Context(), h.Realms.ByName(realm.Default), raw)
		if err != nil || a.Client != pageID || a.Scope.String() != "read write" {
			t.Errorf("verified as %+v, %v", a, err)
		}
	}
	h.Clock.Advance(1801 * 1e9)
	_, err := h.Tokens.Verify(t.Context(), h.Realms.ByName(realm.Default), first)
	if got := oauth.ReasonOf(err); got != oauth.TokenExpired {
		t.Errorf("after 1801 s: %q", got)
	}
}

// TestClientSettingsWin: format and lifetime are defaults of this door, below what the client is set to.
func TestClientSettingsWin(t *testing.T) {
	h := open(t)
	got := h.post(dialecttest.Call{Body: strings.Replace(form, pageID, "jwt", 1)})
	if n := strings.Count(got.Text("access_token"), "."); got.Status != http.StatusOK || n != 2 || got.JSON()["expires_in"] != 300.0 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestRefusals(t *testing.T) {
	h := open(t)
	const as = "grant_type=client_credentials&client_secret=" + pageSecret + "&client_id="
	const wrongClient = `{"error":"invalid_client","error_description":"Client authentication failed. Check the client id, and the secret or the assertion."}`
	for _, tc := range []struct {
		name   string
		call   dialecttest.Call
		status int
		body   string // "" : only the code
		code   string
	}{
		{name: "unknown client", call: dialecttest.Call{Body: as + "nobody"}, status: 401, body: wrongClient},
		{name: "wrong secret", call: dialecttest.Call{Body: "grant_type=client_credentials&client_id=" + pageID + "&client_secret=x", Source: "192.0.2.9"}, status: 401, body: wrongClient},
		{name: "wrong secret by Basic", call: dialecttest.Call{Auth: basic(pageID, "x"), Body: "grant_type=client_credentials", Source: "192.0.2.9"}, status: 401, body: wrongClient},
		{name: "no credentials", call: dialecttest.Call{Body: "grant_type=client_credentials"}, status: 401, body: wrongClient},
		{name: "no secret", call: dialecttest.Call{Body: "grant_type=client_credentials&client_id=" + pageID}, status: 401, body: wrongClient},
		{name: "broken Basic", call: dialecttest.Call{Auth: "Basic !", Body: "grant_type=client_credentials"}, status: 401, body: wrongClient},
		{name: "client without a stored secret", call: dialecttest.Call{Body: as + "unset"}, status: 401, body: wrongClient},
		{name: "client switched off", call: dialecttest.Call{Body: as + "off"}, status: 401, body: wrongClient},
		{name: "public client", call: dialecttest.Call{Body: as + "public"}, status: 400, code: "unauthorized_client"},
		{name: "client without the grant", call: dialecttest.Call{Body: as + "nogrant"}, status: 400, code: "unauthorized_client"},
		{name: "no grant type", call: dialecttest.Call{Body: "client_id=" + pageID}, status: 400, code: "invalid_request"},
		{name: "empty grant type", call: dialecttest.Call{Body: "grant_type=&client_id=" + pageID}, status: 400, code: "invalid_request"},
		{name: "unknown grant", call: dialecttest.Call{Body: "grant_type=magic"}, status: 400, code: "unsupported_grant_type"},
		{name: "a grant served elsewhere", call: dialecttest.Call{Body: strings.Replace(form, "client_credentials", "refresh_token", 1) + "&refresh_token=x"}, status: 400, code: "unsupported_grant_type"},
		{name: "scope beyond the client's", call: dialecttest.Call{Body: form + "&scope=read+admin"}, status: 400, code: "invalid_scope"},
		{name: "scope nobody knows", call: dialecttest.Call{Body: form + "&scope=nonsense"}, status: 400, code: "invalid_scope"},
		{name: "empty body", call: dialecttest.Call{Body: "", Type: "-"}, status: 400, code: "invalid_request"},
		{name: "neither JSON nor form", call: dialecttest.Call{Body: "hello", Type: "-"}, status: 400, code: "invalid_request"},
		{name: "JSON array", call: dialecttest.Call{Body: "[]", Type: "application/json"}, status: 400, code: "invalid_request"},
		{name: "JSON broken off", call: dialecttest.Call{Body: pageBody[:40], Type: "application/json"}, status: 400, code: "invalid_request"},
		{name: "JSON with a tail", call: dialecttest.Call{Body: pageBody + "{}", Type: "application/json"}, status: 400, code: "invalid_request"},
		{name: "JSON duplicate", call: dialecttest.Call{Body: `{"client_id":"a","client_id":"b"}`, Type: "application/json"}, status: 400,
			body: `{"error":"invalid_request","error_description":"The parameter client_id is given more than once. Send it once."}`},
		{name: "JSON with a NUL", call: dialecttest.Call{Body: `{"client_id":"a\u0000b"}`, Type: "application/json"}, status: 400, code: "invalid_request"},
		{name: "JSON not UTF-8", call: dialecttest.Call{Body: "{\"client_id\":\"a\xff\"}", Type: "application/json"}, status: 400, code: "invalid_request"},
		{name: "JSON half sent", call: dialecttest.Call{Body: pageBody, Half: true, Type: "application/json"}, status: 400, code: "invalid_request"},
		{name: "JSON over 1 MiB", call: dialecttest.Call{Body: `{"x":"` + strings.Repeat("a", 1<<20) + `"}`, Type: "application/json"}, status: 413, code: "invalid_request"},
		{name: "JSON with 10,000 members", call: dialecttest.Call{Body: `{` + strings.Repeat(`"a":1,`, 10000) + `"b":1}`, Type: "application/json"}, status: 400, code: "invalid_request"},
		{name: "deep JSON", call: dialecttest.Call{Body: `{"a":` + strings.Repeat("[", 100000) + `}`, Type: "application/json"}, status: 400, code: "invalid_request"},
		{name: "multipart", call: dialecttest.Call{Body: "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--x--", Type: "multipart/form-data; boundary=x"}, status: 400, code: "invalid_request"},
	} {
		got := h.post(tc.call)
		if got.Status != tc.status {
			t.Errorf("%s: status %d, want %d: %s", tc.name, got.Status, tc.status, got.Body)
		}
		if tc.body != "" && got.Body != tc.body {
			t.Errorf("%s: body %s, want %s", tc.name, got.Body, tc.body)
		}
		if tc.code != "" && (got.Text("error") != tc.code || got.Text("error_description") == "") {
			t.Errorf("%s: body %s, want %s", tc.name, got.Body, tc.code)
		}
		challenge := ""
		if tc.status == http.StatusUnauthorized {
			challenge = `Basic realm="default", charset="UTF-8"`
		}
		for header, want := range map[string]string{
			"WWW-Authenticate": challenge, "Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache",
		} {
			if v := got.Header.Get(header); v != want {
				t.Errorf("%s: %s: %q, want %q", tc.name, header, v, want)
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	h := open(t)
	for name, c := range dialecttest.BadInput(dialecttest.Call{Path: "/oauth2/token/", Body: form}) {
		want := dialecttest.WantStatus(name)
		if name == "wrong content type" {
			want = http.StatusBadRequest // this door looks at the body, and the content type only says what is in it
		}
		got := h.Do(h.routes, c)
		if got.Status != want || got.Text("error") != "invalid_request" || got.Text("error_description") == "" {
			t.Errorf("%s: %d %s, want %d", name, got.Status, got.Body, want)
		}
		if allow := got.Header.Get("Allow"); (allow == http.MethodPost) != (want == http.StatusMethodNotAllowed) {
			t.Errorf("%s: Allow: %q", name, allow)
		}
	}
	if got := h.post(dialecttest.Call{Body: form}); got.Status != http.StatusOK {
		t.Errorf("afterwards: %d %s", got.Status, got.Body)
	}
}

func TestGuessesAreSlowedDown(t *testing.T) {
	h := open(t)
	guess := dialecttest.Call{Body: "grant_type=client_credentials&client_id=" + pageID + "&client_secret=guess", Source: "198.51.100.7"}
	var got dialecttest.Answer
	for range 20 {
		if got = h.post(guess); got.Status != http.StatusUnauthorized {
			break
		}
	}
	if got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" || got.Text("error") != "temporarily_unavailable" {
		t.Errorf("%d %v %s", got.Status, got.Header, got.Body)
	}
	if other := h.post(dialecttest.Call{Body: form, Source: "198.51.100.8"}); other.Status != http.StatusOK {
		t.Errorf("the owner, from elsewhere: %d %s", other.Status, other.Body)
	}
}

func TestStoreAway(t *testing.T) {
	h := open(t)
	h.disk.Away.Store(true)
	got := h.post(dialecttest.Call{Body: form})
	if got.Status != http.StatusServiceUnavailable || got.Text("error") != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", got.Status, got.Header, got.Body)
	}
	if strings.Contains(got.Body, "disk") || !strings.Contains(h.Log.String(), "the disk is full") {
		t.Errorf("the cause belongs in the log and not in the answer: %s\nlog: %s", got.Body, h.Log)
	}
	if strings.Contains(h.Log.String(), pageSecret) {
		t.Error("the log has the client's secret")
	}
	h.disk.Away.Store(false)
	if got := h.post(dialecttest.Call{Body: form}); got.Status != http.StatusOK {
		t.Errorf("afterwards: %d %s", got.Status, got.Body)
	}
}

// TestUnknownRealm: a listener that found no realm for a request still gets an answer in the right shape.
func TestUnknownRealm(t *testing.T) {
	h := open(t)
	if got := h.post(dialecttest.Call{Body: form, Realm: "nowhere"}); got.Status != http.StatusNotFound || got.Text("error") != "invalid_request" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
