use crate::{
    MongoStore,
    bson::{binary, id},
    errors::in_time,
    users::UserRecord,
};
use application::ports::{NewPicture, PictureRepository, ShownPicture, Unavailable};
use async_trait::async_trait;
use domain::{id::UserId, picture::PictureId, user::User};
use mongodb::{
    ClientSession, Collection,
    bson::{Binary, Document, doc},
    error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
};
use serde::{Deserialize, Serialize};

/// A picture, as stored.
#[derive(Deserialize, Serialize)]
struct PictureRecord {
    #[serde(rename = "_id")]
    id: Binary,
    shown: Binary,
}

/// What happens to somebody with a picture.
pub(crate) enum Change {
    /// They get another.
    Replace(NewPicture),
    /// It is taken away.
    Remove,
    /// They are forgotten with it.
    Forget,
}

#[async_trait]
impl PictureRepository for MongoStore {
    async fn replace(
        &self,
        user: UserId,
        picture: Option<NewPicture>,
    ) -> Result<Option<User>, Unavailable> {
        in_time(async {
            let change = picture.map_or(Change::Remove, Change::Replace);
            let before = self.change_with_picture(user, &change).await?;
            let before = before.map(User::try_from).transpose()?;
            let picture = match change {
                Change::Replace(new) => Some(new.id),
                Change::Remove | Change::Forget => None,
            };
            Ok(before.map(|before| User { picture, ..before }))
        })
        .await
    }

    async fn find(&self, picture: PictureId) -> Result<Option<ShownPicture>, Unavailable> {
        in_time(async {
            let found = pictures(self).find_one(by_id(&binary(picture.as_bytes()))).await?;
            Ok(found.map(|record| ShownPicture(record.shown.bytes)))
        })
        .await
    }
}

impl MongoStore {
    /// All in one transaction; gives the user of before.
    pub(crate) async fn change_with_picture(
        &self,
        user: UserId,
        change: &Change,
    ) -> Result<Option<UserRecord>, Error> {
        let mut session = self.database().client().start_session().await?;
        loop {
            match self.change_in(&mut session, user, change).await {
                // Another is changing it: after them.
                Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {}
                changed => return changed,
            }
        }
    }

    async fn change_in(
        &self,
        session: &mut ClientSession,
        user: UserId,
        change: &Change,
    ) -> Result<Option<UserRecord>, Error> {
        session.start_transaction().await?;
        let before = match self.change_within(session, user, change).await {
            Ok(before) => before,
            Err(error) => {
                // The server ends by itself what it is not told of.
                let _ = session.abort_transaction().await;
                return Err(error);
            }
        };
        loop {
            match session.commit_transaction().await {
                Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {}
                committed => return committed.map(|()| before),
            }
        }
    }

    async fn change_within(
        &self,
        session: &mut ClientSession,
        user: UserId,
        change: &Change,
    ) -> Result<Option<UserRecord>, Error> {
        let users = self.collection::<UserRecord>("users");
        let theirs = by_id(&id(user.as_bytes()));
        let before = match change {
            Change::Replace(new) => {
                let set = doc! { "$set": { "picture": binary(new.id.as_bytes()) } };
                users.find_one_and_update(theirs, set).session(&mut *session).await?
            }
            Change::Remove => {
                let unset = doc! { "$unset": { "picture": "" } };
                users.find_one_and_update(theirs, unset).session(&mut *session).await?
            }
            Change::Forget => users.find_one_and_delete(theirs).session(&mut *session).await?,
        };
        let Some(before) = before else {
            return Ok(None);
        };
        if let Change::Replace(NewPicture { id, shown }) = change {
            let record = PictureRecord { id: binary(id.as_bytes()), shown: binary(&shown.0) };
            pictures(self).insert_one(record).session(&mut *session).await?;
        }
        if let Some(old) = &before.picture {
            pictures(self).delete_one(by_id(old)).session(session).await?;
        }
        Ok(Some(before))
    }
}

fn pictures(store: &MongoStore) -> Collection<PictureRecord> {
    store.collection("pictures")
}

fn by_id(id: &Binary) -> Document {
    doc! { "_id": id.clone() }
}
