// Package examples holds declarative files that a reader can apply. The quickstart serves one of them, so it is embedded
// here, beside the file that people read; nothing else is in this package.
package examples

import _ "embed"

// Quickstart is the deployment of `sallyport quickstart`.
//
//go:embed quickstart.yaml
var Quickstart []byte
