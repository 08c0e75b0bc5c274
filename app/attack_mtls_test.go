package app_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/app"
)

// Class 30, client certificates: who comes with one is whom it was issued to and was registered for, by TLS itself and by no
// field; what cannot be verified is no certificate, and one that looks like another is not that other.
func TestAttackCertificates(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "ours") // the second has the first's name
	up := newWitness(t, nil)
	issue := func(by *authority, subject pkix.Name, edit func(*x509.Certificate)) tls.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		if edit != nil {
			edit(template)
		}
		cert, key := by.make(t, template, by)
		return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
	}
	pinned := issue(ours, pkix.Name{CommonName: "pinned"}, nil)
	sum := sha256.Sum256(pinned.Certificate[0])
	shop := pkix.Name{CommonName: "shop", Organization: []string{"Example"}}
	s := guarded(t, "realm: default\nscopes: [{name: read}]\nclients:\n  - {id: shop, scopes: [read], type: public, certificates: ['CN=shop,O=Example']}\n  - {id: pinned, scopes: [read], type: public, certificates: ['"+hex.EncodeToString(sum[:])+"']}\n"+
		"apis: [{name: cert, path: /cert, auth: [mtls], scopes: [read], upstream: '"+up.URL+"'}]\n", secured(t), func(c *app.Config) {
		c.TLSClientCA = filepath.Join(c.Data, "clients.pem")
		replaceFile(t, c.TLSClientCA, ours.pem())
	})
	good := issue(ours, shop, nil)
	for name, tt := range map[string]struct {
		certs  []tls.Certificate
		fields []string
		want   string // client; "": nobody
	}{
		"as it should be":                       {[]tls.Certificate{good}, nil, "shop"},
		"pinned":                                {[]tls.Certificate{pinned}, nil, "pinned"},
		"none":                                  {nil, nil, ""},
		"none, and fields":                      {nil, []string{"X-SSL-Client-Verify", "SUCCESS", "X-SSL-Client-S-DN", "CN=shop,O=Example", "Client-Cert", ":MIIB:", "X-Forwarded-Client-Cert", "Subject=\"CN=shop,O=Example\"", "Ssl-Client-Cert", "x", "X-Client-Dn", "CN=shop,O=Example"}, ""},
		"another's, and fields":                 {[]tls.Certificate{issue(ours, pkix.Name{CommonName: "other"}, nil)}, []string{"X-SSL-Client-S-DN", "CN=shop,O=Example"}, ""},
		"of an authority that has ours' name":   {[]tls.Certificate{issue(theirs, shop, nil)}, nil, ""},
		"signed by itself":                      {[]tls.Certificate{selfSigned(t, shop)}, nil, ""},
		"of another, with ours behind it":       {[]tls.Certificate{{Certificate: [][]byte{issue(theirs, shop, nil).Certificate[0], good.Certificate[0], ours.cert.Raw}, PrivateKey: nil}}, nil, ""},
		"expired":                               {[]tls.Certificate{issue(ours, shop, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })}, nil, ""},
		"not yet good":                          {[]tls.Certificate{issue(ours, shop, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })}, nil, ""},
		"for servers":                           {[]tls.Certificate{issue(ours, shop, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })}, nil, ""},
		"the pinned one's name":                 {[]tls.Certificate{issue(ours, pkix.Name{CommonName: "pinned"}, nil)}, nil, ""},
		"the hash for a name":                   {[]tls.Certificate{issue(ours, pkix.Name{CommonName: hex.EncodeToString(sum[:])}, nil)}, nil, ""},
		"a comma in a name":                     {[]tls.Certificate{issue(ours, pkix.Name{CommonName: "shop,O=Example"}, nil)}, nil, ""},
		"a comma in the other order":            {[]tls.Certificate{issue(ours, pkix.Name{Organization: []string{"Example,CN=shop"}}, nil)}, nil, ""},
		"a NUL in a name":                       {[]tls.Certificate{issue(ours, pkix.Name{CommonName: "shop\x00.evil", Organization: []string{"Example"}}, nil)}, nil, ""},
		"capitals":                              {[]tls.Certificate{issue(ours, pkix.Name{CommonName: "SHOP", Organization: []string{"Example"}}, nil)}, nil, ""},
		"two names":                             {[]tls.Certificate{issue(ours, pkix.Name{CommonName: "shop", Organization: []string{"Example", "Evil"}}, nil)}, nil, ""},
		"more in the name":                      {[]tls.Certificate{issue(ours, pkix.Name{CommonName: "shop", Organization: []string{"Example"}, OrganizationalUnit: []string{"x"}}, nil)}, nil, ""},
		"the name in an alternative":            {[]tls.Certificate{issue(ours, pkix.Name{CommonName: "x"}, func(c *x509.Certificate) { c.DNSNames = []string{"CN=shop,O=Example", "shop"} })}, nil, ""},
		"no name":                               {[]tls.Certificate{issue(ours, pkix.Name{}, nil)}, nil, ""},
		"an attribute that looks like the name": {[]tls.Certificate{issue(ours, pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 13}, Value: "CN=shop,O=Example"}}}, nil)}, nil, ""},
	} {
		for _, h2 := range []bool{false, true} {
			up.take()
			status, err := callWith(s.addr, "/cert", h2, tt.certs, tt.fields)
			asked, _ := up.take()
			if tt.want == "" {
				if len(asked) != 0 || err == nil && status != 401 {
					t.Errorf("%s (HTTP/2 %v): %d %v, asked %+v", name, h2, status, err, asked)
				}
				continue
			}
			if err != nil || status != 200 || len(asked) != 1 || asked[0].Header.Get("X-Sallyport-Client") != tt.want {
				t.Errorf("%s (HTTP/2 %v): %d %v, asked %+v", name, h2, status, err, asked)
			}
		}
	}
}

func selfSigned(t *testing.T, subject pkix.Name) tls.Certificate {
	t.Helper()
	cert, key := (&authority{}).make(t, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, nil)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// callWith makes a call with a client certificate and fields, names and values in turn.
func callWith(addr, path string, h2 bool, certs []tls.Certificate, fields []string) (int, error) {
	c := &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { //nolint:gosec
		if len(certs) == 0 {
			return &tls.Certificate{}, nil
		}
		return &certs[0], nil
	}}
	transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: h2}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest("GET", "https://"+addr+path, nil)
	if err != nil {
		return 0, err
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	res, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode == 401 && strings.Contains(string(body), "MII") {
		err = fmt.Errorf("the refusal shows a certificate: %s", body)
	}
	return res.StatusCode, err
}
