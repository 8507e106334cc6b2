use crate::{
    SqliteStore,
    rows::{millis, moment},
};
use application::ports::{PasswordResetRepository, Unavailable};
use async_trait::async_trait;
use domain::{Timestamp, id::UserId, password_reset::PasswordReset, token::TokenDigest};
use rusqlite::{OptionalExtension, Row, params};

statements! {
    PUT = "INSERT INTO password_resets (user, token, created_at) VALUES (?1, ?2, ?3)
        ON CONFLICT (user) DO UPDATE SET token = excluded.token, created_at = excluded.created_at
        WHERE created_at <= ?4";
    FIND = "SELECT user, token, created_at FROM password_resets WHERE token = ?1";
    TAKE = "DELETE FROM password_resets WHERE token = ?1 RETURNING user, token, created_at";
    REMOVE_BY_USER = "DELETE FROM password_resets WHERE user = ?1";
    REMOVE_MADE_BEFORE = "DELETE FROM password_resets WHERE created_at < ?1";
}

#[async_trait]
impl PasswordResetRepository for SqliteStore {
    async fn put(&self, reset: &PasswordReset, made_until: Timestamp) -> Result<bool, Unavailable> {
        let PasswordReset { token, user, created_at } = reset.clone();
        self.write(move |conn| {
            let link = params![user.as_bytes(), token.0, millis(created_at), millis(made_until)];
            Ok(conn.prepare_cached(PUT)?.execute(link)? == 1)
        })
        .await
    }

    async fn find(&self, token: &TokenDigest) -> Result<Option<PasswordReset>, Unavailable> {
        let token = token.0;
        self.read(move |conn| {
            Ok(conn.prepare_cached(FIND)?.query_row([token], reset).optional()?)
        })
        .await
    }

    async fn take(&self, token: &TokenDigest) -> Result<Option<PasswordReset>, Unavailable> {
        let token = token.0;
        self.write(move |conn| {
            Ok(conn.prepare_cached(TAKE)?.query_row([token], reset).optional()?)
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

    async fn remove_made_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE_MADE_BEFORE)?.execute([millis(moment)])?;
            Ok(())
        })
        .await
    }
}

fn reset(row: &Row<'_>) -> rusqlite::Result<PasswordReset> {
    Ok(PasswordReset {
        user: UserId::from_bytes(row.get(0)?),
        token: TokenDigest(row.get(1)?),
        created_at: moment(row, 2)?,
    })
}
