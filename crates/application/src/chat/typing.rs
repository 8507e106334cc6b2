//! Telling the other that one is writing.
use super::{Relations, Tie};
use crate::{
    limits::Limits,
    ports::{EventBus, RoomRepository, Unavailable},
};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
    room::{Participants, Standing},
};
use std::sync::Arc;

/// Says that somebody is writing.
pub struct Typing {
    /// Where rooms are.
    pub rooms: Arc<dyn RoomRepository>,
    /// Whether the other may know, and wants to.
    pub relations: Arc<Relations>,
    /// Tells the other.
    pub bus: Arc<dyn EventBus>,
    /// Bounds how often.
    pub limits: Limits,
}

impl Typing {
    /// Tells the other person of the room, unless they were told a moment ago; `false` if it is
    /// not a room of this person's.
    pub async fn execute(&self, me: UserId, room: RoomId) -> Result<bool, Unavailable> {
        let Some(participants) = self.rooms.find_participants(room, me).await? else {
            return Ok(false);
        };
        // Said too often it means nothing more, and nothing wrong.
        if self.limits.typing(me, room).await.is_ok() && self.shows(me, room, participants).await? {
            self.bus.publish(ChatEvent::Typing { participants, room, user: me });
        }
        Ok(true)
    }

    async fn shows(
        &self,
        me: UserId,
        room: RoomId,
        participants: Participants,
    ) -> Result<bool, Unavailable> {
        let Some(other) = participants.other(me) else {
            return Ok(false);
        };
        Ok(self.relations.standing(room, me).await?.is_some_and(Standing::shows)
            && self.relations.tie(me, other).await? == Tie::Free)
    }
}
