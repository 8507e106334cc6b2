use crate::{
    SqliteStore,
    rows::{millis, moment},
};
use application::ports::{ExternalSignInRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp, external_sign_in::ExternalSignIn, sealing::SealedPayload, token::TokenDigest,
};
use rusqlite::{OptionalExtension, Row, params};

statements! {
    INSERT = "INSERT INTO external_sign_ins (key, sealed, begun_at) VALUES (?1, ?2, ?3)";
    FIND = "SELECT key, sealed, begun_at FROM external_sign_ins WHERE key = ?1";
    TAKE = "DELETE FROM external_sign_ins WHERE key = ?1 RETURNING key, sealed, begun_at";
    REMOVE_BEGUN_BEFORE = "DELETE FROM external_sign_ins WHERE begun_at < ?1";
}

#[async_trait]
impl ExternalSignInRepository for SqliteStore {
    async fn insert(&self, errand: &ExternalSignIn) -> Result<(), Unavailable> {
        let ExternalSignIn { key, sealed, begun_at } = errand.clone();
        self.write(move |conn| {
            let new = params![key.0, sealed.as_bytes(), millis(begun_at)];
            conn.prepare_cached(INSERT)?.execute(new)?;
            Ok(())
        })
        .await
    }

    async fn find(&self, key: &TokenDigest) -> Result<Option<ExternalSignIn>, Unavailable> {
        let key = key.0;
        self.read(move |conn| Ok(conn.prepare_cached(FIND)?.query_row([key], errand).optional()?))
            .await
    }

    async fn take(&self, key: &TokenDigest) -> Result<Option<ExternalSignIn>, Unavailable> {
        let key = key.0;
        self.write(move |conn| {
            Ok(conn.prepare_cached(TAKE)?.query_row([key], errand).optional()?)
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

fn errand(row: &Row<'_>) -> rusqlite::Result<ExternalSignIn> {
    Ok(ExternalSignIn {
        key: TokenDigest(row.get(0)?),
        sealed: SealedPayload::new(row.get(1)?),
        begun_at: moment(row, 2)?,
    })
}
