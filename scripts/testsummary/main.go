// Command testsummary runs "go test -json" with its own arguments and reports
// what a reader wants: one line per package as it ends, everything that failed
// in full, why tests were skipped, and at the end, alone on a line,
//
//	N passed, N failed, N skipped
//
// It owns nothing but that report. It fails closed: a failed build, a panic, a
// timeout, a stream that breaks off and a run without a single test are failures.
//
//	go run ./scripts/testsummary -race ./...
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, errFailed) {
			fmt.Fprintln(os.Stderr, "testsummary:", err)
		}
		os.Exit(1)
	}
}

var errFailed = errors.New("tests failed")

func run(args []string, stdout, stderr io.Writer) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	// Ctrl-C reaches go test too; what it says then is still worth a summary.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	if err := cmd.Start(); err != nil {
		return err
	}
	total, readErr := Summarise(out, stdout)
	if readErr != nil {
		_, _ = io.Copy(io.Discard, out) // so that go test can end
	}
	var exit *exec.ExitError
	waitErr := cmd.Wait()
	if waitErr != nil && !errors.As(waitErr, &exit) {
		readErr = errors.Join(readErr, waitErr)
	}
	if (waitErr != nil || readErr != nil) && total.Failed == 0 {
		total.Failed = 1 // something else than a test went wrong, and a summary must not hide it
	}
	fmt.Fprintln(stdout, total)
	switch {
	case readErr != nil:
		return readErr
	case total.Failed > 0:
		return errFailed
	case total.Passed == 0:
		return errors.New("not a single test passed; is the package pattern right?")
	}
	return nil
}
