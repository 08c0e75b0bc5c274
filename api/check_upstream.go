package api

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/realm"
)

const (
	maxTargets  = 256
	maxWeight   = 1_000_000
	maxAttempts = 10
	maxTimeout  = realm.Duration(24 * time.Hour)
)

// checkTargets checks where calls go: one upstream, several targets, or targets by the caller's address.
func checkTargets(a *API) error {
	params, _, _ := ParsePattern(a.Path)
	switch {
	case len(a.Divert) > 0 && (a.Upstream != "" || len(a.Targets) > 0):
		return fmt.Errorf("divert: with it, calls go to its targets alone; take out upstream and targets, or move them into an entry of divert that is from [0.0.0.0/0, \"::/0\"]")
	case len(a.Divert) > 0:
		return checkDivert(a.Divert, params)
	case a.Upstream != "" && len(a.Targets) > 0:
		return fmt.Errorf("targets: give upstream or targets, not both")
	case len(a.Targets) > 0:
		return checkTargetList("targets", a.Targets, params)
	case a.Upstream == "":
		return fmt.Errorf("upstream: it is missing; give the address calls go to, like http://127.0.0.1:9000")
	}
	return checkURL("upstream", a.Upstream, params)
}

func checkDivert(divert []Diversion, params []string) error {
	for i, d := range divert {
		field := fmt.Sprintf("divert[%d].", i)
		if len(d.From) == 0 {
			return fmt.Errorf("%sfrom: it is empty; list addresses or prefixes, \"0.0.0.0/0\" and \"::/0\" for everybody", field)
		}
		for _, from := range d.From {
			if err := checkNetwork(from); err != nil {
				return fmt.Errorf("%sfrom: %w", field, err)
			}
		}
		if err := checkTargetList(field+"targets", d.Targets, params); err != nil {
			return err
		}
	}
	return nil
}

func checkNetwork(text string) error {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || p.Addr().Is4In6():
		return fmt.Errorf("%.80q is neither an address nor a prefix; write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32", text)
	case p != p.Masked():
		return fmt.Errorf("%s has bits behind its length; write %s", text, p.Masked())
	}
	return nil
}

func checkTargetList(field string, targets []Target, params []string) error {
	switch {
	case len(targets) == 0:
		return fmt.Errorf("%s: there are none; name at least one", field)
	case len(targets) > maxTargets:
		return fmt.Errorf("%s: %d are too many; use at most %d", field, len(targets), maxTargets)
	}
	some := false
	for i, t := range targets {
		at := fmt.Sprintf("%s[%d].", field, i)
		if err := checkURL(at+"url", t.URL, params); err != nil {
			return err
		}
		if t.Weight < -1 || t.Weight > maxWeight {
			return fmt.Errorf("%sweight: %d cannot be used; write 1 to %d, or -1 for no calls", at, t.Weight, maxWeight)
		}
		if slices.ContainsFunc(targets[:i], func(o Target) bool { return o.URL == t.URL }) {
			return fmt.Errorf("%surl: %s is there twice; remove one, and use weight for a larger share", at, t.URL)
		}
		some = some || t.Weight >= 0
	}
	if !some {
		return fmt.Errorf("%s: none of them gets calls; give one a weight that is not -1, or switch the API off with disabled", field)
	}
	return nil
}

// checkURL checks the address of an upstream, of which the path may have the API's parameters in it.
func checkURL(field, text string, params []string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return fmt.Errorf("%s: it is missing; give the address calls go to, like http://127.0.0.1:9000", field)
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		// The error of url.Parse repeats what may be a password.
		return fmt.Errorf("%s: it is not an absolute URL; write it like http://127.0.0.1:9000", field)
	case u.User != nil:
		return fmt.Errorf("%s: it holds a user name or password; take them out, the gateway does not send any", field)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%s: %q has the scheme %q; use http or https", field, text, u.Scheme)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return fmt.Errorf("%s: %q has a query or a fragment; take it off, the caller's query is sent", field, text)
	}
	path := u.RawPath // as it was written, if that is not what url would write; it would escape the braces
	if path == "" {
		path = u.EscapedPath()
	}
	if path == "" || path == "/" {
		return nil
	}
	if err := checkPath(field, strings.TrimSuffix(path, "/")); err != nil {
		return err
	}
	names, _, _ := ParsePattern(strings.TrimSuffix(path, "/"))
	for _, name := range names {
		if !slices.Contains(params, name) {
			return fmt.Errorf("%s: {%s} is not a parameter of the API's path; use one of %s", field, name, list(params))
		}
	}
	return nil
}

// checkUpstreams checks how calls are spread and what is done when they fail.
func checkUpstreams(a *API) error {
	for _, check := range []func(*Upstreams) error{checkBalance, checkHealth, checkEject, checkRetry, checkTimeouts} {
		if err := check(&a.Upstreams); err != nil {
			return err
		}
	}
	u := &a.Upstreams
	switch {
	case u.Mirror.URL == "" && u.Mirror.Percent != 0:
		return fmt.Errorf("mirror.percent: there is no mirror.url; say where the copies go, or remove it")
	case u.Mirror.Percent < 0 || u.Mirror.Percent > 100:
		return fmt.Errorf("mirror.percent: %d is not a share; write 1 to 100", u.Mirror.Percent)
	case u.Engine != "" && u.Engine != "standard":
		return fmt.Errorf("engine: %q is not an engine; write standard, or leave it out for the fast one", u.Engine)
	case u.Host != "" && u.Host != "caller" && !isHostPort(u.Host):
		return fmt.Errorf("upstream_host: %q is not a host; write it like orders.internal or orders.internal:8080, or write caller", u.Host)
	case u.Mirror.URL == "":
		return nil
	}
	params, _, _ := ParsePattern(a.Path)
	return checkURL("mirror.url", u.Mirror.URL, params)
}

func isHostPort(host string) bool {
	u, err := url.Parse("//" + host)
	return err == nil && u.Host == host && u.Hostname() != "" && !strings.HasSuffix(host, ":") &&
		strings.Trim(strings.ToLower(u.Hostname()), "abcdefghijklmnopqrstuvwxyz0123456789-._:") == ""
}

var balances = []string{BalanceRandom, BalanceRoundRobin, BalanceLeast, BalanceTwo, BalanceHash}

func checkBalance(u *Upstreams) error {
	b := u.Balance
	switch {
	case b.By != "" && !slices.Contains(balances, b.By):
		return fmt.Errorf("balance.by: %q is no way to balance; use one of %s", b.By, list(balances))
	case b.Key != "" && b.By != BalanceHash:
		return fmt.Errorf("balance.key: it is for `by: hash` only; write that, or remove the key")
	case b.Key == "" || slices.Contains([]string{"client", "user", "address", "path"}, b.Key):
		return nil
	}
	kind, name, _ := strings.Cut(b.Key, ":")
	if (kind != "header" && kind != "cookie") || !isToken(name) {
		return fmt.Errorf("balance.key: %q is not a key; write client, user, address, path, header:NAME or cookie:NAME", b.Key)
	}
	return nil
}

func checkHealth(u *Upstreams) error {
	h := u.Health
	if h == (Health{}) {
		return nil
	}
	path, err := url.Parse(h.Path)
	switch {
	case h.Path == "":
		return fmt.Errorf("health.path: it is missing; say what to ask for, like /healthz")
	case err != nil || h.Path[0] != '/' || strings.HasPrefix(h.Path, "//") || path.Fragment != "" || strings.ContainsAny(h.Path, "#\\ "):
		return fmt.Errorf("health.path: %q is not a path; write it from the root of the server, like /healthz", h.Path)
	case h.Status != 0 && (h.Status < 200 || h.Status > 599):
		return fmt.Errorf("health.status: %d is not the status of an answer; write one such as 200, or leave it out for any from 200 to 399", h.Status)
	case h.Fails < 0 || h.Passes < 0:
		return fmt.Errorf("health.%s: it is negative; write how many in a row", named(h.Fails < 0, "fails", "passes"))
	case h.Every < 0 || h.Every > maxTimeout || h.Every > 0 && h.Every < realm.Duration(100*time.Millisecond):
		return fmt.Errorf("health.every: %s cannot be used; write 100ms to 1d", h.Every)
	case h.Timeout < 0 || h.Timeout > maxTimeout:
		return fmt.Errorf("health.timeout: %s cannot be used; write at most 1d", h.Timeout)
	}
	return nil
}

func named(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func checkEject(u *Upstreams) error {
	e := u.Eject
	switch {
	case e.Fails < 0:
		return fmt.Errorf("eject.fails: %d is negative; write how many in a row, or 0 for never", e.Fails)
	case e.Fails == 0 && e != (Eject{}):
		return fmt.Errorf("eject.fails: it is missing, so no target is ever taken out; say after how many failures in a row one is")
	case e.For < 0 || e.For > maxTimeout:
		return fmt.Errorf("eject.for: %s cannot be used; write at most 1d", e.For)
	case e.Most < 0 || e.Most > 100:
		return fmt.Errorf("eject.most: %d is not a share; write 1 to 100", e.Most)
	}
	return nil
}

func checkRetry(u *Upstreams) error {
	r := u.Retry
	switch {
	case r.Attempts < 0 || r.Attempts > maxAttempts:
		return fmt.Errorf("retry.attempts: %d cannot be used; write 1 to %d", r.Attempts, maxAttempts)
	case r.Attempts == 0 && (len(r.On) > 0 || r.Budget != 0 || r.Any):
		return fmt.Errorf("retry.attempts: it is missing, so nothing is tried again; say how often besides the first time")
	case r.Budget < 0 || r.Budget > 100:
		return fmt.Errorf("retry.budget: %d is not a share; write 1 to 100, the percent of calls", r.Budget)
	}
	for i, status := range r.On {
		if status < 400 || status > 599 {
			return fmt.Errorf("retry.on: %d is not the status of a failure; use 400 to 599", status)
		}
		if slices.Contains(r.On[:i], status) {
			return fmt.Errorf("retry.on: %d is there twice; remove one", status)
		}
	}
	return nil
}

func checkTimeouts(u *Upstreams) error {
	for _, t := range []struct {
		field string
		value realm.Duration
	}{{"connect", u.Timeouts.Connect}, {"answer", u.Timeouts.Answer}, {"idle", u.Timeouts.Idle}} {
		if t.value < 0 || t.value > maxTimeout {
			return fmt.Errorf("timeouts.%s: %s cannot be used; write at most 1d", t.field, t.value)
		}
	}
	return nil
}
