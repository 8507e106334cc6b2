//! Marking as read.
use super::Relations;
use crate::ports::{EventBus, RoomRepository, Unavailable};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
    room::{ReadMark, Standing},
};
use std::sync::Arc;

/// Moves somebody's read mark.
pub struct MarkRead {
    /// Where rooms are.
    pub rooms: Arc<dyn RoomRepository>,
    /// Whether the other may know.
    pub relations: Arc<Relations>,
    /// Tells both people's sockets.
    pub bus: Arc<dyn EventBus>,
}

/// Why no mark is set.
#[derive(Debug, thiserror::Error)]
pub enum MarkReadError {
    /// The reader has no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl MarkRead {
    /// Moves the mark forward, never back and never past the head. Only a mark that moved is told,
    /// and of a request to nobody but the reader.
    pub async fn execute(
        &self,
        me: UserId,
        room: RoomId,
        seq: u64,
    ) -> Result<ReadMark, MarkReadError> {
        let participants =
            self.rooms.find_participants(room, me).await?.ok_or(MarkReadError::NoSuchRoom)?;
        let mark =
            self.rooms.mark_read_up_to(room, me, seq).await?.ok_or(MarkReadError::NoSuchRoom)?;
        if mark.moved {
            let shown = self.relations.standing(room, me).await?.is_some_and(Standing::shows);
            let seq = mark.seq;
            self.bus.publish(ChatEvent::Read { participants, room, user: me, seq, shown });
        }
        Ok(mark)
    }
}
