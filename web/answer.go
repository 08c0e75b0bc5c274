package web

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"sallyport/oauth"
)

// answer is the response writer of a visit. It remembers the status and counts the bytes of the body. Deadlines
// and full duplex are found by http.ResponseController through Unwrap.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
	reason oauth.Reason // of an error that WriteError wrote
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter. Informational answers come before the one that counts; 101 is the last
// that HTTP says (RFC 9110 section 15.2).
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that files are sent by the kernel.
func (a *answer) ReadFrom(src io.Reader) (int64, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := io.Copy(a.ResponseWriter, src)
	a.bytes += n
	return n, err
}

// Flush implements http.Flusher.
func (a *answer) Flush() {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	_ = http.NewResponseController(a.ResponseWriter).Flush() // a writer that cannot flush has nothing to flush
}

// Hijack implements http.Hijacker. Whoever takes the connection over does so to switch protocols.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil && a.status == 0 {
		a.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}
