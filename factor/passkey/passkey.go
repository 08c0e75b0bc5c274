// Package passkey carries out the ceremonies of WebAuthn Level 3 (section 7) for package factor, by a library whose types and
// dependencies end here. It keeps nothing and decides nothing: whether an answer is good, and by which key, is all it tells.
package passkey

import (
	"encoding/json"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sallyport/factor"
)

// Ceremonies are those of the library. The zero value is ready.
type Ceremonies struct{}

var _ factor.Ceremonies = Ceremonies{}

// library returns the library's rules for a relying party.
func library(p factor.Party) (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: p.ID, RPDisplayName: p.Name, RPOrigins: []string{p.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		},
		// Password managers answer extensions that nobody asked for. Nothing here reads them.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// Create is described at factor.Ceremonies.
func (Ceremonies) Create(p factor.Party, a factor.Account) (options, state []byte, err error) {
	lib, err := library(p)
	if err != nil {
		return nil, nil, err
	}
	of := newAccount(a)
	o, session, err := lib.BeginRegistration(of,
		webauthn.WithExclusions(webauthn.Credentials(of.WebAuthnCredentials()).CredentialDescriptors()),
		webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()))
	if err != nil {
		return nil, nil, err
	}
	return encode(o, session)
}

// Created is described at factor.Ceremonies.
func (Ceremonies) Created(p factor.Party, a factor.Account, state, response []byte) (factor.Credential, error) {
	lib, err := library(p)
	if err != nil {
		return factor.Credential{}, err
	}
	session, err := decode(state)
	if err != nil {
		return factor.Credential{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return factor.Credential{}, err
	}
	made, err := lib.CreateCredential(newAccount(a), session, parsed)
	if err != nil {
		return factor.Credential{}, err
	}
	return fromLibrary(made), nil
}

// Get is described at factor.Ceremonies.
func (Ceremonies) Get(p factor.Party, a *factor.Account) (options, state []byte, err error) {
	lib, err := library(p)
	if err != nil {
		return nil, nil, err
	}
	var o *protocol.CredentialAssertion
	var session *webauthn.SessionData
	if a == nil {
		o, session, err = lib.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	} else {
		o, session, err = lib.BeginLogin(newAccount(*a), webauthn.WithUserVerification(protocol.VerificationPreferred))
	}
	if err != nil {
		return nil, nil, err
	}
	return encode(o, session)
}

// ID is described at factor.Ceremonies.
func (Ceremonies) ID(response []byte) ([]byte, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, err
	}
	return parsed.RawID, nil
}

// Got is described at factor.Ceremonies.
func (Ceremonies) Got(p factor.Party, a factor.Account, anybody bool, state, response []byte) (factor.Used, error) {
	lib, err := library(p)
	if err != nil {
		return factor.Used{}, err
	}
	session, err := decode(state)
	if err != nil {
		return factor.Used{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return factor.Used{}, err
	}
	of := newAccount(a)
	var used *webauthn.Credential
	if anybody {
		_, used, err = lib.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return of, nil }, session, parsed)
	} else {
		used, err = lib.ValidateLogin(of, session, parsed)
	}
	if err != nil {
		return factor.Used{}, err
	}
	return factor.Used{
		Credential: fromLibrary(used), Verified: parsed.Response.AuthenticatorData.Flags.HasUserVerified(),
		Copied: used.Authenticator.CloneWarning,
	}, nil
}

func encode(o any, session *webauthn.SessionData) (options, state []byte, err error) {
	if options, err = json.Marshal(o); err != nil {
		return nil, nil, err
	}
	state, err = json.Marshal(session)
	return options, state, err
}

func decode(state []byte) (s webauthn.SessionData, err error) {
	err = json.Unmarshal(state, &s)
	return s, err
}
