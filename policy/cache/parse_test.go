package cache_test

import (
	"strings"
	"testing"

	"sallyport/policy/cache"
)

// FuzzDirectives: whatever stands around them, directives of our own that stand on a line of theirs are seen, and a
// lifetime is never longer than the shortest one.
func FuzzDirectives(f *testing.F) {
	for _, seed := range []string{"max-age=60", `private="a, b", max-age=1`, `x="`, "=,=,", "no-store ;max-age", "\"max-age=5\"", "max-age=\"1\\0\"", "\t, ,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		alone, _ := cache.ParseDirectives([]string{field})
		age, noStore := cache.ParseDirectives([]string{field, "no-store, max-age=100"})
		if !noStore {
			t.Fatalf("%q hides no-store on another line", field)
		}
		if age < 0 || age > 100 || alone >= 0 && age > alone {
			t.Fatalf("%q, alone %d, makes 100 seconds %d", field, alone, age)
		}
		if strings.ContainsAny(field, `"=`) {
			return
		}
		if _, noStore := cache.ParseDirectives([]string{field + ",no-store"}); !noStore {
			t.Fatalf("%q hides no-store on its own line", field)
		}
	})
}

// FuzzTags: a tag that stands in the list on a line of its own is found, and nothing is found that is not written there.
func FuzzTags(f *testing.F) {
	for _, seed := range []string{`"a"`, `W/"a", "b"`, `"a,b"`, `"`, `W/`, `*`, `,,"x"`, `"a" "b"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		const etag = `W/"sought"`
		if !cache.TagsMatch([]string{list, `"sought"`}, etag) {
			t.Fatalf("%q hides the tag on another line", list)
		}
		if cache.TagsMatch([]string{list}, etag) && !strings.Contains(list, "sought") && strings.Trim(list, " \t") != "*" {
			t.Fatalf("%q is taken for the tag", list)
		}
	})
}
