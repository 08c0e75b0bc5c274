package web

// A Called says which API a request calls, for requests to paths by which another product has its APIs called. The router
// makes it of the realm's dialects; the gateway goes by it, not by the path of the request.
type Called struct {
	Dialect string // whose path it is, and in whose shape the gateway refuses where the API itself names none
	Path    string // as it was received: the API's own path or, if Named, "/MODULE/NAME" and what follows
	Named   bool   // Path names the API
	Foreign bool   // the dialect does not have APIs called under this host name
}
