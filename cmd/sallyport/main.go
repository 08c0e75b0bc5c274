// Command sallyport is an OAuth 2.0 authorization server and an API gateway. Everything it does is in package app.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // dialects write dates in their products' time zones, on machines that have no zone files too

	"sallyport/app"
)

// version is set by the linker.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks the program to end; from then on a signal ends it.
	context.AfterFunc(ctx, stop)
	os.Exit(app.Run(ctx, app.Process{
		Version: version, Args: os.Args[1:], Getenv: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}
