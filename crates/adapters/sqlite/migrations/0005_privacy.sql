-- What people would rather not let others see; everybody shows everything until they say so.
ALTER TABLE users ADD COLUMN hides_receipts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN hides_presence INTEGER NOT NULL DEFAULT 0;
