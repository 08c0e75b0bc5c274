package storetest

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/scope"
	"sallyport/store"
	"sallyport/token"
)

func grantTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"family is kept":        familyIsKept,
		"reference is kept":     referenceIsKept,
		"both or neither":       bothOrNeither,
		"lists of a user":       listsOfAUser,
		"end of a family":       endOfAFamily,
		"end of grants":         endOfGrants,
		"end of refreshable cc": endOfRefreshableClientCredentials,
		"unstorable text":       unstorableText,
		"reopened":              reopened,
	}
}

func family(n int, user string) *token.Family {
	f := &token.Family{
		Realm: "default", Client: "app", User: user, Grant: "password", Scope: scope.Set{"read", "write"},
		Generation: 1, StartedAt: now.Add(time.Duration(n) * time.Second), RotatedAt: now, ExpiresAt: now.Add(30 * 24 * time.Hour),
	}
	sum := sha256.Sum256(fmt.Append(nil, "family", n))
	copy(f.ID[:], sum[:])
	return f
}

func fullSignIn() *token.SignIn {
	return &token.SignIn{
		At: now, Methods: []string{"pwd", "otp"}, ACR: "2", Session: awkward, Bound: true, Nonce: awkward + "n", Locales: []string{"zh-TW", "de"},
		IDToken: []string{"email"}, UserInfo: []string{"name#de"}, AskedACR: true,
	}
}

func reference(n int, user string) *token.Reference {
	return &token.Reference{
		Realm: "default", Hash: sha256.Sum256(fmt.Append(nil, "reference", n)), ID: fmt.Sprint("jti-", n), Client: "app", User: user,
		Scope: scope.Set{"read"}, IssuedAt: now.Add(time.Duration(n) * time.Second), StartedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

func create(t *testing.T, s *store.Store, f *token.Family, r *token.Reference) {
	t.Helper()
	ok(t, s.CreateGrant(t.Context(), f, r))
}

func getFamily(t *testing.T, s *store.Store, f *token.Family) *token.Family {
	t.Helper()
	return must(s.Family(t.Context(), f.Realm, f.ID, f.ExpiresAt))(t)
}

func getReference(t *testing.T, s *store.Store, r *token.Reference) *token.Reference {
	t.Helper()
	return must(s.Reference(t.Context(), r.Hash, token.Bucket(r.ExpiresAt)))(t)
}

func familyIsKept(t *testing.T, d Database) {
	s := open(t, d)
	full := family(1, awkward)
	full.Realm, full.Client, full.Grant, full.Shape = awkward, awkward+"c", awkward+"g", token.ShapeDigiRunner
	full.Generation, full.SignIn = 4294967295, fullSignIn()
	bare := &token.Family{Realm: "default", ID: token.ID{0, 1, 0}, ExpiresAt: now}
	for _, want := range []*token.Family{full, bare} {
		create(t, s, want, nil)
		if diff := cmp.Diff(want, getFamily(t, s, want)); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	}
	if f := must(s.Family(t.Context(), "other", bare.ID, bare.ExpiresAt))(t); f != nil {
		t.Errorf("another realm has the family: %+v", f)
	}
	if f := must(s.Family(t.Context(), "default", token.ID{9}, now))(t); f != nil {
		t.Errorf("an unknown family: %+v", f)
	}
	if err := s.CreateGrant(t.Context(), bare, nil); err == nil {
		t.Error("a family was stored twice")
	}
}

func referenceIsKept(t *testing.T, d Database) {
	s := open(t, d)
	full := reference(1, awkward)
	full.Realm, full.Client, full.ID = awkward, awkward+"c", awkward+"i"
	full.Family, full.Generation, full.SignIn = token.ID{15: 1}, 7, fullSignIn()
	full.Audience = []string{"https://a.example/?x=1 2", awkward, ""}
	bare := &token.Reference{Realm: "default", Hash: [32]byte{1}, ExpiresAt: now}
	for _, want := range []*token.Reference{full, bare} {
		create(t, s, nil, want)
		if diff := cmp.Diff(want, getReference(t, s, want)); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	}
	if r := must(s.Reference(t.Context(), [32]byte{1}, token.Bucket(now)+1))(t); r != nil {
		t.Errorf("found in another hour: %+v", r)
	}
}

func bothOrNeither(t *testing.T, d Database) {
	s := open(t, d)
	create(t, s, nil, nil)
	f, r := family(1, "dory"), reference(1, "dory")
	create(t, s, f, r)
	if getFamily(t, s, f) == nil || getReference(t, s, r) == nil {
		t.Fatal("not both were stored")
	}
	// The reference token exists already, so the family must not come to be.
	second := family(2, "dory")
	if err := s.CreateGrant(t.Context(), second, r); err == nil {
		t.Fatal("a reference token was stored twice")
	}
	if getFamily(t, s, second) != nil {
		t.Error("half of a grant was stored")
	}
}

func listsOfAUser(t *testing.T, d Database) {
	s := open(t, d)
	for n, user := range []string{"dory", "dory", "nemo", "", "dory"} {
		f, r := family(n, user), reference(n, user)
		if n == 4 {
			f.Client, r.Client = "other", "other"
		}
		create(t, s, f, r)
	}
	over, overRef := family(9, "dory"), reference(9, "dory")
	over.ExpiresAt, overRef.ExpiresAt = now, now // the end is not part of the life
	create(t, s, over, overRef)

	for _, c := range []struct {
		user, client string
		want         []int // newest first
	}{
		{"dory", "", []int{4, 1, 0}},
		{"dory", "app", []int{1, 0}},
		{"dory", "none", nil},
		{"nemo", "", []int{2}},
		{"nobody", "", nil},
		{"do_y", "", nil},
		{"%", "", nil},
	} {
		var ids, hashes, wantIDs, wantHashes []string
		for _, f := range must(s.Families(t.Context(), "default", c.user, c.client, now))(t) {
			ids = append(ids, f.ID.String())
		}
		for _, r := range must(s.References(t.Context(), "default", c.user, c.client, now))(t) {
			hashes = append(hashes, r.ID)
		}
		for _, n := range c.want {
			wantIDs = append(wantIDs, family(n, "").ID.String())
			wantHashes = append(wantHashes, reference(n, "").ID)
		}
		if diff := cmp.Diff(wantIDs, ids); diff != "" {
			t.Errorf("families of %q at %q: %s", c.user, c.client, diff)
		}
		if diff := cmp.Diff(wantHashes, hashes); diff != "" {
			t.Errorf("references of %q at %q: %s", c.user, c.client, diff)
		}
	}
	if all := must(s.Families(t.Context(), "other", "dory", "", now))(t); all != nil {
		t.Errorf("another realm has families: %v", all)
	}
}

func endOfAFamily(t *testing.T, d Database) {
	s := open(t, d)
	f := family(1, "dory")
	create(t, s, f, nil)
	r := token.Revocation{Realm: "default", Kind: token.RevokeFamily, Key: f.ID.String(), Bound: token.WholeFamily, Until: f.ExpiresAt}

	if found := must(s.EndFamily(t.Context(), "other", f.ID, f.ExpiresAt, token.Revocation{}))(t); found {
		t.Error("ended through another realm")
	}
	for _, want := range []bool{true, false} {
		if found := must(s.EndFamily(t.Context(), "default", f.ID, f.ExpiresAt, r))(t); found != want {
			t.Errorf("found = %v, want %v", found, want)
		}
	}
	if getFamily(t, s, f) != nil {
		t.Error("the family is still there")
	}
	if diff := cmp.Diff([]token.Revocation{r}, must(s.Revocations(t.Context(), now))(t)); diff != "" {
		t.Error(diff)
	}
	create(t, s, f, nil)
	if found := must(s.EndFamily(t.Context(), "default", f.ID, f.ExpiresAt, token.Revocation{}))(t); !found {
		t.Error("not found")
	}
	if n := len(must(s.Revocations(t.Context(), now))(t)); n != 1 {
		t.Errorf("%d revocations; one without a key was recorded", n)
	}
}

func endOfGrants(t *testing.T, d Database) {
	s := open(t, d)
	grants := []struct{ client, user string }{{"app", "dory"}, {"web", "dory"}, {"app", "nemo"}, {"app", ""}}
	for n, g := range grants {
		f, r := family(n, g.user), reference(n, g.user)
		f.Client, r.Client = g.client, g.client
		create(t, s, f, r)
	}
	left := func(want ...bool) {
		t.Helper()
		for n, w := range want {
			if got := getFamily(t, s, family(n, "")) != nil; got != w {
				t.Errorf("family of %v: there = %v, want %v", grants[n], got, w)
			}
			if got := getReference(t, s, reference(n, "")) != nil; got != w {
				t.Errorf("reference of %v: there = %v, want %v", grants[n], got, w)
			}
		}
	}
	r := token.Revocation{Realm: "default", Kind: token.RevokeClientUser, Key: "app\x00dory", Bound: 42, Until: now.Add(time.Hour)}
	ok(t, s.EndGrants(t.Context(), "other", "", "dory"))
	left(true, true, true, true)
	ok(t, s.EndGrants(t.Context(), "default", "app", "dory", r))
	left(false, true, true, true)
	ok(t, s.EndGrants(t.Context(), "default", "", "dory"))
	left(false, false, true, true)
	if diff := cmp.Diff([]token.Revocation{r}, must(s.Revocations(t.Context(), now))(t)); diff != "" {
		t.Error(diff)
	}
}

func endOfRefreshableClientCredentials(t *testing.T, d Database) {
	s := open(t, d)
	app, web := family(1, ""), family(2, "")
	web.Client = "web"
	create(t, s, app, nil)
	create(t, s, web, nil)
	ok(t, s.EndGrants(t.Context(), "default", "app", ""))
	if getFamily(t, s, app) != nil || getFamily(t, s, web) == nil {
		t.Error("not the grants of that client alone were ended")
	}
}

func unstorableText(t *testing.T, d Database) {
	s := open(t, d)
	for _, bad := range []string{"a\x00b", "\xff\xfe"} {
		if c, err := s.Client(t.Context(), "default", bad); c != nil || err != nil {
			t.Errorf("client %q: %v, %v", bad, c, err)
		}
		if u, err := s.User(t.Context(), bad, "dory"); u != nil || err != nil {
			t.Errorf("user in %q: %v, %v", bad, u, err)
		}
		if all, err := s.Families(t.Context(), "default", bad, "", now); all != nil || err != nil {
			t.Errorf("families of %q: %v, %v", bad, all, err)
		}
		if all, err := s.References(t.Context(), "default", "dory", bad, now); all != nil || err != nil {
			t.Errorf("references at %q: %v, %v", bad, all, err)
		}
		if x, err := s.TakeTicket(t.Context(), "default", bad, [32]byte{}, now); x != nil || err != nil {
			t.Errorf("ticket of kind %q: %v, %v", bad, x, err)
		}
		ok(t, s.EndGrants(t.Context(), "default", bad, "dory"))
		ok(t, s.ReplacePassword(t.Context(), "default", bad, "a", "b"))
		ok(t, s.ReplaceClientSecret(t.Context(), "default", bad, "a", "b"))
	}
}

func reopened(t *testing.T, d Database) {
	s := open(t, d)
	f, r := family(1, "dory"), reference(1, "dory")
	create(t, s, f, r)
	ok(t, s.Close())
	s = open(t, d)
	if diff := cmp.Diff(f, getFamily(t, s, f)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(r, getReference(t, s, r)); diff != "" {
		t.Error(diff)
	}
}
