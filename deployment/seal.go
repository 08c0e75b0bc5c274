package deployment

import (
	"slices"

	"sallyport/client"
	"sallyport/deployment/strictyaml"
)

// leastMAC is the shortest secret that makes a MAC, in bytes (RFC 7518 section 3.2).
func leastMAC(alg string) int {
	switch alg {
	case "HS384":
		return 48
	case "HS512":
		return 64
	}
	return 32
}

// seal keeps the secrets themselves, under the master key, of a client that authenticates by client_secret_jwt: its MAC cannot
// be checked against a hash (OpenID Connect Core section 9). Of every other client none is kept.
func (p *Planner) seal(c *client.Client, at *Client, change secretChange, faults *strictyaml.Errors) (words string) {
	if c.AuthMethod != client.MethodSecretJWT {
		list := slices.Clone(c.Secrets)
		for i := range list {
			list[i].Sealed = nil
		}
		c.Secrets = list
		return ""
	}
	if len(c.Secrets) == 0 {
		return ""
	}
	c.Secrets = slices.Clone(c.Secrets)
	some := false
	for i := range c.Secrets {
		s := &c.Secrets[i]
		text := change.plain[s.ID]
		known := len(s.Sealed) > 0 && p.opens(c, s)
		switch {
		case text != "" && len(text) < leastMAC(c.AuthAlg):
			faults.Add(at.Of("auth_method"), "client %.80s: secret: has %d bytes, which is too little for client_secret_jwt; use %d or more", c.ID, len(text), leastMAC(c.AuthAlg))
			return ""
		case len(s.Sealed) > 0 && !known && text == "":
			faults.Add(at.Of("secrets"), "client %.80s: secret_sealed: was sealed under another master key, or for another id; give the secret itself", c.ID)
			return ""
		case !known && text != "":
			master, err := p.master()
			if err == nil {
				s.Sealed, err = client.SealSecret(master, c.Realm, c.ID, s.ID, text)
			}
			if err != nil {
				faults.Add(at.Of("auth_method"), "client %.80s: %v", c.ID, err)
				return ""
			}
			words = "secret sealed"
		}
		some = some || len(s.Sealed) > 0
	}
	if !some {
		faults.Add(at.Of("auth_method"), "client %.80s: auth_method: client_secret_jwt needs the secret itself, and only a hash of it is known; give secret, or `generated: true`", c.ID)
	}
	return words
}

func (p *Planner) opens(c *client.Client, s *client.Secret) bool {
	master, err := p.master()
	if err != nil {
		return false
	}
	_, err = client.OpenSecret(master, c.Realm, c.ID, s.ID, s.Sealed)
	return err == nil
}
