// Package sqlite runs the statements of package store on one SQLite file, without cgo.
//
// It owns how the file is opened and tuned, the single writer with its group commit, and what SQLite's error codes mean.
// It refuses to give up durability: every write that was answered has been synced to disk.
//
//	callers ──queue──▶ writer: BEGIN ─ SAVEPOINT, write 1 ─ SAVEPOINT, write 2 ─ … ─ COMMIT ──▶ all callers are answered
//	callers ──▶ pool of read-only connections, which never wait for the writer
//
// One commit, and so one sync, serves every write that was waiting when it began; when there is company, it waits some
// microseconds for the next. A write that fails is rolled back to
// its savepoint and harms no other. Another process may write to the same file: the writer looks for news of it.
package sqlite
