//! What an export holds for programs to read. `docs/export.md` describes it.
use crate::api::{
    privacy::PrivacyShape,
    shapes::{SessionShape, UserShape},
};
use application::{
    accounts::{BlockedPerson, Conversation, Records},
    chat::OpenedMessage,
};
use domain::{id::SessionId, rfc3339, room::Standing, user::User};
use serde::Serialize;

/// Where the picture is.
pub const PICTURE: &str = "picture.jpeg";

/// Where the `n`th file of a message is, in the folder of its conversation: named by the message's
/// place, and by what its sender called it as far as that is safe on every system.
pub fn file_path(opened: &OpenedMessage, n: usize) -> String {
    let details = opened.attachments.get(n).and_then(|file| file.details.as_ref());
    let name = details.map_or("file", |told| told.name.as_str());
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let safe: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    // The end says what it is.
    let end = safe.len().saturating_sub(LONGEST_NAME);
    format!("files/{}-{}-{}", opened.message.seq, n + 1, &safe[end..])
}

/// Most characters of a file's own name in an archive.
const LONGEST_NAME: usize = 80;

/// `account.json`
#[derive(Serialize)]
pub struct Account<'a> {
    id: String,
    username: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    joined_at: String,
    picture: Option<&'static str>,
    has_password: bool,
    google: Option<Google<'a>>,
    second_factor: Option<SecondFactor>,
    passkeys: Vec<Passkey<'a>>,
    privacy: PrivacyShape,
    exported_at: String,
}

#[derive(Serialize)]
struct Google<'a> {
    issuer: &'a str,
    subject: &'a str,
}

#[derive(Serialize)]
struct SecondFactor {
    since: String,
    kinds: Vec<&'static str>,
}

#[derive(Serialize)]
struct Passkey<'a> {
    id: String,
    name: &'a str,
    created_at: String,
    last_used_at: Option<String>,
}

/// `devices.json`
#[derive(Serialize)]
pub struct Devices {
    sessions: Vec<SessionShape>,
    known_browsers: Vec<KnownBrowser>,
}

#[derive(Serialize)]
struct KnownBrowser {
    network: String,
    last_used_at: String,
}

/// `blocks.json`
#[derive(Serialize)]
pub struct Blocks {
    blocked: Vec<Blocked>,
}

#[derive(Serialize)]
struct Blocked {
    user: UserShape,
    since: String,
}

/// One of `rooms.json`.
#[derive(Serialize)]
pub struct Room {
    id: String,
    other: UserShape,
    state: &'static str,
    created_at: String,
    messages: u64,
    read_seq: u64,
    other_read_seq: u64,
    delivered_seq: u64,
    other_delivered_seq: u64,
    muted: bool,
    folder: String,
}

impl<'a> Account<'a> {
    pub fn of(records: &'a Records) -> Self {
        let user = &records.user;
        let google = user
            .google
            .as_ref()
            .map(|identity| Google { issuer: &identity.issuer, subject: &identity.subject });
        let second_factor = records.second_factor.as_ref().map(|(since, kinds)| SecondFactor {
            since: rfc3339(*since),
            kinds: kinds.iter().map(|kind| kind.as_str()).collect(),
        });
        let passkeys = records.passkeys.iter().map(|passkey| Passkey {
            id: passkey.id.to_string(),
            name: passkey.name.as_str(),
            created_at: rfc3339(passkey.created_at),
            last_used_at: passkey.last_used_at.map(rfc3339),
        });
        Self {
            id: user.id.to_string(),
            username: user.username.as_str(),
            first_name: user.first_name.as_str(),
            last_name: user.last_name.as_str(),
            email: user.email.as_str(),
            joined_at: rfc3339(user.joined_at),
            picture: records.picture.is_some().then_some(PICTURE),
            has_password: user.password.is_some(),
            google,
            second_factor,
            passkeys: passkeys.collect(),
            privacy: user.privacy.into(),
            exported_at: rfc3339(records.read_at),
        }
    }
}

impl Devices {
    pub fn of(records: &Records, current: SessionId) -> Self {
        let known_browsers = records.known_devices.iter().map(|known| KnownBrowser {
            network: known.network.to_string(),
            last_used_at: rfc3339(known.last_used_at),
        });
        Self {
            sessions: records.sessions.iter().map(|one| SessionShape::of(one, current)).collect(),
            known_browsers: known_browsers.collect(),
        }
    }
}

impl Blocks {
    pub fn of(records: &Records) -> Self {
        Self { blocked: records.blocks.iter().map(Blocked::from).collect() }
    }
}

impl From<&BlockedPerson> for Blocked {
    fn from(person: &BlockedPerson) -> Self {
        Self { user: UserShape::of(person.id, person.user.as_ref()), since: rfc3339(person.since) }
    }
}

impl Room {
    pub fn of(conversation: &Conversation, other: Option<&User>) -> Self {
        Self {
            id: conversation.room.to_string(),
            other: UserShape::of(conversation.other, other),
            state: if conversation.standing == Standing::Open { "open" } else { "request" },
            created_at: rfc3339(conversation.created_at),
            messages: conversation.last_seq,
            read_seq: conversation.read_seq,
            other_read_seq: conversation.other_read_seq,
            delivered_seq: conversation.delivered_seq,
            other_delivered_seq: conversation.other_delivered_seq,
            muted: conversation.muted,
            folder: folder(conversation),
        }
    }
}

/// Where a conversation is.
pub fn folder(conversation: &Conversation) -> String {
    format!("rooms/{}/", conversation.room)
}
