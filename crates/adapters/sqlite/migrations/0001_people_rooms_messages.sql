-- Ids and digests are BLOBs, moments are milliseconds since 1970-01-01 UTC.
--
-- Accounts, sign-ups, sessions and rooms know one another by id alone, as their ports do. What is
-- part of a room hangs on it by foreign keys.

CREATE TABLE users (
  id            BLOB PRIMARY KEY NOT NULL,
  username      TEXT NOT NULL,
  username_key  TEXT NOT NULL UNIQUE,
  skeleton      TEXT NOT NULL UNIQUE,
  email         TEXT NOT NULL UNIQUE,
  first_name    TEXT NOT NULL,
  last_name     TEXT NOT NULL,
  password_hash TEXT,
  joined_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE registrations (
  id            BLOB PRIMARY KEY NOT NULL,
  flow          BLOB NOT NULL UNIQUE,
  username      TEXT NOT NULL,
  username_key  TEXT NOT NULL,
  email         TEXT NOT NULL,
  first_name    TEXT NOT NULL,
  last_name     TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  otp_digest    BLOB NOT NULL,
  otp_sent_at   INTEGER NOT NULL,
  otp_attempts  INTEGER NOT NULL,
  created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX registrations_by_email ON registrations (email, created_at);
CREATE INDEX registrations_by_username ON registrations (username_key, created_at);
CREATE INDEX registrations_by_age ON registrations (created_at);

CREATE TABLE sessions (
  id           BLOB PRIMARY KEY NOT NULL,
  user         BLOB NOT NULL,
  token        BLOB NOT NULL UNIQUE,
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_age ON sessions (created_at);
CREATE INDEX sessions_by_use ON sessions (last_used_at);

CREATE TABLE rooms (
  id         BLOB PRIMARY KEY NOT NULL,
  low        BLOB NOT NULL,
  high       BLOB NOT NULL,
  last_seq   INTEGER NOT NULL,
  rev        INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  active_at  INTEGER NOT NULL,
  UNIQUE (low, high)
) STRICT, WITHOUT ROWID;

-- Two rows a room. `active_at` repeats the room's, so that an index can list somebody's rooms.
CREATE TABLE members (
  room      BLOB NOT NULL REFERENCES rooms (id),
  user      BLOB NOT NULL,
  read_seq  INTEGER NOT NULL,
  active_at INTEGER NOT NULL,
  PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_activity ON members (user, active_at DESC, room DESC);

-- Every index here is paid for by each message sent; there is none that no query needs.
CREATE TABLE messages (
  id          BLOB PRIMARY KEY NOT NULL,
  room        BLOB NOT NULL REFERENCES rooms (id),
  seq         INTEGER NOT NULL,
  rev         INTEGER NOT NULL,
  sender      BLOB NOT NULL,
  client_id   BLOB NOT NULL,
  fingerprint BLOB NOT NULL,
  sealed      BLOB,              -- NULL once deleted
  sent_at     INTEGER NOT NULL,
  edited_at   INTEGER,
  reply_to    BLOB,
  UNIQUE (room, seq),
  UNIQUE (room, rev),
  UNIQUE (sender, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_to_count ON messages (room, sender, seq) WHERE sealed IS NOT NULL;

CREATE TABLE reactions (
  message  BLOB NOT NULL REFERENCES messages (id),
  position INTEGER NOT NULL,     -- the order in which they were given
  emoji    TEXT NOT NULL,
  user     BLOB NOT NULL,
  PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_fingerprints (
  id     TEXT PRIMARY KEY NOT NULL,
  digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
