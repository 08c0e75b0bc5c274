package strictyaml

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// suggest says which key was probably meant, or which there are.
func suggest[V any](name string, known map[string]V) string {
	names := slices.Sorted(maps.Keys(known))
	if best := Nearest(name, names); best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "known here: " + strings.Join(names, ", ")
}

// Nearest returns the name that differs least, "" if none is near.
func Nearest(name string, names []string) string {
	folded := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(clip(name)))
	best, least := "", 3
	for _, candidate := range names {
		d := distance(folded, strings.ReplaceAll(strings.ToLower(candidate), "_", ""))
		if d < least && 2*d < len(candidate) {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours that turn a into b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// clip keeps a name short and printable in a message.
func clip(name string) string {
	if len(name) > 40 {
		name = name[:40] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return '?'
		}
		return r
	}, name)
}
