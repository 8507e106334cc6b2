use crate::{
    SqliteStore,
    rows::{millis, moment, parsed},
};
use application::ports::{RegistrationRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp, email::Email, id::RegistrationId, name::PersonName, otp::Otp,
    password::PasswordHash, registration::Registration, sealing::KeyedDigest, token::TokenDigest,
    username::Username,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

macro_rules! columns {
    () => {
        "id, flow, username, email, first_name, last_name, password_hash, otp_digest, otp_sent_at, \
         otp_attempts, created_at"
    };
}
macro_rules! select_registrations {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM registrations ", $rest)
    };
}

statements! {
    INSERT = concat!("INSERT OR REPLACE INTO registrations (", columns!(), ", username_key)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    AMEND = "UPDATE registrations SET username = ?2, username_key = ?3, first_name = ?4,
        last_name = ?5, password_hash = ?6 WHERE id = ?1";
    FIND_BY_FLOW = select_registrations!("WHERE flow = ?1");
    FIND_NEWEST_BY_EMAIL =
        select_registrations!("WHERE email = ?1 ORDER BY created_at DESC, id DESC LIMIT 1");
    FIND_NEWEST_BY_USERNAME =
        select_registrations!("WHERE username_key = ?1 ORDER BY created_at DESC, id DESC LIMIT 1");
    COUNT_ATTEMPT = concat!("UPDATE registrations SET otp_attempts = otp_attempts + 1
        WHERE flow = ?1 RETURNING ", columns!());
    REPLACE_OTP = "UPDATE registrations SET otp_digest = ?3, otp_sent_at = ?4, otp_attempts = ?5
        WHERE id = ?1 AND otp_sent_at = ?2";
    FREE_FLOW = "DELETE FROM registrations WHERE flow = ?2 AND id <> ?1";
    MOVE_FLOW = "UPDATE registrations SET flow = ?2 WHERE id = ?1";
    REMOVE_BY_EMAIL = "DELETE FROM registrations WHERE email = ?1";
    REMOVE_BEGUN_BEFORE = "DELETE FROM registrations WHERE created_at < ?1";
}

#[async_trait]
impl RegistrationRepository for SqliteStore {
    async fn insert(&self, registration: &Registration) -> Result<(), Unavailable> {
        let registration = registration.clone();
        self.write(move |conn| insert(conn, &registration)).await
    }

    async fn amend(&self, registration: &Registration) -> Result<(), Unavailable> {
        let amended = registration.clone();
        self.write(move |conn| {
            conn.prepare_cached(AMEND)?.execute(params![
                amended.id.as_bytes(),
                amended.username.as_str(),
                amended.username.key(),
                amended.first_name.as_str(),
                amended.last_name.as_str(),
                amended.password.as_str(),
            ])?;
            Ok(())
        })
        .await
    }

    async fn find_by_flow(&self, flow: &TokenDigest) -> Result<Option<Registration>, Unavailable> {
        let flow = flow.0;
        self.read(move |conn| find(conn, FIND_BY_FLOW, &flow)).await
    }

    async fn find_newest_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<Registration>, Unavailable> {
        let email = email.clone();
        self.read(move |conn| find(conn, FIND_NEWEST_BY_EMAIL, &email.as_str())).await
    }

    async fn find_newest_by_username(
        &self,
        username: &Username,
    ) -> Result<Option<Registration>, Unavailable> {
        let key = username.key();
        self.read(move |conn| find(conn, FIND_NEWEST_BY_USERNAME, &key)).await
    }

    async fn begin_attempt(&self, flow: &TokenDigest) -> Result<Option<Registration>, Unavailable> {
        let flow = flow.0;
        self.write(move |conn| find(conn, COUNT_ATTEMPT, &flow)).await
    }

    async fn replace_otp(
        &self,
        id: RegistrationId,
        sent_before: Timestamp,
        otp: &Otp,
    ) -> Result<bool, Unavailable> {
        let otp = otp.clone();
        self.write(move |conn| {
            let replaced = conn.prepare_cached(REPLACE_OTP)?.execute(params![
                id.as_bytes(),
                millis(sent_before),
                otp.digest.as_bytes(),
                millis(otp.sent_at),
                otp.attempts,
            ])?;
            Ok(replaced == 1)
        })
        .await
    }

    async fn move_flow(&self, id: RegistrationId, flow: &TokenDigest) -> Result<(), Unavailable> {
        let flow = flow.0;
        self.write(move |conn| {
            for step in [FREE_FLOW, MOVE_FLOW] {
                conn.prepare_cached(step)?.execute(params![id.as_bytes(), flow])?;
            }
            Ok(())
        })
        .await
    }

    async fn remove_by_email(&self, email: &Email) -> Result<(), Unavailable> {
        let email = email.clone();
        self.write(move |conn| remove(conn, REMOVE_BY_EMAIL, &email.as_str())).await
    }

    async fn remove_begun_before(&self, moment: Timestamp) -> Result<(), Unavailable> {
        self.write(move |conn| remove(conn, REMOVE_BEGUN_BEFORE, &millis(moment))).await
    }
}

fn insert(conn: &Connection, registration: &Registration) -> anyhow::Result<()> {
    conn.prepare_cached(INSERT)?.execute(params![
        registration.id.as_bytes(),
        registration.flow.0,
        registration.username.as_str(),
        registration.email.as_str(),
        registration.first_name.as_str(),
        registration.last_name.as_str(),
        registration.password.as_str(),
        registration.otp.digest.as_bytes(),
        millis(registration.otp.sent_at),
        registration.otp.attempts,
        millis(registration.created_at),
        registration.username.key(),
    ])?;
    Ok(())
}

fn find(conn: &Connection, sql: &str, by: &dyn ToSql) -> anyhow::Result<Option<Registration>> {
    Ok(conn.prepare_cached(sql)?.query_row([by], registration).optional()?)
}

fn remove(conn: &Connection, sql: &str, by: &dyn ToSql) -> anyhow::Result<()> {
    conn.prepare_cached(sql)?.execute([by])?;
    Ok(())
}

fn registration(row: &Row<'_>) -> rusqlite::Result<Registration> {
    Ok(Registration {
        id: RegistrationId::from_bytes(row.get(0)?),
        flow: TokenDigest(row.get(1)?),
        username: parsed(row, 2, Username::parse)?,
        email: parsed(row, 3, Email::parse)?,
        first_name: parsed(row, 4, PersonName::parse)?,
        last_name: parsed(row, 5, PersonName::parse)?,
        password: PasswordHash::new(row.get(6)?),
        otp: Otp {
            digest: KeyedDigest::new(row.get(7)?),
            sent_at: moment(row, 8)?,
            attempts: row.get(9)?,
        },
        created_at: moment(row, 10)?,
    })
}
