// Package store keeps everything that must outlive the process, on SQLite or on PostgreSQL. It implements the Store
// interfaces of the nouns; every SQL statement of the product is here, once, for both databases.
//
// It refuses to judge: what is valid, allowed or expired in a rule's sense is the nouns' matter. One method is one
// transaction, a write is durable when it returns, and what was not found is nil without an error.
//
//	store (statements, rows ⇄ nouns) ──▶ engine ──▶ sqlite | postgres (open, tune, transactions, errors, news)
//
// A change that somebody may hold a copy of is told to the feed after the commit and before the write returns, and to
// other processes within a second. When the database is away, full or read-only, the error is an *oauth.Error with the
// reason oauth.Unavailable; any other fault is a plain error.
package store
