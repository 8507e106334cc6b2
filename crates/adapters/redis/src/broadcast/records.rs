//! The serialised form of frames: JSON, so that fields can be added without harm.
use super::{frame::Frame, outgoing::Lost};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use domain::{
    Timestamp,
    attachment::AttachedFile,
    event::{ChatEvent, Sight},
    id::{AttachmentId, ClientId, MessageId, RoomId, SessionId, UserId},
    message::SealedMessage,
    reaction::{Emoji, Reaction},
    room::Participants,
    sealing::{KeyedDigest, SealedBody, SealedPayload},
};
use serde::{Deserialize, Serialize};

/// A [`Frame`].
#[derive(Serialize, Deserialize)]
pub(super) struct FrameRecord {
    number: u64,
    previous: u64,
    lost: LostRecord,
    events: Vec<EventRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LostRecord {
    /// The ids one after another.
    For(Bytes),
    ForAnybody,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum EventRecord {
    Message {
        participants: [Bytes; 2],
        message: Box<MessageRecord>,
    },
    Read {
        participants: [Bytes; 2],
        room: Bytes,
        user: Bytes,
        seq: u64,
        shown: bool,
    },
    Delivered {
        participants: [Bytes; 2],
        room: Bytes,
        user: Bytes,
        seq: u64,
    },
    Typing {
        participants: [Bytes; 2],
        room: Bytes,
        user: Bytes,
    },
    /// The ids of the audience one after another.
    Presence {
        audience: Bytes,
        user: Bytes,
        sight: SightRecord,
    },
    PrivacyChanged {
        user: Bytes,
    },
    RoomChanged {
        participants: [Bytes; 2],
        room: Bytes,
        #[serde(default)]
        only: Option<Bytes>,
    },
    SessionEnded {
        user: Bytes,
        session: Bytes,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SightRecord {
    Online,
    Left(i64),
    Hidden,
}

#[derive(Serialize, Deserialize)]
struct MessageRecord {
    id: Bytes,
    room: Bytes,
    seq: u64,
    rev: u64,
    sender: Bytes,
    client_id: Bytes,
    fingerprint: Bytes,
    body: Option<Bytes>,
    sent_at: i64,
    edited_at: Option<i64>,
    reply_to: Option<Bytes>,
    reactions: Vec<(String, Bytes)>,
    #[serde(default)]
    attachments: Vec<(Bytes, Bytes)>,
}

/// Bytes as base64.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Bytes(String);

/// Reads a frame; `None` if it is none, or holds what this version does not know.
pub(super) fn frame(plain: &[u8]) -> Option<Frame> {
    let record: FrameRecord = serde_json::from_slice(plain).ok()?;
    let events = record.events.into_iter().map(event).collect::<Option<_>>()?;
    let lost = lost(&record.lost)?;
    Some(Frame { number: record.number, previous: record.previous, lost, events })
}

impl FrameRecord {
    pub fn of(frame: &Frame) -> Self {
        Self {
            number: frame.number,
            previous: frame.previous,
            lost: LostRecord::of(&frame.lost),
            events: frame.events.iter().map(EventRecord::of).collect(),
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers, texts and lists become JSON")
    }
}

impl LostRecord {
    fn of(lost: &Lost) -> Self {
        match lost {
            Lost::For(users) => Self::For(Bytes::of_users(users)),
            Lost::ForAnybody => Self::ForAnybody,
        }
    }
}

fn lost(record: &LostRecord) -> Option<Lost> {
    let LostRecord::For(ids) = record else {
        return Some(Lost::ForAnybody);
    };
    Some(Lost::of(ids.users()?))
}

impl EventRecord {
    fn of(event: &ChatEvent) -> Self {
        match event {
            ChatEvent::Message { participants, message } => Self::Message {
                participants: pair(*participants),
                message: Box::new(MessageRecord::of(message)),
            },
            ChatEvent::Read { participants, room, user, seq, shown } => Self::Read {
                participants: pair(*participants),
                room: Bytes::of(room.as_bytes()),
                user: Bytes::of(user.as_bytes()),
                seq: *seq,
                shown: *shown,
            },
            ChatEvent::Delivered { participants, room, user, seq } => Self::Delivered {
                participants: pair(*participants),
                room: Bytes::of(room.as_bytes()),
                user: Bytes::of(user.as_bytes()),
                seq: *seq,
            },
            ChatEvent::Typing { participants, room, user } => Self::Typing {
                participants: pair(*participants),
                room: Bytes::of(room.as_bytes()),
                user: Bytes::of(user.as_bytes()),
            },
            ChatEvent::Presence { audience, user, sight } => Self::Presence {
                audience: Bytes::of_users(audience),
                user: Bytes::of(user.as_bytes()),
                sight: match sight {
                    Sight::Online => SightRecord::Online,
                    Sight::Left(at) => SightRecord::Left(at.timestamp_millis()),
                    Sight::Hidden => SightRecord::Hidden,
                },
            },
            ChatEvent::PrivacyChanged { user } => {
                Self::PrivacyChanged { user: Bytes::of(user.as_bytes()) }
            }
            ChatEvent::RoomChanged { participants, room, only } => Self::RoomChanged {
                participants: pair(*participants),
                room: Bytes::of(room.as_bytes()),
                only: only.map(|user| Bytes::of(user.as_bytes())),
            },
            ChatEvent::SessionEnded { user, session } => Self::SessionEnded {
                user: Bytes::of(user.as_bytes()),
                session: Bytes::of(session.as_bytes()),
            },
        }
    }
}

fn event(record: EventRecord) -> Option<ChatEvent> {
    Some(match record {
        EventRecord::Message { participants, message } => ChatEvent::Message {
            participants: participants_of(&participants)?,
            message: message_of(*message)?,
        },
        EventRecord::Read { participants, room, user, seq, shown } => ChatEvent::Read {
            participants: participants_of(&participants)?,
            room: RoomId::from_bytes(room.id()?),
            user: UserId::from_bytes(user.id()?),
            seq,
            shown,
        },
        EventRecord::Delivered { participants, room, user, seq } => ChatEvent::Delivered {
            participants: participants_of(&participants)?,
            room: RoomId::from_bytes(room.id()?),
            user: UserId::from_bytes(user.id()?),
            seq,
        },
        EventRecord::Typing { participants, room, user } => ChatEvent::Typing {
            participants: participants_of(&participants)?,
            room: RoomId::from_bytes(room.id()?),
            user: UserId::from_bytes(user.id()?),
        },
        EventRecord::Presence { audience, user, sight } => ChatEvent::Presence {
            audience: audience.users()?,
            user: UserId::from_bytes(user.id()?),
            sight: match sight {
                SightRecord::Online => Sight::Online,
                SightRecord::Left(at) => Sight::Left(Timestamp::from_timestamp_millis(at)?),
                SightRecord::Hidden => Sight::Hidden,
            },
        },
        EventRecord::PrivacyChanged { user } => {
            ChatEvent::PrivacyChanged { user: UserId::from_bytes(user.id()?) }
        }
        EventRecord::RoomChanged { participants, room, only } => ChatEvent::RoomChanged {
            participants: participants_of(&participants)?,
            room: RoomId::from_bytes(room.id()?),
            only: match only {
                Some(user) => Some(UserId::from_bytes(user.id()?)),
                None => None,
            },
        },
        EventRecord::SessionEnded { user, session } => ChatEvent::SessionEnded {
            user: UserId::from_bytes(user.id()?),
            session: SessionId::from_bytes(session.id()?),
        },
    })
}

impl MessageRecord {
    fn of(message: &SealedMessage) -> Self {
        // In full, so that a field that is new can't be forgotten.
        let SealedMessage {
            id,
            room,
            seq,
            rev,
            sender,
            client_id,
            fingerprint,
            body,
            sent_at,
            edited_at,
            reply_to,
            reactions,
            attachments,
        } = message;
        Self {
            id: Bytes::of(id.as_bytes()),
            room: Bytes::of(room.as_bytes()),
            seq: *seq,
            rev: *rev,
            sender: Bytes::of(sender.as_bytes()),
            client_id: Bytes::of(client_id.as_bytes()),
            fingerprint: Bytes::of(fingerprint.as_bytes()),
            body: body.as_ref().map(|body| Bytes::of(body.as_bytes())),
            sent_at: sent_at.timestamp_millis(),
            edited_at: edited_at.map(|at| at.timestamp_millis()),
            reply_to: reply_to.map(|id| Bytes::of(id.as_bytes())),
            reactions: reactions
                .iter()
                .map(|r| (r.emoji.as_str().to_owned(), Bytes::of(r.user.as_bytes())))
                .collect(),
            attachments: attachments
                .iter()
                .map(|file| (Bytes::of(file.id.as_bytes()), Bytes::of(file.details.as_bytes())))
                .collect(),
        }
    }
}

fn message_of(record: MessageRecord) -> Option<SealedMessage> {
    let body = match record.body {
        Some(body) => Some(SealedBody::new(body.bytes()?)),
        None => None,
    };
    let edited_at = match record.edited_at {
        Some(at) => Some(Timestamp::from_timestamp_millis(at)?),
        None => None,
    };
    let reply_to = match record.reply_to {
        Some(id) => Some(MessageId::from_bytes(id.id()?)),
        None => None,
    };
    Some(SealedMessage {
        id: MessageId::from_bytes(record.id.id()?),
        room: RoomId::from_bytes(record.room.id()?),
        seq: record.seq,
        rev: record.rev,
        sender: UserId::from_bytes(record.sender.id()?),
        client_id: ClientId::from_bytes(record.client_id.id()?),
        fingerprint: KeyedDigest::new(record.fingerprint.bytes()?),
        body,
        sent_at: Timestamp::from_timestamp_millis(record.sent_at)?,
        edited_at,
        reply_to,
        reactions: record.reactions.into_iter().map(reaction).collect::<Option<_>>()?,
        attachments: record.attachments.into_iter().map(attached).collect::<Option<_>>()?,
    })
}

fn reaction((emoji, user): (String, Bytes)) -> Option<Reaction> {
    Some(Reaction { emoji: Emoji::parse(&emoji).ok()?, user: UserId::from_bytes(user.id()?) })
}

fn attached((id, details): (Bytes, Bytes)) -> Option<AttachedFile> {
    let details = SealedPayload::new(details.bytes()?);
    Some(AttachedFile { id: AttachmentId::from_bytes(id.id()?), details })
}

fn pair(participants: Participants) -> [Bytes; 2] {
    participants.both().map(|user| Bytes::of(user.as_bytes()))
}

fn participants_of([one, other]: &[Bytes; 2]) -> Option<Participants> {
    Participants::pair(UserId::from_bytes(one.id()?), UserId::from_bytes(other.id()?)).ok()
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        Self(BASE64.encode(bytes))
    }

    fn of_users<'a>(users: impl IntoIterator<Item = &'a UserId>) -> Self {
        let ids: Vec<u8> = users.into_iter().flat_map(|user| *user.as_bytes()).collect();
        Self::of(&ids)
    }

    fn users(&self) -> Option<Vec<UserId>> {
        let bytes = self.bytes()?;
        let (ids, []) = bytes.as_chunks::<16>() else {
            return None;
        };
        Some(ids.iter().map(|id| UserId::from_bytes(*id)).collect())
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        BASE64.decode(&self.0).ok()
    }

    fn id(&self) -> Option<[u8; 16]> {
        self.bytes()?.try_into().ok()
    }
}
