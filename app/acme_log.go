package app

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newZap passes what the ACME library logs on to our log, each line a level down: it tells every step of what it tries,
// and what comes of it, its events tell.
func newZap(log *slog.Logger) *zap.Logger { return zap.New(zapToSlog{log: log}) }

// zapToSlog is a zapcore.Core.
type zapToSlog struct {
	log    *slog.Logger
	fields []zapcore.Field
}

func slogLevel(l zapcore.Level) slog.Level {
	switch {
	case l > zapcore.ErrorLevel:
		return slog.LevelError
	case l == zapcore.ErrorLevel:
		return slog.LevelWarn
	case l == zapcore.WarnLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// Enabled implements zapcore.Core.
func (z zapToSlog) Enabled(l zapcore.Level) bool {
	return z.log.Enabled(context.Background(), slogLevel(l))
}

// With implements zapcore.Core.
func (z zapToSlog) With(fields []zapcore.Field) zapcore.Core {
	return zapToSlog{log: z.log, fields: append(z.fields[:len(z.fields):len(z.fields)], fields...)}
}

// Check implements zapcore.Core.
func (z zapToSlog) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if z.Enabled(e.Level) {
		return c.AddCore(e, z)
	}
	return c
}

// Write implements zapcore.Core.
func (z zapToSlog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	m := zapcore.NewMapObjectEncoder()
	var attrs []slog.Attr
	for _, list := range [][]zapcore.Field{z.fields, fields} {
		for _, f := range list {
			f.AddTo(m)
			if v, ok := m.Fields[f.Key]; ok {
				attrs = append(attrs, slog.Any(f.Key, v))
				delete(m.Fields, f.Key)
			}
		}
	}
	z.log.LogAttrs(context.Background(), slogLevel(e.Level), "acme: "+e.Message, attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (zapToSlog) Sync() error { return nil }
