package oauth_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"sallyport/oauth"
)

// Every declared Reason must have a wording; one without would be shown as a server error.
func TestEveryReasonHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		name := strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)
		n++
		e := oauth.Fail(oauth.Reason(name), "")
		if e.Description == "" || (e.Code == oauth.ServerError && name != string(oauth.InternalError)) {
			t.Errorf("%s has no wording of its own", name)
		}
		return true
	})
	if n < 50 {
		t.Fatalf("found only %d reasons", n)
	}
}

// RFC 6749 section 5.2 answers must not tell which half of a credential was wrong.
func TestCredentialReasonsShareTheirWords(t *testing.T) {
	for _, group := range [][]oauth.Reason{
		{oauth.ClientUnknown, oauth.SecretWrong, oauth.SecretMissing, oauth.ClientDisabled, oauth.ClientLocked, oauth.ClientExpired},
		{oauth.UserUnknown, oauth.PasswordWrong, oauth.UserDisabled, oauth.UserLocked},
		{oauth.RefreshUnknown, oauth.RefreshExpired, oauth.RefreshRevoked, oauth.RefreshReplayed, oauth.RefreshWrongClient},
	} {
		first := oauth.Fail(group[0], "")
		for _, r := range group[1:] {
			if e := oauth.Fail(r, ""); e.Code != first.Code || e.Description != first.Description {
				t.Errorf("%s differs from %s", r, group[0])
			}
		}
	}
}

func TestAsError(t *testing.T) {
	if oauth.AsError(nil) != nil || oauth.ReasonOf(nil) != "" {
		t.Error("nil must stay nil")
	}
	wrapped := fmt.Errorf("while refreshing: %w", oauth.Fail(oauth.RefreshExpired, ""))
	if oauth.ReasonOf(wrapped) != oauth.RefreshExpired {
		t.Error("a wrapped Error is not found")
	}
	cause := errors.New("disk on fire")
	e := oauth.AsError(cause)
	if e.Reason != oauth.InternalError || !errors.Is(e, cause) {
		t.Errorf("got %v", e)
	}
	if strings.Contains(e.Description, "fire") {
		t.Error("the cause is shown to the caller")
	}
	if s := oauth.Fail(oauth.ClientUnknown, "secret-looking").Error(); strings.Contains(s, "secret-looking") {
		t.Errorf("the subject is in the log text: %s", s)
	}
	if oauth.Fail("no_such_reason", "").Code != oauth.ServerError {
		t.Error("an unknown reason must be a server error")
	}
}
