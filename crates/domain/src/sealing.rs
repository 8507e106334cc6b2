//! What is known of sealing without knowing any cipher: what is bound to what.
use crate::id::{MessageId, RoomId, UserId};

/// Where a sealed body belongs. Bound into the seal, so that a body moved to another message,
/// room or sender no longer opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedPlace {
    /// The room it was written in.
    pub room: RoomId,
    /// The message it is the body of.
    pub message: MessageId,
    /// Who wrote it.
    pub sender: UserId,
}

/// A message body as it rests: encrypted and authenticated, with the id of its key.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedBody(Vec<u8>);

impl SealedBody {
    /// Wraps what a sealer made or a store kept.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The envelope.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for SealedBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedBody({} bytes)", self.0.len())
    }
}

/// Bytes of any other kind as they leave this process: encrypted and authenticated, with the id of
/// their key.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPayload(Vec<u8>);

impl SealedPayload {
    /// Wraps what a sealer made or somebody kept.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The envelope.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for SealedPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedPayload({} bytes)", self.0.len())
    }
}

/// A digest that only the holder of the keys can make, with the id of its key: of things so short
/// that a plain digest would give them away (codes, message texts).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedDigest(Vec<u8>);

impl KeyedDigest {
    /// Wraps what a digester made or a store kept.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The digest with the id of its key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The id of a sealing key: 1 to 32 ASCII letters, digits, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// Reads a key id; `None` if it has another form.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        fits.then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something sealed did not open: altered, moved, or sealed with a key we no longer hold.
/// Which of them is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed content can't be opened")]
pub struct Unreadable;
