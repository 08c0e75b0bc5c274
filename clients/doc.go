// Package clients holds tests in which other people's programs use Sallyport as their users would: curl, browsers, a gRPC client,
// the OAuth and OpenID Connect libraries of several languages, and Apache's server. Somebody sits in front of a headless browser
// and signs in on the real pages. They need more than Go, so they are built by `make test-clients` alone, which installs what
// is missing.
//
//	provider_test.go   the server as an OpenID Provider over TLS, with people
//	person_test.go     somebody in front of a browser
//	scripts_test.go    runs what is in the folders node and python
package clients
