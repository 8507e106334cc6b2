//! Rooms.

mod record;
mod views;

pub(crate) use record::{Place, ROOMS, RoomRecord, participants};

use crate::{
    MongoStore,
    bson::{date, id, length, number},
    documents::{Shown, find},
    errors::{duplicate_key, in_time},
    messages::{MESSAGES, MessageRecord},
};
use anyhow::Context;
use application::ports::{OpenedRoom, RoomRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    Timestamp,
    history::Limit,
    id::{RoomId, UserId},
    room::{Participants, ReadMark, Room, RoomCursor, RoomView},
};
use mongodb::{
    Collection,
    bson::{Binary, doc},
    options::ReturnDocument,
};
use serde::Deserialize;

/// Who is in a room.
#[derive(Deserialize)]
struct PairRecord {
    low: Binary,
    high: Binary,
}

#[async_trait]
impl RoomRepository for MongoStore {
    async fn open(
        &self,
        participants: Participants,
        id: RoomId,
        now: Timestamp,
    ) -> Result<OpenedRoom, Unavailable> {
        in_time(self.open_room(participants, id, now)).await
    }

    async fn find(&self, room: RoomId, user: UserId) -> Result<Option<RoomView>, Unavailable> {
        in_time(async {
            let theirs = doc! { "_id": id(room.as_bytes()), "participants": id(user.as_bytes()) };
            Ok(self.views(user, vec![doc! { "$match": theirs }]).await?.pop())
        })
        .await
    }

    async fn find_participants(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Participants>, Unavailable> {
        let found = in_time(self.participants(room)).await?;
        Ok(found.filter(|pair| pair.includes(user)))
    }

    async fn list_by_user(
        &self,
        user: UserId,
        behind: Option<RoomCursor>,
        limit: Limit,
    ) -> Result<Vec<RoomView>, Unavailable> {
        let mut theirs = doc! { "participants": id(user.as_bytes()) };
        if let Some(cursor) = behind {
            let (at, room) = (date(cursor.active_at), id(cursor.room.as_bytes()));
            theirs.insert("active_at", doc! { "$lte": at });
            let behind = [doc! { "active_at": { "$lt": at } }, doc! { "_id": { "$lt": room } }];
            theirs.insert("$or", behind.to_vec());
        }
        let listed = vec![
            doc! { "$match": theirs },
            doc! { "$sort": { "active_at": -1, "_id": -1 } },
            doc! { "$limit": length(limit.as_usize()) },
        ];
        in_time(self.views(user, listed)).await
    }

    async fn list_partners(&self, user: UserId, limit: Limit) -> Result<Vec<UserId>, Unavailable> {
        let theirs = doc! { "participants": id(user.as_bytes()) };
        let shown = Shown {
            fields: doc! { "low": 1, "high": 1 },
            order: Some(doc! { "active_at": -1, "_id": -1 }),
            limit: Some(length(limit.as_usize())),
        };
        in_time(async {
            let found: Vec<PairRecord> = find(self.database(), ROOMS, theirs, shown).await?;
            let other = |pair: PairRecord| {
                let other = participants(&pair.low, &pair.high)?.other(user);
                other.context("a room of somebody else's was read")
            };
            found.into_iter().map(other).collect()
        })
        .await
    }

    async fn mark_read_up_to(
        &self,
        room: RoomId,
        user: UserId,
        seq: u64,
    ) -> Result<Option<ReadMark>, Unavailable> {
        in_time(self.mark_read(room, user, seq)).await
    }
}

impl MongoStore {
    async fn open_room(
        &self,
        pair: Participants,
        room: RoomId,
        now: Timestamp,
    ) -> anyhow::Result<OpenedRoom> {
        if let Some(room) = self.room_of(pair).await? {
            return Ok(OpenedRoom { room, created: false });
        }
        let [low, high] = pair.both().map(|user| id(user.as_bytes()));
        let this_pair = doc! { "low": &low, "high": &high };
        // Only a pipeline knows the server's time, and it leaves a room that is there as it is.
        let unless_there = |field: &str, value: mongodb::bson::Bson| {
            doc! { "$ifNull": [format!("${field}"), value] }
        };
        let make = doc! { "$set": {
            "_id": unless_there("_id", id(room.as_bytes()).into()),
            "participants": unless_there("participants", vec![low, high].into()),
            "created_at": unless_there("created_at", date(now).into()),
            "active_at": unless_there("active_at", date(now).into()),
            "rev_bound": unless_there("rev_bound", 0_i64.into()),
            "changed_at": unless_there("changed_at", "$$NOW".into()),
        } };
        let rooms = self.rooms();
        let created = match rooms.update_one(this_pair, vec![make]).upsert(true).await {
            Ok(outcome) => outcome.upserted_id.is_some(),
            Err(error) if duplicate_key(&error).is_some() => false,
            Err(error) => return Err(error.into()),
        };
        // Also of a room that somebody else made a majority has heard by now.
        let room = self.room_of(pair).await?.context("a room vanished")?;
        Ok(OpenedRoom { room, created })
    }

    async fn room_of(&self, pair: Participants) -> anyhow::Result<Option<Room>> {
        let [low, high] = pair.both().map(|user| id(user.as_bytes()));
        let listed = vec![doc! { "$match": { "low": low, "high": high } }];
        let [user, _] = pair.both();
        Ok(self.views(user, listed).await?.pop().map(|view| view.room))
    }

    async fn participants(&self, room: RoomId) -> anyhow::Result<Option<Participants>> {
        if let Some(known) = self.known_rooms().find(room) {
            return Ok(Some(known));
        }
        let found = self.rooms().find_one(doc! { "_id": id(room.as_bytes()) }).await?;
        let Some(pair) = found.map(|found| found.participants()).transpose()? else {
            return Ok(None);
        };
        self.known_rooms().note(room, pair);
        Ok(Some(pair))
    }

    async fn mark_read(
        &self,
        room: RoomId,
        user: UserId,
        wanted: u64,
    ) -> anyhow::Result<Option<ReadMark>> {
        let pair = self.participants(room).await?.filter(|pair| pair.includes(user));
        let Some(pair) = pair else { return Ok(None) };
        // There are no holes, so this is the head or what is wanted, whichever comes first.
        let up_to = doc! { "room": id(room.as_bytes()), "seq": { "$lte": number(wanted) } };
        let messages = self.collection::<MessageRecord>(MESSAGES);
        let last = messages.find_one(up_to).sort(doc! { "seq": -1 });
        let last = last.projection(doc! { "revs": 0, "sealed": 0 }).await?;
        let Place { seq, low_count } =
            last.as_ref().map_or(Ok(Place::default()), MessageRecord::place)?;
        let [low, _] = pair.both();
        let side = if user == low { "read_low" } else { "read_high" };
        let furthest = doc! { "$max": {
            format!("{side}.seq"): number(seq),
            format!("{side}.low_count"): number(low_count),
        } };
        let (rooms, this_room) = (self.rooms(), doc! { "_id": id(room.as_bytes()) });
        let before = rooms.find_one_and_update(this_room, furthest);
        let before = before.return_document(ReturnDocument::Before).await?;
        let before = before.context("a room vanished")?.read(user == low)?;
        Ok(Some(ReadMark::advance(before.seq, seq, seq)))
    }

    fn rooms(&self) -> Collection<RoomRecord> {
        self.collection(ROOMS)
    }
}
