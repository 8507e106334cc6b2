//! Frames as JSON.
use crate::{
    api::{
        messages::{SendRequest, parse_draft},
        shapes::{MessageShape, RoomShape},
    },
    problem::FieldError,
};
use application::{
    chat::{Barrier, Draft, LiveEvent, Scope, SendError},
    ports::{FrameIn, FrameOut},
};
use domain::{
    event::Sight,
    id::{RoomId, UserId},
    rfc3339,
};
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// What a client asks for, understood.
#[derive(Debug)]
pub enum Ask {
    /// Send a message.
    Send(Draft),
    /// Mark as read.
    Read {
        /// Which room.
        room: RoomId,
        /// Up to where.
        seq: u64,
    },
    /// Tell the other that one is writing.
    Typing {
        /// In which room.
        room: RoomId,
    },
}

impl Ask {
    /// What counts of it.
    pub fn figure(&self) -> FrameIn {
        match self {
            Self::Send(_) => FrameIn::Send,
            Self::Read { .. } => FrameIn::Read,
            Self::Typing { .. } => FrameIn::Typing,
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ClientFrame {
    Send {
        room: Option<String>,
        client_id: String,
        body: String,
        reply_to: Option<String>,
        #[serde(default)]
        attachments: Vec<String>,
    },
    Read {
        room: Option<String>,
        seq: u64,
    },
    Typing {
        room: Option<String>,
    },
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The first frame of every socket.
    Ready {
        /// Id of who is signed in.
        user: String,
    },
    /// A message is new or changed.
    Message(MessageShape),
    /// Events were lost on the way: ask for the changes.
    Resync,
    /// Somebody read up to a place.
    Read {
        /// In which room.
        room: String,
        /// Who.
        user: String,
        /// Up to where.
        seq: u64,
    },
    /// What one wrote reached a device of the other's, up to a place.
    Delivered {
        /// In which room.
        room: String,
        /// Whose device.
        user: String,
        /// Up to where.
        seq: u64,
    },
    /// The other person is writing.
    Typing {
        /// In which room.
        room: String,
        /// Who.
        user: String,
    },
    /// Somebody one shares a room with is online, went offline, or is not to be seen: then it is
    /// neither online nor known since when not.
    Presence {
        /// Who.
        user: String,
        /// Which of the two.
        online: bool,
        /// When they went offline.
        last_seen: Option<String>,
    },
    /// A room began.
    Room(Box<RoomShape>),
    /// Something asked for was refused.
    Error(Refusal),
}

/// Why something asked for was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// A stable word.
    pub code: String,
    /// The same in a sentence.
    pub detail: String,
    /// The message it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

impl Refusal {
    /// A refusal that is about no message.
    pub fn new(code: &str, detail: impl Display) -> Self {
        Self { code: code.to_owned(), detail: detail.to_string(), client_id: None }
    }

    /// The same, about a message.
    pub fn about(self, client_id: impl Display) -> Self {
        Self { client_id: Some(format!("{client_id}")), ..self }
    }

    /// A room or message that is not there, or not for this person.
    pub fn not_found() -> Self {
        Self::new("not_found", "there is nothing here")
    }

    /// Nothing was stored: send it again.
    pub fn unavailable() -> Self {
        Self::new("unavailable", "not stored; send it again")
    }

    /// A field that does not fit; what is wrong with a text has words of its own.
    fn of_field(error: FieldError) -> Self {
        let code = if error.code == "invalid" { "validation_failed" } else { &error.code };
        Self::new(code, error.detail)
    }

    /// Why a message was not sent.
    pub fn of_send(error: &SendError) -> Self {
        match error {
            SendError::Barred(Barrier::NoSuchRoom) => Self::not_found(),
            SendError::NoSuchReply | SendError::NoSuchAttachment => Self::new("not_found", error),
            SendError::Barred(Barrier::NotDelivered) => Self::new("not_delivered", error),
            SendError::Barred(Barrier::Blocked) => Self::new("blocked", error),
            SendError::ClientIdReused => Self::new("client_id_reused", error),
            SendError::Throttled(_) => Self::new("rate_limited", error),
            SendError::Unavailable(_) => Self::unavailable(),
        }
    }
}

/// Reads a text frame.
pub fn read_frame(text: &str, scope: Scope) -> Result<Ask, Refusal> {
    let frame = serde_json::from_str(text).map_err(|error| explain(text, &error))?;
    match frame {
        ClientFrame::Send { room, client_id, body, reply_to, attachments } => {
            let about = client_id.clone();
            let request = SendRequest { client_id, body, reply_to, attachments };
            let room = read_room(room, scope).map_err(|refusal| refusal.about(&about))?;
            let draft = parse_draft(room, &request);
            draft.map(Ask::Send).map_err(|error| Refusal::of_field(error).about(&about))
        }
        ClientFrame::Read { room, seq } => Ok(Ask::Read { room: read_room(room, scope)?, seq }),
        ClientFrame::Typing { room } => Ok(Ask::Typing { room: read_room(room, scope)? }),
    }
}

/// On a socket of one room a frame may leave the room out, but not name another.
fn read_room(named: Option<String>, scope: Scope) -> Result<RoomId, Refusal> {
    let named =
        named.map(|room| room.parse::<RoomId>().map_err(|_| Refusal::not_found())).transpose()?;
    match (named, scope) {
        (Some(named), Scope::Room(only)) if named != only => Err(Refusal::not_found()),
        (Some(named), _) => Ok(named),
        (None, Scope::Room(only)) => Ok(only),
        (None, Scope::AllRooms) => Err(Refusal::new("validation_failed", "room is missing")),
    }
}

/// What is wrong with a frame, without repeating it.
fn explain(text: &str, error: &serde_json::Error) -> Refusal {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
        return Refusal::new("malformed", "the frame is not valid JSON");
    };
    let known = matches!(value["type"].as_str(), Some("send" | "read" | "typing"));
    let refusal = if known {
        let missing = error.to_string();
        let field = missing.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let detail = field
            .map_or("a field has the wrong type".to_owned(), |field| format!("{field} is missing"));
        Refusal::new("validation_failed", detail)
    } else {
        Refusal::new("unknown_type", "there is no such type of frame")
    };
    match value["client_id"].as_str() {
        Some(client_id) => refusal.about(client_id),
        None => refusal,
    }
}

impl ServerFrame {
    /// The first frame.
    pub fn ready(user: UserId) -> Self {
        Self::Ready { user: user.to_string() }
    }

    /// A live event as a frame; `None` for the end of the session, which is a close code.
    pub fn of(event: LiveEvent) -> Option<Self> {
        Some(match event {
            LiveEvent::Message(message) => Self::Message((*message).into()),
            LiveEvent::Read { room, user, seq } => {
                Self::Read { room: room.to_string(), user: user.to_string(), seq }
            }
            LiveEvent::Delivered { room, user, seq } => {
                Self::Delivered { room: room.to_string(), user: user.to_string(), seq }
            }
            LiveEvent::Typing { room, user } => {
                Self::Typing { room: room.to_string(), user: user.to_string() }
            }
            LiveEvent::Presence { user, sight } => Self::Presence {
                user: user.to_string(),
                online: sight == Sight::Online,
                last_seen: sight.left_at().map(rfc3339),
            },
            LiveEvent::Room(entry) => Self::Room(Box::new((*entry).into())),
            LiveEvent::Resync => Self::Resync,
            LiveEvent::SessionEnded => return None,
        })
    }

    /// What counts of it.
    pub fn figure(&self) -> FrameOut {
        match self {
            Self::Ready { .. } => FrameOut::Ready,
            Self::Message(_) => FrameOut::Message,
            Self::Resync => FrameOut::Resync,
            Self::Read { .. } => FrameOut::Read,
            Self::Delivered { .. } => FrameOut::Delivered,
            Self::Typing { .. } => FrameOut::Typing,
            Self::Presence { .. } => FrameOut::Presence,
            Self::Room(_) => FrameOut::Room,
            Self::Error(_) => FrameOut::Error,
        }
    }

    /// The frame as text.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    const OTHER: &str = "77e55044-10b1-426f-9247-bb680e5fe0c8";

    fn one_room() -> Scope {
        Scope::Room(ROOM.parse().expect("an id"))
    }
    fn refused(text: &str, scope: Scope) -> (String, Option<String>) {
        let refusal = read_frame(text, scope).expect_err("refused");
        (refusal.code, refusal.client_id)
    }

    #[test]
    fn a_socket_of_one_room_needs_no_room_and_takes_no_other() {
        let send =
            |room: &str| format!(r#"{{"type":"send","client_id":"{OTHER}","body":"hi"{room}}}"#);
        assert!(
            matches!(read_frame(&send(""), one_room()), Ok(Ask::Send(draft)) if draft.room.to_string() == ROOM)
        );
        assert_eq!(refused(&send(&format!(r#","room":"{OTHER}""#)), one_room()).0, "not_found");
        assert_eq!(
            refused(&send(""), Scope::AllRooms),
            ("validation_failed".to_owned(), Some(OTHER.to_owned()))
        );
    }

    #[test]
    fn each_mistake_has_its_own_word() {
        for (text, code) in [
            ("", "malformed"),
            ("[", "malformed"),
            ("null", "unknown_type"),
            (r#"{"type":"shout"}"#, "unknown_type"),
            (r#"{"type":"read","room":"x","seq":1}"#, "not_found"),
            (r#"{"type":"read","seq":-1}"#, "validation_failed"),
            (r#"{"type":"send","client_id":"nope","body":"hi"}"#, "validation_failed"),
        ] {
            assert_eq!(refused(text, one_room()).0, code, "{text}");
        }
    }

    #[test]
    fn a_refused_message_is_named() {
        let text = format!(r#"{{"type":"send","client_id":"{OTHER}","body":" "}}"#);
        assert_eq!(refused(&text, one_room()), ("empty".to_owned(), Some(OTHER.to_owned())));
    }
}
