-- Rooms of which people want to hear nothing unless they look.
ALTER TABLE members ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;

-- Up to where it reached a device of theirs.
ALTER TABLE members ADD COLUMN delivered_seq INTEGER NOT NULL DEFAULT 0;
