package token

import (
	"context"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/user"
)

// clientRefusal returns why the client of a token may not act, "" if it may.
func (s *Service) clientRefusal(ctx context.Context, realm, id string) (oauth.Reason, error) {
	c, err := s.clients.Get(ctx, realm, id)
	if err != nil {
		return "", err
	}
	switch {
	case c == nil:
		return oauth.ClientUnknown, nil
	case c.Status == client.Locked:
		return oauth.ClientLocked, nil
	case c.Status != client.On:
		return oauth.ClientDisabled, nil
	}
	return "", nil
}

// userAway reports whether there is no such user, or one who may not sign in.
func (s *Service) userAway(ctx context.Context, realm, name string) (bool, error) {
	u, err := s.users.Get(ctx, realm, name)
	return err == nil && (u == nil || u.Status != user.On), err
}

// userRefusal is what is wrong with a user, "" if nothing is or nobody knows.
func (s *Service) userRefusal(ctx context.Context, realm, name string) oauth.Reason {
	if s.users == nil || name == "" {
		return ""
	}
	u, err := s.users.Get(ctx, realm, name)
	switch {
	case err != nil || u == nil || u.Status == user.On:
		return ""
	case u.Status == user.Locked:
		return oauth.UserLocked
	}
	return oauth.UserDisabled
}

// suspended reports whether a grant's client or user may not act at the moment.
func (s *Service) suspended(ctx context.Context, f *Family) (bool, error) {
	refusal, err := s.clientRefusal(ctx, f.Realm, f.Client)
	if err != nil || refusal != "" {
		return true, err
	}
	if f.User == "" || s.users == nil {
		return false, nil
	}
	return s.userAway(ctx, f.Realm, f.User)
}
