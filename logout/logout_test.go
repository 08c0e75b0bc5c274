package logout_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/logout"
	"sallyport/realm"
	"sallyport/session"
)

var errAway = errors.New("away")

var corp = &realm.Realm{Name: "corp", Issuer: "https://login.example.org/realms/corp"}

// sessions is who is signed in, by the public name of the session.
type sessions map[string]*session.Session

func (s sessions) End(_ context.Context, _ *realm.Realm, id string) (*session.Session, error) {
	if id == "broken" {
		return nil, errAway
	}
	e := s[id]
	delete(s, id)
	return e, nil
}

func (s sessions) EndAll(ctx context.Context, r *realm.Realm, user, except string) (ended []*session.Session, err error) {
	for id, e := range s {
		if e.User == user && id != except {
			e, _ = s.End(ctx, r, id)
			ended = append(ended, e)
		}
	}
	return ended, nil
}

type clients map[string]*client.Client

func (c clients) Get(_ context.Context, realm, id string) (*client.Client, error) {
	if id == "broken" {
		return nil, errAway
	}
	return c[realm+" "+id], nil
}

// tokens writes a logout token that can be read.
type tokens struct{}

func (tokens) LogoutToken(_ context.Context, r *realm.Realm, c *client.Client, subject, sid string) (string, error) {
	return fmt.Sprintf("%s|%s|%s|%s", r.Issuer, c.ID, subject, sid), nil
}

type claims struct{}

func (claims) Subject(_ *realm.Realm, c *client.Client, name string) (string, error) {
	return name + "@" + c.ID, nil
}

func (claims) Session(_ *realm.Realm, c *client.Client, sid string) (string, error) {
	if c.OpenID.SubjectType == "pairwise" {
		return sid + "@" + c.ID, nil
	}
	return sid, nil
}

// A post office notes what is posted, and answers as it is told: by URL, one answer after the other, the last one for ever.
type office struct {
	mu      sync.Mutex
	answers map[string][]int // 0: no answer
	posted  []string
	at      []time.Time
	slow    chan struct{} // not nil: every post waits for it
}

func (o *office) Post(ctx context.Context, to, contentType string, body []byte) (int, error) {
	if o.slow != nil {
		select {
		case <-o.slow:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	form, err := url.ParseQuery(string(body))
	if err != nil || contentType != "application/x-www-form-urlencoded" || len(form) != 1 {
		return 0, fmt.Errorf("bad post: %s, %q, %w", contentType, body, err)
	}
	o.posted = append(o.posted, to+" "+form.Get("logout_token"))
	o.at = append(o.at, time.Now())
	status := 200
	if rest := o.answers[to]; len(rest) > 0 {
		status = rest[0]
		if len(rest) > 1 {
			o.answers[to] = rest[1:]
		}
	}
	if status == 0 {
		return 0, errAway
	}
	return status, nil
}

func (o *office) mail() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(slices.Values(o.posted))
}

func one(id string, oid client.OpenID) *client.Client {
	return &client.Client{Realm: corp.Name, ID: id, Status: client.On, OpenID: oid}
}

func registered() clients {
	off := one("off", client.OpenID{BackchannelLogoutURI: "https://off.example/out", FrontchannelLogoutURI: "https://off.example/out"})
	off.Status = client.Off
	all := clients{}
	for _, c := range []*client.Client{
		one("none", client.OpenID{}), off,
		one("back", client.OpenID{BackchannelLogoutURI: "https://back.example/out"}),
		one("front", client.OpenID{FrontchannelLogoutURI: "https://front.example/out"}),
		one("bare", client.OpenID{FrontchannelLogoutURI: "https://bare.example/out", FrontchannelSession: true}),
		one("both", client.OpenID{
			BackchannelLogoutURI: "https://both.example/back", FrontchannelLogoutURI: "https://both.example/front?a=b", FrontchannelSession: true,
		}),
		one("pairwise", client.OpenID{
			SubjectType: "pairwise", FrontchannelLogoutURI: "https://pairwise.example/out", FrontchannelSession: true,
		}),
		one("script", client.OpenID{FrontchannelLogoutURI: "javascript:alert(1)"}),
	} {
		all[c.Realm+" "+c.ID] = c
	}
	return all
}

func dory(clients ...string) *session.Session {
	return &session.Session{Realm: corp.Name, ID: "sid-1", User: "dory", Clients: clients}
}

func newService(t *testing.T, o *office, in sessions, change func(*logout.Config)) *logout.Service {
	t.Helper()
	c := logout.Config{Sessions: in, Clients: registered(), Tokens: tokens{}, Claims: claims{}, Post: o, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&c)
	}
	s := logout.New(c)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	s.Start(ctx)
	return s
}

func TestEnd(t *testing.T) {
	const iss = "&iss=https%3A%2F%2Flogin.example.org%2Frealms%2Fcorp&sid=sid-1"
	for name, tt := range map[string]struct {
		clients []string
		frames  []string
		posts   []string
	}{
		"nobody":               {},
		"no channel":           {clients: []string{"none"}},
		"switched off":         {clients: []string{"off"}},
		"gone":                 {clients: []string{"unknown"}},
		"cannot be read":       {clients: []string{"broken", "front"}, frames: []string{"https://front.example/out"}},
		"front":                {clients: []string{"front"}, frames: []string{"https://front.example/out"}},
		"front with session":   {clients: []string{"bare"}, frames: []string{"https://bare.example/out?" + iss[1:]}},
		"pairwise":             {clients: []string{"pairwise"}, frames: []string{"https://pairwise.example/out?" + iss[1:] + "%40pairwise"}},
		"no address of a page": {clients: []string{"script"}},
		"back": {
			clients: []string{"back"}, posts: []string{"https://back.example/out https://login.example.org/realms/corp|back|dory@back|sid-1"},
		},
		"all": {
			clients: []string{"back", "both", "front"},
			frames:  []string{"https://both.example/front?a=b" + iss, "https://front.example/out"},
			posts: []string{
				"https://back.example/out https://login.example.org/realms/corp|back|dory@back|sid-1",
				"https://both.example/back https://login.example.org/realms/corp|both|dory@both|sid-1",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &office{}
				s := newService(t, o, sessions{"sid-1": dory(tt.clients...)}, nil)
				ended, err := s.End(t.Context(), corp, "sid-1")
				if err != nil || ended.Session == nil || ended.Session.User != "dory" {
					t.Fatalf("%+v, %v", ended, err)
				}
				if diff := cmp.Diff(tt.frames, ended.Frames); diff != "" {
					t.Errorf("frames:\n%s", diff)
				}
				synctest.Wait()
				if diff := cmp.Diff(tt.posts, o.mail()); diff != "" {
					t.Errorf("posts:\n%s", diff)
				}
			})
		})
	}
}

func TestEndOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		s := newService(t, o, sessions{}, nil)
		if ended, err := s.End(t.Context(), corp, "sid-1"); ended.Session != nil || ended.Frames != nil || err != nil {
			t.Errorf("%+v, %v", ended, err)
		}
		if _, err := s.End(t.Context(), corp, "broken"); !errors.Is(err, errAway) {
			t.Errorf("%v", err)
		}
	})
}

func TestEndAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		second, nemo := *dory("both"), *dory("back")
		second.ID, nemo.ID, nemo.User = "sid-2", "sid-3", "nemo"
		s := newService(t, o, sessions{"sid-1": dory("back"), "sid-2": &second, "sid-3": &nemo}, nil)
		ended, err := s.EndAll(t.Context(), corp, "dory", "sid-2")
		if err != nil || len(ended) != 1 || ended[0].ID != "sid-1" {
			t.Errorf("%v, %v", ended, err)
		}
		synctest.Wait()
		if mail := o.mail(); len(mail) != 1 || !strings.HasSuffix(mail[0], "back|dory@back|sid-1") {
			t.Errorf("posted %q", mail)
		}
	})
}

func TestRetries(t *testing.T) {
	for name, tt := range map[string]struct {
		answers []int
		posts   int
	}{
		"at once":            {answers: []int{204}, posts: 1},
		"once away":          {answers: []int{0, 200}, posts: 2},
		"twice overloaded":   {answers: []int{503, 429, 200}, posts: 3},
		"never there":        {answers: []int{0}, posts: 3},
		"always broken":      {answers: []int{500}, posts: 3},
		"refused":            {answers: []int{400}, posts: 1},
		"not there any more": {answers: []int{404}, posts: 1},
		"moved":              {answers: []int{302}, posts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &office{answers: map[string][]int{"https://back.example/out": tt.answers}}
				s := newService(t, o, sessions{"sid-1": dory("back")}, nil)
				if _, err := s.End(t.Context(), corp, "sid-1"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				if mail := o.mail(); len(mail) != tt.posts {
					t.Errorf("%d posts, want %d", len(mail), tt.posts)
				}
				for i := 1; i < len(o.at); i++ {
					if gap := o.at[i].Sub(o.at[i-1]); gap < 2*time.Second || gap > 15*time.Second {
						t.Errorf("try %d comes %v after the one before", i+1, gap)
					}
				}
			})
		})
	}
}

// A client that does not answer holds up no sign-out, and no more memory than there is room for.
func TestSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{slow: make(chan struct{})}
		all := sessions{}
		for i := range 20 {
			s := *dory("back")
			s.ID = fmt.Sprint(i)
			all[s.ID] = &s
		}
		s := newService(t, o, all, func(c *logout.Config) { c.Queue, c.Workers = 5, 2 })
		start := time.Now()
		for i := range 20 {
			if _, err := s.End(t.Context(), corp, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if time.Since(start) != 0 {
			t.Errorf("signing out took %v", time.Since(start))
		}
		close(o.slow)
		time.Sleep(time.Hour)
		if n := len(o.mail()); n != 7 {
			t.Errorf("%d were told; 2 were on their way and 5 had room to wait", n)
		}
	})
}

func TestWithoutBackChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, &office{}, sessions{"sid-1": dory("both")}, func(c *logout.Config) { c.Post = nil })
		if ended, err := s.End(t.Context(), corp, "sid-1"); len(ended.Frames) != 1 || err != nil {
			t.Errorf("%+v, %v", ended, err)
		}
	})
}
