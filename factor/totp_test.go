package factor_test

import (
	"bytes"
	"fmt"
	"image/png"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/factor"
	"sallyport/oauth"
	"sallyport/realm"
)

// RFC 6238 appendix B has eight digits; six are the last of them. RFC 4226 appendix D has six.
func TestVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := factor.Code(secret, time.Unix(at, 0)); got != want[2:] {
			t.Errorf("RFC 6238 at %d: %s, want %s", at, got, want[2:])
		}
	}
	for i, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := factor.HOTP(secret, int64(i)); got != want {
			t.Errorf("RFC 4226, counter %d: %s, want %s", i, got, want)
		}
	}
}

func TestNewTOTP(t *testing.T) {
	h := open(t)
	p, err := h.NewTOTP("Example: GmbH & Söhne", "dory@example.org")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(p.URI)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" {
		t.Fatalf("%q: %v", p.URI, err)
	}
	if u.Path != "/Example  GmbH & Söhne:dory@example.org" || u.Query().Get("issuer") != "Example  GmbH & Söhne" || u.Query().Get("secret") != p.Secret {
		t.Errorf("path %q, query %q", u.Path, u.RawQuery)
	}
	if strings.Contains(p.URI, "+") {
		t.Errorf("%q: authenticators take + for itself", p.URI)
	}
	if len(p.Secret) != 32 {
		t.Errorf("a secret of %d characters; 160 bits have 32", len(p.Secret))
	}
	picture, err := png.Decode(bytes.NewReader(p.QR))
	if err != nil {
		t.Fatal(err)
	}
	side := picture.Bounds().Dx()
	if side != picture.Bounds().Dy() || side < 100 {
		t.Errorf("a picture of %v", picture.Bounds())
	}
	for i := range 16 { // the quiet zone, and the corner of a finder pattern behind it
		if r, _, _, _ := picture.At(i, i).RGBA(); r != 0xffff {
			t.Fatalf("the margin is not white at %d", i)
		}
	}
	if r, _, _, _ := picture.At(16, 16).RGBA(); r != 0 {
		t.Error("there is no code behind the margin")
	}
	again, err := h.NewTOTP("Example", "dory")
	if err != nil || again.Secret == p.Secret {
		t.Errorf("the same secret twice, or %v", err)
	}
}

func TestAddTOTP(t *testing.T) {
	h := open(t)
	p, err := h.NewTOTP("Example", "dory")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string][2]string{
		"wrong code": {p.Secret, "000000"}, "no code": {p.Secret, ""}, "no secret": {"", "123456"}, "short secret": {"MFRGG", "123456"},
		"no base32": {"0189!", "123456"}, "long secret": {strings.Repeat("A", 1000), "123456"},
	} {
		if err := h.AddTOTP(t.Context(), realm.Default, "dory", tt[0], tt[1], ""); oauth.ReasonOf(err) != oauth.FactorWrong {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h.summary("dory") != (factor.Summary{}) {
		t.Fatal("a wrong code has added a factor")
	}
	h.add("dory")
	if h.summary("dory") != (factor.Summary{TOTP: true}) {
		t.Error("the factor is not there, or news of it did not come")
	}
	list, err := h.List(t.Context(), realm.Default, "dory")
	if err != nil || len(list) != 1 || list[0].Kind != factor.TOTP || list[0].Name != "phone" || list[0].CreatedAt.IsZero() || !list[0].UsedAt.IsZero() {
		t.Fatalf("%+v, %v", list, err)
	}
	if bytes.Contains(list[0].Doc, []byte(p.Secret)) {
		t.Error("the secret is readable in the store")
	}
}

func TestCheckTOTP(t *testing.T) {
	const step = 30 * time.Second
	for name, tt := range map[string]struct {
		code func(secret []byte, now time.Time) string
		want oauth.Reason
	}{
		"now":            {code: factor.Code},
		"one step late":  {code: func(s []byte, now time.Time) string { return factor.Code(s, now.Add(-step)) }},
		"one step early": {code: func(s []byte, now time.Time) string { return factor.Code(s, now.Add(step)) }},
		"with spaces": {code: func(s []byte, now time.Time) string {
			c := factor.Code(s, now)
			return " " + c[:3] + " " + c[3:]
		}},
		"two steps late":  {code: func(s []byte, now time.Time) string { return factor.Code(s, now.Add(-2*step)) }, want: oauth.FactorWrong},
		"two steps early": {code: func(s []byte, now time.Time) string { return factor.Code(s, now.Add(2*step)) }, want: oauth.FactorWrong},
		"empty":           {code: func([]byte, time.Time) string { return "" }, want: oauth.FactorWrong},
		"five digits":     {code: func(s []byte, now time.Time) string { return factor.Code(s, now)[1:] }, want: oauth.FactorWrong},
		"seven digits":    {code: func(s []byte, now time.Time) string { return "0" + factor.Code(s, now) }, want: oauth.FactorWrong},
		"other digits":    {code: func([]byte, time.Time) string { return "١٢٣٤٥٦" }, want: oauth.FactorWrong},
		"another secret":  {code: func(_ []byte, now time.Time) string { return factor.Code(bytes.Repeat([]byte{1}, 20), now) }, want: oauth.FactorWrong},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			secret := h.add("dory")
			h.now = h.now.Add(time.Hour)
			if err := h.CheckTOTP(t.Context(), realm.Default, "dory", tt.code(secret, h.now)); oauth.ReasonOf(err) != tt.want {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// RFC 6238 section 5.2: a code is taken once, and none that is older than the last.
func TestTOTPReplay(t *testing.T) {
	h := open(t)
	secret := h.add("dory")
	added := factor.Code(secret, h.now.Add(-time.Minute))
	check := func(what, code string, want oauth.Reason) {
		t.Helper()
		if err := h.CheckTOTP(t.Context(), realm.Default, "dory", code); oauth.ReasonOf(err) != want {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	h.now = h.now.Add(-30 * time.Second)
	check("the code that added it", added, oauth.FactorReused)
	h.now = h.now.Add(time.Hour)
	code := factor.Code(secret, h.now)
	check("first", code, "")
	check("again", code, oauth.FactorReused)
	check("the one before", factor.Code(secret, h.now.Add(-30*time.Second)), oauth.FactorReused)
	h.now = h.now.Add(30 * time.Second)
	check("again, a step later", code, oauth.FactorReused)
	check("the next", factor.Code(secret, h.now), "")
}

// CVE class 12: of any number of racers with one code one gets in.
func TestTOTPRace(t *testing.T) {
	h := open(t)
	code := factor.Code(h.add("dory"), h.now)
	var won, reused atomic.Int64
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			switch err := h.CheckTOTP(t.Context(), realm.Default, "dory", code); oauth.ReasonOf(err) {
			case "":
				won.Add(1)
			case oauth.FactorReused:
				reused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || reused.Load() != 29 {
		t.Errorf("%d got in, %d were told that the code was used", won.Load(), reused.Load())
	}
}

func TestTOTPIsSomebodys(t *testing.T) {
	h := open(t)
	mine := h.add("dory")
	theirs := h.add("nemo")
	h.now = h.now.Add(time.Hour)
	for name, tt := range map[string]struct{ realm, user, code string }{
		"another user's code": {realm.Default, "dory", factor.Code(theirs, h.now)},
		"in another realm":    {"other", "dory", factor.Code(mine, h.now)},
		"nobody's":            {realm.Default, "nobody", factor.Code(mine, h.now)},
	} {
		if err := h.CheckTOTP(t.Context(), tt.realm, tt.user, tt.code); oauth.ReasonOf(err) != oauth.FactorWrong {
			t.Errorf("%s: %v", name, err)
		}
	}
	second := h.add("dory")
	h.now = h.now.Add(time.Hour)
	for _, secret := range [][]byte{mine, second} {
		if err := h.CheckTOTP(t.Context(), realm.Default, "dory", factor.Code(secret, h.now)); err != nil {
			t.Errorf("one of two authenticators: %v", err)
		}
	}
}

func TestSealedForOne(t *testing.T) {
	h := open(t)
	secret := h.add("dory")
	list, err := h.List(t.Context(), realm.Default, "dory")
	if err != nil {
		t.Fatal(err)
	}
	copied := *list[0]
	copied.User, copied.ID = "nemo", "another"
	if _, err := h.store.AddFactor(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	err = h.CheckTOTP(t.Context(), realm.Default, "nemo", factor.Code(secret, h.now))
	if oauth.ReasonOf(err) != oauth.InternalError {
		t.Errorf("a secret that was copied to another user in the store: %v", err)
	}
}

func TestFactorsAreBounded(t *testing.T) {
	h := open(t)
	for i := range 20 {
		if ok, err := h.store.AddFactor(t.Context(), &factor.Factor{
			Realm: realm.Default, User: "dory", ID: fmt.Sprint(i), Kind: factor.Passkey, Doc: []byte("{}"), CreatedAt: h.now,
		}); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	p, err := h.NewTOTP("Example", "dory")
	if err != nil {
		t.Fatal(err)
	}
	err = h.AddTOTP(t.Context(), realm.Default, "dory", p.Secret, codeOf(t, p, h.now), "")
	if oauth.ReasonOf(err) != oauth.FactorWrong || !strings.Contains(oauth.AsError(err).Description, "Remove one") {
		t.Errorf("the 21st factor: %v", err)
	}
}
