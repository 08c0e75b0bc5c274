-- What a grant remembers of the sign-in behind it, for later ID tokens; empty: there was none in a browser.
ALTER TABLE family ADD COLUMN sign_in TEXT NOT NULL DEFAULT '';
ALTER TABLE reference ADD COLUMN sign_in TEXT NOT NULL DEFAULT '';

-- A ticket that was used and is kept for a while, so that a second use is seen.
ALTER TABLE ticket ADD COLUMN spent_at BIGINT NOT NULL DEFAULT 0;

-- Expires like a ticket: by the hour.
CREATE TABLE session (
	hash       BYTEA NOT NULL PRIMARY KEY,
	bucket     BIGINT NOT NULL,
	realm      TEXT /*postgres: COLLATE "C" */ NOT NULL,
	id         TEXT /*postgres: COLLATE "C" */ NOT NULL,
	account    TEXT /*postgres: COLLATE "C" */ NOT NULL,
	doc        TEXT NOT NULL,
	seen_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	FOREIGN KEY (realm, account) REFERENCES account (realm, name) ON DELETE CASCADE
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX session_bucket ON session (bucket, hash);
CREATE UNIQUE INDEX session_id ON session (realm, id);
CREATE INDEX session_account ON session (realm, account);

CREATE TABLE consent (
	realm   TEXT /*postgres: COLLATE "C" */ NOT NULL,
	account TEXT /*postgres: COLLATE "C" */ NOT NULL,
	client  TEXT /*postgres: COLLATE "C" */ NOT NULL,
	doc     TEXT NOT NULL,
	PRIMARY KEY (realm, account, client),
	FOREIGN KEY (realm, account) REFERENCES account (realm, name) ON DELETE CASCADE,
	FOREIGN KEY (realm, client) REFERENCES client (realm, id) ON DELETE CASCADE
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX consent_client ON consent (realm, client);

CREATE TABLE factor (
	realm      TEXT /*postgres: COLLATE "C" */ NOT NULL,
	id         TEXT /*postgres: COLLATE "C" */ NOT NULL,
	account    TEXT /*postgres: COLLATE "C" */ NOT NULL,
	kind       TEXT NOT NULL,
	name       TEXT NOT NULL,
	doc        TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL,
	PRIMARY KEY (realm, id),
	FOREIGN KEY (realm, account) REFERENCES account (realm, name) ON DELETE CASCADE
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX factor_account ON factor (realm, account, created_at, id);

-- Clients that registered themselves, to count them.
CREATE TABLE registration (
	realm      TEXT /*postgres: COLLATE "C" */ NOT NULL,
	client     TEXT /*postgres: COLLATE "C" */ NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (realm, client),
	FOREIGN KEY (realm, client) REFERENCES client (realm, id) ON DELETE CASCADE
) /*sqlite: WITHOUT ROWID */;

-- Expires like a ticket.
CREATE TABLE initial_token (
	hash       BYTEA NOT NULL PRIMARY KEY,
	bucket     BIGINT NOT NULL,
	realm      TEXT /*postgres: COLLATE "C" */ NOT NULL REFERENCES realm (name) ON DELETE CASCADE,
	uses       BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
) /*sqlite: WITHOUT ROWID */;
CREATE INDEX initial_token_bucket ON initial_token (bucket, hash);
CREATE INDEX initial_token_realm ON initial_token (realm);

-- The letters of ASCII in lower case, so that a forgotten password can be asked for by address. Others stay as they are: two
-- that only look alike in lower case are not one address.
ALTER TABLE account ADD COLUMN email TEXT /*postgres: COLLATE "C" */ NOT NULL DEFAULT '';
UPDATE account SET email = lower(COALESCE(/*sqlite: json_extract(doc, '$.email') */ /*postgres: doc::json ->> 'email' */, '') /*postgres: COLLATE "C" */);
CREATE INDEX account_email ON account (realm, email) WHERE email <> '';
