use crate::{
    SqliteStore,
    rows::{id_list, length, maybe_moment, millis, moment, parsed},
};
use anyhow::Context;
use application::ports::{Unavailable, UserRepository};
use async_trait::async_trait;
use domain::{
    Timestamp,
    email::Email,
    id::UserId,
    identity::ExternalIdentity,
    name::PersonName,
    password::PasswordHash,
    picture::PictureId,
    user::{Privacy, PrivacyChange, ProfileChange, Taken, User},
    username::Username,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "SELECT id, username, email, first_name, last_name, password_hash, joined_at, \
             google_issuer, google_subject, picture, disabled_at, hides_receipts, hides_presence \
             FROM users ",
            $rest
        )
    };
}

statements! {
    INSERT = "INSERT INTO users (id, username, username_key, skeleton, email, first_name, last_name,
        password_hash, joined_at, google_issuer, google_subject, picture, disabled_at, hides_receipts,
        hides_presence)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
        ON CONFLICT DO NOTHING";
    FIND = select_users!("WHERE id = ?1");
    FIND_BY_EMAIL = select_users!("WHERE email = ?1");
    FIND_BY_GOOGLE = select_users!("WHERE google_issuer = ?1 AND google_subject = ?2");
    FIND_BY_KEY = select_users!("WHERE username_key = ?1");
    HAS_EMAIL = "SELECT 1 FROM users WHERE email = ?1";
    HAS_GOOGLE = "SELECT 1 FROM users WHERE google_issuer = ?1 AND google_subject = ?2";
    FIND_HOLDER = "SELECT id FROM users WHERE skeleton = ?1";
    LIST = select_users!("WHERE id IN (SELECT unhex(value) FROM json_each(?1))");
    LIST_BY_PREFIX =
        select_users!("WHERE username_key >= ?1 AND username_key < ?2 AND disabled_at IS NULL
            ORDER BY username_key LIMIT ?3");
    LIST_AFTER = select_users!("WHERE id > ?1 ORDER BY id LIMIT ?2");
    SET_DISABLED = "UPDATE users SET disabled_at = ?2 WHERE id = ?1";
    SET_PRIVACY = "UPDATE users SET hides_receipts = ?2, hides_presence = ?3 WHERE id = ?1";
    REMOVE = "DELETE FROM users WHERE id = ?1";
    REMOVE_PICTURE = "DELETE FROM pictures WHERE id = (SELECT picture FROM users WHERE id = ?1)";
    UPDATE = "UPDATE users SET username = ?2, username_key = ?3, skeleton = ?4, first_name = ?5,
        last_name = ?6 WHERE id = ?1";
    REPLACE_PASSWORD = "UPDATE users SET password_hash = ?2 WHERE id = ?1";
    REPLACE_EMAIL = "UPDATE OR IGNORE users SET email = ?2 WHERE id = ?1";
    LINK = "UPDATE OR IGNORE users SET google_issuer = ?2, google_subject = ?3
        WHERE id = ?1 AND google_subject IS NULL";
    UNLINK = "UPDATE users SET google_issuer = NULL, google_subject = NULL
        WHERE id = ?1 AND password_hash IS NOT NULL";
}

/// Sorts behind every character of a key.
const BEHIND: char = '\u{7f}';

#[async_trait]
impl UserRepository for SqliteStore {
    async fn insert(&self, user: &User) -> Result<Result<(), Taken>, Unavailable> {
        let user = user.clone();
        self.write(move |conn| insert(conn, &user)).await
    }

    async fn find(&self, id: UserId) -> Result<Option<User>, Unavailable> {
        self.read(move |conn| find(conn, FIND, id.as_bytes())).await
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<User>, Unavailable> {
        let email = email.clone();
        self.read(move |conn| find(conn, FIND_BY_EMAIL, &email.as_str())).await
    }

    async fn find_by_identity(
        &self,
        identity: &ExternalIdentity,
    ) -> Result<Option<User>, Unavailable> {
        let ExternalIdentity { issuer, subject } = identity.clone();
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(FIND_BY_GOOGLE)?;
            Ok(statement.query_row([&issuer, &subject], user).optional()?)
        })
        .await
    }

    async fn find_by_username(&self, username: &Username) -> Result<Option<User>, Unavailable> {
        let key = username.key();
        self.read(move |conn| find(conn, FIND_BY_KEY, &key)).await
    }

    async fn has_username_like(&self, username: &Username) -> Result<bool, Unavailable> {
        let skeleton = username.skeleton();
        self.read(move |conn| Ok(conn.prepare_cached(FIND_HOLDER)?.exists([&skeleton])?)).await
    }

    async fn list(&self, ids: &[UserId]) -> Result<Vec<User>, Unavailable> {
        let ids = id_list(ids.iter().map(UserId::as_bytes));
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(LIST)?;
            let users = statement.query_map([&ids], user)?;
            Ok(users.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn list_by_username_prefix(
        &self,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<User>, Unavailable> {
        let (from, to) = (prefix.to_owned(), format!("{prefix}{BEHIND}"));
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(LIST_BY_PREFIX)?;
            let users = statement.query_map(params![from, to, length(limit)], user)?;
            Ok(users.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn update_profile(
        &self,
        id: UserId,
        change: &ProfileChange,
    ) -> Result<Option<Result<User, Taken>>, Unavailable> {
        let change = change.clone();
        self.write(move |conn| {
            let Some(before) = find(conn, FIND, id.as_bytes())? else {
                return Ok(None);
            };
            update(conn, changed(before, change.clone())).map(Some)
        })
        .await
    }

    async fn replace_password(
        &self,
        id: UserId,
        password: &PasswordHash,
    ) -> Result<bool, Unavailable> {
        let password = password.clone();
        self.write(move |conn| {
            let new = params![id.as_bytes(), password.as_str()];
            Ok(conn.prepare_cached(REPLACE_PASSWORD)?.execute(new)? == 1)
        })
        .await
    }

    async fn replace_email(
        &self,
        id: UserId,
        email: &Email,
    ) -> Result<Option<Result<User, Taken>>, Unavailable> {
        let email = email.clone();
        self.write(move |conn| {
            let new = params![id.as_bytes(), email.as_str()];
            let replaced = conn.prepare_cached(REPLACE_EMAIL)?.execute(new)?;
            let user = find(conn, FIND, id.as_bytes())?;
            Ok(user.map(|user| if replaced == 1 { Ok(user) } else { Err(Taken::Email) }))
        })
        .await
    }

    async fn link_identity(
        &self,
        id: UserId,
        identity: &ExternalIdentity,
    ) -> Result<Option<Result<User, Taken>>, Unavailable> {
        let identity = identity.clone();
        self.write(move |conn| {
            let new = params![id.as_bytes(), identity.issuer, identity.subject];
            conn.prepare_cached(LINK)?.execute(new)?;
            let user = find(conn, FIND, id.as_bytes())?;
            // Still without one: the index refused it.
            Ok(user.map(|user| if user.google.is_some() { Ok(user) } else { Err(Taken::Identity) }))
        })
        .await
    }

    async fn unlink_identity(&self, id: UserId) -> Result<Option<User>, Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(UNLINK)?.execute([id.as_bytes()])?;
            find(conn, FIND, id.as_bytes())
        })
        .await
    }

    async fn list_page(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, Unavailable> {
        // No id is lower than this, and nobody has it: ids carry a version.
        let after = after.unwrap_or(UserId::from_bytes([0; 16]));
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(LIST_AFTER)?;
            let users = statement.query_map(params![after.as_bytes(), length(limit)], user)?;
            Ok(users.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn set_disabled(
        &self,
        id: UserId,
        since: Option<Timestamp>,
    ) -> Result<Option<User>, Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(SET_DISABLED)?
                .execute(params![id.as_bytes(), since.map(millis)])?;
            find(conn, FIND, id.as_bytes())
        })
        .await
    }

    async fn change_privacy(
        &self,
        id: UserId,
        change: PrivacyChange,
    ) -> Result<Option<Privacy>, Unavailable> {
        self.write(move |conn| {
            let Some(User { privacy: before, .. }) = find(conn, FIND, id.as_bytes())? else {
                return Ok(None);
            };
            let Privacy { receipts, presence } = before.changed(change);
            let hidden = params![id.as_bytes(), !receipts, !presence];
            conn.prepare_cached(SET_PRIVACY)?.execute(hidden)?;
            Ok(Some(before))
        })
        .await
    }

    async fn remove(&self, id: UserId) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(REMOVE_PICTURE)?.execute([id.as_bytes()])?;
            conn.prepare_cached(REMOVE)?.execute([id.as_bytes()])?;
            Ok(())
        })
        .await
    }
}

/// The user with this id.
pub(crate) fn find_by_id(conn: &Connection, id: UserId) -> anyhow::Result<Option<User>> {
    find(conn, FIND, id.as_bytes())
}

fn find(conn: &Connection, sql: &str, by: &dyn ToSql) -> anyhow::Result<Option<User>> {
    Ok(conn.prepare_cached(sql)?.query_row([by], user).optional()?)
}

fn insert(conn: &Connection, user: &User) -> anyhow::Result<Result<(), Taken>> {
    let inserted = conn.prepare_cached(INSERT)?.execute(params![
        user.id.as_bytes(),
        user.username.as_str(),
        user.username.key(),
        user.username.skeleton(),
        user.email.as_str(),
        user.first_name.as_str(),
        user.last_name.as_str(),
        user.password.as_ref().map(PasswordHash::as_str),
        millis(user.joined_at),
        user.google.as_ref().map(|google| &google.issuer),
        user.google.as_ref().map(|google| &google.subject),
        user.picture.as_ref().map(PictureId::as_bytes),
        user.disabled_at.map(millis),
        !user.privacy.receipts,
        !user.privacy.presence,
    ])?;
    if inserted == 1 {
        return Ok(Ok(()));
    }
    if let Some(ExternalIdentity { issuer, subject }) = &user.google
        && conn.prepare_cached(HAS_GOOGLE)?.exists([issuer, subject])?
    {
        return Ok(Err(Taken::Identity));
    }
    if conn.prepare_cached(HAS_EMAIL)?.exists([user.email.as_str()])? {
        return Ok(Err(Taken::Email));
    }
    holder(conn, &user.username)?.context("the id of a new user is taken")?;
    Ok(Err(Taken::Username))
}

/// Who has this username or one that reads like it.
fn holder(conn: &Connection, username: &Username) -> anyhow::Result<Option<UserId>> {
    let mut statement = conn.prepare_cached(FIND_HOLDER)?;
    let holder = statement.query_row([username.skeleton()], |row| row.get(0)).optional()?;
    Ok(holder.map(UserId::from_bytes))
}

fn changed(user: User, change: ProfileChange) -> User {
    User {
        username: change.username.unwrap_or(user.username),
        first_name: change.first_name.unwrap_or(user.first_name),
        last_name: change.last_name.unwrap_or(user.last_name),
        ..user
    }
}

fn update(conn: &Connection, user: User) -> anyhow::Result<Result<User, Taken>> {
    if holder(conn, &user.username)?.is_some_and(|holder| holder != user.id) {
        return Ok(Err(Taken::Username));
    }
    conn.prepare_cached(UPDATE)?.execute(params![
        user.id.as_bytes(),
        user.username.as_str(),
        user.username.key(),
        user.username.skeleton(),
        user.first_name.as_str(),
        user.last_name.as_str(),
    ])?;
    Ok(Ok(user))
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId::from_bytes(row.get(0)?),
        username: parsed(row, 1, Username::parse)?,
        email: parsed(row, 2, Email::parse)?,
        first_name: parsed(row, 3, PersonName::parse)?,
        last_name: parsed(row, 4, PersonName::parse)?,
        password: row.get::<_, Option<String>>(5)?.map(PasswordHash::new),
        joined_at: moment(row, 6)?,
        google: google(row, 7)?,
        picture: row.get::<_, Option<_>>(9)?.map(PictureId::from_bytes),
        disabled_at: maybe_moment(row, 10)?,
        privacy: Privacy { receipts: !row.get::<_, bool>(11)?, presence: !row.get::<_, bool>(12)? },
    })
}

/// The issuer in a column and the subject in the next.
fn google(row: &Row<'_>, issuer: usize) -> rusqlite::Result<Option<ExternalIdentity>> {
    let (issuer, subject) =
        (row.get::<_, Option<_>>(issuer)?, row.get::<_, Option<_>>(issuer + 1)?);
    Ok(issuer.zip(subject).map(|(issuer, subject)| ExternalIdentity { issuer, subject }))
}
