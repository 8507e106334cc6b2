//! Reading back.
use super::{OpenedMessage, Opener};
use crate::ports::{MessageRepository, RoomRepository, Unavailable};
use domain::{
    history::{Limit, Window},
    id::{RoomId, UserId},
    room::Cleared,
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
    /// A part of a room's history, as far as the reader has not cleared it.
    pub async fn read(
        &self,
        me: UserId,
        room: RoomId,
        window: Window,
        limit: Limit,
    ) -> Result<Messages, HistoryError> {
        let cleared = self.find_cleared(me, room).await?;
        let window = window.above(cleared.seq);
        let mut page = self.messages.list_window(room, window, limit).await?;
        if page.messages.first().is_some_and(|first| first.seq <= cleared.seq.saturating_add(1)) {
            page.messages.retain(|message| message.seq > cleared.seq);
            page.has_more &= window.goes_up();
        }
        Ok(Messages { messages: self.opener.open_all(page.messages), has_more: page.has_more })
    }

    /// What changed after a position, as far as the reader has not cleared it.
    pub async fn changes(
        &self,
        me: UserId,
        room: RoomId,
        after_rev: u64,
        limit: Limit,
    ) -> Result<Changes, HistoryError> {
        let cleared = self.find_cleared(me, room).await?;
        let mut position = after_rev.max(cleared.rev);
        loop {
            let page = self.messages.list_changes(room, position, limit).await?;
            position = page.position(position);
            let shown = page.messages.into_iter().filter(|message| message.seq > cleared.seq);
            let messages = self.opener.open_all(shown.collect());
            // What was cleared may still change; there is little of it, and nothing to show.
            if messages.is_empty() && page.has_more {
                continue;
            }
            let rev = messages.last().map_or(after_rev, |last| last.message.rev);
            return Ok(Changes { messages, rev, has_more: page.has_more });
        }
    }

    async fn find_cleared(&self, me: UserId, room: RoomId) -> Result<Cleared, HistoryError> {
        self.rooms.find_cleared(room, me).await?.ok_or(HistoryError::NoSuchRoom)
    }
}
