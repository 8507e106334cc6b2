//! How far the rooms have come, for instances that missed something.
use crate::{
    MongoStore,
    bson::{array, id},
    documents::{Shown, aggregate, find},
    errors::in_time,
    messages::{Latest, lookup_latest},
    rooms::{ROOMS, RoomRecord, participants},
};
use application::ports::{RoomHeads, TouchMark, TouchedRoom, TouchedRooms, Unavailable};
use async_trait::async_trait;
use domain::{
    id::{RoomId, UserId},
    message::SealedMessage,
    room::RoomHead,
};
use mongodb::bson::{Binary, DateTime, doc};
use serde::Deserialize;

/// How far before its mark a look begins, in milliseconds: a minute, as the port promises, the time
/// that storing may take after a room is touched, and what the clocks of two primaries may differ by.
const BACK_MILLIS: i64 = 90_000;

#[derive(Deserialize)]
struct HeadRecord {
    #[serde(rename = "_id")]
    room: Binary,
    low: Binary,
    high: Binary,
    latest: Vec<Latest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hello {
    local_time: DateTime,
}

#[async_trait]
impl RoomHeads for MongoStore {
    async fn list_heads(&self, user: UserId) -> Result<Vec<RoomHead>, Unavailable> {
        in_time(async {
            let pipeline = vec![
                doc! { "$match": { "participants": id(user.as_bytes()) } },
                doc! { "$project": { "low": 1, "high": 1 } },
                lookup_latest(),
            ];
            let found: Vec<HeadRecord> = aggregate(self.database(), ROOMS, pipeline).await?;
            found.into_iter().map(HeadRecord::head).collect()
        })
        .await
    }

    async fn list_touched(&self, since: Option<TouchMark>) -> Result<TouchedRooms, Unavailable> {
        in_time(async {
            // Before the look: what is touched meanwhile is found by the next.
            let mark = self.server_time().await?;
            let rooms = match since {
                Some(TouchMark(since)) => self.touched_since(since).await?,
                None => Vec::new(),
            };
            Ok(TouchedRooms { rooms, mark: TouchMark(mark.timestamp_millis()) })
        })
        .await
    }

    fn follow(&self, message: &SealedMessage) {
        self.dispatcher().follow(message);
    }
}

impl MongoStore {
    /// The time of the clock that touches are noted by.
    async fn server_time(&self) -> anyhow::Result<DateTime> {
        let hello = self.database().run_command(doc! { "hello": 1 }).await?;
        Ok(mongodb::bson::deserialize_from_document::<Hello>(hello)?.local_time)
    }

    async fn touched_since(&self, mark: i64) -> anyhow::Result<Vec<TouchedRoom>> {
        let from = DateTime::from_millis(mark.saturating_sub(BACK_MILLIS));
        let since = doc! { "changed_at": { "$gte": from } };
        let found: Vec<RoomRecord> = find(self.database(), ROOMS, since, Shown::default()).await?;
        let touched = |room: RoomRecord| {
            Ok(TouchedRoom {
                room: room.id()?,
                participants: room.participants()?,
                rev_bound: room.rev_bound()?,
            })
        };
        found.into_iter().map(touched).collect()
    }
}

impl HeadRecord {
    fn head(self) -> anyhow::Result<RoomHead> {
        Ok(RoomHead {
            room: RoomId::from_bytes(array(&self.room)?),
            participants: participants(&self.low, &self.high)?,
            rev: Latest::rev(&self.latest)?,
        })
    }
}
