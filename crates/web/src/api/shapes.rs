//! What the API and the sockets speak: one struct a shape.
use crate::pages::media::address_of;
use application::{
    accounts::{WaitingSignUp, google::WaitingLink},
    chat::{Content, OpenedMessage, RoomEntry},
};
use domain::{
    Timestamp,
    attachment::FileDetails,
    id::{AttachmentId, SessionId, UserId},
    rfc3339,
    room::{RoomCursor, Standing},
    session::Session,
    user,
};
use poem_openapi::Object;
use serde::Serialize;

/// A person, as everybody may see them.
#[derive(Clone, Debug, Serialize, Object)]
#[oai(rename = "User")]
pub struct UserShape {
    /// Opaque.
    pub id: String,
    /// Empty once the account is deleted.
    pub username: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// Where their picture is.
    #[oai(nullable)]
    pub picture_url: Option<String>,
    /// RFC 3339.
    pub joined_at: String,
    /// Whether the account is gone.
    pub deleted: bool,
}

/// Oneself.
#[derive(Clone, Debug, Serialize, Object)]
#[oai(rename = "OwnUser")]
pub struct OwnUserShape {
    #[serde(flatten)]
    #[oai(flatten)]
    user: UserShape,
    /// Nobody else sees it.
    email: String,
    /// Whether one can sign in with a password.
    has_password: bool,
    /// Whether one can sign in with Google.
    google_linked: bool,
}

/// A conversation of two, as one of them sees it.
#[derive(Clone, Debug, Serialize, Object)]
#[oai(rename = "Room")]
pub struct RoomShape {
    /// Opaque.
    pub id: String,
    /// The other person.
    pub other: UserShape,
    /// The newest message, deleted or not.
    #[oai(nullable)]
    pub last_message: Option<MessageShape>,
    /// `seq` of the newest message; 0 when there is none.
    pub last_seq: u64,
    /// The greatest `rev` in the room.
    pub rev: u64,
    /// The other's undeleted messages above `read_seq`.
    pub unread: u64,
    /// Up to where oneself has read.
    pub read_seq: u64,
    /// Up to where the other has read; 0 while one of the two hides that.
    pub other_read_seq: u64,
    /// Up to where it reached a device of the other's; what was read did.
    pub other_delivered_seq: u64,
    /// `request` while a stranger waits for oneself to accept or answer, else `open`.
    pub state: String,
    /// Whether one has it in one's list; not after one cleared or declined it, until something new
    /// is written or one asks for it.
    pub listed: bool,
    /// Whether one wants to hear nothing of it unless one looks. The other never learns.
    pub muted: bool,
    /// RFC 3339.
    pub created_at: String,
}

/// A message.
#[derive(Clone, Debug, Serialize, Object)]
#[oai(rename = "Message")]
pub struct MessageShape {
    /// Opaque.
    pub id: String,
    /// The room it is in.
    pub room: String,
    /// Its place in the room's history: 1, 2, 3 … without holes.
    pub seq: u64,
    /// Its latest change's place among all changes of the room; of two versions the higher wins.
    pub rev: u64,
    /// Id of who wrote it.
    pub sender: String,
    /// What it says; empty when deleted or unreadable.
    pub body: String,
    /// The sender's own name for it.
    pub client_id: String,
    /// RFC 3339.
    pub sent_at: String,
    /// When its text last changed.
    #[oai(nullable)]
    pub edited_at: Option<String>,
    /// Whether its sender took it back.
    pub deleted: bool,
    /// Whether what rests in the store is damaged.
    pub unreadable: bool,
    /// Id of the message it answers.
    #[oai(nullable)]
    pub reply_to: Option<String>,
    /// Emoji under it, in the order in which they were first given.
    pub reactions: Vec<ReactionShape>,
    /// Files that came with it.
    pub attachments: Vec<AttachmentShape>,
}

/// An emoji and who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Object)]
#[oai(rename = "Reaction")]
pub struct ReactionShape {
    /// The emoji.
    pub emoji: String,
    /// Ids of who gave it.
    pub users: Vec<String>,
}

/// A file that came with a message.
#[derive(Clone, Debug, Serialize, Object)]
#[oai(rename = "Attachment")]
pub struct AttachmentShape {
    /// Opaque.
    pub id: String,
    /// As its sender named it; empty where that can't be read any more.
    pub name: String,
    /// Its media type: what its sender said, or of an image with a preview what it is.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    pub kind: String,
    /// In bytes.
    pub size: u64,
    /// Of an image, in pixels.
    #[oai(nullable)]
    pub width: Option<u32>,
    /// Of an image, in pixels.
    #[oai(nullable)]
    pub height: Option<u32>,
    /// Where to get it.
    pub url: String,
    /// Where to get a small picture of it.
    #[oai(nullable)]
    pub preview_url: Option<String>,
}

/// The sign-up this browser has waiting.
#[derive(Clone, Debug, Serialize, Object)]
#[oai(rename = "WaitingSignUp")]
pub struct WaitingSignUpShape {
    /// The address to prove.
    email: String,
    /// When the newest code was sent.
    sent_at: String,
    /// When it stops being good.
    expires_at: String,
    /// When another may be asked for.
    resend_at: String,
    /// Tries that remain.
    attempts_left: u32,
}

/// The account this browser is about to link with Google.
#[derive(Clone, Debug, Serialize, Object)]
#[oai(rename = "WaitingLink")]
pub struct WaitingLinkShape {
    /// Where the code was mailed to.
    email: String,
    /// When it is too late.
    expires_at: String,
}

impl From<WaitingLink> for WaitingLinkShape {
    fn from(waiting: WaitingLink) -> Self {
        Self { email: waiting.email.as_str().to_owned(), expires_at: rfc3339(waiting.expires_at) }
    }
}

/// A browser that one is signed in with.
#[derive(Clone, Debug, Serialize, Object)]
#[oai(rename = "Session")]
pub struct SessionShape {
    /// Opaque; not what is in the cookie.
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// As the browser told at signing in: `Firefox 141`; empty where nobody knows.
    browser: String,
    /// Likewise: `Windows`, `Android` …
    system: String,
    /// Where it signed in from.
    address: String,
    /// When it signed in; RFC 3339.
    created_at: String,
    /// When it was last used, to within five minutes; RFC 3339.
    last_used_at: String,
}

impl SessionShape {
    /// As one sees it who uses the session `current`.
    pub fn of(session: &Session, current: SessionId) -> Self {
        Self {
            id: session.id.to_string(),
            current: session.id == current,
            browser: session.device.browser.clone(),
            system: session.device.system.clone(),
            address: session.device.address.to_string(),
            created_at: rfc3339(session.created_at),
            last_used_at: rfc3339(session.last_used_at),
        }
    }
}

impl From<&user::User> for UserShape {
    fn from(user: &user::User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.as_str().to_owned(),
            first_name: user.first_name.as_str().to_owned(),
            last_name: user.last_name.as_str().to_owned(),
            picture_url: user.picture.map(address_of),
            joined_at: rfc3339(user.joined_at),
            deleted: false,
        }
    }
}

impl UserShape {
    /// Somebody, whose account may be gone.
    pub fn of(id: UserId, user: Option<&user::User>) -> Self {
        user.map_or_else(|| Self::deleted(id), Into::into)
    }

    fn deleted(id: UserId) -> Self {
        Self {
            id: id.to_string(),
            username: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            picture_url: None,
            joined_at: rfc3339(Timestamp::UNIX_EPOCH),
            deleted: true,
        }
    }
}

impl From<&user::User> for OwnUserShape {
    fn from(user: &user::User) -> Self {
        Self {
            user: user.into(),
            email: user.email.as_str().to_owned(),
            has_password: user.password.is_some(),
            google_linked: user.google.is_some(),
        }
    }
}

impl From<RoomEntry> for RoomShape {
    fn from(entry: RoomEntry) -> Self {
        let view = entry.view;
        Self {
            listed: view.is_listed(),
            id: view.room.id.to_string(),
            other: UserShape::of(view.other, entry.other.as_ref()),
            last_message: entry.last_message.map(Into::into),
            last_seq: view.room.last_seq,
            rev: view.room.rev,
            unread: view.unread,
            read_seq: view.read_seq,
            other_read_seq: view.other_read_seq,
            other_delivered_seq: view.other_delivered_seq,
            state: if view.standing == Standing::Open { "open" } else { "request" }.to_owned(),
            muted: view.muted,
            created_at: rfc3339(view.room.created_at),
        }
    }
}

impl From<OpenedMessage> for MessageShape {
    fn from(opened: OpenedMessage) -> Self {
        let message = opened.message;
        let (body, deleted, unreadable) = match opened.content {
            Content::Text(body) => (body.as_str().to_owned(), false, false),
            Content::Deleted => (String::new(), true, false),
            Content::Unreadable => (String::new(), false, true),
        };
        Self {
            id: message.id.to_string(),
            room: message.room.to_string(),
            seq: message.seq,
            rev: message.rev,
            sender: message.sender.to_string(),
            body,
            client_id: message.client_id.to_string(),
            sent_at: rfc3339(message.sent_at),
            edited_at: message.edited_at.map(rfc3339),
            deleted,
            unreadable,
            reply_to: message.reply_to.map(|id| id.to_string()),
            reactions: group_reactions(&message.reactions),
            attachments: opened
                .attachments
                .iter()
                .map(|file| AttachmentShape::of(file.id, file.details.as_ref()))
                .collect(),
        }
    }
}

impl AttachmentShape {
    /// Of a file whose details can't be read, there are none.
    pub fn of(id: AttachmentId, details: Option<&FileDetails>) -> Self {
        let image = details.and_then(|details| details.image);
        let kind = details.map_or("application/octet-stream", |details| details.kind.as_str());
        Self {
            id: id.to_string(),
            name: details.map_or_else(String::new, |details| details.name.as_str().to_owned()),
            kind: kind.to_owned(),
            size: details.map_or(0, |details| details.size),
            width: image.map(|image| image.width),
            height: image.map(|image| image.height),
            url: format!("/api/attachments/{id}"),
            preview_url: image.map(|_| format!("/api/attachments/{id}/preview")),
        }
    }
}

impl From<WaitingSignUp> for WaitingSignUpShape {
    fn from(waiting: WaitingSignUp) -> Self {
        Self {
            email: waiting.email.as_str().to_owned(),
            sent_at: rfc3339(waiting.sent_at),
            expires_at: rfc3339(waiting.expires_at),
            resend_at: rfc3339(waiting.resend_at),
            attempts_left: waiting.attempts_left,
        }
    }
}

fn group_reactions(reactions: &[domain::reaction::Reaction]) -> Vec<ReactionShape> {
    let mut groups: Vec<ReactionShape> = Vec::new();
    for reaction in reactions {
        let user = reaction.user.to_string();
        match groups.iter_mut().find(|group| group.emoji == reaction.emoji.as_str()) {
            Some(group) => group.users.push(user),
            None => groups.push(ReactionShape {
                emoji: reaction.emoji.as_str().to_owned(),
                users: vec![user],
            }),
        }
    }
    groups
}

/// A cursor as text: the moment in milliseconds and the room's id.
pub fn write_cursor(cursor: RoomCursor) -> String {
    format!("{}_{}", cursor.active_at.timestamp_millis(), cursor.room)
}

/// A cursor back from its text.
pub fn read_cursor(text: &str) -> Option<RoomCursor> {
    let (millis, room) = text.split_once('_')?;
    let active_at = Timestamp::from_timestamp_millis(millis.parse().ok()?)?;
    Some(RoomCursor { active_at, room: room.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        id::RoomId,
        reaction::{Emoji, Reaction},
    };

    #[test]
    fn a_cursor_reads_back_from_its_text() {
        let active_at = Timestamp::from_timestamp_millis(1_700_000_000_123).expect("in range");
        let cursor = RoomCursor { active_at, room: RoomId::from_bytes([4; 16]) };
        assert_eq!(read_cursor(&write_cursor(cursor)), Some(cursor));
        for text in ["", "_", "1_x", "x_67e55044-10b1-426f-9247-bb680e5fe0c8"] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
    }

    #[test]
    fn reactions_are_grouped_in_the_order_given() {
        let give = |emoji, user| Reaction {
            emoji: Emoji::parse(emoji).expect("an emoji"),
            user: UserId::from_bytes([user; 16]),
        };
        let groups = group_reactions(&[give("👍", 1), give("❤️", 2), give("👍", 2)]);
        let summary: Vec<_> = groups.iter().map(|g| (g.emoji.as_str(), g.users.len())).collect();
        assert_eq!(summary, [("👍", 2), ("❤️", 1)]);
    }
}
