//! Files as they rest: where they are, and what seals them.
use super::details;
use crate::ports::{AttachmentRepository, PayloadSealer, PieceSealer, Unavailable};
use domain::{
    attachment::{Attachment, FileDetails, FilePart, PIECE, PiecePlace, pieces},
    id::AttachmentId,
    sealing::Unreadable,
};
use std::sync::Arc;

/// Keeps files sealed, and opens them piece by piece.
#[derive(Clone)]
pub struct Vault {
    /// Where they are.
    pub attachments: Arc<dyn AttachmentRepository>,
    /// Seals what is in them.
    pub pieces: Arc<dyn PieceSealer>,
    /// Seals what is told of them.
    pub details: Arc<dyn PayloadSealer>,
}

/// Why a piece is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// What rests there is not what was put, or its key is lost.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Vault {
    /// Takes in one piece.
    pub(super) async fn put(&self, place: PiecePlace, piece: &[u8]) -> Result<(), Unavailable> {
        let sealed = self.pieces.seal(&place, piece);
        self.attachments.put_piece(place.attachment, place.part, place.index, sealed).await
    }

    /// Takes in a part that is in memory.
    pub(super) async fn put_all(
        &self,
        attachment: AttachmentId,
        part: FilePart,
        bytes: &[u8],
    ) -> Result<(), Unavailable> {
        let count = pieces(bytes.len() as u64);
        for (index, piece) in (0..).zip(bytes.chunks(PIECE)) {
            let place = PiecePlace { attachment, part, index, last: index + 1 == count };
            self.put(place, piece).await?;
        }
        Ok(())
    }

    /// One piece of a part that has so many bytes.
    pub(super) async fn read(
        &self,
        attachment: AttachmentId,
        part: FilePart,
        size: u64,
        index: u32,
    ) -> Result<Vec<u8>, ReadError> {
        let found = self.attachments.find_piece(attachment, part, index).await?;
        let sealed = found.ok_or(Unreadable)?;
        let last = index + 1 == pieces(size);
        let opened = self.pieces.open(&PiecePlace { attachment, part, index, last }, &sealed)?;
        // The size is sealed as well; where the two differ, one of them is not ours.
        let expected = size - u64::from(index) * PIECE as u64;
        let fits = opened.len() as u64 == expected.min(PIECE as u64);
        if fits { Ok(opened) } else { Err(Unreadable.into()) }
    }

    /// What is told of a file.
    pub(super) fn open_details(&self, file: &Attachment) -> Result<FileDetails, Unreadable> {
        details::open(&*self.details, file.place(), &file.details)
    }
}
