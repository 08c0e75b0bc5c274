package factor_test

import (
	"encoding/base32"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/factor"
	"sallyport/oauth"
	"sallyport/realm"
)

func codeOf(t *testing.T, p *factor.PendingTOTP, at time.Time) string {
	t.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return factor.Code(raw, at)
}

func (h *house) recovery(user string) []string {
	h.Helper()
	codes, err := h.NewRecovery(h.Context(), realm.Default, user)
	if err != nil {
		h.Fatal(err)
	}
	return codes
}

func (h *house) left(user string) int {
	h.Helper()
	n, err := h.RecoveryLeft(h.Context(), realm.Default, user)
	if err != nil {
		h.Fatal(err)
	}
	return n
}

func TestRecovery(t *testing.T) {
	h := open(t)
	if n := h.left("dory"); n != -1 {
		t.Errorf("%d codes before any were made", n)
	}
	codes := h.recovery("dory")
	if len(codes) != 10 || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != 10 || h.left("dory") != 10 {
		t.Fatalf("codes %q, %d left", codes, h.left("dory"))
	}
	if !h.summary("dory").Recovery {
		t.Error("the summary does not know of them")
	}
	check := func(what, user, code string, want oauth.Reason) {
		t.Helper()
		if err := h.CheckRecovery(t.Context(), realm.Default, user, code); oauth.ReasonOf(err) != want {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	check("as it is", "dory", codes[0], "")
	check("again", "dory", codes[0], oauth.FactorReused)
	check("as people write", "dory", " "+strings.ToLower(strings.ReplaceAll(codes[1], "-", " ")), "")
	check("wrong", "dory", "AAAA-BBBB-CCCC", oauth.FactorWrong)
	check("empty", "dory", "", oauth.FactorWrong)
	check("endless", "dory", strings.Repeat("A", 1<<16), oauth.FactorWrong)
	check("another user's", "nemo", codes[2], oauth.FactorWrong)
	if err := h.CheckRecovery(t.Context(), "other", "dory", codes[2]); oauth.ReasonOf(err) != oauth.FactorWrong {
		t.Errorf("in another realm: %v", err)
	}
	if n := h.left("dory"); n != 8 {
		t.Errorf("%d left, want 8", n)
	}
	again := h.recovery("dory")
	check("of the set before", "dory", codes[3], oauth.FactorWrong)
	for _, c := range again {
		check("all of a set", "dory", c, "")
	}
	if h.left("dory") != 0 || h.summary("dory").Recovery {
		t.Error("a set that is used up counts as a factor")
	}
}

func TestRecoveryIsNotReadable(t *testing.T) {
	h := open(t)
	codes := h.recovery("dory")
	all, err := h.store.Factors(t.Context(), realm.Default, "dory")
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	for _, c := range codes {
		if strings.Contains(string(all[0].Doc), c) || strings.Contains(string(all[0].Doc), strings.ReplaceAll(c, "-", "")) {
			t.Fatal("a code is readable in the store")
		}
	}
	if list, err := h.List(t.Context(), realm.Default, "dory"); len(list) != 0 || err != nil {
		t.Errorf("recovery codes are listed as a factor: %v, %v", list, err)
	}
}

func TestRecoveryRace(t *testing.T) {
	h := open(t)
	codes := h.recovery("dory")
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			switch err := h.CheckRecovery(t.Context(), realm.Default, "dory", codes[0]); oauth.ReasonOf(err) {
			case "":
				won.Add(1)
			case oauth.FactorReused:
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || h.left("dory") != 9 {
		t.Errorf("%d got in by one code, %d left", won.Load(), h.left("dory"))
	}
}

func TestSummaryIsRemembered(t *testing.T) {
	h := open(t)
	h.add("dory")
	h.summary("dory")
	before := h.disk.reads.Load()
	for range 5 {
		h.summary("dory")
	}
	if n := h.disk.reads.Load(); n != before {
		t.Errorf("%d reads more", n-before)
	}
	if s := h.summary("nemo"); s != (factor.Summary{}) {
		t.Errorf("nemo has %+v", s)
	}
}

func TestRenameAndRemove(t *testing.T) {
	h := open(t)
	h.add("dory")
	h.recovery("dory")
	list, err := h.List(t.Context(), realm.Default, "dory")
	if err != nil {
		t.Fatal(err)
	}
	id := list[0].ID
	for name, tt := range map[string]struct {
		user, id, to string
		done         bool
		want         string
	}{
		"another's":      {"nemo", id, "mine", false, "phone"},
		"unknown":        {"dory", "nothing", "mine", false, "phone"},
		"empty":          {"dory", id, " \n", true, "phone"},
		"long and dirty": {"dory", id, "\x00" + strings.Repeat("鍵", 100), true, strings.Repeat("鍵", 64)},
	} {
		done, err := h.Rename(t.Context(), realm.Default, tt.user, tt.id, tt.to)
		if err != nil || done != tt.done {
			t.Errorf("%s: %t, %v", name, done, err)
		}
		now, err := h.List(t.Context(), realm.Default, "dory")
		if err != nil || now[0].Name != tt.want {
			t.Errorf("%s: is called %q", name, now[0].Name)
		}
		if _, err := h.Rename(t.Context(), realm.Default, "dory", id, "phone"); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := h.Remove(t.Context(), realm.Default, "nemo", id); done || err != nil {
		t.Errorf("nemo removes dory's factor: %t, %v", done, err)
	}
	if done, err := h.Remove(t.Context(), realm.Default, "dory", id); !done || err != nil {
		t.Errorf("%t, %v", done, err)
	}
	if h.summary("dory") != (factor.Summary{}) || h.left("dory") != -1 {
		t.Error("recovery codes outlive the last factor that they stand in for")
	}
}
