// Package mtls is the way in by client certificate. The listener has verified the chain against the server's client
// authorities by the time a call gets here, and proved that the caller has the key (RFC 8446 section 4.4.3); this package
// only finds the client that the certificate stands for: by the SHA-256 of the whole, or else by its subject.
//
// Since a connection may be kept open for long, the certificate's own dates are looked at with every call.
package mtls

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/maypok86/otter/v2"

	"sallyport/credential"
	"sallyport/oauth"
	"sallyport/policy"
)

// seenSize is how many certificates are remembered, each by its hash.
const seenSize = 10_000

// Keys finds credentials by their hashes, in memory.
type Keys interface {
	Find(ctx context.Context, realm string, kind credential.Kind, hash [32]byte) (*credential.Held, error)
}

type mtls struct {
	keys    Keys
	clients policy.Clients
	seen    *otter.Cache[[32]byte, dates]
}

// dates are what a certificate says of its own life.
type dates struct{ from, to time.Time }

// Kind returns the way in.
func Kind(keys Keys, clients policy.Clients) policy.Kind {
	seen := otter.Must(&otter.Options[[32]byte, dates]{MaximumSize: seenSize})
	return policy.Kind{Source: Source, New: func(_ policy.Site, given json.RawMessage) (policy.Policy, error) {
		if err := policy.Decode(given, &settings{}); err != nil {
			return nil, err
		}
		return &mtls{keys: keys, clients: clients, seen: seen}, nil
	}}
}

// Request implements policy.Policy.
func (p *mtls) Request(ctx context.Context, c *policy.Call) error {
	if len(c.Peer.Certificate) == 0 {
		return &policy.Refusal{
			Status: 401, Reason: oauth.TokenMissing,
			Detail: "A client certificate is needed. Connect by TLS and present the one that was registered for the client.",
		}
	}
	hash := sha256.Sum256(c.Peer.Certificate)
	key, err := p.keys.Find(ctx, c.Realm.Name, credential.Certificate, hash)
	if err == nil && key == nil && c.Peer.Subject != "" {
		key, err = p.keys.Find(ctx, c.Realm.Name, credential.Certificate, credential.SubjectHash(c.Peer.Subject))
	}
	if err != nil {
		return err
	}
	if key == nil {
		return refuse(c, hash, "The client certificate stands for no client of this realm.", "Register the certificate for a client, by its SHA-256 or its subject.")
	}
	if life := p.dates(hash, c.Peer.Certificate); c.Time.Before(life.from) || c.Time.After(life.to) {
		return refuse(c, hash, "The client certificate is not good at this moment.", "Connect again with a certificate that is.")
	}
	client, err := p.clients.Get(ctx, c.Realm.Name, key.Client)
	if err != nil {
		return err
	}
	c.Caller = policy.Caller{Client: key.Client, Scope: key.Scope(c.Realm, client), Credential: key.ID, Slots: &key.Slots}
	return nil
}

func refuse(c *policy.Call, hash [32]byte, detail, fix string) *policy.Refusal {
	return &policy.Refusal{
		Status: 401, Reason: policy.CertificateWrong, Detail: detail, Fix: fix,
		Facts: []policy.Fact{{Name: "SHA-256 of the certificate", Value: hex.EncodeToString(hash[:]), Public: true}, {Name: "its subject", Value: c.Peer.Subject, Public: true}},
	}
}

// dates reads the dates of a certificate. One that cannot be read has none at which it would be good.
func (p *mtls) dates(hash [32]byte, der []byte) dates {
	if d, ok := p.seen.GetIfPresent(hash); ok {
		return d
	}
	d := dates{to: time.Unix(0, 0)}
	if c, err := x509.ParseCertificate(der); err == nil {
		d = dates{c.NotBefore, c.NotAfter}
	}
	p.seen.Set(hash, d)
	return d
}
