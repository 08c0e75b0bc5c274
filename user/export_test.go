package user

// MaxQueue is how many checks may wait for a worker.
const MaxQueue = maxQueue

// Occupy takes a worker until leave is called.
func (h *Hasher) Occupy() (leave func()) {
	h.workers <- struct{}{}
	return h.leave
}

// Queued is how many checks wait for a worker.
func (h *Hasher) Queued() int { return int(h.queued.Load()) }
