//! People and things to test with. Each number gives another one, and always the same.
use crate::StoreUnderTest;
use domain::{
    TimeDelta, Timestamp,
    attachment::ArrivingFile,
    ceremony::{Ceremony, CeremonyKind},
    challenge::{Challenge, ChallengePurpose},
    device::Device,
    email::Email,
    external_sign_in::ExternalSignIn,
    id::{AttachmentId, ClientId, MessageId, PasskeyId, RegistrationId, RoomId, SessionId, UserId},
    identity::ExternalIdentity,
    known_device::KnownDevice,
    message::NewMessage,
    name::PersonName,
    network::Network,
    otp::Otp,
    passkey::{Passkey, PasskeyName},
    password::PasswordHash,
    password_reset::PasswordReset,
    reaction::Emoji,
    registration::Registration,
    room::{NewRoom, Participants, Room, Standing},
    sealing::{KeyedDigest, SealedBody, SealedPayload},
    second_factor::{AuthenticatorApp, SecondFactor},
    session::Session,
    token::TokenDigest,
    totp::TotpStep,
    user::{Privacy, User},
    username::Username,
};

/// When tests begin: 2026-01-01, midnight.
pub const START: Timestamp = match Timestamp::from_timestamp_millis(1_767_225_600_000) {
    Some(start) => start,
    None => Timestamp::UNIX_EPOCH,
};

/// So many seconds after [`START`].
pub fn later(seconds: u32) -> Timestamp {
    START + TimeDelta::seconds(i64::from(seconds))
}

/// The address `person<n>@example.com`.
pub fn an_email(n: u32) -> Email {
    Email::parse(&format!("person{n}@example.com")).expect("an address")
}

/// The account of person `n`. No two have names that read alike.
pub fn a_user(n: u32) -> User {
    User {
        id: UserId::mint(START, ten_bytes(0, n)),
        username: a_username(n),
        email: an_email(n),
        first_name: PersonName::parse("Person").expect("a name"),
        last_name: PersonName::parse(&format!("N° {n}")).expect("a name"),
        password: Some(PasswordHash::new(format!("plain:password {n}"))),
        google: None,
        picture: None,
        disabled_at: None,
        privacy: Privacy::default(),
        joined_at: START,
    }
}

/// The sign-up of person `n`, begun at [`START`] in a browser of its own.
pub fn a_registration(n: u32) -> Registration {
    let user = a_user(n);
    Registration {
        id: RegistrationId::mint(START, ten_bytes(0, n)),
        flow: a_digest(n),
        username: user.username,
        email: user.email,
        first_name: user.first_name,
        last_name: user.last_name,
        password: PasswordHash::new(format!("plain:password {n}")),
        otp: Otp::sent(KeyedDigest::new(n.to_be_bytes().to_vec()), START),
        created_at: START,
    }
}

/// A browser somewhere.
pub fn a_device() -> Device {
    let user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
    Device::of(user_agent, [192, 0, 2, 7].into())
}

/// A code that person `n` was mailed at [`START`], to confirm what their session `n` asks for.
pub fn a_challenge(n: u32) -> Challenge {
    Challenge {
        session: a_session(n, a_user(n).id).id,
        purpose: ChallengePurpose::Confirm,
        user: a_user(n).id,
        email: an_email(n),
        otp: Otp::sent(KeyedDigest::new(n.to_be_bytes().to_vec()), START),
    }
}

/// The link that person `n` was mailed at [`START`].
pub fn a_password_reset(n: u32) -> PasswordReset {
    PasswordReset { token: a_digest(n), user: a_user(n).id, created_at: START }
}

/// What the account of person `n` asks for since [`START`], with three recovery codes.
pub fn a_second_factor(n: u32) -> SecondFactor {
    let code = |k: u8| KeyedDigest::new([&n.to_be_bytes()[..], &[k]].concat());
    SecondFactor {
        user: a_user(n).id,
        since: START,
        app: Some(AuthenticatorApp {
            secret: SealedPayload::new(n.to_be_bytes().to_vec()),
            last_step: TotpStep::at(START),
        }),
        recovery_codes: [1, 2, 3].map(code).to_vec(),
    }
}

/// Passkey `n` of somebody's, made `n` seconds after [`START`].
pub fn a_passkey(n: u32, user: UserId) -> Passkey {
    Passkey {
        id: PasskeyId::mint(START, ten_bytes(0, n)),
        user,
        credential_id: format!("credential {n}").into_bytes(),
        credential: format!("public key {n}").into_bytes(),
        name: PasskeyName::parse(&format!("Phone {n}")).expect("a name"),
        created_at: later(n),
        last_used_at: None,
    }
}

/// What browser `n` began at [`START`], for person `n`.
pub fn a_ceremony(n: u32) -> Ceremony {
    Ceremony {
        flow: a_digest(n),
        kind: CeremonyKind::SecondStep,
        user: Some(a_user(n).id),
        state: SealedPayload::new(n.to_be_bytes().to_vec()),
        begun_at: START,
        attempts: 0,
    }
}

/// Who person `n` is at a provider.
pub fn an_identity(n: u32) -> ExternalIdentity {
    ExternalIdentity { issuer: "https://id.example".to_owned(), subject: format!("subject {n}") }
}

/// Somebody who went to a provider at [`START`].
pub fn an_errand(n: u32) -> ExternalSignIn {
    let sealed = SealedPayload::new(format!("sealed {n}").into_bytes());
    ExternalSignIn { key: a_digest(n), sealed, begun_at: START }
}

/// A session of somebody's, begun at [`START`].
pub fn a_session(n: u32, user: UserId) -> Session {
    let id = SessionId::mint(START, ten_bytes(0, n));
    Session::begin(id, user, a_digest(n), a_device(), START)
}

/// Device `n` of somebody's, used `n` seconds after [`START`].
pub fn a_known_device(n: u32, user: UserId) -> KnownDevice {
    let network = Network::of([192, 0, 2, 7].into());
    KnownDevice { user, device: a_digest(n), network, last_used_at: later(n) }
}

/// The message that its sender calls `n`, sent `n` seconds after [`START`].
pub fn a_message(room: RoomId, sender: UserId, n: u32) -> NewMessage {
    let mut client_id = [0; 16];
    client_id[12..].copy_from_slice(&n.to_be_bytes());
    let [.., s1, s2, s3, s4] = *sender.as_bytes();
    let end_of_sender = u32::from_be_bytes([s1, s2, s3, s4]);
    NewMessage {
        id: MessageId::mint(later(n), ten_bytes(end_of_sender, n)),
        room,
        sender,
        client_id: ClientId::from_bytes(client_id),
        fingerprint: KeyedDigest::new(format!("fingerprint {n}").into_bytes()),
        body: SealedBody::new(format!("sealed {n}").into_bytes()),
        sent_at: later(n),
        reply_to: None,
        attachments: Vec::new(),
    }
}

/// File `n` that somebody begins to bring to a room at [`START`].
pub fn an_arriving_file(n: u32, room: RoomId, uploader: UserId) -> ArrivingFile {
    ArrivingFile { id: AttachmentId::mint(START, ten_bytes(0, n)), room, uploader, at: START }
}

/// The same message sent once more: under the same client id, with an id minted anew.
pub fn resent(message: &NewMessage, time: u8) -> NewMessage {
    let mut id = *message.id.as_bytes();
    id[9] ^= time.wrapping_add(1);
    NewMessage { id: MessageId::from_bytes(id), ..message.clone() }
}

/// One of a few hundred emoji.
pub fn an_emoji(n: u32) -> Emoji {
    let emoji = char::from_u32(0x1f300 + n % 200).expect("in the block of pictographs");
    Emoji::parse(&emoji.to_string()).expect("an emoji")
}

/// A room to begin, in which both talk.
pub fn an_open_room(participants: Participants, id: RoomId) -> NewRoom {
    let [opener, _] = participants.both();
    NewRoom { id, participants, opener, other: Standing::Open, created_at: START }
}

/// The room of two people, who are put into the store with it.
pub async fn a_room_of(store: &StoreUnderTest, one: u32, other: u32) -> Room {
    for person in [one, other] {
        // Whoever is there already stays.
        let _ = store.users.insert(&a_user(person)).await.expect("answers");
    }
    let pair = Participants::pair(a_user(one).id, a_user(other).id).expect("two people");
    let id = RoomId::mint(START, ten_bytes(one, other));
    store.rooms.open(an_open_room(pair, id)).await.expect("opens").room
}

/// Zeros and ones read like letters, so numbers are spelt with letters that read like nothing else.
fn a_username(n: u32) -> Username {
    let letters: String = n
        .to_string()
        .bytes()
        .map(|digit| char::from(b"abcdefghjk"[usize::from(digit - b'0')]))
        .collect();
    Username::parse(&format!("person-{letters}")).expect("a username")
}

fn a_digest(n: u32) -> TokenDigest {
    let mut digest = [0xd1; 32];
    digest[28..].copy_from_slice(&n.to_be_bytes());
    TokenDigest(digest)
}

/// Two numbers where a minted id takes randomness.
fn ten_bytes(high: u32, low: u32) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..6].copy_from_slice(&high.to_be_bytes());
    bytes[6..].copy_from_slice(&low.to_be_bytes());
    bytes
}
