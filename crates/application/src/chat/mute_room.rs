//! Muting a room for oneself.
use super::{RoomEntry, Rooms};
use crate::ports::{EventBus, Unavailable};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
};
use std::sync::Arc;

/// Mutes rooms, and lets them sound again.
pub struct MuteRoom {
    /// Where they are.
    pub views: Rooms,
    /// Tells one's other devices.
    pub bus: Arc<dyn EventBus>,
}

/// Why nothing is muted.
#[derive(Debug, thiserror::Error)]
pub enum MuteRoomError {
    /// They have no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl MuteRoom {
    /// The room as it is then. Only a change is told, to one's own devices; the other never learns.
    pub async fn execute(
        &self,
        me: UserId,
        room: RoomId,
        muted: bool,
    ) -> Result<RoomEntry, MuteRoomError> {
        let mut entry = self.views.find(me, room).await?.ok_or(MuteRoomError::NoSuchRoom)?;
        let set = self.views.rooms.set_muted(room, me, muted).await?;
        if set.ok_or(MuteRoomError::NoSuchRoom)? {
            let participants = entry.view.room.participants;
            self.bus.publish(ChatEvent::RoomChanged { participants, room, only: Some(me) });
        }
        entry.view.muted = muted;
        Ok(entry)
    }
}
