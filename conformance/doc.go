// Package conformance ports the modules of the OpenID Foundation's conformance suite that test an OpenID Provider, as table
// tests against a whole server: what a module does is taken from its public description, how is our own. The table of them and
// their results is docs/conformance.md, which the test run writes and compares.
package conformance
