package deployment

import "sallyport/deployment/strictyaml"

// A zero is a setting that was left out or written as nothing at all, which is taken for the default. Who writes it down
// means something else.
type zero struct {
	key string
	is  bool
	fix string // why it will not do, and what to write
}

const orDefault = "would be taken for the default; write more, or leave it out"

// zeros sees that nobody means "none" by a zero that stands for something else, and that what was begun says what it needs.
func (c *checker) zeros(a *API, subject string) {
	h, e, r, t, m := &a.Health, &a.Eject, &a.Retry, &a.Timeouts, &a.Mirror
	c.zero(subject, "health", h.Place, zero{"path", h.Path == "", "is missing; say what to ask for, like /healthz"},
		zero{"every", h.Every == 0, orDefault}, zero{"timeout", h.Timeout == 0, orDefault}, zero{"status", h.Status == 0, orDefault},
		zero{"fails", h.Fails == 0, orDefault}, zero{"passes", h.Passes == 0, orDefault})
	c.zero(subject, "eject", e.Place, zero{"fails", e.Fails == 0, "is missing; say after how many failures in a row a target is taken out"},
		zero{"for", e.For == 0, orDefault}, zero{"most", e.Most == 0, orDefault})
	c.zero(subject, "retry", r.Place, zero{"attempts", r.Attempts == 0, "is missing; say how often besides the first time"},
		zero{"budget", r.Budget == 0, "would be taken for the default of 20; write 1 for as few as can be, or take out retry for none"})
	c.zero(subject, "timeouts", t.Place, zero{}, zero{"connect", t.Connect == 0, orDefault}, zero{"answer", t.Answer == 0, orDefault}, zero{"idle", t.Idle == 0, orDefault})
	c.zero(subject, "mirror", m.Place, zero{"url", m.URL == "", "is missing; say where the copies go"},
		zero{"percent", m.Percent == 0, "would be taken for the default of 100; take out mirror to send no copies"})
}

// zero checks an object: needed is the key without which it says nothing.
func (c *checker) zero(subject, object string, p strictyaml.Place, needed zero, others ...zero) {
	if p.At.Line == 0 {
		return // it was not given
	}
	if needed.is && len(p.Given) == 0 {
		c.faults.Add(p.At, "%s: %s: it is empty, and %s %s", subject, object, needed.key, needed.fix)
	}
	for _, z := range others {
		if z.is && p.Has(z.key) {
			c.faults.Add(p.Of(z.key), "%s: %s.%s: 0 %s", subject, object, z.key, z.fix)
		}
	}
}

// weights sees that nobody means "no calls" by a weight of zero, which is the default.
func (c *checker) weights(targets []Target, subject string) {
	for i := range targets {
		if t := &targets[i]; t.Has("weight") && t.Weight == 0 {
			c.faults.Add(t.Of("weight"), "%s: weight: 0 would be taken for the default of 1; write -1 for no calls, or leave it out", subject)
		}
	}
}
