//go:build !unix

package pgtest

import "os/exec"

// runUnprivileged has nothing to change where there is no root.
func runUnprivileged(*exec.Cmd, string) error { return nil }
