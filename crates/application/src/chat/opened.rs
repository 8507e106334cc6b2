//! Messages as their two people read them.
use crate::ports::MessageSealer;
use domain::message::{MessageBody, SealedMessage};
use std::sync::Arc;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// This.
    Text(MessageBody),
    /// Its sender took it back.
    Deleted,
    /// What rests in the store is not what was written, or its key is lost.
    Unreadable,
}

/// A message with its seal broken, for one of its two people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedMessage {
    /// Everything but what it says.
    pub message: SealedMessage,
    /// What it says.
    pub content: Content,
}

/// Opens messages.
#[derive(Clone)]
pub struct Opener {
    /// Holds the keys.
    pub sealer: Arc<dyn MessageSealer>,
}

impl Opener {
    /// Opens a message. One that can't be opened is logged by its id and shown as unreadable.
    pub fn open(&self, message: SealedMessage) -> OpenedMessage {
        let content = match &message.body {
            None => Content::Deleted,
            Some(sealed) => match self.sealer.open(&message.place(), sealed) {
                Ok(body) => Content::Text(body),
                Err(error) => {
                    tracing::error!(message = %message.id, room = %message.room, %error, "unreadable message");
                    Content::Unreadable
                }
            },
        };
        OpenedMessage { message, content }
    }

    pub(super) fn open_all(&self, messages: Vec<SealedMessage>) -> Vec<OpenedMessage> {
        messages.into_iter().map(|message| self.open(message)).collect()
    }
}
