//! Messages as their two people read them.
use crate::{
    files::open_details,
    ports::{MessageSealer, PayloadSealer},
};
use domain::{
    attachment::{AttachedFile, DetailsPlace, FileDetails},
    id::AttachmentId,
    message::{MessageBody, SealedMessage},
};
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
    /// What came with it.
    pub attachments: Vec<OpenedAttachment>,
}

/// A file that came with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedAttachment {
    /// Names it.
    pub id: AttachmentId,
    /// What is told of it; `None` if that can't be read any more.
    pub details: Option<FileDetails>,
}

/// Opens messages.
#[derive(Clone)]
pub struct Opener {
    /// Holds the keys.
    pub sealer: Arc<dyn MessageSealer>,
    /// Holds those of what is told of files.
    pub details: Arc<dyn PayloadSealer>,
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
        self.opened(message, content)
    }

    /// A message whose text is known already.
    pub(super) fn opened(&self, message: SealedMessage, content: Content) -> OpenedMessage {
        let open = |file| self.open_file(&message, file);
        let attachments = message.attachments.iter().map(open).collect();
        OpenedMessage { message, content, attachments }
    }

    pub(super) fn open_all(&self, messages: Vec<SealedMessage>) -> Vec<OpenedMessage> {
        messages.into_iter().map(|message| self.open(message)).collect()
    }

    fn open_file(&self, message: &SealedMessage, file: &AttachedFile) -> OpenedAttachment {
        let (room, uploader) = (message.room, message.sender);
        let place = DetailsPlace { attachment: file.id, room, uploader };
        let opened = open_details(&*self.details, place, &file.details).inspect_err(|error| {
            tracing::error!(message = %message.id, attachment = %file.id, %error, "unreadable file");
        });
        OpenedAttachment { id: file.id, details: opened.ok() }
    }
}
