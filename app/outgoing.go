package app

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"

	"sallyport/mail"
	"sallyport/web/fetch"
)

// checkOutgoing checks the settings of what this server sends on its own: mails, and requests to URLs of clients.
func (c *Config) checkOutgoing() error {
	if (c.SMTPURL == "") != (c.MailFrom == "") {
		return usage("smtp_url, mail_from: only one of them is set; mails need both")
	}
	if c.SMTPURL != "" {
		if _, err := mail.New(mail.Config{URL: c.SMTPURL, From: c.MailFrom}); err != nil {
			return usage("smtp_url, mail_from: %v", err)
		}
	}
	if _, err := c.fetchNetworks(); err != nil {
		return usage("fetch_networks: %v", err)
	}
	return nil
}

// fetchNetworks are the networks, besides the Internet, to which URLs of clients may lead.
func (c *Config) fetchNetworks() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range c.FetchNetworks {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%.60q is not a network; write it like 10.0.0.0/8", s)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// outgoing is how documents are fetched from where a client says, and how clients are told of a logout.
func (c *Config) outgoing() (*fetch.Fetcher, error) {
	networks, err := c.fetchNetworks()
	if err != nil {
		return nil, err
	}
	o := fetch.Options{Networks: networks}
	if c.FetchCA != "" {
		if o.Roots, err = x509.SystemCertPool(); err != nil {
			o.Roots = x509.NewCertPool()
		}
		pem, err := os.ReadFile(c.FetchCA)
		if err != nil {
			return nil, usage("fetch_ca: %v", err)
		}
		if !o.Roots.AppendCertsFromPEM(pem) {
			return nil, usage("fetch_ca: %s has no certificate in PEM", c.FetchCA)
		}
	}
	return fetch.New(o), nil
}

// mailer sends mails; nil: none are sent.
func (c *Config) mailer() (mail.Sender, error) {
	if c.SMTPURL == "" {
		return nil, nil
	}
	return mail.New(mail.Config{URL: c.SMTPURL, From: c.MailFrom})
}
