//! Rooms as their people see them. A page of them costs one round trip, and one more each for two
//! rare things, whatever the length of the page and of the histories.
use super::{ROOMS, RoomRecord, record::Place};
use crate::{
    MongoStore,
    bson::{array, count, id, number},
    documents::{aggregate, aggregate_by},
    messages::{Latest, MESSAGES, MessageRecord, lookup_latest, lookup_newest},
    schema::step_1::MESSAGES_DELETED,
};
use anyhow::Context;
use domain::{
    id::{RoomId, UserId},
    room::{Room, RoomView},
};
use mongodb::bson::{Binary, Document, doc};
use serde::Deserialize;
use std::collections::HashMap;

/// A room with its newest message.
#[derive(Deserialize)]
struct ViewRecord {
    #[serde(flatten)]
    room: RoomRecord,
    /// Where it was asked for, or else is that of the newest message.
    latest: Option<Vec<Latest>>,
    newest: Vec<MessageRecord>,
}

/// A view, still without what is rarely needed.
struct Sketch {
    view: RoomView,
    /// No change has a greater `rev`.
    rev_bound: u64,
    /// No deleted message of the other's has a greater `seq`.
    deleted_bound: u64,
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
        pipeline.push(lookup_newest(doc! { "revs": 0 }));
        let mut sketches = self.sketches(user, pipeline).await?;
        self.look_closer(user, &mut sketches).await?;
        self.leave_out_deleted(&mut sketches).await?;
        Ok(sketches.into_iter().map(|sketch| sketch.view).collect())
    }

    async fn sketches(&self, user: UserId, pipeline: Vec<Document>) -> anyhow::Result<Vec<Sketch>> {
        let found: Vec<ViewRecord> = aggregate(self.database(), ROOMS, pipeline).await?;
        found.into_iter().map(|record| record.sketch(user)).collect()
    }

    /// Where the newest message is not what changed last, reads what did.
    async fn look_closer(&self, user: UserId, sketches: &mut [Sketch]) -> anyhow::Result<()> {
        let vague = sketches.iter().filter(|sketch| sketch.view.room.rev < sketch.rev_bound);
        let vague: Vec<_> = vague.map(|sketch| id(sketch.view.room.id.as_bytes())).collect();
        if vague.is_empty() {
            return Ok(());
        }
        let pipeline = vec![
            doc! { "$match": { "_id": { "$in": vague } } },
            // The `rev` comes first: whoever has all changes up to it may meet a newer message,
            // but never misses one.
            lookup_latest(),
            lookup_newest(doc! { "revs": 0 }),
        ];
        let closer = self.sketches(user, pipeline).await?;
        let mut closer: HashMap<_, _> =
            closer.into_iter().map(|sketch| (sketch.view.room.id, sketch)).collect();
        for sketch in sketches {
            if let Some(mut sharp) = closer.remove(&sketch.view.room.id) {
                // A list stays in the order in which it was read.
                sharp.view.room.active_at = sketch.view.room.active_at;
                *sketch = sharp;
            }
        }
        Ok(())
    }

    /// Of unread messages, those that are deleted do not count.
    async fn leave_out_deleted(&self, sketches: &mut [Sketch]) -> anyhow::Result<()> {
        let rooms: Vec<_> = sketches.iter().filter_map(Sketch::unread_and_deleted).collect();
        if rooms.is_empty() {
            return Ok(());
        }
        let pipeline = vec![
            doc! { "$match": { "$or": rooms } },
            doc! { "$group": { "_id": "$room", "count": { "$sum": 1_i64 } } },
        ];
        // Left alone, the server would weigh every index against every other for each room.
        let counts: Vec<Deleted> =
            aggregate_by(self.database(), MESSAGES, pipeline, MESSAGES_DELETED).await?;
        let by_room = |deleted: Deleted| {
            anyhow::Ok((RoomId::from_bytes(array(&deleted.room)?), count(deleted.count)?))
        };
        let counts = counts.into_iter().map(by_room).collect::<anyhow::Result<HashMap<_, _>>>()?;
        for Sketch { view, .. } in sketches {
            let deleted = counts.get(&view.room.id).copied().unwrap_or(0);
            view.unread = view.unread.saturating_sub(deleted);
        }
        Ok(())
    }
}

impl Sketch {
    /// Finds the other's unread messages that are deleted, if there can be any.
    fn unread_and_deleted(&self) -> Option<Document> {
        let view = &self.view;
        let counted = view.read_seq.max(view.cleared.seq);
        (view.unread > 0 && self.deleted_bound > counted).then(|| {
            doc! {
                "room": id(view.room.id.as_bytes()),
                "sender": id(view.other.as_bytes()),
                "deleted": true,
                "seq": { "$gt": number(counted), "$lte": number(view.room.last_seq) },
            }
        })
    }
}

impl ViewRecord {
    /// The room as one of its people sees it, deleted messages counted as unread.
    fn sketch(self, user: UserId) -> anyhow::Result<Sketch> {
        let participants = self.room.participants()?;
        let other = participants.other(user).context("a room of somebody else's was read")?;
        let [low, _] = participants.both();
        let newest = self.newest.into_iter().next();
        let head = newest.as_ref().map_or(Ok(Place::default()), MessageRecord::place)?;
        let last_message = newest.map(MessageRecord::message).transpose()?;
        let (mine, theirs) = (self.room.read(user == low)?, self.room.read(other == low)?);
        let latest = self.latest.as_deref().map_or(Ok(0), Latest::rev)?;
        let room = Room {
            id: self.room.id()?,
            participants,
            last_seq: head.seq,
            rev: last_message.as_ref().map_or(0, |message| message.rev).max(latest),
            created_at: self.room.created_at()?,
            active_at: self.room.active_at()?,
        };
        let counted = self.room.counted(user == low)?;
        let unread = head.sent_by(other == low).saturating_sub(counted.sent_by(other == low));
        let view = RoomView {
            room,
            other,
            last_message,
            read_seq: mine.seq,
            other_read_seq: theirs.seq,
            delivered_seq: self.room.delivered(user == low)?,
            other_delivered_seq: self.room.delivered(other == low)?,
            unread,
            standing: self.room.standing(user == low),
            other_standing: self.room.standing(other == low),
            cleared: self.room.cleared(user == low)?,
            put_away_at: self.room.put_away_at(user == low)?,
            muted: self.room.is_muted(user == low),
        };
        Ok(Sketch {
            view,
            rev_bound: self.room.rev_bound()?,
            deleted_bound: self.room.deleted_bound(other == low)?,
        })
    }
}
