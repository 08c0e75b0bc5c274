package lean

// A buffer holds a request on its way out, or what has come in of an answer. Connections have one only while there is
// something in it: those that are idle or wait for an answer hold none.
type buffer struct{ b []byte }

// bufferSize is enough for a head and a body of usual size.
const bufferSize = 16 << 10

func (t *Transport) buffer() *buffer {
	if b, ok := t.buffers.Get().(*buffer); ok {
		return b
	}
	return &buffer{b: make([]byte, bufferSize)}
}

// free takes a buffer back. One that had to grow is left to the garbage collector.
func (t *Transport) free(b *buffer) {
	if cap(b.b) == bufferSize {
		b.b = b.b[:bufferSize]
		t.buffers.Put(b)
	}
}
