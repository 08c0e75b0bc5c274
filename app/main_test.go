package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sallyport/app"
)

// runAsSallyport in the environment makes the test binary the program: that is how tests get a process to kill.
const runAsSallyport = "SALLYPORT_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runAsSallyport) != "" {
		sallyport()
	}
	useNameServer()
	testscript.Main(m, map[string]func(){"sallyport": sallyport, "http": call})
}

func sallyport() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(app.Run(ctx, app.Process{
		Version: "test", Args: os.Args[1:], Getenv: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}))
}

const callUsage = "http [-until STATUS] [-H 'Name: value'] [-d name=value] [-body TEXT] METHOD URL"

// call is the scripts' HTTP client: it prints status, challenge and body. With -until it repeats the request until it is
// answered with the status, for two seconds at most, and fails otherwise.
func call() {
	r, until, err := callRequest(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err, callUsage)
		os.Exit(2)
	}
	deadline := time.Now().Add(2 * time.Second)
	for {
		text, status, err := callOnce(r)
		if err == nil && (until == "" || until == status) {
			fmt.Print(text)
			os.Exit(0)
		}
		if until == "" || time.Now().After(deadline) {
			fmt.Println(text)
			fmt.Fprintln(os.Stderr, "no answer", until, err)
			os.Exit(1)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func callRequest(args []string) (r *http.Request, until string, err error) {
	var form []string
	body, header := "", http.Header{}
	for len(args) > 2 {
		switch args[0] {
		case "-until":
			until = args[1]
		case "-H":
			name, value, _ := strings.Cut(args[1], ":")
			header.Add(name, strings.TrimSpace(value))
		case "-d":
			form = append(form, args[1])
		case "-body":
			body = args[1]
		default:
			return nil, "", fmt.Errorf("unknown flag %s", args[0])
		}
		args = args[2:]
	}
	if len(args) != 2 {
		return nil, "", fmt.Errorf("method and URL are missing")
	}
	if len(form) > 0 {
		body = strings.Join(form, "&")
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r, err = http.NewRequest(args[0], args[1], strings.NewReader(body))
	if err == nil {
		r.Header = header
		r.Host = header.Get("Host")
	}
	return r, until, err
}

func callOnce(r *http.Request) (text, status string, err error) {
	again := r.Clone(context.Background())
	if again.Body, err = r.GetBody(); err != nil {
		return "", "", err
	}
	response, err := http.DefaultClient.Do(again)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	var b strings.Builder
	fmt.Fprintln(&b, response.StatusCode)
	for _, challenge := range response.Header.Values("WWW-Authenticate") {
		fmt.Fprintln(&b, "WWW-Authenticate:", challenge)
	}
	fmt.Fprintf(&b, "\n%s\n", body)
	return b.String(), fmt.Sprint(response.StatusCode), err
}
