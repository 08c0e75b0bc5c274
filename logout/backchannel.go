package logout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"sallyport/client"
	"sallyport/realm"
)

// A message is one client that is to be told of one session's end. The logout token is made anew for each try, because it is
// good for two minutes only. A message belongs to whoever took it from the queue.
type message struct {
	realm  *realm.Realm
	client *client.Client
	user   string
	sid    string
	tries  int
}

// maxTries is how often a client is called that does not answer.
const maxTries = 3

// tryTime bounds one call, whatever the Poster allows.
const tryTime = 10 * time.Second

// backoff is how long to wait after a number of tries: about 2 and 10 seconds, not the same for all that failed together.
func backoff(tries int) time.Duration {
	base := 2 * time.Second
	for range tries - 1 {
		base *= 5
	}
	return base + rand.N(base/2)
}

// Start sends what is queued until ctx is done. What is queued then is lost: the sessions are over all the same.
func (s *Service) Start(ctx context.Context) {
	for range s.workers {
		go s.work(ctx)
	}
}

// work ends with ctx.
func (s *Service) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.queue:
			s.send(ctx, m)
		}
	}
}

// enqueue never waits: a full queue means that clients are slower than people sign out, and no sign-out waits for them.
func (s *Service) enqueue(ctx context.Context, m *message) {
	select {
	case s.queue <- m:
	default:
		s.log.ErrorContext(ctx, "a client was not told of a sign-out: too many wait already", "realm", m.realm.Name, "client", m.client.ID)
	}
}

// send makes one try. What can be tried again is queued again after a while.
func (s *Service) send(ctx context.Context, m *message) {
	m.tries++
	again, err := s.try(ctx, m)
	if err == nil || ctx.Err() != nil {
		return
	}
	if !again || m.tries >= maxTries {
		s.log.WarnContext(ctx, "a client was not told of a sign-out", "realm", m.realm.Name, "client", m.client.ID, "tries", m.tries, "err", err)
		return
	}
	time.AfterFunc(s.retry(m.tries), func() { s.enqueue(ctx, m) })
}

// try posts a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.5). A client that answers 400 has understood and
// refused (section 2.8): calling again would change nothing.
func (s *Service) try(ctx context.Context, m *message) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	subject := m.user
	if s.claims != nil {
		if subject, err = s.claims.Subject(m.realm, m.client, m.user); err != nil {
			return false, err
		}
	}
	raw, err := s.tokens.LogoutToken(ctx, m.realm, m.client, subject, m.sid)
	if err != nil {
		return true, err
	}
	body := url.Values{"logout_token": {raw}}.Encode()
	status, err := s.post.Post(ctx, m.client.OpenID.BackchannelLogoutURI, "application/x-www-form-urlencoded", []byte(body))
	switch {
	case err != nil:
		return true, err
	case status >= 200 && status < 300:
		return false, nil
	}
	return status >= 500 || status == 429 || status == 408, fmt.Errorf("it answered %d", status)
}
