// Package pgtest gives tests an empty PostgreSQL database.
//
// It owns a throw-away server: initialised in a temporary directory, reached by
// a unix socket only, gone when the process that started it is gone. It
// refuses to be anything but a test fixture: every connection is trusted, and
// unless asked otherwise nothing is synced to disk.
//
// Test packages run side by side, so one run can share one server: when
// SALLYPORT_TEST_POSTGRES holds the URL of a running server whose user may
// create databases, [Start] uses that one. scripts/withpostgres sets it.
//
//	tests ── Start ──> SALLYPORT_TEST_POSTGRES set? ── yes ──> that server
//	                                  └── no ──> Launch, once per process
//	      each Start ──> CREATE DATABASE … test … DROP DATABASE
package pgtest
