-- Times are microseconds since 1970, 0 for none. Names sort by bytes.

CREATE TABLE change_seq (
	id  BIGINT PRIMARY KEY,
	seq BIGINT NOT NULL
);
INSERT INTO change_seq (id, seq) VALUES (1, 0);

CREATE TABLE realm (
	name TEXT /*postgres: COLLATE "C" */ NOT NULL PRIMARY KEY,
	doc  TEXT NOT NULL
) /*sqlite: WITHOUT ROWID */;

CREATE TABLE scope (
	realm       TEXT /*postgres: COLLATE "C" */ NOT NULL REFERENCES realm (name) ON DELETE CASCADE,
	name        TEXT /*postgres: COLLATE "C" */ NOT NULL,
	description TEXT NOT NULL,
	PRIMARY KEY (realm, name)
) /*sqlite: WITHOUT ROWID */;

CREATE TABLE client (
	realm TEXT /*postgres: COLLATE "C" */ NOT NULL REFERENCES realm (name) ON DELETE CASCADE,
	id    TEXT /*postgres: COLLATE "C" */ NOT NULL,
	doc   TEXT NOT NULL,
	PRIMARY KEY (realm, id)
) /*sqlite: WITHOUT ROWID */;

-- A user: "user" is a reserved word in SQL.
CREATE TABLE account (
	realm    TEXT /*postgres: COLLATE "C" */ NOT NULL REFERENCES realm (name) ON DELETE CASCADE,
	name     TEXT /*postgres: COLLATE "C" */ NOT NULL,
	password TEXT NOT NULL,
	doc      TEXT NOT NULL,
	PRIMARY KEY (realm, name)
) /*sqlite: WITHOUT ROWID */;

CREATE TABLE api (
	realm TEXT /*postgres: COLLATE "C" */ NOT NULL REFERENCES realm (name) ON DELETE CASCADE,
	name  TEXT /*postgres: COLLATE "C" */ NOT NULL,
	doc   TEXT NOT NULL,
	PRIMARY KEY (realm, name)
) /*sqlite: WITHOUT ROWID */;

CREATE TABLE signing_key (
	realm      TEXT /*postgres: COLLATE "C" */ NOT NULL,
	alg        TEXT /*postgres: COLLATE "C" */ NOT NULL,
	serial     BIGINT NOT NULL,
	id         TEXT NOT NULL,
	public     BYTEA NOT NULL,
	sealed     BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	active_at  BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (realm, alg, serial)
) /*sqlite: WITHOUT ROWID */;

-- What expires is keyed by the hour in which it does, its bucket: the rows of one hour lie together, and those of hours
-- that are over are deleted without a look at any other.

CREATE TABLE family (
	bucket     BIGINT NOT NULL,
	id         BYTEA NOT NULL,
	realm      TEXT /*postgres: COLLATE "C" */ NOT NULL,
	client     TEXT /*postgres: COLLATE "C" */ NOT NULL,
	account    TEXT /*postgres: COLLATE "C" */ NOT NULL,
	grant_type TEXT NOT NULL,
	shape      TEXT NOT NULL,
	scope      TEXT NOT NULL,
	generation BIGINT NOT NULL,
	uses       BIGINT NOT NULL,
	started_at BIGINT NOT NULL,
	rotated_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (bucket, id)
) /*sqlite: WITHOUT ROWID */;
-- Of every refreshable grant, those without a user too: they can be ended by client.
CREATE INDEX family_owner ON family (realm, account, client);

CREATE TABLE reference (
	bucket     BIGINT NOT NULL,
	hash       BYTEA NOT NULL,
	realm      TEXT /*postgres: COLLATE "C" */ NOT NULL,
	client     TEXT /*postgres: COLLATE "C" */ NOT NULL,
	account    TEXT /*postgres: COLLATE "C" */ NOT NULL,
	id         TEXT NOT NULL,
	family     BYTEA NOT NULL,
	generation BIGINT NOT NULL,
	scope      TEXT NOT NULL,
	audience   TEXT NOT NULL,
	issued_at  BIGINT NOT NULL,
	started_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (bucket, hash)
) /*sqlite: WITHOUT ROWID */;
-- Only of users: tokens of clients that act for themselves are never listed.
CREATE INDEX reference_owner ON reference (realm, account, client) WHERE account <> '';

-- The subject is bytes because the name of a client and a user in one has a NUL between them.
CREATE TABLE revocation (
	bucket   BIGINT NOT NULL,
	realm    TEXT /*postgres: COLLATE "C" */ NOT NULL,
	kind     TEXT /*postgres: COLLATE "C" */ NOT NULL,
	subject  BYTEA NOT NULL,
	bound    BIGINT NOT NULL,
	until_at BIGINT NOT NULL,
	PRIMARY KEY (bucket, realm, kind, subject)
) /*sqlite: WITHOUT ROWID */;

CREATE TABLE ticket (
	hash       BYTEA NOT NULL PRIMARY KEY,
	bucket     BIGINT NOT NULL,
	realm      TEXT /*postgres: COLLATE "C" */ NOT NULL,
	kind       TEXT /*postgres: COLLATE "C" */ NOT NULL,
	body       BYTEA NOT NULL,
	expires_at BIGINT NOT NULL
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX ticket_bucket ON ticket (bucket, hash);

-- Events of a realm outlive it.
CREATE TABLE audit_event (
	n          /*sqlite: INTEGER PRIMARY KEY */ /*postgres: BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY */,
	at         BIGINT NOT NULL,
	kind       TEXT NOT NULL,
	realm      TEXT /*postgres: COLLATE "C" */ NOT NULL,
	client     TEXT NOT NULL,
	account    TEXT NOT NULL,
	grant_type TEXT NOT NULL,
	dialect    TEXT NOT NULL,
	reason     TEXT NOT NULL,
	source     TEXT NOT NULL,
	detail     TEXT NOT NULL
);
CREATE INDEX audit_event_page ON audit_event (realm, at, n);
