package app

import (
	"io"
	"log/slog"
)

// newLog makes the log that the settings ask for. Lines go to one writer, in one piece each.
func newLog(c Config, w io.Writer) *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	var level slog.Level
	if level.UnmarshalText([]byte(c.LogLevel)) != nil {
		level = slog.LevelInfo // the settings were checked when they were read
	}
	o := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(w, o)
	if c.LogFormat == "json" {
		h = slog.NewJSONHandler(w, o)
	}
	if b, ok := w.(*logBuffer); ok {
		h = promptHandler{h, b}
	}
	return slog.New(h)
}
