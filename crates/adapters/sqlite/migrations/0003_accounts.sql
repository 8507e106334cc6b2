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
