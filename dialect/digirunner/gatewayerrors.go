package digirunner

import (
	"sallyport/oauth"
	"sallyport/policy"
)

// The ways in for which the product has words of its own.
const (
	bearerWay    = "bearer"
	basicWay     = "basic"
	keyWay       = "apikey"
	signatureWay = "signature"
)

// gatewayErrors are the refusals of the gateway, in the order of checks. A reason without a row here and in common is
// something that the product does not know.
//
// The product answers a bearer token that it cannot read with 500; it is the caller's mistake.
var gatewayErrors = table{
	// Before anybody is known.
	policy.HostRefused:      {401, e3, "9978", ""},
	policy.APIUnknown:       {404, e3, "0125", ""},
	policy.APIDisabled:      {503, e1, "disabled", "API was disabled"},
	policy.MethodNotAllowed: {405, e1, "Method Not Allowed", "Method not allowed. api_key:{api},module_name:{module},method:{method}"},

	// The credential.
	oauth.TokenMissing:   {401, e1, unauthorized, unauthorized},
	oauth.TokenMalformed: {401, e2, "invalid_token", notJSON},
	oauth.TokenExpired:   {401, e2, "invalid_token", "Access token expired: {token}"},
	oauth.TokenRevoked:   {403, e2, "invalid_token", "Access token revoked, jti: {jti}"},

	// The client's own conditions. Its status is in common.
	policy.ClientAddress: {403, e1, forbidden, "ip({address}) does not match host list, the clientId is '{client}'"},
	policy.ClientHours: {403, e1, serviceTime,
		serviceTime + ", Start Time(HH:mmZ): {start}, End Time(HH:mmZ): {end}, Now(HH:mmZ): {now}"},
	oauth.UserDisabled: {403, e1, forbidden, "'{user}' User disable"},
	oauth.UserLocked:   {403, e1, forbidden, "'{user}' User locked"},

	// What it may use, and how much of it.
	oauth.ScopeMissing:       {403, e1, forbidden, tokenScope},
	policy.RateExceeded:      {429, e1, "tps", "Client requests exceeds TPS limit. client:{client}"},
	policy.QuotaExceeded:     {403, e1, quotaRanOut, quotaRanOut + ", client_id: {client}"},
	policy.TokenUsesExceeded: {403, e2, overTokenUses, overTokenUses},

	// Where it goes.
	policy.NoTarget: {401, e1, unauthorized, "Missing srcUrl information. ip/fqdn= {address}/{address}"},
}

const (
	serviceTime   = "Client(application) service time not available"
	quotaRanOut   = "Client(application) quota ran out"
	overTokenUses = "Over Access Token Allow Times"
	tokenScope    = "Token Violates Scope Authorization Access Settings"
	keyScope      = "X-Api-Key Violates Scope Authorization Access Settings"
	keyDenied     = "Client Permission Denied, Api Key Deny"
)

// wayErrors are the refusals that the product has other words for, by way in.
var wayErrors = map[string]table{
	basicWay: {
		oauth.RequestMalformed: {401, e1, unauthorized, unauthorized},
		oauth.GrantNotAllowed:  {400, e2, "invalid_request", "Unauthorized grant type: client_credentials"},
	},
	keyWay: {
		policy.KeyUnknown:     {401, e1, unauthorized, "X-Api-Key Not Found"},
		policy.KeyNotYetValid: {401, e1, unauthorized, "X-Api-Key is not valid, effective date is {when}"},
		policy.KeyExpired:     {401, e1, unauthorized, "X-Api-Key Has Expired, expired at: {when}"},
		policy.KeyWrongAPI:    {403, e1, forbidden, keyScope},
		oauth.ScopeMissing:    {403, e1, forbidden, keyScope},
	},
	signatureWay: {
		oauth.RequestMalformed: {401, e1, unauthorized, unauthorized},
		policy.KeyUnknown:      {401, e1, unauthorized, "API Key Not Found"},
		policy.SignatureWrong:  {401, e1, unauthorized, "API Key Signature Incorrect"},
		policy.KeyDisabled:     {401, e1, unauthorized, "API Key Status is Deactived"},
		policy.KeyRevoked:      {401, e1, unauthorized, "API Key Has Revoked, revoked at: {when}"},
		policy.KeyExpired:      {401, e1, unauthorized, "API Key Has Expired, expired at: {when}"},
		policy.KeyExhausted:    {401, e1, unauthorized, "API Key Times Quota is 0"},
		policy.KeyWrongAPI:     {403, e1, forbidden, keyDenied},
		oauth.ScopeMissing:     {403, e1, forbidden, keyDenied},
	},
}

// codeTexts are the texts of E3's codes, in English and in Chinese as it is written on Taiwan.
var codeTexts = map[string][2]string{
	"0125": {"API not found", "API不存在"},
	"9978": {"Illegal Host Header", "不合法的 Host Header"},
}
