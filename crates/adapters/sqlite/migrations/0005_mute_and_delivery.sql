-- Rooms of which people want to hear nothing unless they look.
ALTER TABLE members ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
