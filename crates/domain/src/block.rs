//! Keeping somebody away.
use crate::{Timestamp, id::UserId};

/// Somebody does not want to hear of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Who does not want to.
    pub blocker: UserId,
    /// Of whom.
    pub blocked: UserId,
    /// Since when.
    pub created_at: Timestamp,
}

impl Block {
    /// Most people somebody blocks.
    pub const MOST: usize = 1_000;
}
