package passkey

import (
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sallyport/factor"
)

// An account is a factor.Account as the library wants to see one.
type account struct {
	of          factor.Account
	credentials []webauthn.Credential
}

func newAccount(a factor.Account) *account {
	n := &account{of: a}
	for _, c := range a.Credentials {
		n.credentials = append(n.credentials, toLibrary(c))
	}
	return n
}

func (a *account) WebAuthnID() []byte                         { return a.of.Handle }
func (a *account) WebAuthnName() string                       { return a.of.Name }
func (a *account) WebAuthnDisplayName() string                { return a.of.Alias }
func (a *account) WebAuthnCredentials() []webauthn.Credential { return a.credentials }

func toLibrary(c factor.Credential) webauthn.Credential {
	out := webauthn.Credential{
		ID: c.ID, PublicKey: c.Key, Flags: webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(c.Flags)),
		AttestationType: "none", AttestationFormat: "none",
		Authenticator: webauthn.Authenticator{AAGUID: c.Model, SignCount: c.Count, Attachment: protocol.AuthenticatorAttachment(c.Attachment)},
	}
	for _, t := range c.Transports {
		out.Transport = append(out.Transport, protocol.AuthenticatorTransport(t))
	}
	return out
}

func fromLibrary(c *webauthn.Credential) factor.Credential {
	out := factor.Credential{
		ID: c.ID, Key: c.PublicKey, Flags: c.Flags.MsgpByte(), Count: c.Authenticator.SignCount,
		Model: c.Authenticator.AAGUID, Attachment: string(c.Authenticator.Attachment),
	}
	for _, t := range c.Transport {
		out.Transports = append(out.Transports, string(t))
	}
	return out
}
