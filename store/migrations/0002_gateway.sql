-- What a client may call with other than a token. A credential is found by the hash of what the caller presents.
CREATE TABLE credential (
	realm  TEXT /*postgres: COLLATE "C" */ NOT NULL REFERENCES realm (name) ON DELETE CASCADE,
	id     TEXT /*postgres: COLLATE "C" */ NOT NULL,
	client TEXT /*postgres: COLLATE "C" */ NOT NULL,
	kind   TEXT NOT NULL,
	hash   BYTEA NOT NULL,
	doc    TEXT NOT NULL,
	PRIMARY KEY (realm, id)
) /*sqlite: WITHOUT ROWID */;
CREATE UNIQUE INDEX credential_hash ON credential (realm, hash);
CREATE INDEX credential_client ON credential (realm, client, id);

-- Counts that must not go over a cap. granted is what the last lease got.
CREATE TABLE usage_count (
	realm   TEXT /*postgres: COLLATE "C" */ NOT NULL,
	subject TEXT /*postgres: COLLATE "C" */ NOT NULL,
	from_at BIGINT NOT NULL,
	bucket  BIGINT NOT NULL,
	used    BIGINT NOT NULL,
	granted BIGINT NOT NULL,
	PRIMARY KEY (realm, subject, from_at)
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX usage_bucket ON usage_count (bucket, realm, subject, from_at);

-- Certificates obtained by ACME, the account they belong to, and who is busy obtaining one.
CREATE TABLE acme_item (
	name       TEXT /*postgres: COLLATE "C" */ NOT NULL PRIMARY KEY,
	value      BYTEA NOT NULL,
	changed_at BIGINT NOT NULL
) /*sqlite: WITHOUT ROWID */;
CREATE TABLE acme_lock (
	name     TEXT /*postgres: COLLATE "C" */ NOT NULL PRIMARY KEY,
	owner    TEXT NOT NULL,
	until_at BIGINT NOT NULL
) /*sqlite: WITHOUT ROWID */;
