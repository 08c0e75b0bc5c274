package web

import (
	"context"
	"log/slog"
)

// writeAccess writes the line of a request that is done. The query and the headers stay out of it: they may hold
// credentials.
func (f *Front) writeAccess(v *Visit) {
	attrs := make([]slog.Attr, 0, 12)
	attrs = append(attrs,
		slog.String("method", v.method),
		slog.String("path", v.path),
		slog.Int("status", v.answer.status),
		slog.Int64("bytes", v.answer.bytes),
		slog.Duration("took", v.Took(f.Now())),
		slog.String("source", v.Source.String()),
		slog.String("id", v.ID))
	for _, a := range [...]struct{ name, value string }{
		{"face", v.Face}, {"api", v.API}, {"client", v.Client}, {"reason", v.Reason},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	f.Access.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
}
