//! Bringing a file in, as it comes: it is sealed piece by piece, and never whole in memory but for
//! an image that is drawn small.
use super::{details, vault::Vault};
use crate::{
    limits::Limits,
    ports::{Clock, Entropy, EntropyExt, PictureProcessor, RoomRepository, Unavailable},
};
use domain::{
    attachment::{
        ArrivingFile, Attachment, DetailsPlace, FileDetails, FileName, FilePart, ImageDetails,
        ImageKind, MediaType, PIECE, PiecePlace, pieces,
    },
    id::{AttachmentId, RoomId, UserId},
    throttle::Throttled,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Takes files in.
#[derive(Clone)]
pub struct Bring {
    /// Where they go.
    pub vault: Vault,
    /// Whose rooms they are for.
    pub rooms: Arc<dyn RoomRepository>,
    /// Draws images small.
    pub processor: Arc<dyn PictureProcessor>,
    /// Bounds how many somebody brings.
    pub limits: Limits,
    /// When they begin.
    pub clock: Arc<dyn Clock>,
    /// Names them.
    pub entropy: Arc<dyn Entropy>,
    /// How many arrive at once.
    pub places: Arc<Semaphore>,
    /// How many images are read whole at once.
    pub turns: Arc<Semaphore>,
}

/// What somebody says of a file that they bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: FileName,
    /// What it is.
    pub kind: MediaType,
}

/// Why a file is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum BringError {
    /// They have no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It has more bytes than a file may have.
    #[error("a file has at most 20 MiB")]
    TooLarge,
    /// All their files together would be too much.
    #[error("your files take up 1 GiB; delete messages with files to make room")]
    QuotaExceeded,
    /// As many arrive as can.
    #[error("too many files are arriving; try again in a moment")]
    Busy,
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A file on its way in. One that is neither finished nor abandoned is removed when nobody has sent
/// it for a day.
pub struct Bringing {
    bring: Bring,
    id: AttachmentId,
    place: DetailsPlace,
    since: domain::Timestamp,
    description: Description,
    /// What is not sealed yet: a piece at most.
    piece: Vec<u8>,
    index: u32,
    size: u64,
    image: Option<ImageKind>,
    _place: OwnedSemaphorePermit,
}

impl Bring {
    /// How many files arrive at once in one instance.
    pub const PLACES: usize = 64;
    /// How many images are in memory at once.
    pub const TURNS: usize = 1;
    /// How long an image waits to be drawn; after that it has no preview.
    const PATIENCE: Duration = Duration::from_secs(15);

    /// Begins to take in a file for a room; asked before any of it is read.
    pub async fn begin(
        &self,
        me: UserId,
        room: RoomId,
        description: Description,
    ) -> Result<Bringing, BringError> {
        self.limits.bring(me).await?;
        self.rooms.find_participants(room, me).await?.ok_or(BringError::NoSuchRoom)?;
        let charged = self.vault.attachments.count_charges(me).await?;
        if charged + Attachment::charge(1) > Attachment::QUOTA {
            return Err(BringError::QuotaExceeded);
        }
        let place = self.places.clone().try_acquire_owned().map_err(|_| BringError::Busy)?;
        let now = self.clock.now();
        let id = AttachmentId::mint(now, self.entropy.bytes());
        let arriving = ArrivingFile { id, room, uploader: me, at: now };
        self.vault.attachments.begin(arriving).await?;
        Ok(Bringing {
            bring: self.clone(),
            id,
            place: DetailsPlace { attachment: id, room, uploader: me },
            since: now,
            description,
            piece: Vec::new(),
            index: 0,
            size: 0,
            image: None,
            _place: place,
        })
    }
}

impl Bringing {
    /// Takes in what comes next.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), BringError> {
        self.size += bytes.len() as u64;
        if self.size > Attachment::MAX_SIZE {
            return Err(BringError::TooLarge);
        }
        while !bytes.is_empty() {
            // Which piece is the last shows only when something comes after it, or nothing.
            if self.piece.len() == PIECE {
                self.seal(false).await?;
            }
            let room = (PIECE - self.piece.len()).min(bytes.len());
            let (now, rest) = bytes.split_at(room);
            self.piece.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    /// Declares the file whole. Durable once this returns.
    pub async fn finish(mut self) -> Result<(AttachmentId, FileDetails), BringError> {
        let finished = self.complete().await;
        match finished {
            Ok(details) => Ok((self.id, details)),
            Err(error) => {
                self.abandon().await;
                Err(error)
            }
        }
    }

    /// Removes what has come. What that fails at is done later.
    pub async fn abandon(self) {
        let removed = self.bring.vault.attachments.remove_loose(self.id, self.since).await;
        if let Err(error) = removed {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a file that did not arrive was not removed yet");
        }
    }

    async fn complete(&mut self) -> Result<FileDetails, BringError> {
        if self.size == 0 {
            return Err(BringError::Empty);
        }
        self.seal(true).await?;
        let image = self.draw_small().await?;
        let details = FileDetails {
            name: self.description.name.clone(),
            kind: match (image, self.image) {
                (Some(_), Some(kind)) => kind.media_type(),
                _ => self.description.kind.clone(),
            },
            size: self.size,
            image,
        };
        let vault = &self.bring.vault;
        let sealed = details::seal(&*vault.details, self.place, &details);
        let charge = Attachment::charge(self.size);
        let kept = vault.attachments.complete(self.id, charge, Attachment::QUOTA, sealed).await?;
        if kept { Ok(details) } else { Err(BringError::QuotaExceeded) }
    }

    async fn seal(&mut self, last: bool) -> Result<(), Unavailable> {
        if self.index == 0 {
            self.image = ImageKind::of(&self.piece);
        }
        let (attachment, part, index) = (self.id, FilePart::Original, self.index);
        let place = PiecePlace { attachment, part, index, last };
        self.bring.vault.put(place, &self.piece).await?;
        self.index += 1;
        self.piece.clear();
        Ok(())
    }

    /// Makes a preview of an image. What can't be drawn, or not now, is a file like others.
    async fn draw_small(&self) -> Result<Option<ImageDetails>, Unavailable> {
        if self.image.is_none() {
            return Ok(None);
        }
        let turn = timeout(Bring::PATIENCE, self.bring.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Ok(None) };
        let Ok(image) = self.read_back().await else { return Ok(None) };
        let Ok(preview) = self.bring.processor.preview(image).await else { return Ok(None) };
        self.bring.vault.put_all(self.id, FilePart::Preview, &preview.shown.0).await?;
        Ok(Some(ImageDetails {
            width: preview.width,
            height: preview.height,
            preview_size: preview.shown.0.len() as u64,
        }))
    }

    /// The whole file, from where it rests: while it arrives, slowly perhaps, nobody holds it all.
    async fn read_back(&self) -> Result<Vec<u8>, super::vault::ReadError> {
        let mut whole = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default());
        for index in 0..pieces(self.size) {
            let piece =
                self.bring.vault.read(self.id, FilePart::Original, self.size, index).await?;
            whole.extend(piece);
        }
        Ok(whole)
    }
}
