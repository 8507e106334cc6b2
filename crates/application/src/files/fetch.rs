//! Getting a file back.
use super::vault::{ReadError, Vault};
use crate::ports::{MessageRepository, RoomRepository, Unavailable};
use domain::{
    attachment::{Attachment, FileDetails, FilePart, PIECE, pieces},
    id::{AttachmentId, UserId},
};
use std::{ops::Range, sync::Arc};

/// Gives files to the people of their room.
#[derive(Clone)]
pub struct Fetch {
    /// Where they are.
    pub vault: Vault,
    /// Whether they were sent.
    pub messages: Arc<dyn MessageRepository>,
    /// To whom.
    pub rooms: Arc<dyn RoomRepository>,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is none for this person: it is of another room, not sent yet, or its message is
    /// deleted.
    #[error("there is no such file")]
    NoSuchFile,
    /// What rests in the store is not what was sent, or its key is lost.
    #[error("this file is damaged")]
    Unreadable,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A part of a file that somebody may have, to be read piece by piece.
#[derive(Clone)]
pub struct Fetched {
    vault: Vault,
    id: AttachmentId,
    part: FilePart,
    size: u64,
    /// What is told of the file.
    pub details: FileDetails,
}

impl Fetch {
    /// A part of a file, if this person may have it.
    pub async fn execute(
        &self,
        me: UserId,
        id: AttachmentId,
        part: FilePart,
    ) -> Result<Fetched, FetchError> {
        let found = self.vault.attachments.find(id).await?;
        let file = found.ok_or(FetchError::NoSuchFile)?;
        self.authorise(me, &file).await?;
        let details = self.vault.open_details(&file).map_err(|_| unreadable(id))?;
        let size = match part {
            FilePart::Original => details.size,
            FilePart::Preview => details.image.ok_or(FetchError::NoSuchFile)?.preview_size,
        };
        Ok(Fetched { vault: self.vault.clone(), id, part, size, details })
    }

    /// Before it is sent, a file is its uploader's alone; then it is of whoever has the message, and
    /// has not cleared it.
    async fn authorise(&self, me: UserId, file: &Attachment) -> Result<(), FetchError> {
        let found = self.rooms.find_cleared(file.room, me).await?;
        let cleared = found.ok_or(FetchError::NoSuchFile)?;
        let sent = match file.used_as {
            None => None,
            Some(name) => self.messages.find_by_client_id(file.uploader, name).await?,
        };
        let allowed = match sent {
            None => file.uploader == me,
            Some(message) => {
                let has = message.attachments.iter().any(|had| had.id == file.id);
                has && message.seq > cleared.seq
            }
        };
        if allowed { Ok(()) } else { Err(FetchError::NoSuchFile) }
    }
}

impl Fetched {
    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The pieces that these bytes are in.
    pub fn pieces_of(&self, bytes: &Range<u64>) -> Range<u32> {
        let first = u32::try_from(bytes.start / PIECE as u64).unwrap_or(u32::MAX);
        first..pieces(bytes.end.min(self.size)).max(first)
    }

    /// What of these bytes is in a piece. Opens nothing but that piece.
    pub async fn read(&self, bytes: &Range<u64>, index: u32) -> Result<Vec<u8>, FetchError> {
        let read = self.vault.read(self.id, self.part, self.size, index).await;
        let mut piece = read.map_err(|error| match error {
            ReadError::Unreadable(_) => unreadable(self.id),
            ReadError::Unavailable(error) => FetchError::Unavailable(error),
        })?;
        let start = u64::from(index) * PIECE as u64;
        let within = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
        piece.truncate(within(bytes.end));
        piece.drain(..within(bytes.start).min(piece.len()));
        Ok(piece)
    }
}

fn unreadable(id: AttachmentId) -> FetchError {
    tracing::error!(attachment = %id, "unreadable file");
    FetchError::Unreadable
}
