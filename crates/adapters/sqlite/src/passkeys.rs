use crate::{
    SqliteStore,
    rows::{maybe_moment, millis, moment, parsed},
};
use application::ports::{PasskeyRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    id::{PasskeyId, UserId},
    passkey::{Passkey, PasskeyName},
};
use rusqlite::{Row, params};

statements! {
    INSERT = "INSERT INTO passkeys
            (id, user, credential_id, credential, name, created_at, last_used_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (credential_id) DO NOTHING";
    LIST_BY_USER = "SELECT id, user, credential_id, credential, name, created_at, last_used_at
        FROM passkeys WHERE user = ?1 ORDER BY created_at, id";
    NOTE_USE = "UPDATE passkeys SET credential = ?3, last_used_at = ?4
        WHERE id = ?2 AND user = ?1";
    REMOVE = "DELETE FROM passkeys WHERE id = ?2 AND user = ?1";
    REMOVE_BY_USER = "DELETE FROM passkeys WHERE user = ?1";
}

#[async_trait]
impl PasskeyRepository for SqliteStore {
    async fn insert(&self, passkey: &Passkey) -> Result<bool, Unavailable> {
        let passkey = passkey.clone();
        self.write(move |conn| {
            let inserted = conn.prepare_cached(INSERT)?.execute(params![
                passkey.id.as_bytes(),
                passkey.user.as_bytes(),
                passkey.credential_id,
                passkey.credential,
                passkey.name.as_str(),
                millis(passkey.created_at),
                passkey.last_used_at.map(millis),
            ])?;
            Ok(inserted == 1)
        })
        .await
    }

    async fn list_by_user(&self, user: UserId) -> Result<Vec<Passkey>, Unavailable> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(LIST_BY_USER)?;
            let passkeys = statement.query_map([user.as_bytes()], passkey)?;
            Ok(passkeys.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn note_use(
        &self,
        user: UserId,
        id: PasskeyId,
        credential: &[u8],
        used_at: Timestamp,
    ) -> Result<(), Unavailable> {
        let credential = credential.to_vec();
        self.write(move |conn| {
            let note = params![user.as_bytes(), id.as_bytes(), credential, millis(used_at)];
            conn.prepare_cached(NOTE_USE)?.execute(note)?;
            Ok(())
        })
        .await
    }

    async fn remove(&self, user: UserId, id: PasskeyId) -> Result<bool, Unavailable> {
        self.write(move |conn| {
            let passkey = params![user.as_bytes(), id.as_bytes()];
            Ok(conn.prepare_cached(REMOVE)?.execute(passkey)? == 1)
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
}

fn passkey(row: &Row<'_>) -> rusqlite::Result<Passkey> {
    Ok(Passkey {
        id: PasskeyId::from_bytes(row.get(0)?),
        user: UserId::from_bytes(row.get(1)?),
        credential_id: row.get(2)?,
        credential: row.get(3)?,
        name: parsed(row, 4, PasskeyName::parse)?,
        created_at: moment(row, 5)?,
        last_used_at: maybe_moment(row, 6)?,
    })
}
