package app

import (
	"io"
	"log/slog"
	"os"

	"sallyport/web"
)

// Forms of the lines of requests.
const (
	accessInLog    = "log"
	accessJSON     = "json"
	accessCombined = "combined"
)

// accessLog makes the log of requests that the settings ask for; nil for none.
func accessLog(c Config, log *slog.Logger) web.Access {
	out := c.AccessLog
	if out == nil {
		out = os.Stdout
	}
	switch {
	case !c.LogRequests:
		return nil
	case c.AccessLogFormat == accessJSON:
		return web.JSONAccess(out)
	case c.AccessLogFormat == accessCombined:
		return web.CombinedAccess(out)
	}
	return web.LogAccess(log)
}

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
