use crate::{SqliteStore, users};
use application::ports::{NewPicture, PictureRepository, ShownPicture, Unavailable};
use async_trait::async_trait;
use domain::{id::UserId, picture::PictureId, user::User};
use rusqlite::{Connection, OptionalExtension, params};

statements! {
    FIND = "SELECT shown FROM pictures WHERE id = ?1";
    INSERT = "INSERT INTO pictures (id, shown) VALUES (?1, ?2)";
    GIVE = "UPDATE users SET picture = ?2 WHERE id = ?1";
    REMOVE = "DELETE FROM pictures WHERE id = ?1";
}

#[async_trait]
impl PictureRepository for SqliteStore {
    async fn replace(
        &self,
        user: UserId,
        picture: Option<NewPicture>,
    ) -> Result<Option<User>, Unavailable> {
        self.write(move |conn| replace(conn, user, picture.as_ref())).await
    }

    async fn find(&self, id: PictureId) -> Result<Option<ShownPicture>, Unavailable> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(FIND)?;
            let shown = statement.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
            Ok(shown.map(ShownPicture))
        })
        .await
    }
}

fn replace(
    conn: &Connection,
    user: UserId,
    picture: Option<&NewPicture>,
) -> anyhow::Result<Option<User>> {
    let Some(before) = users::find_by_id(conn, user)? else {
        return Ok(None);
    };
    if let Some(NewPicture { id, shown }) = picture {
        conn.prepare_cached(INSERT)?.execute(params![id.as_bytes(), shown.0])?;
    }
    let id = picture.map(|picture| picture.id);
    let given = id.as_ref().map(PictureId::as_bytes);
    conn.prepare_cached(GIVE)?.execute(params![user.as_bytes(), given])?;
    if let Some(old) = before.picture {
        conn.prepare_cached(REMOVE)?.execute([old.as_bytes()])?;
    }
    Ok(Some(User { picture: id, ..before }))
}
