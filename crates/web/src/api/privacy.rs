//! What one lets others see.
use super::Area;
use crate::{gate::Me, json::JsonBody, problem::Problem};
use application::accounts::OwnPrivacy;
use domain::user::{Privacy, PrivacyChange};
use poem_openapi::{Object, OpenApi, payload::Json};
use serde::{Deserialize, Serialize};

/// What one lets others see.
pub struct PrivacyApi {
    /// Shows and changes it.
    pub privacy: OwnPrivacy,
}

/// What one lets others see, and so what one sees of them.
#[derive(Clone, Copy, Debug, Serialize, Object)]
#[oai(rename = "Privacy")]
pub struct PrivacyShape {
    /// How far one has read.
    read_receipts: bool,
    /// Whether one is online, and when one left.
    presence: bool,
}

/// What to change; what is left out stays.
#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct PrivacyRequest {
    #[oai(nullable)]
    read_receipts: Option<bool>,
    #[oai(nullable)]
    presence: Option<bool>,
}

impl From<Privacy> for PrivacyShape {
    fn from(Privacy { receipts, presence }: Privacy) -> Self {
        Self { read_receipts: receipts, presence }
    }
}

#[OpenApi(tag = "Area::Me")]
impl PrivacyApi {
    /// What one lets others see
    ///
    /// Both are on until one turns them off, and both work both ways.
    #[oai(path = "/me/privacy", method = "get", operation_id = "find_privacy")]
    async fn show(&self, me: Me) -> Result<Json<PrivacyShape>, Problem> {
        let privacy = self.privacy.find(me.user).await?.ok_or_else(Problem::signed_out)?;
        Ok(Json(privacy.into()))
    }

    /// Change what one lets others see
    ///
    /// With `read_receipts` off, nobody sees how far one has read, nor does one see it of anybody:
    /// no `read` frame comes but for one's own reading, and `other_read_seq` is 0 for both. With
    /// `presence` off, nobody sees whether one is online or when one left, nor does one see it of
    /// anybody. What counts and what is unread stays as it is, and so does typing.
    ///
    /// It counts at once: others get `presence` frames (`online` false, `last_seen` null, for who is
    /// not to be seen any more) and `room` frames, one's own sockets those and a `resync`.
    #[oai(path = "/me/privacy", method = "patch", operation_id = "change_privacy")]
    async fn change(
        &self,
        me: Me,
        body: JsonBody<PrivacyRequest>,
    ) -> Result<Json<PrivacyShape>, Problem> {
        let PrivacyRequest { read_receipts, presence } = body.0;
        let change = PrivacyChange { receipts: read_receipts, presence };
        Ok(Json(self.privacy.change(me.user, change).await?.into()))
    }
}
