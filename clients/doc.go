// Package clients holds tests in which other people's programs use Sallyport as their users would: curl, a browser, a gRPC
// client. They need more than Go, so they are built by `make test-clients` alone, which installs what is missing.
package clients
