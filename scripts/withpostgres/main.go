// Command withpostgres runs a command beside a throw-away PostgreSQL server.
//
// It owns the server of one test run: it starts it, hands its URL down in
// SALLYPORT_TEST_POSTGRES, and ends it after the command, whose exit status is
// its own. A server named by that variable already is used as it is. It
// refuses to go on without PostgreSQL when CI is set; elsewhere the command
// runs all the same and its tests skip what they cannot do.
//
//	go run ./scripts/withpostgres go test ./...
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"

	"sallyport/store/postgres/pgtest"
)

func main() {
	status, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
	}
	os.Exit(status)
}

func run(args []string) (status int, err error) {
	if len(args) == 0 {
		return 2, errors.New("no command given; usage: withpostgres COMMAND [ARGUMENT...]")
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	if os.Getenv(pgtest.Env) == "" {
		s, err := pgtest.Launch(pgtest.Options{})
		switch {
		case errors.Is(err, pgtest.ErrAbsent) && os.Getenv("CI") == "":
			fmt.Fprintln(os.Stderr, "withpostgres: going on without PostgreSQL:", err)
		case err != nil:
			return 1, err
		default:
			defer func() { err = errors.Join(err, s.Stop()) }()
			cmd.Env = append(cmd.Env, pgtest.Env+"="+s.URL())
		}
	}
	// The terminal sends Ctrl-C to the command as well: wait for its end.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil // -1 stands for a signal
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
