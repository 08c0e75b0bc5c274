package apikey

// settings say where a caller puts its API key. A key is a credential of a client and has the client's scopes, or fewer.
type settings struct {
	Header string `json:"header"` // header field that holds the key; default `x-api-key`
	Query  string `json:"query"`  // query parameter that may hold it instead, for callers who cannot send header fields. It ends up in logs and histories. Default: none, and a key in the query is not looked at
}
