//! Rooms as their people see them: a page of them costs two round trips at most, whatever the
//! length of the page and of the histories.
use super::{ROOMS, RoomRecord, record::Place};
use crate::{
    MongoStore,
    bson::{array, count, id, number},
    documents::aggregate,
    messages::{Latest, MESSAGES, MessageRecord, lookup_latest, lookup_newest},
};
use anyhow::Context;
use domain::{
    id::{RoomId, UserId},
    room::{Room, RoomView},
};
use mongodb::bson::{Binary, Document, doc};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct ViewRecord {
    #[serde(flatten)]
    room: RoomRecord,
    latest: Vec<Latest>,
    newest: Vec<MessageRecord>,
}

#[derive(Deserialize)]
struct Deleted {
    #[serde(rename = "_id")]
    room: Binary,
    count: i64,
}

impl MongoStore {
    /// The rooms that the first stages of a pipeline give, as this person sees them.
    pub(super) async fn views(
        &self,
        user: UserId,
        mut pipeline: Vec<Document>,
    ) -> anyhow::Result<Vec<RoomView>> {
        // The `rev` is read first: whoever has all changes up to it may meet a newer message.
        pipeline.push(lookup_latest());
        pipeline.push(lookup_newest(doc! { "revs": 0 }));
        let found: Vec<ViewRecord> = aggregate(self.database(), ROOMS, pipeline).await?;
        let views = found.into_iter().map(|record| record.view(user));
        let mut views = views.collect::<anyhow::Result<Vec<_>>>()?;
        self.leave_out_deleted(&mut views).await?;
        Ok(views)
    }

    /// Of unread messages, those that are deleted do not count.
    async fn leave_out_deleted(&self, views: &mut [RoomView]) -> anyhow::Result<()> {
        let unread = |view: &&RoomView| view.unread > 0;
        let in_room = |view: &RoomView| {
            doc! {
                "room": id(view.room.id.as_bytes()),
                "sender": id(view.other.as_bytes()),
                "deleted": true,
                "seq": { "$gt": number(view.read_seq), "$lte": number(view.room.last_seq) },
            }
        };
        let rooms: Vec<_> = views.iter().filter(unread).map(in_room).collect();
        if rooms.is_empty() {
            return Ok(());
        }
        let pipeline = vec![
            doc! { "$match": { "$or": rooms } },
            doc! { "$group": { "_id": "$room", "count": { "$sum": 1_i64 } } },
        ];
        let counts: Vec<Deleted> = aggregate(self.database(), MESSAGES, pipeline).await?;
        let by_room = |deleted: Deleted| {
            anyhow::Ok((RoomId::from_bytes(array(&deleted.room)?), count(deleted.count)?))
        };
        let counts = counts.into_iter().map(by_room).collect::<anyhow::Result<HashMap<_, _>>>()?;
        for view in views {
            let deleted = counts.get(&view.room.id).copied().unwrap_or(0);
            view.unread = view.unread.saturating_sub(deleted);
        }
        Ok(())
    }
}

impl ViewRecord {
    /// The room as one of its people sees it, deleted messages counted as unread.
    fn view(self, user: UserId) -> anyhow::Result<RoomView> {
        let participants = self.room.participants()?;
        let other = participants.other(user).context("a room of somebody else's was read")?;
        let [low, _] = participants.both();
        let newest = self.newest.into_iter().next();
        let head = newest.as_ref().map_or(Ok(Place::default()), MessageRecord::place)?;
        let (mine, theirs) = (self.room.read(user == low)?, self.room.read(other == low)?);
        let last_message = newest.map(MessageRecord::message).transpose()?;
        let room = Room {
            id: self.room.id()?,
            participants,
            last_seq: head.seq,
            rev: Latest::rev(&self.latest)?,
            created_at: self.room.created_at()?,
            active_at: self.room.active_at()?,
        };
        let sent = head.sent_by(other == low);
        let unread = sent.saturating_sub(mine.sent_by(other == low));
        let (read_seq, other_read_seq) = (mine.seq, theirs.seq);
        Ok(RoomView { room, other, last_message, read_seq, other_read_seq, unread })
    }
}
