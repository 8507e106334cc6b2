use super::Unavailable;
use async_trait::async_trait;
use domain::{
    history::Limit,
    id::{RoomId, UserId},
    room::{
        Cleared, DeliveredMark, NewRoom, Participants, Partner, Reached, ReadMark, Room,
        RoomCursor, RoomView, Standing,
    },
};

/// A room asked for, and whether it began just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedRoom {
    /// The room.
    pub room: Room,
    /// Whether this call made it.
    pub created: bool,
}

/// Every room there is. Reading takes the person who reads: one is never given a room one is not in.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait RoomRepository: Send + Sync {
    /// The one room of two people, made as asked for if they have none. Of callers that race,
    /// exactly one makes it, and all get the same.
    async fn open(&self, room: NewRoom) -> Result<OpenedRoom, Unavailable>;

    /// A room of this person's.
    async fn find(&self, room: RoomId, user: UserId) -> Result<Option<RoomView>, Unavailable>;

    /// Who is in a room of this person's.
    async fn find_participants(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Participants>, Unavailable>;

    /// How this person stands to a room of theirs, as it is at this moment.
    async fn find_standing(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Standing>, Unavailable>;

    /// Gives this person another standing to a room, provided that they have one of these. Whether
    /// it did: of callers that race, one is told so.
    async fn change_standing(
        &self,
        room: RoomId,
        user: UserId,
        from: &[Standing],
        to: Standing,
    ) -> Result<bool, Unavailable>;

    /// This person's rooms but those they declined, latest first, from behind a cursor. Costs the same number of round
    /// trips however many there are.
    async fn list_by_user(
        &self,
        user: UserId,
        behind: Option<RoomCursor>,
        limit: Limit,
    ) -> Result<Vec<RoomView>, Unavailable>;

    /// The others in this person's rooms but those they declined, those of the latest rooms first,
    /// in one round trip.
    async fn list_partners(&self, user: UserId, limit: Limit) -> Result<Vec<Partner>, Unavailable>;

    /// Sets this person's read mark as [`ReadMark::advance`] says; of marks that race, the
    /// furthest stays. `None` if the room is not theirs.
    async fn mark_read_up_to(
        &self,
        room: RoomId,
        user: UserId,
        seq: u64,
    ) -> Result<Option<ReadMark>, Unavailable>;

    /// What the others wrote and no device of this person's has yet, in the latest of their rooms but
    /// those they declined, or in this one: each room up to its head. What was read or cleared was
    /// there. One round trip, however many rooms there are. It may name a room in which all of the
    /// other's is marked already, where this person wrote since.
    async fn list_undelivered(
        &self,
        user: UserId,
        only: Option<RoomId>,
        limit: Limit,
    ) -> Result<Vec<Reached>, Unavailable>;

    /// Sets these people's marks of what reached them, as [`Reached::moves`] says, in as many round
    /// trips for many as for one; of marks that race, the furthest stays. Who is not in a room has
    /// no mark there. Gives those that moved; of callers that race, more than one may be given the
    /// same.
    async fn mark_delivered(&self, reached: &[Reached]) -> Result<Vec<DeliveredMark>, Unavailable>;

    /// Takes all there is in a room up to now out of this person's sight, and the room out of their
    /// list, for good: what was cleared before stays so. What both have cleared is noted, so that
    /// [`RoomRepository::empty_cleared`] finds it. `None` if the room is not theirs.
    async fn clear(&self, room: RoomId, user: UserId) -> Result<Option<Cleared>, Unavailable>;

    /// What this person took out of their sight; `None` if the room is not theirs.
    async fn find_cleared(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Cleared>, Unavailable>;

    /// Puts a room back into this person's list, although nothing new was written in it.
    async fn bring_back(&self, room: RoomId, user: UserId) -> Result<(), Unavailable>;

    /// Mutes a room for this person alone, or lets it sound again. Whether that changed anything: of
    /// callers that race for the same, one is told so. `None` if the room is not theirs.
    async fn set_muted(
        &self,
        room: RoomId,
        user: UserId,
        muted: bool,
    ) -> Result<Option<bool>, Unavailable>;

    /// Empties up to so many messages that both of their people have cleared: what they say, what
    /// they answer, their reactions and their files are gone; their places, names and numbers are not
    /// given again. Those files are loose since [`LooseFile::LONG_AGO`]. Nothing is announced. Whether
    /// there may be more.
    ///
    /// [`LooseFile::LONG_AGO`]: domain::attachment::LooseFile::LONG_AGO
    async fn empty_cleared(&self, limit: Limit) -> Result<bool, Unavailable>;
}
