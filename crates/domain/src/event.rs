//! What happens live, and who may hear of it.
use crate::{
    Timestamp,
    id::{RoomId, SessionId, UserId},
    message::SealedMessage,
    room::Participants,
};

/// Something that open sockets want to know at once. A hint: what it tells is in the
/// store, unless it is ephemeral.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent {
    /// A message is new or changed; its `rev` tells.
    Message {
        /// The two people of its room.
        participants: Participants,
        /// As it is now.
        message: SealedMessage,
    },
    /// Somebody read up to a place.
    Read {
        /// The two people of the room.
        participants: Participants,
        /// Which room.
        room: RoomId,
        /// Who read.
        user: UserId,
        /// Up to where.
        seq: u64,
        /// Whether the other hears of it.
        shown: bool,
    },
    /// What the other wrote reached a device of somebody's, up to a place.
    Delivered {
        /// The two people of the room.
        participants: Participants,
        /// Which room.
        room: RoomId,
        /// Whose device; the other hears of it.
        user: UserId,
        /// Up to where.
        seq: u64,
    },
    /// Somebody is writing.
    Typing {
        /// The two people of the room.
        participants: Participants,
        /// Which room.
        room: RoomId,
        /// Who writes.
        user: UserId,
    },
    /// Somebody came online or went offline, or can no longer be seen.
    Presence {
        /// Who hears of it: people they share a room with.
        audience: Vec<UserId>,
        /// Who it is.
        user: UserId,
        /// What they hear.
        sight: Sight,
    },
    /// Somebody changed what they let others see. Their own sockets hear of it: what those were
    /// shown is to be asked for anew.
    PrivacyChanged {
        /// Who.
        user: UserId,
    },
    /// A room began, or changed for one of its people in another way than by its messages.
    RoomChanged {
        /// Its two people.
        participants: Participants,
        /// Which room.
        room: RoomId,
        /// The one of them who hears of it; `None` for both.
        only: Option<UserId>,
    },
    /// A session ended; its sockets close.
    SessionEnded {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
}

/// What others see of whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// They are online.
    Online,
    /// They left, and when.
    Left(Timestamp),
    /// They, or whoever looks, would rather not: what was seen before counts no more.
    Hidden,
}

impl Sight {
    /// When they left, as far as that is known.
    pub fn left_at(self) -> Option<Timestamp> {
        match self {
            Self::Left(at) => Some(at),
            Self::Online | Self::Hidden => None,
        }
    }
}

impl ChatEvent {
    /// The people whose sockets hear of it.
    pub fn audience(&self) -> impl Iterator<Item = UserId> {
        let (first, second, others) = match self {
            Self::Message { participants, .. }
            | Self::Read { participants, shown: true, .. }
            | Self::Typing { participants, .. }
            | Self::RoomChanged { participants, only: None, .. } => {
                let [low, high] = participants.both();
                (Some(low), Some(high), &[][..])
            }
            Self::Read { user, shown: false, .. }
            | Self::RoomChanged { only: Some(user), .. }
            | Self::PrivacyChanged { user }
            | Self::SessionEnded { user, .. } => (Some(*user), None, &[][..]),
            Self::Delivered { participants, user, .. } => {
                (participants.other(*user), None, &[][..])
            }
            Self::Presence { audience, .. } => (None, None, audience.as_slice()),
        };
        first.into_iter().chain(second).chain(others.iter().copied())
    }

    /// Whether nobody who missed it has anything to ask for: it is of no use a moment later, or
    /// comes to light by itself, as what was delivered does with the next mark and the next look at
    /// the rooms. That somebody is hidden from now on is not: who missed it would go on seeing them.
    pub fn is_ephemeral(&self) -> bool {
        match self {
            Self::Typing { .. } | Self::Delivered { .. } => true,
            Self::Presence { sight, .. } => *sight != Sight::Hidden,
            _ => false,
        }
    }

    /// Roughly how many bytes of memory it holds.
    pub fn weight(&self) -> usize {
        match self {
            Self::Message { message, .. } => {
                let body = message.body.as_ref().map_or(0, |body| body.as_bytes().len());
                let files = message.attachments.iter().map(|file| file.details.as_bytes().len());
                size_of::<Self>() + body + files.sum::<usize>()
            }
            Self::Presence { audience, .. } => {
                size_of::<Self>() + audience.len() * size_of::<UserId>()
            }
            _ => size_of::<Self>(),
        }
    }

    /// The room it happened in, where it happened in one.
    pub fn room(&self) -> Option<RoomId> {
        match self {
            Self::Message { message, .. } => Some(message.room),
            Self::Read { room, .. }
            | Self::Delivered { room, .. }
            | Self::Typing { room, .. }
            | Self::RoomChanged { room, .. } => Some(*room),
            Self::SessionEnded { .. } | Self::Presence { .. } | Self::PrivacyChanged { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_delivered_is_for_the_other_alone_and_calls_for_nothing_when_it_is_missed() {
        let [ann, bob] = [1, 2].map(|n| UserId::from_bytes([n; 16]));
        let participants = Participants::pair(ann, bob).expect("two people");
        let room = RoomId::from_bytes([7; 16]);
        for (user, hears) in [(ann, bob), (bob, ann)] {
            let event = ChatEvent::Delivered { participants, room, user, seq: 3 };
            assert_eq!(event.audience().collect::<Vec<_>>(), [hears]);
            assert_eq!((event.room(), event.is_ephemeral()), (Some(room), true));
        }
    }
}
