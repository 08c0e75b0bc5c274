package token_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/realm"
	"sallyport/token"
)

// manyClients is a client.Store of n clients, the last of which has tokens of a long life.
type manyClients struct {
	client.Store
	n    int
	last client.Client
	err  error
}

func (m manyClients) Clients(_ context.Context, _, after string, limit int) ([]*client.Client, error) {
	var page []*client.Client
	for i := range m.n {
		c := m.last
		if i < m.n-1 {
			c = client.Client{}
		}
		c.ID = fmt.Sprintf("c%06d", i)
		if c.ID > after && len(page) < limit {
			page = append(page, &c)
		}
	}
	return page, m.err
}

func TestLongest(t *testing.T) {
	const day = 24 * time.Hour
	access := func(d time.Duration) client.Client {
		return client.Client{AccessToken: realm.AccessToken{TTL: realm.Duration(d)}}
	}
	refresh := client.Client{RefreshToken: realm.RefreshToken{TTL: realm.Duration(400 * day)}}
	for name, c := range map[string]struct {
		realm   realm.Realm
		clients manyClients
		want    time.Duration
	}{
		"no settings":      {want: 30 * day},
		"short settings":   {clients: manyClients{n: 3, last: access(time.Minute)}, want: 30 * day},
		"a client":         {clients: manyClients{n: 3, last: access(90 * day)}, want: 90 * day},
		"on the last page": {clients: manyClients{n: 1001, last: refresh}, want: 400 * day},
		"a full page":      {clients: manyClients{n: 500, last: refresh}, want: 400 * day},
		"the realm":        {realm: realm.Realm{RefreshToken: realm.RefreshToken{TTL: realm.Duration(60 * day)}}, want: 60 * day},
	} {
		if got, err := token.Longest(t.Context(), &c.realm, c.clients); err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
	if _, err := token.Longest(t.Context(), &realm.Realm{}, manyClients{err: errors.New("away")}); err == nil {
		t.Error("an error was lost")
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := token.New(token.Config{}); err == nil {
		t.Error("made of nothing")
	}
}
