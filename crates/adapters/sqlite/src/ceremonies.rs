use crate::{
    SqliteStore,
    rows::{millis, moment},
};
use anyhow::anyhow;
use application::ports::{CeremonyRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    ceremony::{Ceremony, CeremonyKind},
    id::UserId,
    sealing::SealedPayload,
    token::TokenDigest,
};
use rusqlite::{OptionalExtension, Row, params};

statements! {
    PUT = "INSERT OR REPLACE INTO ceremonies (flow, kind, user, state, begun_at, attempts)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    FIND = "SELECT user, state, begun_at, attempts FROM ceremonies WHERE flow = ?1 AND kind = ?2";
    BEGIN_ATTEMPT = "UPDATE ceremonies SET attempts = attempts + 1 WHERE flow = ?1 AND kind = ?2
        RETURNING user, state, begun_at, attempts";
    TAKE = "DELETE FROM ceremonies WHERE flow = ?1 AND kind = ?2";
    REMOVE_BY_USER = "DELETE FROM ceremonies WHERE user = ?1";
    REMOVE_BEGUN_BEFORE = "DELETE FROM ceremonies WHERE begun_at < ?1";
}

#[async_trait]
impl CeremonyRepository for SqliteStore {
    async fn put(&self, ceremony: &Ceremony) -> Result<(), Unavailable> {
        let ceremony = ceremony.clone();
        self.write(move |conn| {
            conn.prepare_cached(PUT)?.execute(params![
                ceremony.flow.0,
                ceremony.kind.as_str(),
                ceremony.user.as_ref().map(UserId::as_bytes),
                ceremony.state.as_bytes(),
                millis(ceremony.begun_at),
                ceremony.attempts,
            ])?;
            Ok(())
        })
        .await
    }

    async fn find(
        &self,
        flow: &TokenDigest,
        kind: CeremonyKind,
    ) -> Result<Option<Ceremony>, Unavailable> {
        let flow = *flow;
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(FIND)?;
            let key = params![flow.0, kind.as_str()];
            let found = statement.query_row(key, |row| ceremony(row, flow, kind)).optional();
            found.map_err(|error| anyhow!(error))
        })
        .await
    }

    async fn begin_attempt(
        &self,
        flow: &TokenDigest,
        kind: CeremonyKind,
    ) -> Result<Option<Ceremony>, Unavailable> {
        let flow = *flow;
        self.write(move |conn| {
            let mut statement = conn.prepare_cached(BEGIN_ATTEMPT)?;
            let key = params![flow.0, kind.as_str()];
            let counted = statement.query_row(key, |row| ceremony(row, flow, kind)).optional();
            counted.map_err(|error| anyhow!(error))
        })
        .await
    }

    async fn take(&self, flow: &TokenDigest, kind: CeremonyKind) -> Result<bool, Unavailable> {
        let flow = *flow;
        self.write(move |conn| {
            Ok(conn.prepare_cached(TAKE)?.execute(params![flow.0, kind.as_str()])? == 1)
        })
        .await
    }

    async fn remove_by_user(&self, user: UserId) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE_BY_USER)?.execute([user.as_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn remove_begun_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE_BEGUN_BEFORE)?.execute([millis(moment)])?;
            Ok(())
        })
        .await
    }
}

fn ceremony(row: &Row<'_>, flow: TokenDigest, kind: CeremonyKind) -> rusqlite::Result<Ceremony> {
    Ok(Ceremony {
        flow,
        kind,
        user: row.get::<_, Option<_>>(0)?.map(UserId::from_bytes),
        state: SealedPayload::new(row.get(1)?),
        begun_at: moment(row, 2)?,
        attempts: row.get(3)?,
    })
}
