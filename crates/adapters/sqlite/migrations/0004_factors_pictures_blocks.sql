-- What accounts ask for beside the first factor.
CREATE TABLE second_factors (
  user      BLOB PRIMARY KEY NOT NULL,
  secret    BLOB,
  since     INTEGER NOT NULL,
  last_step INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE recovery_codes (
  user   BLOB NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (user, digest)
) STRICT, WITHOUT ROWID;

-- Keys that people's devices keep.
CREATE TABLE passkeys (
  id            BLOB PRIMARY KEY NOT NULL,
  user          BLOB NOT NULL,
  credential_id BLOB NOT NULL UNIQUE,
  credential    BLOB NOT NULL,
  name          TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  last_used_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_by_user ON passkeys (user, created_at, id);

-- What browsers have begun and not finished.
CREATE TABLE ceremonies (
  flow     BLOB NOT NULL,
  kind     TEXT NOT NULL,
  user     BLOB,
  state    BLOB NOT NULL,
  begun_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  PRIMARY KEY (flow, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX ceremonies_by_user ON ceremonies (user);
CREATE INDEX ceremonies_by_age ON ceremonies (begun_at);

-- What is remembered of people on their way to a provider and back.
CREATE TABLE external_sign_ins (
  key      BLOB PRIMARY KEY NOT NULL,
  sealed   BLOB NOT NULL,
  begun_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX external_sign_ins_by_age ON external_sign_ins (begun_at);

-- What is shown of people.
CREATE TABLE pictures (
  id    BLOB PRIMARY KEY NOT NULL,
  shown BLOB NOT NULL
) STRICT;
