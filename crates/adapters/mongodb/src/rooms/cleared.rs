//! What people took out of their own sight, and emptying what both have.
use super::RoomRecord;
use crate::{
    MongoStore,
    bson::{id, number},
    documents::{Shown, find},
    messages::{MESSAGES, MessageRecord},
};
use anyhow::Context;
use application::ports::AttachmentRepository;
use domain::{
    attachment::LooseFile,
    id::{AttachmentId, RoomId, UserId},
    room::{Cleared, RoomView},
};
use mongodb::{
    Collection,
    bson::{Binary, Document, doc},
};
use serde::{Deserialize, Serialize};

/// The collection of rooms with messages that both have cleared.
const ROOMS_TO_EMPTY: &str = "rooms_to_empty";

#[derive(Debug, Serialize, Deserialize)]
struct ToEmpty {
    #[serde(rename = "_id")]
    room: Binary,
    /// The `seq` of the last of them.
    up_to: i64,
    /// The `seq` of the last that is emptied.
    emptied: i64,
}

/// Which fields of a room are of one of the two.
struct Side {
    cleared: &'static str,
    put_away: &'static str,
}

const LOW: Side = Side { cleared: "cleared_low", put_away: "put_away_low" };
const HIGH: Side = Side { cleared: "cleared_high", put_away: "put_away_high" };

impl MongoStore {
    pub(super) async fn clear_room(
        &self,
        room: RoomId,
        user: UserId,
    ) -> anyhow::Result<Option<Cleared>> {
        let theirs = doc! { "_id": id(room.as_bytes()), "participants": id(user.as_bytes()) };
        let Some(view) = self.views(user, vec![doc! { "$match": &theirs }]).await?.pop() else {
            return Ok(None);
        };
        let record = self.room_record(room).await?;
        let [low, _] = view.room.participants.both();
        // Noted first: whoever dies in between has at most asked for what they wanted.
        let by_both = view.room.last_seq.min(record.cleared(view.other == low)?.seq);
        if by_both > 0 {
            self.note_to_empty(room, by_both).await?;
        }
        let side = if user == low { LOW } else { HIGH };
        self.rooms().update_one(theirs, self.clearing(&view, &side).await?).await?;
        Ok(Some(Cleared { seq: view.room.last_seq, rev: view.room.rev }))
    }

    /// The change that takes all up to the head out of sight.
    async fn clearing(&self, view: &RoomView, side: &Side) -> anyhow::Result<Document> {
        let head = number(view.room.last_seq);
        let newest = doc! { "room": id(view.room.id.as_bytes()), "seq": head };
        let messages = self.collection::<MessageRecord>(MESSAGES);
        let newest = messages.find_one(newest).projection(doc! { "revs": 0, "sealed": 0 }).await?;
        let place = newest.as_ref().map(MessageRecord::place).transpose()?.unwrap_or_default();
        let field = |name: &str| format!("{}.{name}", side.cleared);
        Ok(doc! {
            "$max": {
                field("seq"): head,
                field("low_count"): number(place.low_count),
                field("rev"): number(view.room.rev),
            },
            "$set": { side.put_away: head },
        })
    }

    pub(super) async fn find_cleared_of(
        &self,
        room: RoomId,
        user: UserId,
    ) -> anyhow::Result<Option<Cleared>> {
        let Some(pair) = self.participants(room).await?.filter(|pair| pair.includes(user)) else {
            return Ok(None);
        };
        let [low, _] = pair.both();
        Ok(Some(self.room_record(room).await?.cleared(user == low)?))
    }

    pub(super) async fn bring_room_back(&self, room: RoomId, user: UserId) -> anyhow::Result<()> {
        let Some(pair) = self.participants(room).await?.filter(|pair| pair.includes(user)) else {
            return Ok(());
        };
        let [low, _] = pair.both();
        let side = if user == low { LOW } else { HIGH };
        let back = doc! { "$unset": { side.put_away: true } };
        self.rooms().update_one(doc! { "_id": id(room.as_bytes()) }, back).await?;
        Ok(())
    }

    /// The next messages of one room that both have cleared. Done twice, it does no more.
    pub(super) async fn empty_next(&self, most: usize) -> anyhow::Result<bool> {
        let one = Shown { order: Some(doc! { "_id": 1 }), limit: Some(1), ..Shown::default() };
        let found: Vec<ToEmpty> = find(self.database(), ROOMS_TO_EMPTY, doc! {}, one).await?;
        let Some(ToEmpty { room, up_to, emptied }) = found.into_iter().next() else {
            return Ok(false);
        };
        let end = up_to.min(emptied.saturating_add(i64::try_from(most)?));
        let these = doc! { "room": &room, "seq": { "$gt": emptied, "$lte": end } };
        let nothing = doc! { "$unset": {
            "sealed": true, "edited_at": true, "reply_to": true, "reactions": true,
            "attachments": true,
        } };
        let files = self.files_of(these.clone()).await?;
        // Before: whoever dies in between has noted them. After: whoever decides on one in between
        // found that its message still has it.
        self.loosen_for_good(&files).await?;
        self.collection::<MessageRecord>(MESSAGES).update_many(these, nothing).await?;
        self.loosen_for_good(&files).await?;
        let waiting = self.waiting_to_be_emptied();
        let this_room = doc! { "_id": &room };
        waiting.update_one(this_room, doc! { "$max": { "emptied": end } }).await?;
        // Unless more was cleared meanwhile.
        waiting.delete_one(doc! { "_id": &room, "up_to": { "$lte": end } }).await?;
        Ok(true)
    }

    async fn files_of(&self, these: Document) -> anyhow::Result<Vec<AttachmentId>> {
        let fields = doc! { "revs": 0, "sealed": 0 };
        let shown = Shown { fields, ..Shown::default() };
        let found: Vec<MessageRecord> = find(self.database(), MESSAGES, these, shown).await?;
        let mut files = Vec::new();
        for record in found {
            files.extend(record.message()?.attachments.iter().map(|file| file.id));
        }
        Ok(files)
    }

    async fn loosen_for_good(&self, files: &[AttachmentId]) -> anyhow::Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        Ok(self.loosen(files, LooseFile::LONG_AGO).await?)
    }

    async fn note_to_empty(&self, room: RoomId, up_to: u64) -> anyhow::Result<()> {
        let note = doc! {
            "$max": { "up_to": number(up_to) },
            "$setOnInsert": { "emptied": 0_i64 },
        };
        let this_room = doc! { "_id": id(room.as_bytes()) };
        self.waiting_to_be_emptied().update_one(this_room, note).upsert(true).await?;
        Ok(())
    }

    async fn room_record(&self, room: RoomId) -> anyhow::Result<RoomRecord> {
        let found = self.rooms().find_one(doc! { "_id": id(room.as_bytes()) }).await?;
        found.context("a room vanished")
    }

    fn waiting_to_be_emptied(&self) -> Collection<ToEmpty> {
        self.collection(ROOMS_TO_EMPTY)
    }
}
