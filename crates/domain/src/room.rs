//! Rooms: the one place where two people talk.
use crate::{
    Timestamp,
    id::{RoomId, UserId},
    message::SealedMessage,
    user::Privacy,
};

/// The two people of a room in one canonical order, so that a pair has one room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Participants {
    low: UserId,
    high: UserId,
}

/// A room needs two different people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a room needs two different people")]
pub struct SamePerson;

impl Participants {
    /// The pair of two people, whichever comes first.
    pub fn pair(a: UserId, b: UserId) -> Result<Self, SamePerson> {
        match a.cmp(&b) {
            std::cmp::Ordering::Less => Ok(Self { low: a, high: b }),
            std::cmp::Ordering::Greater => Ok(Self { low: b, high: a }),
            std::cmp::Ordering::Equal => Err(SamePerson),
        }
    }

    /// Both, in canonical order.
    pub fn both(self) -> [UserId; 2] {
        [self.low, self.high]
    }

    /// Whether somebody is one of the two.
    pub fn includes(self, who: UserId) -> bool {
        who == self.low || who == self.high
    }

    /// The one who is not `me`; `None` if `me` is neither.
    pub fn other(self, me: UserId) -> Option<UserId> {
        match me {
            _ if me == self.low => Some(self.high),
            _ if me == self.high => Some(self.low),
            _ => None,
        }
    }
}

/// How one of a room's two people stands to it.
///
/// Whoever opens a room stands in it from the start. For the other it is a request, until they
/// accept it or answer; nothing about them shows to whoever asks until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// They talk here; they never leave this standing.
    Open,
    /// Somebody wants to talk to them.
    Request,
    /// They do not want to: it is out of their sight, and nobody else knows.
    Declined,
}

impl Standing {
    /// Whether what somebody does shows to the other: that they are online, read or write.
    pub fn shows(self) -> bool {
        self == Self::Open
    }
}

/// A room to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRoom {
    /// Its id.
    pub id: RoomId,
    /// Its two people.
    pub participants: Participants,
    /// Who of them opens it, and so stands in it.
    pub opener: UserId,
    /// How the other stands to it.
    pub other: Standing,
    /// When.
    pub created_at: Timestamp,
}

/// Somebody with whom one shares a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partner {
    /// Who.
    pub user: UserId,
    /// How oneself stands to the room.
    pub mine: Standing,
    /// How they do.
    pub theirs: Standing,
}

/// A room as it is for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Stays for life.
    pub id: RoomId,
    /// Who talks in it; never changes.
    pub participants: Participants,
    /// `seq` of its newest message; 0 when there is none.
    pub last_seq: u64,
    /// The greatest `rev` any of its messages has; 0 when there is none.
    pub rev: u64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When somebody last wrote; the time of opening until then.
    pub active_at: Timestamp,
}

/// How far the history of a room has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomHead {
    /// Which room.
    pub room: RoomId,
    /// Who is in it.
    pub participants: Participants,
    /// The greatest `rev` any of its messages has; 0 when there is none.
    pub rev: u64,
}

/// A room as one of its two people sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomView {
    /// The room.
    pub room: Room,
    /// The one who is not looking.
    pub other: UserId,
    /// The newest message, deleted or not.
    pub last_message: Option<SealedMessage>,
    /// Up to where the one who looks has read.
    pub read_seq: u64,
    /// Up to where the other has read.
    pub other_read_seq: u64,
    /// Up to where it reached a device of the one who looks.
    pub delivered_seq: u64,
    /// Up to where it reached one of the other's.
    pub other_delivered_seq: u64,
    /// The other's undeleted messages above `read_seq` and above what is cleared.
    pub unread: u64,
    /// How the one who looks stands to it.
    pub standing: Standing,
    /// How the other does; not for the one who looks to know.
    pub other_standing: Standing,
    /// What the one who looks took out of their own sight.
    pub cleared: Cleared,
    /// `last_seq` when they took the room out of their list.
    pub put_away_at: Option<u64>,
    /// Whether they want to hear nothing of it unless they look.
    pub muted: bool,
}

/// What somebody took out of their own sight in a room: everything up to a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// The room's newest message then; 0 when there was none.
    pub seq: u64,
    /// The room's latest change then.
    pub rev: u64,
}

impl From<&RoomView> for Partner {
    fn from(view: &RoomView) -> Self {
        Self { user: view.other, mine: view.standing, theirs: view.other_standing }
    }
}

impl RoomView {
    /// Whether the one who looks has it in their list: not if they declined it, nor if they put it
    /// away and nothing was written since.
    pub fn is_listed(&self) -> bool {
        let put_away = self.put_away_at.is_some_and(|seq| self.room.last_seq <= seq);
        self.standing != Standing::Declined && !put_away
    }

    /// Up to where the other has read, as far as that shows to the one who looks: by how they stand
    /// to the room, and by what both let others see. Of who is gone nothing shows.
    pub fn other_read(&self, mine: Option<Privacy>, theirs: Option<Privacy>) -> u64 {
        let both = mine.zip(theirs).is_some_and(|(mine, theirs)| mine.between(theirs).receipts);
        if both && self.other_standing.shows() { self.other_read_seq } else { 0 }
    }

    /// Up to where it reached the other's devices, as far as that shows: by how they stand to the
    /// room. What they read was there, whether or not anybody noted so.
    pub fn other_delivered(&self) -> u64 {
        let reached = self.other_delivered_seq.max(self.other_read_seq);
        if self.other_standing.shows() { reached } else { 0 }
    }

    /// Whether its newest message is out of sight.
    pub fn is_cleared(&self) -> bool {
        self.room.last_seq <= self.cleared.seq
    }
}

/// A place in somebody's list of rooms, latest first: rooms behind it are less recently active
/// (of two equally recent ones, the lower id comes later).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomCursor {
    /// `active_at` of the last room seen.
    pub active_at: Timestamp,
    /// Its id.
    pub room: RoomId,
}

impl From<&Room> for RoomCursor {
    fn from(room: &Room) -> Self {
        Self { active_at: room.active_at, room: room.id }
    }
}

/// A mark set by reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadMark {
    /// Up to where is read now.
    pub seq: u64,
    /// Whether this moved it.
    pub moved: bool,
}

impl ReadMark {
    /// Reading up to `wanted` in a room: never back, never past the head.
    pub fn advance(current: u64, wanted: u64, head: u64) -> Self {
        let seq = wanted.min(head).max(current);
        Self { seq, moved: seq != current }
    }
}

/// What was written in a room has reached a device of one of its people, up to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Who has it.
    pub user: UserId,
    /// In which room.
    pub room: RoomId,
    /// Up to where.
    pub seq: u64,
}

impl Reached {
    /// Where a mark moves that stands at `current`: never back, never past the head.
    pub fn moves(self, current: u64, head: u64) -> Option<u64> {
        let seq = self.seq.min(head);
        (seq > current).then_some(seq)
    }
}

/// A mark that moved because something reached a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredMark {
    /// What reached whom; not past the head.
    pub reached: Reached,
    /// Who is in the room.
    pub participants: Participants,
    /// How whoever has it stands to the room.
    pub standing: Standing,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u8) -> UserId {
        UserId::from_bytes([n; 16])
    }

    #[test]
    fn a_pair_is_the_same_from_both_sides() {
        assert_eq!(Participants::pair(user(1), user(2)), Participants::pair(user(2), user(1)));
        assert_eq!(Participants::pair(user(1), user(1)), Err(SamePerson));
    }

    #[test]
    fn the_other_of_a_stranger_is_nobody() {
        let pair = Participants::pair(user(1), user(2)).expect("two people");
        assert_eq!(pair.other(user(1)), Some(user(2)));
        assert_eq!(pair.other(user(2)), Some(user(1)));
        assert_eq!(pair.other(user(3)), None);
    }

    #[test]
    fn of_the_other_shows_what_both_let_each_other_see() {
        let (low, high) = (user(1), user(2));
        let room = Room {
            id: RoomId::from_bytes([7; 16]),
            participants: Participants::pair(low, high).expect("two people"),
            last_seq: 9,
            rev: 9,
            created_at: Timestamp::UNIX_EPOCH,
            active_at: Timestamp::UNIX_EPOCH,
        };
        let view = RoomView {
            room,
            other: high,
            last_message: None,
            read_seq: 3,
            other_read_seq: 5,
            delivered_seq: 3,
            other_delivered_seq: 4,
            muted: false,
            unread: 6,
            standing: Standing::Open,
            other_standing: Standing::Open,
            cleared: Cleared::default(),
            put_away_at: None,
        };
        let everything = Some(Privacy::default());
        let hidden = Some(Privacy { receipts: false, presence: true });
        let absent = Some(Privacy { receipts: true, presence: false });
        assert_eq!(view.other_read(everything, everything), 5);
        assert_eq!(view.other_read(absent, absent), 5, "of reading nothing is hidden");
        for (mine, theirs) in [(hidden, everything), (everything, hidden), (everything, None)] {
            assert_eq!(view.other_read(mine, theirs), 0, "{mine:?} {theirs:?}");
        }
        assert_eq!(view.other_delivered(), 5, "what was read was there");
        let asked = RoomView { other_standing: Standing::Request, ..view };
        assert_eq!(asked.other_read(everything, everything), 0);
        assert_eq!(asked.other_delivered(), 0);
    }

    #[test]
    fn what_reached_a_device_never_moves_back_nor_past_the_head() {
        let up_to = |seq| Reached { user: user(1), room: RoomId::from_bytes([7; 16]), seq };
        assert_eq!(up_to(5).moves(3, 9), Some(5));
        assert_eq!(up_to(5).moves(5, 9), None);
        assert_eq!(up_to(3).moves(5, 9), None);
        assert_eq!(up_to(u64::MAX).moves(5, 9), Some(9));
        assert_eq!(up_to(u64::MAX).moves(9, 9), None);
        assert_eq!(up_to(1).moves(0, 0), None, "there is nothing");
    }

    #[test]
    fn reading_never_moves_back_nor_past_the_head() {
        assert_eq!(ReadMark::advance(3, 5, 9), ReadMark { seq: 5, moved: true });
        assert_eq!(ReadMark::advance(5, 3, 9), ReadMark { seq: 5, moved: false });
        assert_eq!(ReadMark::advance(5, u64::MAX, 9), ReadMark { seq: 9, moved: true });
    }
}
