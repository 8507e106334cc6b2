use crate::{
    SqliteStore,
    rows::{count, millis, moment, number},
};
use application::ports::{SecondFactorRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    id::UserId,
    sealing::{KeyedDigest, SealedPayload},
    second_factor::{AuthenticatorApp, SecondFactor},
    totp::TotpStep,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

statements! {
    FIND = "SELECT secret, since, last_step FROM second_factors WHERE user = ?1";
    PUT = "INSERT INTO second_factors (user, secret, since, last_step) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (user) DO UPDATE
        SET secret = excluded.secret, since = excluded.since, last_step = excluded.last_step
        WHERE since < excluded.since";
    USE_STEP = "UPDATE second_factors SET last_step = ?2
        WHERE user = ?1 AND last_step < ?2 AND secret IS NOT NULL";
    EXISTS = "SELECT 1 FROM second_factors WHERE user = ?1";
    REMOVE = "DELETE FROM second_factors WHERE user = ?1";
    LIST_CODES = "SELECT digest FROM recovery_codes WHERE user = ?1 ORDER BY digest";
    INSERT_CODE = "INSERT INTO recovery_codes (user, digest) VALUES (?1, ?2)";
    TAKE_CODE = "DELETE FROM recovery_codes WHERE user = ?1 AND digest = ?2";
    REMOVE_CODES = "DELETE FROM recovery_codes WHERE user = ?1";
}

#[async_trait]
impl SecondFactorRepository for SqliteStore {
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, Unavailable> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(FIND)?;
            let found = statement.query_row([user.as_bytes()], app).optional()?;
            let Some((since, app)) = found else {
                return Ok(None);
            };
            let mut statement = conn.prepare_cached(LIST_CODES)?;
            let codes = statement.query_map([user.as_bytes()], |row| row.get(0))?;
            let recovery_codes = codes.map(|code| code.map(KeyedDigest::new));
            Ok(Some(SecondFactor {
                user,
                since,
                app,
                recovery_codes: recovery_codes.collect::<Result<_, _>>()?,
            }))
        })
        .await
    }

    async fn put(&self, factor: &SecondFactor) -> Result<bool, Unavailable> {
        let factor = factor.clone();
        self.write(move |conn| {
            let put = conn.prepare_cached(PUT)?.execute(params![
                factor.user.as_bytes(),
                factor.app.as_ref().map(|app| app.secret.as_bytes()),
                millis(factor.since),
                number(factor.app.as_ref().map_or(0, |app| app.last_step.0)),
            ])?;
            if put == 1 {
                replace_codes(conn, factor.user, &factor.recovery_codes)?;
            }
            Ok(put == 1)
        })
        .await
    }

    async fn use_step(&self, user: UserId, step: TotpStep) -> Result<bool, Unavailable> {
        self.write(move |conn| {
            let step = params![user.as_bytes(), number(step.0)];
            Ok(conn.prepare_cached(USE_STEP)?.execute(step)? == 1)
        })
        .await
    }

    async fn take_recovery_code(
        &self,
        user: UserId,
        code: &KeyedDigest,
    ) -> Result<bool, Unavailable> {
        let code = code.clone();
        self.write(move |conn| {
            let code = params![user.as_bytes(), code.as_bytes()];
            Ok(conn.prepare_cached(TAKE_CODE)?.execute(code)? == 1)
        })
        .await
    }

    async fn replace_recovery_codes(
        &self,
        user: UserId,
        codes: &[KeyedDigest],
    ) -> Result<bool, Unavailable> {
        let codes = codes.to_vec();
        self.write(move |conn| {
            let is_there = conn.prepare_cached(EXISTS)?.exists([user.as_bytes()])?;
            if is_there {
                replace_codes(conn, user, &codes)?;
            }
            Ok(is_there)
        })
        .await
    }

    async fn remove(&self, user: UserId) -> Result<bool, Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE_CODES)?.execute([user.as_bytes()])?;
            Ok(conn.prepare_cached(REMOVE)?.execute([user.as_bytes()])? == 1)
        })
        .await
    }
}

fn replace_codes(conn: &Connection, user: UserId, codes: &[KeyedDigest]) -> anyhow::Result<()> {
    conn.prepare_cached(REMOVE_CODES)?.execute([user.as_bytes()])?;
    for code in codes {
        let code = params![user.as_bytes(), code.as_bytes()];
        conn.prepare_cached(INSERT_CODE)?.execute(code)?;
    }
    Ok(())
}

/// Since when, and the app.
fn app(row: &Row<'_>) -> rusqlite::Result<(Timestamp, Option<AuthenticatorApp>)> {
    let (secret, last_step) = (row.get::<_, Option<_>>(0)?, TotpStep(count(row, 2)?));
    let app = secret.map(|secret| {
        let secret = SealedPayload::new(secret);
        AuthenticatorApp { secret, last_step }
    });
    Ok((moment(row, 1)?, app))
}
