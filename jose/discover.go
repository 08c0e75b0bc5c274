package jose

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// get fetches the keys from where they are.
func (r *remote) get(ctx context.Context, f Fetcher) ([]key, error) {
	uri := r.uri
	if uri == "" {
		var err error
		if uri, err = discover(ctx, f, r.issuer); err != nil {
			return nil, fmt.Errorf("metadata of %s: %w", r.issuer, err)
		}
	}
	text, err := f.Get(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("keys at %s: %w", uri, err)
	}
	keys, err := readKeys(text)
	if err != nil {
		return nil, fmt.Errorf("keys at %s: %w", uri, err)
	}
	return keys, nil
}

// discover finds where an issuer's keys are, by OpenID Connect Discovery section 4 or else RFC 8414 section 3.
func discover(ctx context.Context, f Fetcher, issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	root := u.Scheme + "://" + u.Host
	for _, at := range []string{root + path + "/.well-known/openid-configuration", root + "/.well-known/oauth-authorization-server" + path} {
		var text []byte
		if text, err = f.Get(ctx, at); err != nil {
			continue
		}
		var metadata Claims
		if metadata, err = ParseClaims(text); err != nil {
			continue
		}
		uri := metadata.Text("jwks_uri")
		if metadata.Text("issuer") != issuer || uri == "" { // RFC 8414 section 3.3
			err = fmt.Errorf("%s does not describe this issuer", at)
			continue
		}
		return uri, nil
	}
	return "", err
}
