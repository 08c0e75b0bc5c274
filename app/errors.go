package app

import (
	"errors"
	"fmt"

	"sallyport/deployment/strictyaml"
	"sallyport/oauth"
)

// The exit codes.
const (
	exitOK        = 0 // done, or nothing to do
	exitFailure   = 1 // something went wrong that another try may mend
	exitUsage     = 2 // the command, a file or a setting is wrong: nothing was done
	exitDifferent = 3 // apply --dry-run: applying would change something
)

// A usageError is a fault of what was asked for.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errDifferent ends a dry run that found differences. It prints nothing.
var errDifferent = errors.New("there are differences")

// exitCode says how the process ends.
func exitCode(err error) int {
	var wrong *usageError
	var faults strictyaml.Errors
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDifferent):
		return exitDifferent
	case errors.As(err, &wrong), errors.As(err, &faults):
		return exitUsage
	}
	return exitFailure
}

// inWords writes an error for the person at the keyboard.
func inWords(err error) string {
	var e *oauth.Error
	if errors.As(err, &e) && e.Reason == oauth.Unavailable {
		cause := err
		if e.Err != nil {
			cause = e.Err
		}
		return fmt.Sprintf("the database cannot be used: %v; see that --database or --data names one that can be reached and written", cause)
	}
	return err.Error()
}
