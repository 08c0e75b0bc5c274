package cache

import (
	"math"
	"strings"
)

// absent is the value of a directive that is not there.
const absent = -1

// never is more seconds than anybody keeps anything for (RFC 9111 section 1.2.2).
const never = math.MaxInt32

// directives are those of Cache-Control that mean something here (RFC 9111 section 5.2, RFC 5861), of requests and of
// answers. Those with fields ("private=…", "no-cache=…") count as those without: nothing is kept or given in part.
type directives struct {
	some            bool // there are any at all
	noStore         bool
	noCache         bool
	private         bool
	public          bool
	mustRevalidate  bool
	proxyRevalidate bool
	mustUnderstand  bool
	onlyIfCached    bool

	maxAge               int64
	sMaxAge              int64
	maxStale             int64
	minFresh             int64
	staleIfError         int64
	staleWhileRevalidate int64
}

// parseDirectives reads the fields of Cache-Control. What it does not know it passes over. Of a directive that is there
// twice the stricter one counts, and a lifetime that is no number is none (RFC 9111 section 4.2.1).
func parseDirectives(fields []string) directives {
	d := directives{
		maxAge: absent, sMaxAge: absent, maxStale: absent, minFresh: absent, staleIfError: absent, staleWhileRevalidate: absent,
	}
	for _, field := range fields {
		for field != "" {
			var name, value string
			var has bool
			name, value, has, field = nextDirective(field)
			if name != "" {
				d.some = true
				d.set(name, value, has)
			}
		}
	}
	return d
}

func (d *directives) set(name, value string, has bool) {
	switch {
	case is(name, "no-store"):
		d.noStore = true
	case is(name, "no-cache"):
		d.noCache = true
	case is(name, "private"):
		d.private = true
	case is(name, "public"):
		d.public = true
	case is(name, "must-revalidate"):
		d.mustRevalidate = true
	case is(name, "proxy-revalidate"):
		d.proxyRevalidate = true
	case is(name, "must-understand"):
		d.mustUnderstand = true
	case is(name, "only-if-cached"):
		d.onlyIfCached = true
	case is(name, "max-age"):
		least(&d.maxAge, seconds(value))
	case is(name, "s-maxage"):
		least(&d.sMaxAge, seconds(value))
	case is(name, "stale-if-error"):
		least(&d.staleIfError, seconds(value))
	case is(name, "stale-while-revalidate"):
		least(&d.staleWhileRevalidate, seconds(value))
	case is(name, "min-fresh"):
		d.minFresh = max(d.minFresh, seconds(value))
	case is(name, "max-stale"):
		if !has { // however stale it is (RFC 9111 section 5.2.1.2)
			value = "2147483647"
		}
		least(&d.maxStale, seconds(value))
	}
}

func is(name, directive string) bool { return strings.EqualFold(name, directive) }

func least(to *int64, value int64) {
	if *to == absent || value < *to {
		*to = value
	}
}

// seconds reads delta-seconds (RFC 9111 section 1.2.2).
func seconds(text string) int64 {
	n := int64(0)
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0
		}
		if n = n*10 + int64(text[i]-'0'); n > never {
			n = never
		}
	}
	return n
}

// nextDirective takes one directive off a field: token [ "=" ( token / quoted-string ) ]. Broken text is skipped up to
// the next comma.
func nextDirective(field string) (name, value string, has bool, rest string) {
	field = strings.TrimLeft(field, ", \t")
	end := strings.IndexAny(field, "=,")
	if end < 0 {
		return strings.TrimRight(field, " \t"), "", false, ""
	}
	name, rest = strings.TrimRight(field[:end], " \t"), field[end+1:]
	if field[end] == ',' {
		return name, "", false, rest
	}
	if strings.HasPrefix(rest, `"`) {
		value, rest = quoted(rest)
		_, rest, _ = strings.Cut(rest, ",")
		return name, value, true, rest
	}
	value, rest, _ = strings.Cut(rest, ",")
	return name, strings.Trim(value, " \t"), true, rest
}

// quoted reads a quoted-string (RFC 9110 section 5.6.4). One without an end goes to the end of the text.
func quoted(text string) (value, rest string) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:]
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
