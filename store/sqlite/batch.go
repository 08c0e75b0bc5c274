package sqlite

import (
	"errors"
	"time"

	"sallyport/store/engine"
)

// batch runs a job, and those that queue up meanwhile, in one transaction.
func (w *writer) batch(first *job) {
	if _, err := w.s.exec(begin); err != nil {
		w.refuse(first, classify(err))
		return
	}
	var ran []*job
	began := time.Now()
	for j := first; j != nil; j = w.gather(len(ran), began) {
		if !j.begin() {
			continue
		}
		ran = append(ran, j)
		if j.err = w.perform(j); engine.IsAway(j.err) {
			// SQLite may have rolled back everything already; what ran before is not safe to commit.
			w.abort(ran, j.err)
			return
		}
	}
	told, err := w.count(ran)
	if err == nil {
		_, err = w.s.exec(commit)
	}
	if err != nil {
		w.abort(ran, classify(err))
		return
	}
	if told != 0 {
		if told != w.seq+1 {
			w.signalLost()
		}
		w.seq = told
	}
	w.company = len(ran) + len(w.queue)
	for _, j := range ran {
		j.answer(j.err)
	}
}

// gather takes another job from the queue. When writers come in company, as the last commit saw, it waits a moment for
// each next one: a commit costs the same for one write and for many, and those who were answered just now are on their way
// back. A lone write waits for nobody.
func (w *writer) gather(taken int, began time.Time) *job {
	if j := w.next(taken); j != nil || taken >= maxBatch || w.company < 2 {
		return j
	}
	left := min(nextWithin, maxGather-time.Since(began))
	if left <= 0 {
		return nil
	}
	w.patience.Reset(left)
	defer w.patience.Stop()
	select {
	case j := <-w.queue:
		return j
	case <-w.patience.C:
	case <-w.quit:
	}
	return nil
}

// next takes another job from the queue if one is there.
func (w *writer) next(taken int) *job {
	if taken >= maxBatch {
		return nil
	}
	select {
	case j := <-w.queue:
		return j
	default:
		return nil
	}
}

// perform runs one job; if it fails, nothing of it remains.
func (w *writer) perform(j *job) error {
	if j.single {
		return classify(engine.Call(j.fn, transaction{w.s, j}))
	}
	if _, err := w.s.exec(savepoint); err != nil {
		return classify(err)
	}
	err := classify(engine.Call(j.fn, transaction{w.s, j}))
	if err != nil {
		j.news = nil
		if _, undone := w.s.exec(undo); undone != nil {
			return &engine.Away{Err: errors.Join(err, undone)}
		}
	}
	if _, released := w.s.exec(release); released != nil {
		return &engine.Away{Err: errors.Join(err, released)}
	}
	return err
}

// count advances the count of news if a job has some, and returns it; otherwise 0.
func (w *writer) count(ran []*job) (seq int64, err error) {
	for _, j := range ran {
		if len(j.news) > 0 {
			err := w.s.query(engine.One(&seq), engine.SeqNext)
			return seq, err
		}
	}
	return 0, nil
}

// abort gives up the transaction. A job with an error of its own keeps that one.
func (w *writer) abort(ran []*job, err error) {
	if _, e := w.s.exec(rollback); e != nil {
		w.log.Debug("rolling back", "error", e) // SQLite did it before us
	}
	for _, j := range ran {
		if j.err != nil {
			j.answer(j.err)
			continue
		}
		j.answer(err)
	}
}

// refuse answers jobs when no transaction can be begun: the one at hand and those that wait, which would fare the same.
func (w *writer) refuse(j *job, err error) {
	for n := 1; j != nil; n++ {
		if j.begin() {
			j.answer(err)
		}
		j = w.next(n)
	}
}
