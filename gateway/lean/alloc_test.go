//go:build !race

package lean_test

import (
	"bytes"
	"io"
	"testing"

	"sallyport/gateway/lean"
)

// TestAllocations: a call allocates the text of the answer's head, and whoever brings no memory for the rest pays for that.
// (The race detector makes pools forget, so it is not told of this.)
func TestAllocations(t *testing.T) {
	s := upstream(t, func(w *wire) {
		answer, buf := []byte(okAnswer), make([]byte, 4096)
		for {
			n, err := w.Conn.Read(buf)
			if err != nil || !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
				return
			}
			if _, err := w.Conn.Write(answer); err != nil {
				return
			}
		}
	})
	tr := newTransport(t, lean.Options{})
	r := request(t, "GET", s.URL, nil).WithContext(t.Context()) // which can be cancelled
	r.Header.Set("X-A", "b")
	var own lean.Answer
	buf := make([]byte, 100)
	call := func(a *lean.Answer) {
		res, err := tr.SendInto(a, r, lean.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := res.Body.Read(buf); string(buf[:n]) != "ok" || err != io.EOF {
			t.Fatalf("got %q, %v", buf[:n], err)
		}
		res.Body.Close()
	}
	if n := testing.AllocsPerRun(1000, func() { call(&own) }); n > 1 {
		t.Errorf("%v allocations with memory of the caller's", n)
	}
	if n := testing.AllocsPerRun(1000, func() { call(new(lean.Answer)) }); n > 4 {
		t.Errorf("%v allocations without", n)
	}
}
