// Package steps is what the pages of a sign-in and the account page have in common: how a form is taken in, who is signed in
// in this browser, what a proof is worth, how a factor is set up, and the links that go by mail.
//
//	form ─▶ Handler ─▶ cross-origin? ─▶ Visit ─▶ Flow (this browser's) ─▶ a page of its own ─▶ Back: /authorize decides
//
// A page notes what happened, in the flow or as a session, and goes back to the authorization endpoint; it never leads to
// another page. What it notes is true whatever page was asked for: an address that somebody made up skips nothing.
//
// It refuses forms that another site's page sends, a flow of another browser, passwords that are easily guessed (NIST SP
// 800-63B section 3.1.1), and more guesses than a user needs.
package steps
