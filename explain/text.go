package explain

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText writes a record as a page for people. What a stranger sent stands in it escaped: it is shown on a terminal.
func (r *Record) WriteText(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, Visible(value))
		}
	}
	line("request", r.ID)
	line("at", r.Time.UTC().Format(time.RFC3339Nano))
	line("call", strings.TrimSpace(r.Method+" "+r.Path))
	line("host", r.Host)
	line("from", r.Source)
	line("realm", r.Realm)
	line("served by", r.Face)
	line("api", r.API)
	line("route", r.Route)
	line("client", r.Client)
	line("user", r.User)
	line("let in by", r.Way)
	fmt.Fprintf(w, "answered\t%d\n", r.Status)
	line("reason", r.Reason)
	line("refused by", r.Policy)
	line("told", r.Detail)
	for _, f := range r.Facts {
		line("  "+f.Name, f.Value)
	}
	line("cause", r.Cause)
	line("to mend it", r.Fix)
	return w.Flush()
}

// Visible escapes what could move a terminal's cursor, columns included.
func Visible(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c < 0x20, 0x7f <= c && c < 0xa0, c == 0x2028, c == 0x2029, 0x202a <= c && c <= 0x202e, 0x2066 <= c && c <= 0x2069:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
