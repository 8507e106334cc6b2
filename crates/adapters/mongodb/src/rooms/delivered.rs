//! What reached people's devices. Marks lie beside the rooms' histories, not in the way of what makes
//! those longer.
use super::{
    ROOMS, RoomRecord, in_sight_of,
    record::{Place, PlaceRecord},
};
use crate::{
    MongoStore,
    bson::{id, length, number},
    documents::aggregate,
    messages::{Acknowledged, lookup_newest, update_rooms},
};
use domain::{
    history::Limit,
    id::{RoomId, UserId},
    room::{DeliveredMark, Reached},
};
use mongodb::bson::{Document, RawArrayBuf, RawDocumentBuf, doc, rawdoc};
use serde::Deserialize;
use std::collections::HashMap;

/// A room with the place of its newest message.
#[derive(Deserialize)]
struct Marked {
    #[serde(flatten)]
    room: RoomRecord,
    newest: Vec<PlaceRecord>,
}

impl MongoStore {
    pub(super) async fn undelivered(
        &self,
        user: UserId,
        only: Option<RoomId>,
        limit: Limit,
    ) -> anyhow::Result<Vec<Reached>> {
        let mut theirs = in_sight_of(user);
        let pipeline = if let Some(room) = only {
            theirs.insert("_id", id(room.as_bytes()));
            vec![doc! { "$match": theirs }, lookup_head()]
        } else {
            vec![
                doc! { "$match": theirs },
                doc! { "$sort": { "active_at": -1, "_id": -1 } },
                doc! { "$limit": length(limit.as_usize()) },
                lookup_head(),
            ]
        };
        let found: Vec<Marked> = aggregate(self.database(), ROOMS, pipeline).await?;
        let mut waiting = Vec::new();
        for marked in found {
            if let Some(seq) = marked.waits_for(user)? {
                waiting.push(Reached { user, room: marked.room.id()?, seq });
            }
        }
        Ok(waiting)
    }

    pub(super) async fn mark_all_delivered(
        &self,
        reached: &[Reached],
    ) -> anyhow::Result<Vec<DeliveredMark>> {
        let mut rooms: Vec<_> = reached.iter().map(|reached| reached.room).collect();
        rooms.sort_unstable();
        rooms.dedup();
        let rooms: Vec<_> = rooms.iter().map(|room| id(room.as_bytes())).collect();
        if rooms.is_empty() {
            return Ok(Vec::new());
        }
        let these = vec![doc! { "$match": { "_id": { "$in": rooms } } }, lookup_head()];
        let found: Vec<Marked> = aggregate(self.database(), ROOMS, these).await?;
        let by_room = found.into_iter().map(|marked| Ok((marked.room.id()?, marked)));
        let by_room = by_room.collect::<anyhow::Result<HashMap<_, _>>>()?;
        let mut moved = Vec::new();
        for reached in reached {
            if let Some(marked) = by_room.get(&reached.room) {
                moved.extend(marked.mark(*reached)?);
            }
        }
        if !moved.is_empty() {
            let statements: RawArrayBuf = moved.iter().map(statement).collect();
            update_rooms(self.database(), statements, Acknowledged::ByMajority).await?;
        }
        Ok(moved)
    }
}

fn lookup_head() -> Document {
    lookup_newest(doc! { "seq": 1, "low_count": 1 })
}

/// Somebody may have moved it further since it was read.
fn statement(mark: &DeliveredMark) -> RawDocumentBuf {
    let [low, _] = mark.participants.both();
    let seq = number(mark.reached.seq);
    let most = if mark.reached.user == low {
        rawdoc! { "delivered_low": seq }
    } else {
        rawdoc! { "delivered_high": seq }
    };
    rawdoc! { "q": { "_id": id(mark.reached.room.as_bytes()) }, "u": { "$max": most } }
}

impl Marked {
    fn head(&self) -> anyhow::Result<Place> {
        self.newest.first().map_or(Ok(Place::default()), PlaceRecord::place)
    }

    /// The head, if something of the other's may be above what one of the two has.
    fn waits_for(&self, user: UserId) -> anyhow::Result<Option<u64>> {
        let [low, _] = self.room.participants()?.both();
        let (is_low, head) = (user == low, self.head()?);
        let counted = self.room.counted(is_low)?;
        let unread = head.sent_by(!is_low) > counted.sent_by(!is_low);
        let there = self.room.delivered(is_low)?.max(counted.seq);
        Ok((unread && head.seq > there).then_some(head.seq))
    }

    fn mark(&self, wanted: Reached) -> anyhow::Result<Option<DeliveredMark>> {
        let participants = self.room.participants()?;
        if !participants.includes(wanted.user) {
            return Ok(None);
        }
        let [low, _] = participants.both();
        let is_low = wanted.user == low;
        let moved = wanted.moves(self.room.delivered(is_low)?, self.head()?.seq);
        let standing = self.room.standing(is_low);
        let mark =
            |seq| DeliveredMark { reached: Reached { seq, ..wanted }, participants, standing };
        Ok(moved.map(mark))
    }
}
