package app

import (
	"net/http"

	"sallyport/dialect"
	"sallyport/feed"
	"sallyport/gateway"
	"sallyport/gateway/upstream"
	"sallyport/policy/bearer"
	"sallyport/web"
	"sallyport/web/fetch"
	"sallyport/web/metrics"
)

// faces are the handlers of the listeners.
type faces struct {
	main    http.Handler
	gateway http.Handler
	admin   http.Handler
	metrics http.Handler
	health  *web.Health
	apis    *gateway.Gateway
}

func (a *App) newFaces(hub *feed.Hub) (*faces, error) {
	f := &faces{health: &web.Health{Check: a.store.Ping, Log: a.log, Now: a.now}}
	open := dialects(dialect.Deps{
		Engine: a.engine, Tokens: a.tokens, Keys: a.ring, Realms: a.realms, Clients: a.clients, Users: a.users, Log: a.log, Now: a.now,
		Flows: a.people.flows, Codes: a.people.codes, Claims: a.people.claims,
		Live: f.health.Live(), Ready: f.health.Ready(),
	})
	refuse := map[string]gateway.RefuseFunc{}
	for _, d := range open {
		refuse[d.Name()] = d.Refuse
	}
	var err error
	f.apis, err = gateway.New(gateway.Config{
		APIs: a.store, Hub: hub, Parts: parts(a.partDeps()), Refuse: refuse,
		Meter: a.counters.Call, Log: a.log, Now: a.now,
	})
	if err != nil {
		return nil, err
	}
	a.counters.Upstreams(f.upstreams)
	health := map[string]http.Handler{"/healthz": f.health.Live(), "/readyz": f.health.Ready()}
	main := &router{
		realms: a.realms, dialects: open, callers: open, gateway: f.apis, fixed: health,
		standard: a.people.routes(a),
	}
	if a.config.GatewayListen != "" {
		main.gateway = nil
	}
	if f.main, err = a.front(main); err != nil {
		return nil, err
	}
	if f.gateway, err = a.front(&router{realms: a.realms, callers: open, gateway: f.apis, fixed: health}); err != nil {
		return nil, err
	}
	only := http.NewServeMux()
	only.Handle("GET /metrics", a.counters.Handler())
	f.metrics = only
	admin := http.NewServeMux()
	for path, h := range health {
		admin.Handle("GET "+path, h)
	}
	admin.Handle("GET /metrics", a.counters.Handler())
	f.admin = admin
	return f, nil
}

// upstreams tells the metrics of every target. One that is kept without calls is up as long as it is well.
func (f *faces) upstreams(yield func(metrics.Upstream)) {
	f.apis.Upstreams().Each(func(realm, api string, s upstream.State) {
		yield(metrics.Upstream{
			Realm: realm, API: api, Target: s.URL, Up: s.Up || s.Weight == 0 && s.Healthy, InFlight: s.InFlight, Ejections: s.Ejections,
		})
	})
}

// partDeps are what the ways in and the policies of a running server work with.
func (a *App) partDeps() partDeps {
	// Where the keys of other issuers are is written down by an administrator, who may have them in a private network.
	keys := fetch.New(fetch.Options{Private: true})
	return partDeps{
		Tokens: a.tokens, Clients: a.clients, Leaser: a.leaser, Engine: a.engine, Keys: a.keys, Counts: a.store,
		Cache:   int64(a.config.CacheBytes),
		Issuers: bearer.NewIssuers(keys, a.clients, a.now),
	}
}

// front puts before a handler what every request meets first.
func (a *App) front(next http.Handler) (http.Handler, error) {
	proxies, err := web.ParseProxies(a.config.TrustedProxies)
	if err != nil {
		return nil, usage("%v", err)
	}
	observe := a.counters.Request(a.now)
	if a.config.AdminListen == "" && a.config.MetricsListen == "" {
		observe = nil // nobody can see the counters
	}
	f := &web.Front{
		Next: next, IDs: web.NewIDs(), Proxies: proxies, Access: a.access, Faults: a.log, Observe: observe, Explain: a.refusals, Now: a.now,
		BodyTimeout: a.config.ReadTimeout.Std(),
	}
	if a.tracer != nil {
		f.Trace = a.tracer
	}
	return f, nil
}

// Handler returns what the main listener serves.
func (a *App) Handler() http.Handler { return a.faces.main }
