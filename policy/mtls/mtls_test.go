package mtls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/api"
	"sallyport/client"
	"sallyport/credential"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/mtls"
	"sallyport/policy/policytest"
	"sallyport/scope"
)

const subject = "CN=shop,O=Example"

func certificate(t *testing.T, from, to time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop", Organization: []string{"Example"}}, NotBefore: from, NotAfter: to,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func hexSum(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func TestCertificates(t *testing.T) {
	now := policytest.Time
	good := certificate(t, now.Add(-time.Hour), now.Add(time.Hour))
	over := certificate(t, now.Add(-2*time.Hour), now.Add(-time.Hour))
	later := certificate(t, now.Add(time.Hour), now.Add(2*time.Hour))
	other := certificate(t, now.Add(-time.Hour), now.Add(time.Hour))
	shop := &client.Client{Realm: "default", ID: "shop", Status: client.On, Scopes: scope.Set{"read"}, Certificates: []string{hexSum(good), hexSum(over), hexSum(later), hexSum([]byte("no DER"))}}
	bySubject := &client.Client{Realm: "default", ID: "subject", Status: client.On, Certificates: []string{subject}}
	clients := policytest.Clients{"shop": shop, "subject": bySubject}
	for _, tt := range []struct {
		name   string
		of     []*client.Client
		peer   policy.Peer
		client string
		reason oauth.Reason
	}{
		{"by hash", []*client.Client{shop}, policy.Peer{Certificate: good, Subject: subject}, "shop", ""},
		{"by hash before subject", []*client.Client{shop, bySubject}, policy.Peer{Certificate: good, Subject: subject}, "shop", ""},
		{"by subject", []*client.Client{shop, bySubject}, policy.Peer{Certificate: other, Subject: subject}, "subject", ""},
		{"none", []*client.Client{shop}, policy.Peer{Secure: true}, "", oauth.TokenMissing},
		{"a subject without a certificate", []*client.Client{bySubject}, policy.Peer{Subject: subject}, "", oauth.TokenMissing},
		{"nobody's", []*client.Client{shop}, policy.Peer{Certificate: other, Subject: subject}, "", policy.CertificateWrong},
		{"another subject", []*client.Client{bySubject}, policy.Peer{Certificate: other, Subject: subject + ",C=DE"}, "", policy.CertificateWrong},
		{"no subject", []*client.Client{bySubject}, policy.Peer{Certificate: other}, "", policy.CertificateWrong},
		{"over, on a connection that was kept", []*client.Client{shop}, policy.Peer{Certificate: over, Subject: subject}, "", policy.CertificateWrong},
		{"good later", []*client.Client{shop}, policy.Peer{Certificate: later, Subject: subject}, "", policy.CertificateWrong},
		{"over, by subject", []*client.Client{bySubject}, policy.Peer{Certificate: over, Subject: subject}, "", policy.CertificateWrong},
		{"not a certificate", []*client.Client{shop}, policy.Peer{Certificate: []byte("no DER")}, "", policy.CertificateWrong},
		{"whose hash is the subject of another", []*client.Client{bySubject}, policy.Peer{Certificate: []byte("subject\x00" + subject)}, "", policy.CertificateWrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var keys policytest.Keys
			for _, c := range tt.of {
				for _, k := range credential.Certificates(c) {
					keys.Add(t, k)
				}
			}
			p := policytest.Make(t, mtls.Kind(&keys, clients), "")
			for range 2 { // the second time what was read of the certificate is remembered
				// What a caller says of itself in header fields is nothing to go by.
				c := policytest.NewCall("GET", "/", "X-Client-Cert: "+hexSum(good), "X-SSL-Client-S-DN: "+subject)
				c.Peer = tt.peer
				err := p.Request(t.Context(), c)
				if got := policytest.Reason(err); got != tt.reason {
					t.Fatalf("reason %q, want %q", got, tt.reason)
				}
				if tt.reason != "" {
					if r := policytest.Refusal(err); r == nil || r.Status != 401 || c.Caller.Client != "" {
						t.Errorf("%+v by %+v", r, c.Caller)
					}
					continue
				}
				want := policy.Caller{Client: tt.client, Scope: clients[tt.client].Scopes}
				if diff := cmp.Diff(want, c.Caller, cmpopts.IgnoreFields(policy.Caller{}, "Slots", "Credential")); diff != "" || c.Caller.Slots == nil || c.Caller.Credential == "" {
					t.Error(diff)
				}
			}
		})
	}
}

// The hash of a certificate is no secret. Sent as an API key it finds nothing, and a key of another kind that has its hash
// is not a certificate.
func TestOtherKindsAreNotCertificates(t *testing.T) {
	der := certificate(t, policytest.Time.Add(-time.Hour), policytest.Time.Add(time.Hour))
	var keys policytest.Keys
	keys.Add(t, credential.ImportAPIKey("default", "shop", "k", string(der), policytest.Time))
	c := policytest.NewCall("GET", "/")
	c.Peer.Certificate = der
	if err := policytest.Make(t, mtls.Kind(&keys, policytest.Clients{}), "").Request(t.Context(), c); policytest.Reason(err) != policy.CertificateWrong {
		t.Errorf("got %v", err)
	}
}

func TestInTheChain(t *testing.T) {
	der := certificate(t, policytest.Time.Add(-time.Hour), policytest.Time.Add(time.Hour))
	for _, tt := range []struct {
		status client.Status
		reason oauth.Reason
	}{{client.On, ""}, {client.Off, oauth.ClientDisabled}, {client.Locked, oauth.ClientLocked}} {
		shop := &client.Client{Realm: "default", ID: "shop", Status: tt.status, Certificates: []string{hexSum(der)}}
		var keys policytest.Keys
		keys.Add(t, credential.Certificates(shop)[0])
		clients := policytest.Clients{"shop": shop}
		c := policytest.NewCall("GET", "/")
		c.Peer.Certificate = der
		c.API.Auth = []api.Policy{{Name: "mtls"}}
		chain, err := policy.NewChain(c.API, policy.Parts{Ways: map[string]policy.Kind{"mtls": mtls.Kind(&keys, clients)}, Clients: clients})
		if err != nil {
			t.Fatal(err)
		}
		if got := policytest.Reason(chain.Request(t.Context(), c)); got != tt.reason {
			t.Errorf("%s: %q", tt.status, got)
		}
	}
}

func TestFaultsStayFaults(t *testing.T) {
	keys := policytest.Keys{Fail: errors.New("away")}
	c := policytest.NewCall("GET", "/")
	c.Peer.Certificate = []byte("x")
	if err := policytest.Make(t, mtls.Kind(&keys, nil), "").Request(t.Context(), c); !errors.Is(err, keys.Fail) {
		t.Errorf("got %v", err)
	}
}
