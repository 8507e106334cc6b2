use super::Unavailable;
use async_trait::async_trait;
use domain::{
    Timestamp,
    attachment::{
        ArrivingFile, AttachedFile, Attachment, FileClaim, FilePart, LooseFile, PiecePlace,
        SealedPiece,
    },
    history::Limit,
    id::{AttachmentId, UserId},
    sealing::{SealedPayload, Unreadable},
};

/// Files that come with messages, in sealed pieces. Which message has a file is for the messages to
/// say; here is only noted for which one it is claimed, and whether that is settled.
///
/// # What is left over
/// A file is loose from when it begins to arrive until [`settle`](AttachmentRepository::settle) says
/// that a message has it, and again from [`loosen`](AttachmentRepository::loosen) on. Whatever a
/// crash leaves behind, pieces included, belongs to a loose file: whoever goes through
/// [`list_loose`](AttachmentRepository::list_loose) finds it.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AttachmentRepository: Send + Sync {
    /// Notes a file that is about to arrive. Until it is complete nobody finds it.
    async fn begin(&self, file: ArrivingFile) -> Result<(), Unavailable>;

    /// Takes in a piece of a file that is arriving. Pieces of a part come one after another, from 0
    /// on; they are durable only once the file is complete.
    async fn put_piece(
        &self,
        id: AttachmentId,
        part: FilePart,
        index: u32,
        piece: SealedPiece,
    ) -> Result<(), Unavailable>;

    /// Declares a file whole, with what it counts for and its details. Once this is answered with
    /// yes, the file with all its pieces is given back after `kill -9` of everything.
    ///
    /// No, and it stays as it was, where all files of its uploader would then count for more than
    /// the quota. Of files that race, no more are accepted than fit.
    async fn complete(
        &self,
        id: AttachmentId,
        charge: u64,
        quota: u64,
        details: SealedPayload,
    ) -> Result<bool, Unavailable>;

    /// What the complete files of an uploader count for together.
    async fn count_charges(&self, uploader: UserId) -> Result<u64, Unavailable>;

    /// A file that is complete, and not about to be removed.
    async fn find(&self, id: AttachmentId) -> Result<Option<Attachment>, Unavailable>;

    /// A piece as it was put.
    async fn find_piece(
        &self,
        id: AttachmentId,
        part: FilePart,
        index: u32,
    ) -> Result<Option<SealedPiece>, Unavailable>;

    /// Claims complete files of an uploader and a room for one message, all of them or none, and
    /// gives them in the order asked for. `None` if one is not there, another's, of another room, or
    /// claimed for another message. What was claimed for this very message is claimed anew. Of
    /// claims that race for a file, one gets it. They are loose since the claim's moment.
    async fn claim(&self, claim: FileClaim) -> Result<Option<Vec<AttachedFile>>, Unavailable>;

    /// Says that a message has these files. Those that are about to be removed stay so.
    async fn settle(&self, files: &[AttachmentId]) -> Result<(), Unavailable>;

    /// Says that a message may soon not have these files any more.
    async fn loosen(&self, files: &[AttachmentId], since: Timestamp) -> Result<(), Unavailable>;

    /// Files that have been loose since before a moment, the longest first.
    async fn list_loose(
        &self,
        before: Timestamp,
        limit: Limit,
    ) -> Result<Vec<LooseFile>, Unavailable>;

    /// Complete files of an uploader that were claimed for no message.
    async fn list_unsent(
        &self,
        uploader: UserId,
        limit: Limit,
    ) -> Result<Vec<LooseFile>, Unavailable>;

    /// Removes a file with all its pieces if it is still loose since that very moment; whether it
    /// was. From the moment on at which this is decided, nobody finds or claims it; after a crash
    /// before all of it is gone, it is still listed as loose, and removing it finishes.
    async fn remove_loose(&self, id: AttachmentId, since: Timestamp) -> Result<bool, Unavailable>;
}

/// Seals the pieces of files, and opens them again.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait PieceSealer: Send + Sync {
    /// Encrypts and authenticates a piece under the newest key, bound to its place.
    fn seal(&self, place: &PiecePlace, piece: &[u8]) -> SealedPiece;

    /// Opens what was sealed for this very place under any key of the ring. Everything else is
    /// [`Unreadable`]: pieces that were swapped, altered or cut, and a last one that is none.
    fn open(&self, place: &PiecePlace, sealed: &SealedPiece) -> Result<Vec<u8>, Unreadable>;
}
