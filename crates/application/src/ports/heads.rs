use super::Unavailable;
use async_trait::async_trait;
use domain::{
    id::{RoomId, UserId},
    message::SealedMessage,
    room::{Participants, RoomHead},
};

/// A room in which something was, or was about to be, stored of late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TouchedRoom {
    /// Which room.
    pub room: RoomId,
    /// Who is in it.
    pub participants: Participants,
    /// No change of this room has a greater `rev`; the greatest there is may be smaller.
    pub rev_bound: u64,
}

/// Where one look for touched rooms ended and the next begins, in a form of the store's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TouchMark(pub i64);

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TouchedRooms {
    /// Every room touched since the mark that was given, and perhaps some from before it.
    pub rooms: Vec<TouchedRoom>,
    /// Where the next look begins.
    pub mark: TouchMark,
}

/// How far the rooms of a store that many instances share have come: for an instance to find out
/// what another stored but did not announce.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RoomHeads: Send + Sync {
    /// The heads of all rooms of somebody, in one round trip.
    async fn list_heads(&self, user: UserId) -> Result<Vec<RoomHead>, Unavailable>;

    /// The rooms in which something was stored since a mark; without one, only the mark to begin
    /// from is of interest. A change is found by a look that begins after it became visible, and
    /// by every look that begins less than a minute after it, however long storing it took.
    async fn list_touched(&self, since: Option<TouchMark>) -> Result<TouchedRooms, Unavailable>;

    /// Another instance says that it has durably stored this message, or this change of one. Whoever
    /// remembers where rooms end may follow; such news may also come late, twice or never.
    fn follow(&self, message: &SealedMessage);
}
