//! Reading back.
use super::{OpenedMessage, Opener};
use crate::ports::{MessageRepository, RoomRepository, Unavailable};
use domain::{
    history::{Limit, Window},
    id::{RoomId, UserId},
};
use std::sync::Arc;

/// Reads the history of one's rooms.
pub struct History {
    /// Where messages are.
    pub messages: Arc<dyn MessageRepository>,
    /// Whose rooms they are in.
    pub rooms: Arc<dyn RoomRepository>,
    /// Opens them.
    pub opener: Opener,
}

/// Why nothing is read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The reader has no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A part of a room's history, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// In `seq` order.
    pub messages: Vec<OpenedMessage>,
    /// Whether there is more in the direction asked for.
    pub has_more: bool,
}

/// What changed in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Latest states, in `rev` order.
    pub messages: Vec<OpenedMessage>,
    /// The reader's new position.
    pub rev: u64,
    /// Whether there are more.
    pub has_more: bool,
}

impl History {
    /// A part of a room's history.
    pub async fn read(
        &self,
        me: UserId,
        room: RoomId,
        window: Window,
        limit: Limit,
    ) -> Result<Messages, HistoryError> {
        self.authorise(me, room).await?;
        let page = self.messages.list_window(room, window, limit).await?;
        Ok(Messages { messages: self.opener.open_all(page.messages), has_more: page.has_more })
    }

    /// What changed after a position.
    pub async fn changes(
        &self,
        me: UserId,
        room: RoomId,
        after_rev: u64,
        limit: Limit,
    ) -> Result<Changes, HistoryError> {
        self.authorise(me, room).await?;
        let page = self.messages.list_changes(room, after_rev, limit).await?;
        let rev = page.position(after_rev);
        Ok(Changes { messages: self.opener.open_all(page.messages), rev, has_more: page.has_more })
    }

    async fn authorise(&self, me: UserId, room: RoomId) -> Result<(), HistoryError> {
        self.rooms.find_participants(room, me).await?.map(drop).ok_or(HistoryError::NoSuchRoom)
    }
}
