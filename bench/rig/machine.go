package rig

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine names processor, cores, memory, kernel and Go, and the versions of what is measured.
func Machine() string {
	parts := []string{field("/proc/cpuinfo", "model name"), fmt.Sprintf("%d cores", cores()), field("/proc/meminfo", "MemTotal") + " memory"}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		parts = append(parts, "Linux "+strings.TrimSpace(string(kernel)))
	}
	parts = append(parts, runtime.Version())
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "modernc.org/sqlite" || d.Path == "github.com/jackc/pgx/v5" {
				parts = append(parts, d.Path+" "+d.Version)
			}
		}
	}
	return strings.Join(parts, ", ")
}

func field(file, name string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "unknown " + name
	}
	for line := range strings.Lines(string(raw)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown " + name
}

// cores counts the machine's, not those this process is pinned to.
func cores() int {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.NumCPU()
	}
	return strings.Count("\n"+string(raw), "\nprocessor")
}
