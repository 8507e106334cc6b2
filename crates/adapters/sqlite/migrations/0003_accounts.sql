-- Other ways to sign in, pictures, and people the operator keeps out.
ALTER TABLE users ADD COLUMN google_issuer TEXT;
ALTER TABLE users ADD COLUMN google_subject TEXT;
ALTER TABLE users ADD COLUMN picture BLOB;
ALTER TABLE users ADD COLUMN disabled_at INTEGER;
CREATE UNIQUE INDEX users_by_google ON users (google_issuer, google_subject)
  WHERE google_subject IS NOT NULL;

-- What sessions were opened from.
ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN system TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '0.0.0.0';

-- Browsers that accounts were signed in with before.
CREATE TABLE known_devices (
  user         BLOB NOT NULL,
  device       BLOB NOT NULL,
  network      TEXT NOT NULL,
  last_used_at INTEGER NOT NULL,
  PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_devices_by_use_of_user ON known_devices (user, last_used_at DESC, device DESC);
CREATE INDEX known_devices_by_use ON known_devices (last_used_at);

-- Codes mailed to people who are signed in.
CREATE TABLE challenges (
  session      BLOB NOT NULL,
  purpose      TEXT NOT NULL,
  user         BLOB NOT NULL,
  email        TEXT NOT NULL,
  otp_digest   BLOB NOT NULL,
  otp_sent_at  INTEGER NOT NULL,
  otp_attempts INTEGER NOT NULL,
  PRIMARY KEY (session, purpose)
) STRICT, WITHOUT ROWID;
CREATE INDEX challenges_by_user ON challenges (user);
CREATE INDEX challenges_by_age ON challenges (otp_sent_at);

-- Links by which people choose a new password.
CREATE TABLE password_resets (
  user       BLOB PRIMARY KEY NOT NULL,
  token      BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX password_resets_by_age ON password_resets (created_at);
