//! Rooms.

mod cleared;
mod delivered;
mod record;
mod views;

use record::StandingRecord;
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
    history::Limit,
    id::{RoomId, UserId},
    room::{
        Cleared, DeliveredMark, NewRoom, Participants, Partner, Reached, ReadMark, Room,
        RoomCursor, RoomView, Standing,
    },
};
use mongodb::{
    Collection,
    bson::{Binary, Document, doc},
    options::ReturnDocument,
};
use serde::Deserialize;

/// Who is in a room, and how they stand to it.
#[derive(Deserialize)]
struct PairRecord {
    low: Binary,
    high: Binary,
    #[serde(default)]
    standing_low: StandingRecord,
    #[serde(default)]
    standing_high: StandingRecord,
}

impl PairRecord {
    /// As one of the two sees the other.
    fn partner(self, user: UserId) -> anyhow::Result<Partner> {
        let pair = participants(&self.low, &self.high)?;
        let other = pair.other(user).context("a room of somebody else's was read")?;
        let (low, high) = (self.standing_low.into(), self.standing_high.into());
        let (mine, theirs) = if user < other { (low, high) } else { (high, low) };
        Ok(Partner { user: other, mine, theirs })
    }
}

#[async_trait]
impl RoomRepository for MongoStore {
    async fn open(&self, room: NewRoom) -> Result<OpenedRoom, Unavailable> {
        in_time(self.open_room(&room)).await
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

    async fn find_standing(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Standing>, Unavailable> {
        let theirs = doc! { "_id": id(room.as_bytes()) };
        let fields = doc! { "low": 1, "high": 1, "standing_low": 1, "standing_high": 1 };
        in_time(async {
            let shown = Shown { fields, order: None, limit: Some(1) };
            let found: Vec<PairRecord> = find(self.database(), ROOMS, theirs, shown).await?;
            let Some(pair) = found.into_iter().next() else {
                return Ok(None);
            };
            let includes = participants(&pair.low, &pair.high)?.includes(user);
            includes.then(|| pair.partner(user).map(|partner| partner.mine)).transpose()
        })
        .await
    }

    async fn change_standing(
        &self,
        room: RoomId,
        user: UserId,
        from: &[Standing],
        to: Standing,
    ) -> Result<bool, Unavailable> {
        in_time(self.change_standing_of(room, user, from, to)).await
    }

    async fn list_by_user(
        &self,
        user: UserId,
        behind: Option<RoomCursor>,
        limit: Limit,
    ) -> Result<Vec<RoomView>, Unavailable> {
        let mut theirs = in_sight_of(user);
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

    async fn list_partners(&self, user: UserId, limit: Limit) -> Result<Vec<Partner>, Unavailable> {
        let theirs = in_sight_of(user);
        let shown = Shown {
            fields: doc! { "low": 1, "high": 1, "standing_low": 1, "standing_high": 1 },
            order: Some(doc! { "active_at": -1, "_id": -1 }),
            limit: Some(length(limit.as_usize())),
        };
        in_time(async {
            let found: Vec<PairRecord> = find(self.database(), ROOMS, theirs, shown).await?;
            found.into_iter().map(|pair| pair.partner(user)).collect()
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

    async fn list_undelivered(
        &self,
        user: UserId,
        only: Option<RoomId>,
        limit: Limit,
    ) -> Result<Vec<Reached>, Unavailable> {
        in_time(self.undelivered(user, only, limit)).await
    }

    async fn mark_delivered(&self, reached: &[Reached]) -> Result<Vec<DeliveredMark>, Unavailable> {
        in_time(self.mark_all_delivered(reached)).await
    }

    async fn clear(&self, room: RoomId, user: UserId) -> Result<Option<Cleared>, Unavailable> {
        in_time(self.clear_room(room, user)).await
    }

    async fn find_cleared(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Cleared>, Unavailable> {
        in_time(self.find_cleared_of(room, user)).await
    }

    async fn bring_back(&self, room: RoomId, user: UserId) -> Result<(), Unavailable> {
        in_time(self.bring_room_back(room, user)).await
    }

    async fn set_muted(
        &self,
        room: RoomId,
        user: UserId,
        muted: bool,
    ) -> Result<Option<bool>, Unavailable> {
        in_time(self.mute_room(room, user, muted)).await
    }

    async fn empty_cleared(&self, limit: Limit) -> Result<bool, Unavailable> {
        in_time(self.empty_next(limit.as_usize())).await
    }
}

impl MongoStore {
    async fn open_room(&self, new: &NewRoom) -> anyhow::Result<OpenedRoom> {
        let (pair, now) = (new.participants, new.created_at);
        if let Some(room) = self.room_of(pair).await? {
            return Ok(OpenedRoom { room, created: false });
        }
        let [low, high] = pair.both().map(|user| id(user.as_bytes()));
        let this_pair = doc! { "low": &low, "high": &high };
        // Only a pipeline knows the server's time, and it leaves a room that is there as it is.
        let unless_there = |field: &str, value: mongodb::bson::Bson| {
            doc! { "$ifNull": [format!("${field}"), value] }
        };
        let standing = |user: UserId| {
            let standing = if user == new.opener { Standing::Open } else { new.other };
            StandingRecord::from(standing).stored().into()
        };
        let [standing_low, standing_high]: [mongodb::bson::Bson; 2] = pair.both().map(standing);
        let make = doc! { "$set": {
            "_id": unless_there("_id", id(new.id.as_bytes()).into()),
            "participants": unless_there("participants", vec![low, high].into()),
            "created_at": unless_there("created_at", date(now).into()),
            "active_at": unless_there("active_at", date(now).into()),
            "rev_bound": unless_there("rev_bound", 0_i64.into()),
            "standing_low": unless_there("standing_low", standing_low),
            "standing_high": unless_there("standing_high", standing_high),
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

    async fn change_standing_of(
        &self,
        room: RoomId,
        user: UserId,
        from: &[Standing],
        to: Standing,
    ) -> anyhow::Result<bool> {
        let pair = self.participants(room).await?.filter(|pair| pair.includes(user));
        let Some(pair) = pair else { return Ok(false) };
        let [low, _] = pair.both();
        let side = if user == low { "standing_low" } else { "standing_high" };
        let from: Vec<_> = from.iter().map(|from| StandingRecord::from(*from).stored()).collect();
        let this_room = doc! { "_id": id(room.as_bytes()), side: { "$in": from } };
        let change = doc! { "$set": { side: StandingRecord::from(to).stored() } };
        Ok(self.rooms().update_one(this_room, change).await?.modified_count == 1)
    }

    async fn mute_room(
        &self,
        room: RoomId,
        user: UserId,
        muted: bool,
    ) -> anyhow::Result<Option<bool>> {
        let pair = self.participants(room).await?.filter(|pair| pair.includes(user));
        let Some(pair) = pair else { return Ok(None) };
        let [low, _] = pair.both();
        let side = if user == low { "muted_low" } else { "muted_high" };
        // Kept only where it is muted.
        let change = if muted {
            doc! { "$set": { side: true } }
        } else {
            doc! { "$unset": { side: true } }
        };
        let this_room = doc! { "_id": id(room.as_bytes()) };
        Ok(Some(self.rooms().update_one(this_room, change).await?.modified_count == 1))
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

/// The rooms of somebody's but those they declined.
fn in_sight_of(user: UserId) -> Document {
    let me = id(user.as_bytes());
    let declined = StandingRecord::Declined.stored();
    doc! {
        "participants": &me,
        "$nor": [
            { "low": &me, "standing_low": declined },
            { "high": &me, "standing_high": declined },
        ],
    }
}
