package deployment

import "sallyport/api"

func (a *API) api(in string) *api.API {
	return &api.API{
		Realm: in, Name: a.Name, Host: a.Host, Path: a.Path, Exact: a.Exact, Headers: each(a.Headers, toCondition),
		Allow: a.Allow, Strip: a.Strip, Module: a.Module,
		Auth: each(a.Auth, toPolicy), Scopes: a.Scopes, Methods: a.Methods, Routes: each(a.Routes, toRoute), Strict: a.Strict,
		Policies: each(a.Policies, toPolicy), Errors: a.Errors, Disabled: a.Disabled,
		Upstream: a.Upstream, Targets: each(a.Targets, toTarget),
		Upstreams: api.Upstreams{
			Balance: api.Balance(a.Balance), Health: toHealth(a.Health),
			Eject:    api.Eject{Fails: a.Eject.Fails, For: a.Eject.For, Most: a.Eject.Most},
			Retry:    api.Retry{Attempts: a.Retry.Attempts, On: a.Retry.On, Budget: a.Retry.Budget, Any: a.Retry.Any},
			Timeouts: api.Timeouts{Connect: a.Timeouts.Connect, Answer: a.Timeouts.Answer, Idle: a.Timeouts.Idle},
			Mirror:   api.Mirror{URL: a.Mirror.URL, Percent: a.Mirror.Percent}, Divert: each(a.Divert, toDiversion),
			Engine: a.Engine, HTTP2: a.HTTP2, Host: a.UpstreamHost,
		},
	}
}

func fromAPI(a *api.API) API {
	return API{
		Name: a.Name, Host: a.Host, Path: a.Path, Exact: a.Exact, Headers: each(a.Headers, fromCondition),
		Allow: a.Allow, Strip: a.Strip, Module: a.Module,
		Auth: each(a.Auth, fromPolicy), Scopes: a.Scopes, Methods: a.Methods, Routes: each(a.Routes, fromRoute), Strict: a.Strict,
		Policies: each(a.Policies, fromPolicy), Errors: a.Errors, Disabled: a.Disabled,
		Upstream: a.Upstream, Targets: each(a.Targets, fromTarget), Divert: each(a.Divert, fromDiversion),
		Balance: Balance(a.Balance), Health: fromHealth(a.Health),
		Eject:    Eject{Fails: a.Eject.Fails, For: a.Eject.For, Most: a.Eject.Most},
		Retry:    Retry{Attempts: a.Retry.Attempts, On: a.Retry.On, Budget: a.Retry.Budget, Any: a.Retry.Any},
		Timeouts: Timeouts{Connect: a.Timeouts.Connect, Answer: a.Timeouts.Answer, Idle: a.Timeouts.Idle},
		Mirror:   Mirror{URL: a.Mirror.URL, Percent: a.Mirror.Percent},
		Engine:   a.Engine, HTTP2: a.HTTP2, UpstreamHost: a.Upstreams.Host,
	}
}

// each converts a list; none stays none.
func each[A, B any](list []A, convert func(A) B) []B {
	if list == nil {
		return nil
	}
	all := make([]B, len(list))
	for i, v := range list {
		all[i] = convert(v)
	}
	return all
}

func toCondition(c Condition) api.Condition   { return api.Condition(c) }
func fromCondition(c api.Condition) Condition { return Condition(c) }
func toPolicy(n Named) api.Policy             { return api.Policy(n) }
func fromPolicy(p api.Policy) Named           { return Named(p) }
func toTarget(t Target) api.Target            { return api.Target{URL: t.URL, Weight: t.Weight} }
func fromTarget(t api.Target) Target          { return Target{URL: t.URL, Weight: t.Weight} }

func toHealth(h Health) api.Health {
	return api.Health{Path: h.Path, Every: h.Every, Timeout: h.Timeout, Status: h.Status, Fails: h.Fails, Passes: h.Passes}
}

func fromHealth(h api.Health) Health {
	return Health{Path: h.Path, Every: h.Every, Timeout: h.Timeout, Status: h.Status, Fails: h.Fails, Passes: h.Passes}
}

func toDiversion(d Diversion) api.Diversion {
	return api.Diversion{From: d.From, Targets: each(d.Targets, toTarget)}
}

func fromDiversion(d api.Diversion) Diversion {
	return Diversion{From: d.From, Targets: each(d.Targets, fromTarget)}
}

func toRoute(r Route) api.Route {
	return api.Route{
		Path: r.Path, Exact: r.Exact, Allow: r.Allow, Headers: each(r.Headers, toCondition), Auth: each(r.Auth, toPolicy), Scopes: r.Scopes,
	}
}

func fromRoute(r api.Route) Route {
	return Route{
		Path: r.Path, Exact: r.Exact, Allow: r.Allow, Headers: each(r.Headers, fromCondition), Auth: each(r.Auth, fromPolicy), Scopes: r.Scopes,
	}
}
