//! Files that come with messages: what they may be called, how large they are, who may have them.
use crate::{
    TimeDelta, Timestamp,
    id::{AttachmentId, ClientId, RoomId, UserId},
    sealing::SealedPayload,
};

/// A file's name as people see it: never a path, never a name in any file system of ours. Has no
/// `Debug` that prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct FileName(String);

/// Why a text can't be a file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFileName {
    /// Nothing but white space.
    #[error("a file needs a name")]
    Empty,
    /// Over 255 bytes of UTF-8.
    #[error("a file's name has at most {} bytes", FileName::MAX)]
    TooLong,
    /// A slash, a control character, or one that turns the direction of reading, so that a program
    /// looks like a photo.
    #[error("a file's name has no slashes and no invisible characters that reorder it")]
    Character,
}

impl FileName {
    /// Most bytes of UTF-8, as file systems have it.
    pub const MAX: usize = 255;

    /// Reads a name; white space at both ends is cut.
    pub fn parse(raw: &str) -> Result<Self, InvalidFileName> {
        let name = raw.trim();
        if name.is_empty() || name == "." || name == ".." {
            return Err(InvalidFileName::Empty);
        }
        if name.len() > Self::MAX {
            return Err(InvalidFileName::TooLong);
        }
        let misleads = |c: char| {
            c.is_control()
                || matches!(c, '/' | '\\' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        if name.chars().any(misleads) {
            return Err(InvalidFileName::Character);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileName(…)")
    }
}

/// What a file is said to be: `type/subtype` in lower case, without parameters (RFC 9110 §8.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// Most bytes of either half (RFC 6838 §4.2).
    const HALF: usize = 127;

    /// Reads a `Content-Type`; what is none, or says nothing, is just bytes.
    pub fn of(raw: Option<&str>) -> Self {
        let essence = raw.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let half = |text: &str| {
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
            (1..=Self::HALF).contains(&text.len()) && text.bytes().all(token)
        };
        match essence.split_once('/') {
            Some((kind, subtype)) if half(kind) && half(subtype) => {
                Self(essence.to_ascii_lowercase())
            }
            _ => Self::bytes(),
        }
    }

    /// Of a file of which nothing is known.
    pub fn bytes() -> Self {
        Self("application/octet-stream".to_owned())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The kinds of images that are shown, by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
    /// GIF.
    Gif,
}

impl ImageKind {
    /// What a file begins like. Whether it is one is for a decoder to say.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }

    /// What such a file is.
    pub fn media_type(self) -> MediaType {
        let kind = match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
        };
        MediaType(kind.to_owned())
    }
}

/// What is told of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDetails {
    /// As its sender named it.
    pub name: FileName,
    /// What its sender said it is; of an image, what it is found to be.
    pub kind: MediaType,
    /// In bytes.
    pub size: u64,
    /// Of a file that was found to be an image.
    pub image: Option<ImageDetails>,
}

/// What is told of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageDetails {
    /// In pixels, upright.
    pub width: u32,
    /// In pixels, upright.
    pub height: u32,
    /// How many bytes its preview has.
    pub preview_size: u64,
}

/// What is kept of a file: the file itself, and a small picture of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FilePart {
    /// The bytes as they were sent.
    Original,
    /// A JPEG of our own making.
    Preview,
}

/// Where a sealed piece of a file belongs. Bound into the seal, so that a piece moved to another
/// place or file does not open, and the last piece can't be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PiecePlace {
    /// Of which file.
    pub attachment: AttachmentId,
    /// Of which part of it.
    pub part: FilePart,
    /// Which piece, counted from 0.
    pub index: u32,
    /// Whether the part ends with it.
    pub last: bool,
}

/// A piece of a file as it rests: encrypted and authenticated, with the id of its key.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPiece(Vec<u8>);

impl SealedPiece {
    /// Most bytes of a sealed piece: the piece, with what a seal puts around it.
    pub const MAX: usize = PIECE + 128;

    /// Wraps what a sealer made or a store kept.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The envelope.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for SealedPiece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedPiece({} bytes)", self.0.len())
    }
}

/// Bytes of a piece; the last of a part has what is left.
pub const PIECE: usize = 64 * 1024;

/// How many pieces a part of so many bytes has.
pub fn pieces(size: u64) -> u32 {
    u32::try_from(size.div_ceil(PIECE as u64)).unwrap_or(u32::MAX)
}

/// A file that came with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedFile {
    /// Names it.
    pub id: AttachmentId,
    /// What is told of it, sealed under its [`DetailsPlace`].
    pub details: SealedPayload,
}

/// Where the details of a file belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetailsPlace {
    /// The file.
    pub attachment: AttachmentId,
    /// The room it was sent to.
    pub room: RoomId,
    /// Who sent it.
    pub uploader: UserId,
}

impl DetailsPlace {
    /// What the seal is bound to.
    pub fn to_bytes(self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(self.attachment.as_bytes());
        bytes[16..32].copy_from_slice(self.room.as_bytes());
        bytes[32..].copy_from_slice(self.uploader.as_bytes());
        bytes
    }
}

/// A file that is about to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrivingFile {
    /// Minted by us.
    pub id: AttachmentId,
    /// Where it is to be sent.
    pub room: RoomId,
    /// Who sends it.
    pub uploader: UserId,
    /// When it began.
    pub at: Timestamp,
}

/// A file that is there, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Names it.
    pub id: AttachmentId,
    /// The room it may be sent to.
    pub room: RoomId,
    /// Who brought it.
    pub uploader: UserId,
    /// What is told of it.
    pub details: SealedPayload,
    /// What its uploader called the message that it is for; nobody else may have it before.
    pub used_as: Option<ClientId>,
}

impl Attachment {
    /// Most bytes of a file.
    pub const MAX_SIZE: u64 = 20 * 1024 * 1024;
    /// Most bytes that one person's files have together.
    pub const QUOTA: u64 = 1024 * 1024 * 1024;
    /// Most files that come with one message.
    pub const MOST: usize = 10;
    /// How long a file waits to be sent.
    pub const WAITS: TimeDelta = TimeDelta::hours(24);

    /// What a file counts for against [`Attachment::QUOTA`]. A small one counts as one piece, which
    /// bounds how many there are.
    pub fn charge(size: u64) -> u64 {
        size.max(PIECE as u64)
    }

    /// Whether a message may take it along: its uploader's own, in the room it was brought for, and
    /// no other message.
    pub fn can_be_claimed(&self, claim: &FileClaim) -> bool {
        self.uploader == claim.uploader
            && self.room == claim.room
            && self.used_as.is_none_or(|used_as| used_as == claim.client_id)
    }

    /// Where its details belong.
    pub fn place(&self) -> DetailsPlace {
        DetailsPlace { attachment: self.id, room: self.room, uploader: self.uploader }
    }
}

/// A message takes files along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileClaim {
    /// Whose they are.
    pub uploader: UserId,
    /// The room they were brought for.
    pub room: RoomId,
    /// What the sender calls the message.
    pub client_id: ClientId,
    /// Which, in their order; none twice.
    pub files: Vec<AttachmentId>,
    /// When.
    pub at: Timestamp,
}

/// A file of which it is not settled that a message has it: it is arriving, waits to be sent, is
/// being sent, or came with a message that is being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LooseFile {
    /// Which.
    pub id: AttachmentId,
    /// Whose.
    pub uploader: UserId,
    /// What the sender calls the message that claimed it.
    pub used_as: Option<ClientId>,
    /// Since when.
    pub since: Timestamp,
}

impl LooseFile {
    /// Since when a file is loose that is to go with the next sweep.
    pub const LONG_AGO: Timestamp = Timestamp::UNIX_EPOCH;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_is_never_a_path() {
        assert_eq!(
            FileName::parse(" Rück blick.pdf ").map(|n| n.0),
            Ok("Rück blick.pdf".to_owned())
        );
        for empty in ["", "  ", ".", ".."] {
            assert_eq!(FileName::parse(empty), Err(InvalidFileName::Empty), "{empty:?}");
        }
        for name in ["../x", "a/b", r"a\b", "a\0b", "a\nb", "photo\u{202e}gnp.exe", "a\u{2066}b"] {
            assert_eq!(FileName::parse(name), Err(InvalidFileName::Character), "{name:?}");
        }
        assert!(FileName::parse(&"ä".repeat(127)).is_ok());
        assert_eq!(FileName::parse(&"ä".repeat(128)), Err(InvalidFileName::TooLong));
    }

    #[test]
    fn a_media_type_is_its_essence_alone() {
        assert_eq!(MediaType::of(Some("Text/HTML; charset=utf-8")).as_str(), "text/html");
        let long = format!("a/{}", "b".repeat(128));
        for none in
            [None, Some(""), Some("html"), Some("a/b/c"), Some("a/"), Some("ä/b"), Some(&*long)]
        {
            assert_eq!(MediaType::of(none), MediaType::bytes(), "{none:?}");
        }
    }

    #[test]
    fn a_file_has_as_many_pieces_as_it_takes() {
        let sizes = [1, 65_535, 65_536, 65_537, Attachment::MAX_SIZE];
        assert_eq!(sizes.map(pieces), [1, 1, 1, 2, 320]);
    }

    #[test]
    fn a_small_file_counts_as_one_piece() {
        assert_eq!([1, 65_536, 65_537].map(Attachment::charge), [65_536, 65_536, 65_537]);
    }
}
