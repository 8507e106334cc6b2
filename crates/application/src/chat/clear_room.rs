//! Clearing a conversation for oneself.
use crate::{
    files::Leftovers,
    ports::{EventBus, RoomRepository, Unavailable},
};
use domain::{
    event::ChatEvent,
    history::Limit,
    id::{RoomId, UserId},
};
use std::sync::Arc;

/// Clears rooms.
pub struct ClearRoom {
    /// Where they are.
    pub rooms: Arc<dyn RoomRepository>,
    /// Lets go of the files of what is emptied.
    pub leftovers: Leftovers,
    /// Tells one's other devices.
    pub bus: Arc<dyn EventBus>,
}

/// Why nothing is cleared.
#[derive(Debug, thiserror::Error)]
pub enum ClearRoomError {
    /// They have no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ClearRoom {
    /// A call empties up to so many pages of what both have cleared; the next sweep goes on.
    const PAGES: usize = 20;

    /// Takes all there is in a room up to now out of one's own sight, for good, and the room out of
    /// one's list until something new is written. The other keeps it and is not told. What both have
    /// cleared is emptied.
    pub async fn execute(&self, me: UserId, room: RoomId) -> Result<(), ClearRoomError> {
        let found = self.rooms.find_participants(room, me).await?;
        let participants = found.ok_or(ClearRoomError::NoSuchRoom)?;
        self.rooms.clear(room, me).await?.ok_or(ClearRoomError::NoSuchRoom)?;
        self.bus.publish(ChatEvent::RoomChanged { participants, room, only: Some(me) });
        for _ in 0..Self::PAGES {
            if !self.rooms.empty_cleared(Limit::SWEEP).await? {
                break;
            }
        }
        Ok(self.leftovers.remove_of_emptied().await?)
    }
}
