//! Where the histories of the rooms end.
use crate::{
    bson::{array, count, id},
    documents::aggregate,
    messages::record::MESSAGES,
    rooms::ROOMS,
};
use domain::{
    id::{RoomId, UserId},
    message::SealedMessage,
    room::Participants,
};
use mongodb::{
    Database,
    bson::{Binary, Document, doc},
};
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// More are forgotten and read again; this many take some six megabytes.
const MOST: usize = 65_536;

/// The end of one room's history as a majority holds it, or held it: it may have grown since.
///
/// One too low is harmless: what is numbered after it meets a number that is taken. One too high
/// would leave a hole, so a head is only ever taken from what a majority has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Who hears of what happens there.
    pub(crate) participants: Participants,
    /// The greatest `seq`.
    pub(crate) seq: u64,
    /// The greatest `rev`.
    pub(crate) rev: u64,
    /// How many of its messages the room's low participant sent.
    pub(crate) low_count: u64,
}

impl Head {
    /// Moves on by one message of this person's.
    pub(crate) fn extend(&mut self, sender: UserId) {
        let [low, _] = self.participants.both();
        self.seq += 1;
        self.rev += 1;
        self.low_count += u64::from(sender == low);
    }

    /// Moves on by what is the very next change of the room; else it can't tell what came before.
    fn follow(&mut self, message: &SealedMessage) -> bool {
        if message.rev != self.rev + 1 || message.seq > self.seq + 1 {
            return false;
        }
        if message.seq > self.seq {
            self.extend(message.sender);
        } else {
            self.rev = message.rev;
        }
        true
    }
}

/// The heads that this instance remembers. In each room, only whoever has its turn there notes its
/// head, and what others stored moves it on.
#[derive(Default)]
pub(crate) struct Heads(Mutex<HashMap<RoomId, Head>>);

impl Heads {
    /// What is remembered.
    pub(crate) fn find(&self, room: RoomId) -> Option<Head> {
        self.heads().get(&room).copied()
    }

    /// Remembers what a majority has.
    pub(crate) fn note(&self, room: RoomId, head: Head) {
        let mut heads = self.heads();
        if heads.len() >= MOST {
            heads.clear();
        }
        heads.insert(room, head);
    }

    /// Moves on the head of a room by what another instance stored and a majority has. What is not
    /// the next has it read anew.
    pub(crate) fn follow(&self, message: &SealedMessage) {
        let mut heads = self.heads();
        let Some(head) = heads.get_mut(&message.room) else { return };
        if message.rev > head.rev && !head.follow(message) {
            heads.remove(&message.room);
        }
    }

    /// Has the head of a room read anew, unless it has come to this `rev` meanwhile.
    pub(crate) fn forget_below(&self, room: RoomId, rev: u64) {
        let mut heads = self.heads();
        if heads.get(&room).is_some_and(|head| head.rev < rev) {
            heads.remove(&room);
        }
    }

    /// Has the head of a room read anew.
    pub(crate) fn forget(&self, room: RoomId) {
        self.heads().remove(&room);
    }

    fn heads(&self) -> MutexGuard<'_, HashMap<RoomId, Head>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The heads of those rooms that exist, in one round trip.
pub(crate) async fn read_heads(
    database: &Database,
    rooms: &[RoomId],
) -> anyhow::Result<HashMap<RoomId, Head>> {
    if rooms.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<_> = rooms.iter().map(|room| id(room.as_bytes())).collect();
    let pipeline = vec![
        doc! { "$match": { "_id": { "$in": ids } } },
        doc! { "$project": { "low": 1, "high": 1 } },
        lookup_latest(),
        lookup_newest(doc! { "seq": 1, "low_count": 1 }),
    ];
    let records: Vec<HeadRecord> = aggregate(database, ROOMS, pipeline).await?;
    records.into_iter().map(HeadRecord::head).collect()
}

/// Adds the room's greatest `rev` as `latest.rev`, from the index alone.
pub(crate) fn lookup_latest() -> Document {
    lookup("latest", doc! { "rev": -1 }, doc! { "rev": 1 })
}

/// Adds these fields of the room's newest message as `newest`.
pub(crate) fn lookup_newest(fields: Document) -> Document {
    lookup("newest", doc! { "seq": -1 }, fields)
}

fn lookup(name: &str, order: Document, mut fields: Document) -> Document {
    if !fields.values().all(|way| *way == 0.into()) {
        fields.insert("_id", 0);
    }
    doc! { "$lookup": {
        "from": MESSAGES,
        "localField": "_id",
        "foreignField": "room",
        "pipeline": [{ "$sort": order }, { "$limit": 1 }, { "$project": fields }],
        "as": name,
    } }
}

#[derive(Deserialize)]
struct HeadRecord {
    #[serde(rename = "_id")]
    id: Binary,
    low: Binary,
    high: Binary,
    latest: Vec<Latest>,
    newest: Vec<Newest>,
}

/// What [`lookup_latest`] adds.
#[derive(Deserialize)]
pub(crate) struct Latest {
    rev: i64,
}

#[derive(Deserialize)]
struct Newest {
    seq: i64,
    low_count: i64,
}

impl Latest {
    /// The greatest `rev`; 0 where there is none.
    pub(crate) fn rev(latest: &[Self]) -> anyhow::Result<u64> {
        latest.first().map_or(Ok(0), |latest| count(latest.rev))
    }
}

impl HeadRecord {
    fn head(self) -> anyhow::Result<(RoomId, Head)> {
        let newest = self.newest.first();
        let head = Head {
            participants: crate::rooms::participants(&self.low, &self.high)?,
            seq: newest.map_or(Ok(0), |newest| count(newest.seq))?,
            rev: Latest::rev(&self.latest)?,
            low_count: newest.map_or(Ok(0), |newest| count(newest.low_count))?,
        };
        Ok((RoomId::from_bytes(array(&self.id)?), head))
    }
}
