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

-- How people stand to their rooms (0: open, 1: a request, 2: declined and out of sight), and whom
-- they keep away.
ALTER TABLE members ADD COLUMN standing INTEGER NOT NULL DEFAULT 0;
DROP INDEX members_by_activity;
CREATE INDEX members_by_activity ON members (user, active_at DESC, room DESC) WHERE standing < 2;

CREATE TABLE blocks (
  blocker    BLOB NOT NULL,
  blocked    BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (blocker, blocked)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_blocked ON blocks (blocked, blocker);
CREATE INDEX blocks_by_age ON blocks (blocker, created_at DESC, blocked DESC);

-- What people took out of their own sight (the room's `last_seq` and `rev` then), and whether the
-- room is out of their list until its `last_seq` is greater.
ALTER TABLE members ADD COLUMN cleared_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN cleared_rev INTEGER NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN put_away_at INTEGER;

-- Rooms with messages that both have cleared, up to a `seq`, and how far they are emptied.
CREATE TABLE rooms_to_empty (
  room    BLOB PRIMARY KEY NOT NULL,
  up_to   INTEGER NOT NULL,
  emptied INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Files that come with messages. Their bytes lie beside the database; what says which file is whole
-- and whose it is, is here. Without details it is still arriving; `charge` is what it counts for.
CREATE TABLE attachments (
  id          BLOB PRIMARY KEY NOT NULL,
  room        BLOB NOT NULL,
  uploader    BLOB NOT NULL,
  charge      INTEGER NOT NULL,
  details     BLOB,
  used_as     BLOB,
  loose_since INTEGER,
  doomed      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_by_uploader ON attachments (uploader, charge);
CREATE INDEX attachments_loose ON attachments (loose_since) WHERE loose_since IS NOT NULL;
CREATE INDEX attachments_unsent ON attachments (uploader, loose_since)
  WHERE used_as IS NULL AND details IS NOT NULL;

CREATE TABLE message_attachments (
  message    BLOB NOT NULL REFERENCES messages (id),
  position   INTEGER NOT NULL,
  attachment BLOB NOT NULL,
  details    BLOB NOT NULL,
  PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;
