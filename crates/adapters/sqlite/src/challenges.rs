use crate::{
    SqliteStore,
    rows::{millis, moment, parsed},
};
use anyhow::anyhow;
use application::ports::{ChallengeRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    challenge::{Challenge, ChallengePurpose},
    email::Email,
    id::{SessionId, UserId},
    otp::Otp,
    sealing::KeyedDigest,
};
use rusqlite::{OptionalExtension, Row, params};

statements! {
    PUT = "INSERT INTO challenges (session, purpose, user, email, otp_digest, otp_sent_at, otp_attempts)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (session, purpose) DO UPDATE
        SET user = excluded.user, email = excluded.email, otp_digest = excluded.otp_digest,
            otp_sent_at = excluded.otp_sent_at, otp_attempts = excluded.otp_attempts
        WHERE otp_sent_at <= ?8";
    BEGIN_ATTEMPT = "UPDATE challenges SET otp_attempts = otp_attempts + 1
        WHERE session = ?1 AND purpose = ?2
        RETURNING session, user, email, otp_digest, otp_sent_at, otp_attempts";
    TAKE = "DELETE FROM challenges WHERE session = ?1 AND purpose = ?2 AND otp_digest = ?3";
    REMOVE_BY_USER = "DELETE FROM challenges WHERE user = ?1";
    REMOVE_SENT_BEFORE = "DELETE FROM challenges WHERE otp_sent_at < ?1";
}

#[async_trait]
impl ChallengeRepository for SqliteStore {
    async fn put(&self, challenge: &Challenge, sent_until: Timestamp) -> Result<bool, Unavailable> {
        let challenge = challenge.clone();
        self.write(move |conn| {
            let put = conn.prepare_cached(PUT)?.execute(params![
                challenge.session.as_bytes(),
                challenge.purpose.as_str(),
                challenge.user.as_bytes(),
                challenge.email.as_str(),
                challenge.otp.digest.as_bytes(),
                millis(challenge.otp.sent_at),
                challenge.otp.attempts,
                millis(sent_until),
            ])?;
            Ok(put == 1)
        })
        .await
    }

    async fn begin_attempt(
        &self,
        session: SessionId,
        purpose: ChallengePurpose,
    ) -> Result<Option<Challenge>, Unavailable> {
        self.write(move |conn| {
            let mut statement = conn.prepare_cached(BEGIN_ATTEMPT)?;
            let key = params![session.as_bytes(), purpose.as_str()];
            let counted = statement.query_row(key, |row| challenge(row, purpose)).optional();
            counted.map_err(|error| anyhow!(error))
        })
        .await
    }

    async fn take(&self, challenge: &Challenge) -> Result<bool, Unavailable> {
        let Challenge { session, purpose, otp, .. } = challenge.clone();
        self.write(move |conn| {
            let code = params![session.as_bytes(), purpose.as_str(), otp.digest.as_bytes()];
            Ok(conn.prepare_cached(TAKE)?.execute(code)? == 1)
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

    async fn remove_sent_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE_SENT_BEFORE)?.execute([millis(moment)])?;
            Ok(())
        })
        .await
    }
}

fn challenge(row: &Row<'_>, purpose: ChallengePurpose) -> rusqlite::Result<Challenge> {
    Ok(Challenge {
        session: SessionId::from_bytes(row.get(0)?),
        purpose,
        user: UserId::from_bytes(row.get(1)?),
        email: parsed(row, 2, Email::parse)?,
        otp: Otp {
            digest: KeyedDigest::new(row.get(3)?),
            sent_at: moment(row, 4)?,
            attempts: row.get(5)?,
        },
    })
}
