-- Mail on its way out, sealed. With row ids, as a mail is several kilobytes long.
CREATE TABLE outbox (
  id         BLOB PRIMARY KEY NOT NULL,
  sealed     BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  due_at     INTEGER NOT NULL,
  attempts   INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_due ON outbox (due_at);
