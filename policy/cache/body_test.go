package cache_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"sallyport/policy"
	"sallyport/policy/policytest"
)

// TestBodies: an answer is stored when all of its body has come, and not otherwise (RFC 9111 section 3.3).
func TestBodies(t *testing.T) {
	broken := func(text string) io.Reader {
		return io.MultiReader(strings.NewReader(text), iotest.ErrReader(errBroken))
	}
	tests := []struct {
		name   string
		body   io.Reader
		length int64
		cut    bool
		read   int64 // by the caller; 0: all
		stored bool
	}{
		{"all of it", strings.NewReader("body"), 4, false, 0, true},
		{"in small pieces", iotest.OneByteReader(strings.NewReader("body")), 4, false, 0, true},
		{"the end comes with the last piece", iotest.DataErrReader(strings.NewReader("body")), 4, false, 0, true},
		{"nothing", strings.NewReader(""), 0, false, 0, true},
		{"of unknown length", iotest.HalfReader(strings.NewReader("body")), -1, false, 0, true},
		{"nothing, of unknown length", strings.NewReader(""), -1, false, 0, true},
		{"shorter than announced", strings.NewReader("bod"), 4, false, 0, false},
		{"longer than announced", strings.NewReader("body!"), 4, false, 0, false},
		{"breaks off", broken("bo"), 4, false, 0, false},
		{"breaks off, of unknown length", broken("bo"), -1, false, 0, false},
		{"ends with the connection", strings.NewReader("body"), -1, true, 0, false},
		{"the caller leaves", strings.NewReader("body"), 4, false, 2, false},
		{"the caller leaves, of unknown length", strings.NewReader("body"), -1, false, 2, false},
		{"as large as may be", strings.NewReader("12345678"), 8, false, 0, true},
		{"as large as may be, of unknown length", strings.NewReader("12345678"), -1, false, 0, true},
		{"too large", strings.NewReader("123456789"), 9, false, 0, false},
		{"too large, of unknown length", strings.NewReader("123456789"), -1, false, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, `{"largest": 8}`)
			body := &closer{Reader: tt.body}
			c := policytest.NewCall("GET", "/a")
			back := &policy.Response{Status: 200, Header: policytest.Fields("Cache-Control: max-age=60"), Body: body, Length: tt.length, Cut: tt.cut}
			if err := r.p.Request(t.Context(), c); err != nil || c.Answer != nil {
				t.Fatal(err)
			}
			if err := r.p.(policy.Responder).Response(t.Context(), c, back); err != nil {
				t.Fatal(err)
			}
			var from io.Reader = back.Body
			if tt.read > 0 {
				from = io.LimitReader(from, tt.read)
			}
			all, _ := io.ReadAll(from)
			_ = back.Body.Close()
			r.p.(policy.Finisher).Done(c)
			if !body.closed {
				t.Error("the upstream's body is not closed")
			}
			again := policytest.NewCall("GET", "/a")
			if err := r.p.Request(t.Context(), again); err != nil {
				t.Fatal(err)
			}
			defer r.p.(policy.Finisher).Done(again)
			if hit := again.Answer != nil; hit != tt.stored {
				t.Fatalf("stored: %v", hit)
			}
			if tt.stored && string(again.Answer.Body) != string(all) {
				t.Errorf("stored %q of %q", again.Answer.Body, all)
			}
		})
	}
}

type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return nil
}

// The caller gets each piece when it comes, not when the body is complete.
func TestCallerDoesNotWaitForTheEnd(t *testing.T) {
	r := newRig(t, "")
	from, to := io.Pipe()
	c := policytest.NewCall("GET", "/a")
	back := &policy.Response{Status: 200, Header: policytest.Fields("Cache-Control: max-age=60"), Body: from, Length: -1}
	if err := r.p.Request(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := r.p.(policy.Responder).Response(t.Context(), c, back); err != nil {
		t.Fatal(err)
	}
	defer r.p.(policy.Finisher).Done(c)
	done := make(chan struct{})
	defer close(done)
	go func() {
		_, _ = to.Write([]byte("first"))
		<-done // nothing more comes until the caller has what there is
		_ = to.Close()
	}()
	piece := make([]byte, 5)
	if _, err := io.ReadFull(back.Body, piece); err != nil || string(piece) != "first" {
		t.Errorf("got %q, %v", piece, err)
	}
}
