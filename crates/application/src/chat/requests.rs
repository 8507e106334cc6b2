//! Accepting and declining to talk.
use super::{Relations, RoomEntry, Rooms};
use crate::ports::{EventBus, Unavailable};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
    room::Standing,
};
use std::sync::Arc;

/// What somebody says to a stranger who wants to talk.
pub struct Requests {
    /// Shows the room.
    pub views: Rooms,
    /// How they stand to it.
    pub relations: Arc<Relations>,
    /// Tells both that it was accepted.
    pub bus: Arc<dyn EventBus>,
}

/// Why nothing is accepted or declined.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// They have no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// It is too late to decline it.
    #[error("this is no request: you talk with this person already")]
    AlreadyOpen,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Requests {
    /// Accepts: from now on the other sees that one is online, reads and writes. Nothing changes
    /// where one talks already; what was declined may still be accepted.
    pub async fn accept(&self, me: UserId, room: RoomId) -> Result<RoomEntry, RequestError> {
        let waiting = [Standing::Request, Standing::Declined];
        let accepted = self.relations.change_standing(room, me, &waiting, Standing::Open).await?;
        let entry = self.views.find(me, room).await?.ok_or(RequestError::NoSuchRoom)?;
        if accepted {
            let participants = entry.view.room.participants;
            self.bus.publish(ChatEvent::RoomChanged { participants, room, only: None });
        }
        Ok(entry)
    }

    /// Declines: the room is out of one's sight, whatever is written in it, until one asks for it
    /// by the other's name. Nobody else is told.
    pub async fn decline(&self, me: UserId, room: RoomId) -> Result<(), RequestError> {
        let (from, to) = (&[Standing::Request], Standing::Declined);
        if self.relations.change_standing(room, me, from, to).await? {
            self.tell_own_devices(me, room).await?;
            return Ok(());
        }
        match self.relations.standing(room, me).await? {
            Some(Standing::Declined) => Ok(()),
            Some(_) => Err(RequestError::AlreadyOpen),
            None => Err(RequestError::NoSuchRoom),
        }
    }

    async fn tell_own_devices(&self, me: UserId, room: RoomId) -> Result<(), Unavailable> {
        if let Some(participants) = self.views.rooms.find_participants(room, me).await? {
            self.bus.publish(ChatEvent::RoomChanged { participants, room, only: Some(me) });
        }
        Ok(())
    }
}
