package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/credential"
	"sallyport/deployment"
	"sallyport/dialect"
	"sallyport/explain"
	"sallyport/feed"
	"sallyport/grant"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/store"
	"sallyport/token"
	counts "sallyport/usage"
	"sallyport/user"
	"sallyport/web"
	"sallyport/web/metrics"
	"sallyport/web/trace"
)

// An App is a server that has been put together. Build starts what it does in the background, Close ends it.
type App struct {
	config   Config
	log      *slog.Logger
	now      func() time.Time
	url      atomic.Pointer[string] // the public URL
	store    *store.Store
	hasher   *user.Hasher
	audit    *audit.Log
	ring     *key.Ring
	tokens   *token.Service
	realms   *realm.Directory
	clients  *client.Directory
	users    *user.Directory
	keys     *credential.Directory
	people   *people
	engine   *grant.Engine
	leaser   *counts.Leaser
	counters *metrics.Metrics
	refusals *explain.Ring
	access   web.Access    // nil: requests are not logged
	tracer   *trace.Tracer // nil: nothing is traced
	faces    *faces
	master   key.Master
	acme     *acme // nil: certificates come from files, if any do

	background context.Context    // of the background work
	stop       context.CancelFunc // ends it
	working    sync.WaitGroup     // counts it
}

// rememberedRefusals is how many refusals can be explained, the newest.
const rememberedRefusals = 4096

// Build opens the store and puts a server together on it. The context bounds the start alone.
func Build(ctx context.Context, c Config) (_ *App, err error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.makeDataFolder(); err != nil {
		return nil, err
	}
	master, err := c.master()
	if err != nil {
		return nil, err
	}
	a := &App{config: c, log: newLog(c, os.Stderr), now: c.Now, refusals: explain.NewRing(rememberedRefusals)}
	if a.now == nil {
		a.now = time.Now
	}
	a.master, a.access = master, accessLog(c, a.log)
	a.SetPublicURL(c.publicURL())
	hub := &feed.Hub{}
	if a.store, err = store.Open(ctx, store.Options{URL: c.storeURL(), Hub: hub, Log: a.log, Now: a.now}); err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.background, a.stop = background, stop
	defer func() {
		if err != nil {
			_ = a.Close() // the error that stopped the start is the one to tell
		}
	}()
	if err = firstRealm(ctx, a.store, a.now()); err != nil {
		return nil, err
	}
	if err = a.nouns(ctx, background, hub); err != nil {
		return nil, err
	}
	if c.OTLPEndpoint != "" {
		a.tracer, err = trace.New(ctx, trace.Config{Endpoint: c.OTLPEndpoint, Every: c.TraceEvery, Version: c.Version, Log: a.log, Now: a.now})
		if err != nil {
			return nil, err
		}
	}
	if a.faces, err = a.newFaces(hub); err != nil {
		return nil, err
	}
	a.work(background)
	return a, nil
}

// nouns puts together everything below the faces.
func (a *App) nouns(ctx, background context.Context, hub *feed.Hub) (err error) {
	if a.realms, err = realm.NewDirectory(ctx, a.store, hub, a.publicURL); err != nil {
		return err
	}
	a.clients = client.NewDirectory(a.store, hub)
	a.users = user.NewDirectory(a.store, hub)
	a.keys = credential.NewDirectory(a.store, hub, a.master)
	a.ring = key.NewRing(key.Config{
		Store: a.store, Master: a.master, Hub: hub, Schedules: a.schedules, Overlap: a.overlap, Now: a.now, Log: a.log,
	})
	a.hasher = user.NewHasher(a.config.PasswordWorkers)
	if a.people, err = a.newPeople(); err != nil {
		return err
	}
	a.tokens, err = token.New(token.Config{
		Store: a.store, Keys: a.ring, Clients: a.clients, Users: a.users, Claims: a.people.claims, Hub: hub, Longest: a.longest, Now: a.now, Log: a.log,
	})
	if err != nil {
		return err
	}
	if err := a.tokens.Start(background); err != nil {
		return err
	}
	a.people.settle(background, a, hub)
	a.people.warn(a)
	a.counters = newCounters(a.config.Version)
	a.audit = audit.NewLog(a.store, a.log, func(e audit.Event) {
		a.counters.TokenEvent(string(e.Kind), e.Grant, e.Dialect, string(e.Reason))
	})
	a.leaser = counts.NewLeaser(counts.Config{Store: a.store, Now: a.now, Log: a.log})
	a.engine = grant.New(grant.Config{
		Realms: a.realms, Clients: a.clients, Secrets: client.NewVerifier(a.store, a.hasher, a.now), Tokens: a.tokens,
		Assertions: a.people.assertions(a), Grants: grants(a), Throttle: a.people.guesses, Audit: explained{a.audit}, Now: a.now,
	})
	return nil
}

// newCounters makes the metrics, which have to know every name that they count by.
func newCounters(version string) *metrics.Metrics {
	c := metrics.Config{Version: version, Faces: []string{authserverFace, gatewayFace}}
	for _, d := range dialects(dialect.Deps{}) {
		c.Faces = append(c.Faces, d.Name())
		c.Dialects = append(c.Dialects, d.Name())
	}
	for _, g := range grants(&App{people: &people{}}) {
		c.Grants = append(c.Grants, g.Type())
	}
	return metrics.New(c)
}

func (a *App) schedules() map[string]realm.KeySchedule {
	all := map[string]realm.KeySchedule{}
	for _, r := range a.realms.All() {
		all[r.Name] = r.Keys
	}
	return all
}

func (a *App) longest(ctx context.Context, r *realm.Realm) (time.Duration, error) {
	return token.Longest(ctx, r, a.store)
}

func (a *App) overlap(ctx context.Context, name string) (time.Duration, error) {
	if r := a.realms.ByName(name); r != nil {
		return a.longest(ctx, r)
	}
	return realm.MaxDuration.Std(), nil
}

// SetPublicURL changes what the issuers of realms are made from that have none of their own.
func (a *App) SetPublicURL(url string) { a.url.Store(&url) }

func (a *App) publicURL() string { return *a.url.Load() }

// Apply stores what a deployment file says, as the command apply does.
func (a *App) Apply(ctx context.Context, name string, yaml []byte) error {
	files, err := deployment.Parse(name, yaml, checks(os.LookupEnv, os.ReadFile))
	if err != nil {
		return err
	}
	return a.change(ctx, files)
}

// change compares files with what is stored and stores the difference.
func (a *App) change(ctx context.Context, files []*deployment.File) error {
	p := &deployment.Planner{Store: a.store, Hasher: a.hasher, Now: a.now, Workers: runtime.GOMAXPROCS(0), Master: func() (key.Master, error) { return a.master, nil }}
	plan, err := p.Plan(ctx, files)
	if err != nil {
		return err
	}
	return plan.Commit(ctx, a.store, a.now())
}

// Close ends the background work and closes the store. What was acknowledged is stored by then.
func (a *App) Close() error {
	a.stop()
	if a.acme != nil {
		a.acme.close()
	}
	a.working.Wait()
	if a.people != nil {
		a.people.close()
	}
	if a.faces != nil {
		a.faces.apis.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var err error
	if a.leaser != nil {
		err = a.leaser.Close(ctx)
	}
	if a.audit != nil {
		err = errors.Join(err, a.audit.Close(ctx))
	}
	if a.tracer != nil {
		err = errors.Join(err, a.tracer.Close(ctx))
	}
	return errors.Join(err, a.store.Close())
}

// makeDataFolder makes the data folder for its owner alone.
func (c *Config) makeDataFolder() error {
	for _, file := range []string{c.storeFile(), c.masterKeyFile()} {
		if file == "" || c.Data == "" || filepath.Dir(file) != filepath.Clean(c.Data) {
			continue
		}
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			return usage("data: the folder cannot be made: %v", err)
		}
	}
	return nil
}

// storeFile is the SQLite file, "" with PostgreSQL.
func (c *Config) storeFile() string {
	if c.Database != "" {
		return ""
	}
	return c.storeURL()
}

// master reads the master key, or makes it at the first start.
func (c *Config) master() (key.Master, error) {
	return key.LoadMaster(c.masterKeyFile(), c.MasterKey)
}
