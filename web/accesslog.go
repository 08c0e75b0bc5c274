package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"sallyport/oauth"
)

// An Access log is told of each request when it is done, at the moment now. What it writes holds no query and no header
// but the two that name the client's program and the page it came from: the others may be credentials.
type Access func(v *Visit, now time.Time)

// sent is what only an access log wants to know of a request.
type sent struct{ referer, agent string }

func sentBy(r *http.Request) sent {
	// The page's own query may hold a code or a token (RFC 6749 section 10.5 has people put codes there).
	referer, _, _ := strings.Cut(r.Header.Get("Referer"), "?")
	referer, _, _ = strings.Cut(referer, "#")
	return sent{referer: referer, agent: r.Header.Get("User-Agent")}
}

// LogAccess writes a line of the log for each request.
func LogAccess(log *slog.Logger) Access {
	return func(v *Visit, now time.Time) {
		if !log.Enabled(context.Background(), slog.LevelInfo) {
			return
		}
		attrs := make([]slog.Attr, 0, 12)
		attrs = append(attrs,
			slog.String("method", v.method),
			slog.String("path", v.Path()),
			slog.Int("status", v.answer.status),
			slog.Int64("bytes", v.answer.bytes),
			slog.Duration("took", v.Took(now)),
			slog.String("source", v.Source.String()),
			slog.String("id", v.ID))
		for _, a := range [...]struct{ name, value string }{
			{"face", v.Face}, {"api", v.API}, {"client", v.Client}, {"reason", v.Reason},
		} {
			if a.value != "" {
				attrs = append(attrs, slog.String(a.name, a.value))
			}
		}
		log.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
	}
}

// JSONAccess writes a JSON object on a line for each request. A line reaches w in one piece, one at a time.
func JSONAccess(w io.Writer) Access { return newLines(w, appendJSON).write }

// CombinedAccess writes the "combined" form of Apache's server, which most programs that count requests read. The user in it
// is the client that called.
func CombinedAccess(w io.Writer) Access { return newLines(w, appendCombined).write }

// lines writes one line at a time.
type lines struct {
	form func(line []byte, v *Visit, now time.Time) []byte
	mu   sync.Mutex // guards what follows
	w    io.Writer
	line []byte
}

func newLines(w io.Writer, form func([]byte, *Visit, time.Time) []byte) *lines {
	return &lines{w: w, form: form}
}

func (l *lines) write(v *Visit, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = append(l.form(l.line[:0], v, now), '\n')
	_, _ = l.w.Write(l.line) // a log that cannot be written is lost: there is no other place to say so
}

func appendJSON(b []byte, v *Visit, now time.Time) []byte {
	b = append(b, `{"time":"`...)
	b = v.start.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(v.answer.status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, v.answer.bytes, 10)
	b = append(b, `,"took_us":`...)
	b = strconv.AppendInt(b, v.Took(now).Microseconds(), 10)
	for _, m := range [...]struct{ name, value string }{
		{`,"method":`, v.method}, {`,"host":`, v.host}, {`,"path":`, v.Path()}, {`,"proto":`, v.proto}, {`,"id":`, v.ID},
		{`,"face":`, v.Face}, {`,"api":`, v.API}, {`,"client":`, v.Client}, {`,"reason":`, v.Reason},
		{`,"referer":`, v.sent.referer}, {`,"agent":`, v.sent.agent},
	} {
		if m.value != "" {
			b = append(b, m.name...)
			b = oauth.AppendString(b, m.value)
		}
	}
	if v.Source.IsValid() {
		b = append(b, `,"source":"`...)
		b = append(v.Source.AppendTo(b), '"')
	}
	return append(b, '}')
}

func appendCombined(b []byte, v *Visit, _ time.Time) []byte {
	b = appendHost(b, v.Source)
	b = append(b, " - "...)
	b = appendField(b, v.Client, true)
	b = append(b, " ["...)
	b = v.start.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	b = appendEscaped(b, v.method, false)
	b = append(b, ' ')
	b = appendEscaped(b, v.Path(), true)
	b = append(b, ' ')
	b = appendEscaped(b, v.proto, false)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(v.answer.status), 10)
	b = append(b, ' ')
	if v.answer.bytes == 0 {
		b = append(b, '-')
	} else {
		b = strconv.AppendInt(b, v.answer.bytes, 10)
	}
	for _, s := range [...]string{v.sent.referer, v.sent.agent} {
		b = append(b, ` "`...)
		b = appendField(b, s, false)
		b = append(b, '"')
	}
	return b
}

func appendHost(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(b, '-')
	}
	return a.AppendTo(b)
}

// appendField appends a value, or a hyphen for none. Outside of quotes a space would begin the next field.
func appendField(b []byte, s string, bare bool) []byte {
	if s == "" {
		return append(b, '-')
	}
	return appendEscaped(b, s, bare)
}

// appendEscaped appends what cannot end its field or its line, and moves no terminal's cursor.
func appendEscaped(b []byte, s string, spaces bool) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20, c >= 0x7f, c == ' ' && spaces:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
