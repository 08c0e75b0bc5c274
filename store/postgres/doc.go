// Package postgres runs the statements of package store on PostgreSQL.
//
// It owns the connections, how often a transaction is tried, what PostgreSQL's error codes mean, and how news travels
// between processes. It refuses to leave a process with old news: what may have been missed is told as "everything".
//
//	write:  BEGIN … UPDATE change_seq SET seq = seq + 1, NOTIFY (seq, changes) COMMIT
//	listen: notification seq = heard + 1?  yes ─▶ tell its changes   no ─▶ tell feed.All
//	        every 500 ms: seq ahead of what was heard? ─▶ feed.All
//	        connection lost ─▶ connect again ─▶ feed.All
//
// The row of change_seq is locked until the commit, so its count, the commits and the notifications have one order.
package postgres
