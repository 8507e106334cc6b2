//! Whether what somebody writes gets to the other.
use super::{Relations, Tie};
use crate::ports::{EventBus, RoomRepository, Unavailable};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
    room::{Participants, Standing},
};
use std::sync::Arc;

/// Knows what lies between people and the rooms they write in.
#[derive(Clone)]
pub struct Reach {
    /// Whose rooms they are.
    pub rooms: Arc<dyn RoomRepository>,
    /// Whether the other wants to hear of them.
    pub relations: Arc<Relations>,
    /// Tells both of a request that was answered.
    pub bus: Arc<dyn EventBus>,
}

/// Why nothing of somebody's gets into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barrier {
    /// They have no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// The other does not hear of them, for a reason that is not told.
    #[error("this message can't be delivered")]
    NotDelivered,
    /// They block the other.
    #[error("you block this person: unblock them to write to them")]
    Blocked,
}

impl Reach {
    /// Lets somebody write in a room, if nothing is in the way. What they write answers a request,
    /// and so accepts it: noted before, so that whoever answers and then dies has accepted all the
    /// same.
    pub async fn enter(
        &self,
        who: UserId,
        room: RoomId,
    ) -> Result<Result<(), Barrier>, Unavailable> {
        let Some(participants) = self.rooms.find_participants(room, who).await? else {
            return Ok(Err(Barrier::NoSuchRoom));
        };
        let Some(other) = participants.other(who) else {
            return Ok(Err(Barrier::NoSuchRoom));
        };
        match self.relations.tie(who, other).await? {
            Tie::Free => {}
            Tie::Blocking => return Ok(Err(Barrier::Blocked)),
            Tie::OutOfReach => return Ok(Err(Barrier::NotDelivered)),
        }
        self.accept(participants, room, who).await.map(Ok)
    }

    async fn accept(
        &self,
        participants: Participants,
        room: RoomId,
        who: UserId,
    ) -> Result<(), Unavailable> {
        let waiting = [Standing::Request, Standing::Declined];
        let answers = self.relations.standing(room, who).await? != Some(Standing::Open);
        if answers && self.relations.change_standing(room, who, &waiting, Standing::Open).await? {
            self.bus.publish(ChatEvent::RoomChanged { participants, room, only: None });
        }
        Ok(())
    }
}
