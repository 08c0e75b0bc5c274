package cache_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sallyport/policy"
	"sallyport/policy/cache"
)

func TestSettings(t *testing.T) {
	tests := []struct{ settings, err string }{
		{``, ""},
		{`{}`, ""},
		{`{"mode": "standard", "shared": true, "vary": ["X-A"], "largest": 10, "stale_if_error": "1h", "stale_while_revalidate": "30s"}`, ""},
		{`{"mode": "fixed", "minutes": 3, "methods": ["GET", "POST"], "anything": true}`, ""},
		{`{"mod": "fixed"}`, `mod: unknown key; known here: `},
		{`{"mode": "adaptive"}`, "mode: is neither standard nor fixed"},
		{`{"minutes": 3}`, "belong to mode fixed"},
		{`{"methods": ["GET"]}`, "belong to mode fixed"},
		{`{"anything": true}`, "belong to mode fixed"},
		{`{"mode": "fixed", "minutes": -1}`, "minutes: is not a number from 1 to 10080"},
		{`{"mode": "fixed", "minutes": 10081}`, "minutes: is not a number from 1 to 10080"},
		{`{"mode": "fixed", "anything": true, "shared": true}`, "anything: cannot be together with shared"},
		{`{"mode": "fixed", "stale_if_error": "1h"}`, "do not go with mode fixed"},
		{`{"mode": "fixed", "methods": [""]}`, "methods: \"\" is not the name of a method"},
		{`{"largest": -1}`, "largest: is not a number from 1 to 268435456"},
		{`{"largest": 268435457}`, "largest: is not a number from 1 to 268435456"},
		{`{"stale_if_error": "-1h"}`, "is not a duration"},
		{`{"stale_while_revalidate": "-1h"}`, "is not a duration"},
		{`{"vary": [""]}`, "vary: an entry has no name"},
		{`{"vary": ["a b"]}`, "vary: \"a b\" is not the name of a header field"},
		{`{"mode": "fixed", "methods": ["get"]}`, "methods: \"get\" is not the name of a method"},
		{`{"shared": "yes"}`, "shared: want true or false, got a text"},
	}
	kind := cache.Kind(0)
	for _, tt := range tests {
		_, err := kind.New(policy.Site{}, json.RawMessage(tt.settings))
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: %v, want %q", tt.settings, err, tt.err)
		}
	}
}
