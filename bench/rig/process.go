// Package rig is what benchmarks are made of: server processes whose CPU time and memory are read from the operating
// system, and load over keep-alive connections, closed loop (as fast as answers come) or open loop (at a constant rate).
package rig

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticksPerSecond is the unit of times in /proc/PID/stat. The kernel reports to user space in hundredths of a second on
// every architecture that Go runs on.
const ticksPerSecond = 100

// A Process is a server under measurement.
type Process struct {
	Addr string
	cmd  *exec.Cmd
}

// A Command says how a server is started.
type Command struct {
	Addr string // where it will listen
	Name string // program
	Args []string
	Env  []string // besides our own environment
	Core int      // pin it to this core, counted from 1; 0: to none
}

// Build builds the server into a file.
func Build(ctx context.Context, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", out, "./cmd/sallyport")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// Start runs a server and waits until its port answers.
func Start(ctx context.Context, c Command) (*Process, error) {
	addr, name, args := c.Addr, c.Name, c.Args
	if c.Core > 0 {
		name, args = "taskset", append([]string{"-c", strconv.Itoa(c.Core - 1), name}, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), c.Env...)
	log, err := os.Create(filepath.Join(os.TempDir(), "sallyport-bench-"+strings.ReplaceAll(addr, ":", "-")+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, Addr: addr}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			conn.Close()
			_ = os.Remove(log.Name())
			return p, nil
		}
	}
	said, _ := os.ReadFile(log.Name())
	p.Stop()
	return nil, fmt.Errorf("%s did not listen on %s within 20 s; it said:\n%s", c.Name, addr, said)
}

// Stop ends the server, if there is one.
func (p *Process) Stop() {
	if p == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-done
	}
}

// CPU returns the CPU time the process has used, user and system.
func (p *Process) CPU() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The second field is the command in parentheses and may hold spaces: count from the last parenthesis.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("cannot read the CPU time of process %d", p.cmd.Process.Pid)
	}
	return time.Duration(user+system) * time.Second / ticksPerSecond, nil
}

// Resident returns the bytes of memory the process occupies.
func (p *Process) Resident() (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			return n * 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS for process %d", p.cmd.Process.Pid)
}

// FreePort returns a loopback address nobody listens on.
func FreePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
