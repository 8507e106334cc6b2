use crate::{
    MongoStore,
    bson::{array, binary, date, id, length, moment},
    errors::{duplicate_key, in_time},
    pictures::Change,
    schema::step_1::{USERS_BY_SKELETON, USERS_BY_USERNAME},
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
use futures_util::TryStreamExt as _;
use mongodb::{
    Collection,
    bson::{Binary, DateTime, Document, doc},
    error::Error,
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};

/// A user, as stored.
#[derive(Deserialize, Serialize)]
pub(crate) struct UserRecord {
    #[serde(rename = "_id")]
    id: Binary,
    username: String,
    username_key: String,
    skeleton: String,
    email: String,
    first_name: String,
    last_name: String,
    password_hash: Option<String>,
    joined_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    google: Option<IdentityRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<Binary>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disabled_at: Option<DateTime>,
    /// What they would rather not let others see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hides_receipts: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hides_presence: bool,
}

/// An account elsewhere, as stored.
#[derive(Deserialize, Serialize)]
struct IdentityRecord {
    issuer: String,
    subject: String,
}

/// Sorts behind every character of a key.
const BEHIND: char = '\u{7f}';

#[async_trait]
impl UserRepository for MongoStore {
    async fn insert(&self, user: &User) -> Result<Result<(), Taken>, Unavailable> {
        in_time(async {
            match users(self).insert_one(UserRecord::from(user)).await {
                Ok(_) => Ok(Ok(())),
                Err(error) => Ok(Err(self.taken(user, error).await?)),
            }
        })
        .await
    }

    async fn find(&self, user: UserId) -> Result<Option<User>, Unavailable> {
        self.find_user(doc! { "_id": id(user.as_bytes()) }).await
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<User>, Unavailable> {
        self.find_user(doc! { "email": email.as_str() }).await
    }

    async fn find_by_identity(
        &self,
        identity: &ExternalIdentity,
    ) -> Result<Option<User>, Unavailable> {
        self.find_user(by_google(identity)).await
    }

    async fn find_by_username(&self, username: &Username) -> Result<Option<User>, Unavailable> {
        self.find_user(doc! { "username_key": username.key() }).await
    }

    async fn has_username_like(&self, username: &Username) -> Result<bool, Unavailable> {
        let alike = doc! { "skeleton": username.skeleton() };
        in_time(async {
            let ids = self.collection::<Document>("users");
            Ok(ids.find_one(alike).projection(doc! { "skeleton": 1, "_id": 0 }).await?.is_some())
        })
        .await
    }

    async fn list(&self, ids: &[UserId]) -> Result<Vec<User>, Unavailable> {
        let ids: Vec<_> = ids.iter().map(|user| id(user.as_bytes())).collect();
        in_time(async {
            let found = users(self).find(doc! { "_id": { "$in": ids } }).await?;
            records(found.try_collect().await?)
        })
        .await
    }

    async fn list_by_username_prefix(
        &self,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<User>, Unavailable> {
        if limit == 0 {
            // To MongoDB that would mean all.
            return Ok(Vec::new());
        }
        let behind = format!("{prefix}{BEHIND}");
        in_time(async {
            let range = doc! {
                "username_key": { "$gte": prefix, "$lt": behind },
                "disabled_at": null,
            };
            let users = users(self);
            let found = users.find(range).sort(doc! { "username_key": 1 }).limit(length(limit));
            records(found.await?.try_collect().await?)
        })
        .await
    }

    async fn update_profile(
        &self,
        user: UserId,
        change: &ProfileChange,
    ) -> Result<Option<Result<User, Taken>>, Unavailable> {
        let set = changed(change);
        if set.is_empty() {
            return Ok(UserRepository::find(self, user).await?.map(Ok));
        }
        in_time(async {
            let users = users(self);
            let update = users
                .find_one_and_update(doc! { "_id": id(user.as_bytes()) }, doc! { "$set": set })
                .return_document(ReturnDocument::After);
            match update.await {
                Ok(record) => record.map(|record| User::try_from(record).map(Ok)).transpose(),
                Err(error) if is_username(&error) => Ok(Some(Err(Taken::Username))),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    async fn replace_password(
        &self,
        user: UserId,
        password: &PasswordHash,
    ) -> Result<bool, Unavailable> {
        let new = doc! { "$set": { "password_hash": password.as_str() } };
        in_time(async {
            let by_id = doc! { "_id": id(user.as_bytes()) };
            Ok(users(self).update_one(by_id, new).await?.matched_count == 1)
        })
        .await
    }

    async fn replace_email(
        &self,
        user: UserId,
        email: &Email,
    ) -> Result<Option<Result<User, Taken>>, Unavailable> {
        let new = doc! { "$set": { "email": email.as_str() } };
        in_time(async {
            let users = users(self);
            let update = users
                .find_one_and_update(doc! { "_id": id(user.as_bytes()) }, new)
                .return_document(ReturnDocument::After);
            match update.await {
                Ok(record) => record.map(|record| User::try_from(record).map(Ok)).transpose(),
                Err(error) if duplicate_key(&error).is_some() => Ok(Some(Err(Taken::Email))),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    async fn link_identity(
        &self,
        user: UserId,
        identity: &ExternalIdentity,
    ) -> Result<Option<Result<User, Taken>>, Unavailable> {
        let ExternalIdentity { issuer, subject } = identity;
        let new = doc! { "$set": { "google": { "issuer": issuer, "subject": subject } } };
        let unlinked = doc! { "_id": id(user.as_bytes()), "google": null };
        in_time(async {
            match users(self).update_one(unlinked, new).await {
                Ok(_) => {}
                Err(error) if duplicate_key(&error).is_some() => {
                    return Ok(Some(Err(Taken::Identity)));
                }
                Err(error) => return Err(error.into()),
            }
            let user = users(self).find_one(doc! { "_id": id(user.as_bytes()) }).await?;
            user.map(|record| User::try_from(record).map(Ok)).transpose()
        })
        .await
    }

    async fn unlink_identity(&self, user: UserId) -> Result<Option<User>, Unavailable> {
        let with_password = doc! { "_id": id(user.as_bytes()), "password_hash": { "$ne": null } };
        in_time(async {
            let users = users(self);
            users.update_one(with_password, doc! { "$unset": { "google": "" } }).await?;
            let user = users.find_one(doc! { "_id": id(user.as_bytes()) }).await?;
            user.map(User::try_from).transpose()
        })
        .await
    }

    async fn list_page(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, Unavailable> {
        if limit == 0 {
            // To MongoDB that would mean all.
            return Ok(Vec::new());
        }
        // No id is lower than this, and nobody has it: ids carry a version.
        let after = after.unwrap_or(UserId::from_bytes([0; 16]));
        in_time(async {
            let behind = doc! { "_id": { "$gt": id(after.as_bytes()) } };
            let users = users(self);
            let found = users.find(behind).sort(doc! { "_id": 1 }).limit(length(limit));
            records(found.await?.try_collect().await?)
        })
        .await
    }

    async fn set_disabled(
        &self,
        user: UserId,
        since: Option<Timestamp>,
    ) -> Result<Option<User>, Unavailable> {
        let update = if let Some(since) = since {
            doc! { "$set": { "disabled_at": date(since) } }
        } else {
            doc! { "$unset": { "disabled_at": "" } }
        };
        in_time(async {
            let users = users(self);
            let updated = users
                .find_one_and_update(doc! { "_id": id(user.as_bytes()) }, update)
                .return_document(ReturnDocument::After);
            updated.await?.map(User::try_from).transpose()
        })
        .await
    }

    async fn change_privacy(
        &self,
        user: UserId,
        change: PrivacyChange,
    ) -> Result<Option<Privacy>, Unavailable> {
        let set = hidden(change);
        if set.is_empty() {
            let user = UserRepository::find(self, user).await?;
            return Ok(user.map(|user| user.privacy));
        }
        in_time(async {
            let users = users(self);
            let update = users
                .find_one_and_update(doc! { "_id": id(user.as_bytes()) }, doc! { "$set": set })
                .return_document(ReturnDocument::Before);
            Ok(update.await?.map(|before| before.privacy()))
        })
        .await
    }

    async fn remove(&self, user: UserId) -> Result<(), Unavailable> {
        in_time(async {
            self.change_with_picture(user, &Change::Forget).await?;
            Ok(())
        })
        .await
    }
}

impl MongoStore {
    async fn find_user(&self, filter: Document) -> Result<Option<User>, Unavailable> {
        in_time(async { users(self).find_one(filter).await?.map(User::try_from).transpose() }).await
    }

    /// Why an insert failed. Which index of several refuses is nobody's choice; an address is told
    /// before a username.
    async fn taken(&self, user: &User, error: Error) -> anyhow::Result<Taken> {
        if duplicate_key(&error).is_none() {
            return Err(error.into());
        }
        if users(self).find_one(doc! { "email": user.email.as_str() }).await?.is_some() {
            return Ok(Taken::Email);
        }
        if let Some(google) = &user.google
            && users(self).find_one(by_google(google)).await?.is_some()
        {
            return Ok(Taken::Identity);
        }
        let alike = users(self).find_one(doc! { "skeleton": user.username.skeleton() }).await?;
        alike.map(|_| Taken::Username).context("what was taken is free again")
    }
}

fn by_google(google: &ExternalIdentity) -> Document {
    doc! { "google.issuer": &google.issuer, "google.subject": &google.subject }
}

fn users(store: &MongoStore) -> Collection<UserRecord> {
    store.collection("users")
}

fn records(records: Vec<UserRecord>) -> anyhow::Result<Vec<User>> {
    records.into_iter().map(User::try_from).collect()
}

fn is_username(error: &Error) -> bool {
    matches!(duplicate_key(error), Some(USERS_BY_SKELETON | USERS_BY_USERNAME))
}

fn changed(change: &ProfileChange) -> Document {
    let mut set = Document::new();
    if let Some(username) = &change.username {
        set.insert("username", username.as_str());
        set.insert("username_key", username.key());
        set.insert("skeleton", username.skeleton());
    }
    for (field, name) in [("first_name", &change.first_name), ("last_name", &change.last_name)] {
        if let Some(name) = name {
            set.insert(field, name.as_str());
        }
    }
    set
}

fn hidden(change: PrivacyChange) -> Document {
    let mut set = Document::new();
    for (field, shown) in [("hides_receipts", change.receipts), ("hides_presence", change.presence)]
    {
        if let Some(shown) = shown {
            set.insert(field, !shown);
        }
    }
    set
}

impl UserRecord {
    fn privacy(&self) -> Privacy {
        Privacy { receipts: !self.hides_receipts, presence: !self.hides_presence }
    }
}

impl From<&User> for UserRecord {
    fn from(user: &User) -> Self {
        Self {
            id: id(user.id.as_bytes()),
            username: user.username.as_str().to_owned(),
            username_key: user.username.key(),
            skeleton: user.username.skeleton(),
            email: user.email.as_str().to_owned(),
            first_name: user.first_name.as_str().to_owned(),
            last_name: user.last_name.as_str().to_owned(),
            password_hash: user.password.as_ref().map(|hash| hash.as_str().to_owned()),
            joined_at: date(user.joined_at),
            google: user.google.as_ref().map(|google| IdentityRecord {
                issuer: google.issuer.clone(),
                subject: google.subject.clone(),
            }),
            picture: user.picture.map(|picture| binary(picture.as_bytes())),
            disabled_at: user.disabled_at.map(date),
            hides_receipts: !user.privacy.receipts,
            hides_presence: !user.privacy.presence,
        }
    }
}

impl TryFrom<UserRecord> for User {
    type Error = anyhow::Error;

    fn try_from(record: UserRecord) -> anyhow::Result<Self> {
        let privacy = record.privacy();
        Ok(Self {
            id: UserId::from_bytes(array(&record.id)?),
            username: Username::parse(&record.username)?,
            email: Email::parse(&record.email)?,
            first_name: PersonName::parse(&record.first_name)?,
            last_name: PersonName::parse(&record.last_name)?,
            password: record.password_hash.map(PasswordHash::new),
            joined_at: moment(record.joined_at)?,
            google: record
                .google
                .map(|IdentityRecord { issuer, subject }| ExternalIdentity { issuer, subject }),
            picture: record.picture.map(|id| array(&id)).transpose()?.map(PictureId::from_bytes),
            disabled_at: record.disabled_at.map(moment).transpose()?,
            privacy,
        })
    }
}
