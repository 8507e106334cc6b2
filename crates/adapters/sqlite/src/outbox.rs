use crate::{
    SqliteStore,
    rows::{count, length, millis, moment},
};
use application::ports::{OutboxRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    outbox::{MailId, OutgoingMail},
    sealing::SealedPayload,
};
use rusqlite::{Connection, Row, params};

statements! {
    INSERT = "INSERT INTO outbox (id, sealed, created_at, due_at, attempts)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    LIST_DUE = "SELECT id, sealed, created_at, attempts FROM outbox
        WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2";
    CLAIM = "UPDATE outbox SET due_at = ?2, attempts = ?3 WHERE id = ?1";
    POSTPONE = "UPDATE outbox SET due_at = ?2 WHERE id = ?1";
    REMOVE = "DELETE FROM outbox WHERE id = ?1";
    /// Over the index alone, from the first moment there is; the mails themselves are not read.
    COUNT = "SELECT count(*) FROM outbox WHERE due_at >= ?1";
}

#[async_trait]
impl OutboxRepository for SqliteStore {
    async fn insert(&self, mail: &OutgoingMail) -> Result<(), Unavailable> {
        let mail = mail.clone();
        self.write(move |conn| {
            conn.prepare_cached(INSERT)?.execute(params![
                mail.id.as_bytes(),
                mail.sealed.as_bytes(),
                millis(mail.created_at),
                millis(mail.due_at),
                mail.attempts,
            ])?;
            Ok(())
        })
        .await
    }

    async fn claim_due(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutgoingMail>, Unavailable> {
        // Nobody else writes meanwhile: this is one transaction.
        self.write(move |conn| {
            let due = list_due(conn, now, until, limit)?;
            for mail in &due {
                let claim = params![mail.id.as_bytes(), millis(until), mail.attempts];
                conn.prepare_cached(CLAIM)?.execute(claim)?;
            }
            Ok(due)
        })
        .await
    }

    async fn postpone(&self, id: MailId, due_at: Timestamp) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(POSTPONE)?.execute(params![id.as_bytes(), millis(due_at)])?;
            Ok(())
        })
        .await
    }

    async fn remove(&self, id: MailId) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE)?.execute([id.as_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn count(&self) -> Result<u64, Unavailable> {
        self.read(|conn| {
            Ok(conn.prepare_cached(COUNT)?.query_row([i64::MIN], |row| count(row, 0))?)
        })
        .await
    }
}

/// What is due, as it is once it is claimed.
fn list_due(
    conn: &Connection,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
) -> anyhow::Result<Vec<OutgoingMail>> {
    let claimed = |row: &Row<'_>| {
        Ok(OutgoingMail {
            id: MailId::from_bytes(row.get(0)?),
            sealed: SealedPayload::new(row.get(1)?),
            created_at: moment(row, 2)?,
            due_at: until,
            attempts: row.get::<_, u32>(3)?.saturating_add(1),
        })
    };
    let mut statement = conn.prepare_cached(LIST_DUE)?;
    let due = statement.query_map(params![millis(now), length(limit)], claimed)?;
    Ok(due.collect::<Result<_, _>>()?)
}
