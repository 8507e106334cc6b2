use crate::{
    SqliteStore,
    rows::{millis, moment, parsed},
};
use application::ports::{SessionRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    device::Device,
    id::{SessionId, UserId},
    session::Session,
    token::TokenDigest,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use std::cmp::Reverse;

macro_rules! select_sessions {
    ($rest:literal) => {
        concat!("SELECT id, user, token, created_at, last_used_at, browser, system, address FROM sessions ", $rest)
    };
}

statements! {
    INSERT = "INSERT INTO sessions (id, user, token, created_at, last_used_at, browser, system, address)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    FIND = select_sessions!("WHERE id = ?1");
    FIND_BY_TOKEN = select_sessions!("WHERE token = ?1");
    TOUCH = "UPDATE sessions SET last_used_at = max(last_used_at, ?2) WHERE id = ?1";
    LIST_BY_USER = select_sessions!("WHERE user = ?1");
    REMOVE_BY_USER = "DELETE FROM sessions WHERE user = ?1 AND id IS NOT ?2 RETURNING id";
    REMOVE = "DELETE FROM sessions WHERE id = ?1";
    REMOVE_USED_BEFORE = "DELETE FROM sessions WHERE last_used_at < ?1";
    REMOVE_BEGUN_BEFORE = "DELETE FROM sessions WHERE created_at < ?1";
}

#[async_trait]
impl SessionRepository for SqliteStore {
    async fn insert(&self, session: &Session) -> Result<(), Unavailable> {
        let session = session.clone();
        self.write(move |conn| {
            conn.prepare_cached(INSERT)?.execute(params![
                session.id.as_bytes(),
                session.user.as_bytes(),
                session.token.0,
                millis(session.created_at),
                millis(session.last_used_at),
                session.device.browser,
                session.device.system,
                session.device.address.to_string(),
            ])?;
            Ok(())
        })
        .await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, Unavailable> {
        self.read(move |conn| find(conn, FIND, id.as_bytes())).await
    }

    async fn find_by_token(&self, token: &TokenDigest) -> Result<Option<Session>, Unavailable> {
        let token = token.0;
        self.read(move |conn| find(conn, FIND_BY_TOKEN, &token)).await
    }

    async fn touch(&self, id: SessionId, used_at: Timestamp) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(TOUCH)?.execute(params![id.as_bytes(), millis(used_at)])?;
            Ok(())
        })
        .await
    }

    async fn list_by_user(&self, user: UserId) -> Result<Vec<Session>, Unavailable> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(LIST_BY_USER)?;
            let listed = statement.query_map([user.as_bytes()], session)?;
            let mut sessions: Vec<_> = listed.collect::<Result<_, _>>()?;
            sessions.sort_by_key(|session| Reverse((session.last_used_at, session.id)));
            Ok(sessions)
        })
        .await
    }

    async fn remove(&self, id: SessionId) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE)?.execute([id.as_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn remove_by_user(
        &self,
        user: UserId,
        keep: Option<SessionId>,
    ) -> Result<Vec<SessionId>, Unavailable> {
        self.write(move |conn| {
            let mut statement = conn.prepare_cached(REMOVE_BY_USER)?;
            let kept = keep.as_ref().map(SessionId::as_bytes);
            let removed = statement.query_map(params![user.as_bytes(), kept], |row| row.get(0))?;
            Ok(removed.map(|id| id.map(SessionId::from_bytes)).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn remove_stale(
        &self,
        used_before: Timestamp,
        begun_before: Timestamp,
    ) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE_USED_BEFORE)?.execute([millis(used_before)])?;
            conn.prepare_cached(REMOVE_BEGUN_BEFORE)?.execute([millis(begun_before)])?;
            Ok(())
        })
        .await
    }
}

fn find(conn: &Connection, sql: &str, by: &dyn ToSql) -> anyhow::Result<Option<Session>> {
    Ok(conn.prepare_cached(sql)?.query_row([by], session).optional()?)
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId::from_bytes(row.get(0)?),
        user: UserId::from_bytes(row.get(1)?),
        token: TokenDigest(row.get(2)?),
        created_at: moment(row, 3)?,
        last_used_at: moment(row, 4)?,
        device: Device {
            browser: row.get(5)?,
            system: row.get(6)?,
            address: parsed(row, 7, str::parse)?,
        },
    })
}
