package sqlite

import (
	"sync/atomic"

	"sallyport/feed"
	"sallyport/store/engine"
)

// The stages of a job. Writer and caller race for a queued one: the writer to begin it, the caller to give it up.
const (
	queued int32 = iota
	begun
	abandoned
)

// A job is one write on its way through the writer.
type job struct {
	fn     func(engine.Tx) error
	single bool // exactly one statement: needs no savepoint, for a statement that fails leaves nothing
	stage  atomic.Int32
	news   []feed.Change // the writer's until done is closed, then the caller's
	err    error         // likewise
	done   chan struct{}
}

func (j *job) begin() bool   { return j.stage.CompareAndSwap(queued, begun) }
func (j *job) abandon() bool { return j.stage.CompareAndSwap(queued, abandoned) }

func (j *job) answer(err error) {
	if err != nil {
		j.err, j.news = err, nil
	}
	close(j.done)
}

// A transaction is what a job sees of the writer.
type transaction struct {
	s *session
	j *job
}

func (t transaction) Exec(text string, args ...any) (int64, error) { return t.s.exec(text, args...) }

func (t transaction) Query(each func(engine.Row) error, text string, args ...any) error {
	return t.s.query(each, text, args...)
}

func (t transaction) Tell(changes ...feed.Change) { t.j.news = append(t.j.news, changes...) }
