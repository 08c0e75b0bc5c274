package app

import (
	"runtime"
	"runtime/debug"
)

type versionInfo struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// versionOf tells which build this is: what the linker was told, otherwise the commit that Go remembers.
func versionOf(linked string) versionInfo {
	v := versionInfo{Version: linked, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if v.Version != "" {
		return v
	}
	v.Version = "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Version = s.Value[:min(len(s.Value), 12)]
			}
		}
	}
	return v
}
