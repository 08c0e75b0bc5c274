package policy

import "sallyport/oauth"

// Reasons of the gateway itself, beside those of package oauth. They are stable names: never rename one.
const (
	APIUnknown       oauth.Reason = "api_unknown"       // nothing is registered under that path
	APIDisabled      oauth.Reason = "api_disabled"      // registered, and switched off
	APIMisconfigured oauth.Reason = "api_misconfigured" // registered in a way that this server does not understand
	PathRefused      oauth.Reason = "path_refused"      // a spelling of the path about which two servers could disagree
	RequestRefused   oauth.Reason = "request_refused"   // framing or fields about which two servers could disagree
	MethodNotAllowed oauth.Reason = "method_not_allowed"
	HostRefused      oauth.Reason = "host_refused"   // APIs are not called under that host name
	BodyMalformed    oauth.Reason = "body_malformed" // a policy has to read the body and cannot

	ClientAddress oauth.Reason = "client_address" // the client may not call from this address
	ClientHours   oauth.Reason = "client_hours"   // nor at this time of day

	KeyUnknown       oauth.Reason = "key_unknown"       // no such API key, or of another realm
	KeyDisabled      oauth.Reason = "key_disabled"      // switched off
	KeyRevoked       oauth.Reason = "key_revoked"       //
	KeyNotYetValid   oauth.Reason = "key_not_yet_valid" //
	KeyExpired       oauth.Reason = "key_expired"       //
	KeyExhausted     oauth.Reason = "key_exhausted"     // its number of uses is spent
	KeyWrongAPI      oauth.Reason = "key_wrong_api"     // it does not open this API
	SignatureWrong   oauth.Reason = "signature_wrong"   // the signature does not match
	SignatureReplay  oauth.Reason = "signature_replay"  // the same signature was used before
	CertificateWrong oauth.Reason = "certificate_wrong" // the client certificate is nobody's

	AddressDenied      oauth.Reason = "address_denied"      // by ipfilter
	OriginDenied       oauth.Reason = "origin_denied"       // by cors
	RateExceeded       oauth.Reason = "rate_exceeded"       // more calls in a short time than agreed
	QuotaExceeded      oauth.Reason = "quota_exceeded"      // more calls in the period than agreed
	TokenUsesExceeded  oauth.Reason = "token_uses_exceeded" // more calls with one token than agreed
	ConcurrencyReached oauth.Reason = "concurrency_reached" // too many calls at the same time
	PressureShed       oauth.Reason = "pressure_shed"       // waited its turn in vain
	NotStored          oauth.Reason = "not_stored"          // the caller wanted a stored answer or none
	NoTarget           oauth.Reason = "no_target"           // no target for the caller's address
	NoHealthyTarget    oauth.Reason = "no_healthy_target"   // every target is down

	UpstreamFailed  oauth.Reason = "upstream_failed"  // the upstream is away or broke off
	UpstreamTimeout oauth.Reason = "upstream_timeout" // the upstream took too long
	UpstreamDenied  oauth.Reason = "upstream_denied"  // its name resolves to an address that calls must not go to
	UpstreamLoop    oauth.Reason = "upstream_loop"    // the upstream is this gateway
)
