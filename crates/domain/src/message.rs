//! Messages: what they may say, how they rest, how they change.
use crate::{
    Timestamp,
    attachment::AttachedFile,
    id::{ClientId, MessageId, RoomId, UserId},
    reaction::{Emoji, Reaction},
    sealing::{KeyedDigest, SealedBody, SealedPlace},
};

/// Plain text. Has no `Debug` that prints it, and no repository takes it.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageBody(String);

/// Why a text can't be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBody {
    /// Nothing but white space.
    #[error("a message can't be empty")]
    Empty,
    /// Over 4,000 Unicode scalar values.
    #[error("a message has at most {} characters", MessageBody::MAX)]
    TooLong,
    /// A control character other than newline and tab.
    #[error("a message has no control characters other than newline and tab")]
    ControlCharacter,
}

impl MessageBody {
    /// Most Unicode scalar values.
    pub const MAX: usize = 4_000;

    /// Reads what somebody wrote; white space at both ends is cut.
    pub fn parse(raw: &str) -> Result<Self, InvalidBody> {
        let body = raw.trim();
        if body.is_empty() {
            return Err(InvalidBody::Empty);
        }
        if body.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(InvalidBody::ControlCharacter);
        }
        if body.chars().count() > Self::MAX {
            return Err(InvalidBody::TooLong);
        }
        Ok(Self(body.to_owned()))
    }

    /// Says nothing: for a message that brings files.
    pub fn none() -> Self {
        Self(String::new())
    }

    /// Back from what a seal held; it was judged when it was sent.
    pub fn opened(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for MessageBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageBody(…)")
    }
}

/// A message on its way into the store, which will give it its `seq` and `rev`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Minted by us.
    pub id: MessageId,
    /// Where it goes.
    pub room: RoomId,
    /// Who wrote it.
    pub sender: UserId,
    /// The sender's own name for it; unique for each sender, for ever.
    pub client_id: ClientId,
    /// Digest of what was sent, to tell a retry from another message under the same name.
    pub fingerprint: KeyedDigest,
    /// What it says.
    pub body: SealedBody,
    /// When it was accepted.
    pub sent_at: Timestamp,
    /// The message of the same room it answers.
    pub reply_to: Option<MessageId>,
    /// What comes with it; claimed for it before.
    pub attachments: Vec<AttachedFile>,
}

/// A message as it rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedMessage {
    /// Names it.
    pub id: MessageId,
    /// Where it is.
    pub room: RoomId,
    /// Its place in the room's history: 1, 2, 3 … without holes.
    pub seq: u64,
    /// Its latest change's place among all changes of the room.
    pub rev: u64,
    /// Who wrote it.
    pub sender: UserId,
    /// The sender's own name for it.
    pub client_id: ClientId,
    /// Digest of what was first sent.
    pub fingerprint: KeyedDigest,
    /// What it says; `None` once deleted.
    pub body: Option<SealedBody>,
    /// When it was accepted.
    pub sent_at: Timestamp,
    /// When its text last changed.
    pub edited_at: Option<Timestamp>,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// In the order in which they were given.
    pub reactions: Vec<Reaction>,
    /// What came with it; nothing once deleted.
    pub attachments: Vec<AttachedFile>,
}

/// A change to a message that is already in its room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// Its sender says it anew.
    Edit {
        /// What it says now.
        body: SealedBody,
        /// When.
        at: Timestamp,
    },
    /// Its sender takes it back, for both. Its place stays.
    Delete,
    /// Somebody puts an emoji under it.
    React(Emoji),
    /// Somebody takes theirs away.
    Unreact(Emoji),
}

/// Why a message can't be changed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlterationRefused {
    /// It is deleted, or not one's own.
    #[error("there is no such message to change")]
    NotFound,
    /// As many emoji from one person as a message bears.
    #[error("a person gives a message at most {} reactions", SealedMessage::MAX_REACTIONS)]
    TooManyReactions,
}

impl NewMessage {
    /// The message as it rests once the store has given it its numbers.
    pub fn numbered(self, seq: u64, rev: u64) -> SealedMessage {
        SealedMessage {
            id: self.id,
            room: self.room,
            seq,
            rev,
            sender: self.sender,
            client_id: self.client_id,
            fingerprint: self.fingerprint,
            body: Some(self.body),
            sent_at: self.sent_at,
            edited_at: None,
            reply_to: self.reply_to,
            reactions: Vec::new(),
            attachments: self.attachments,
        }
    }
}

impl SealedMessage {
    /// Most different emoji one person gives one message.
    pub const MAX_REACTIONS: usize = 20;

    /// What its body is bound to.
    pub fn place(&self) -> SealedPlace {
        SealedPlace { room: self.room, message: self.id, sender: self.sender }
    }

    /// Whether its sender took it back.
    pub fn is_deleted(&self) -> bool {
        self.body.is_none()
    }

    /// The message after somebody (of its room) changed it, its `rev` still the old one;
    /// `None` if that changes nothing.
    pub fn altered(&self, by: UserId, how: &Alteration) -> Result<Option<Self>, AlterationRefused> {
        if self.is_deleted() {
            return Err(AlterationRefused::NotFound);
        }
        match how {
            Alteration::Edit { .. } | Alteration::Delete if by != self.sender => {
                Err(AlterationRefused::NotFound)
            }
            Alteration::Edit { body, at } => {
                Ok(Some(Self { body: Some(body.clone()), edited_at: Some(*at), ..self.clone() }))
            }
            Alteration::Delete => {
                let (reactions, attachments) = (Vec::new(), Vec::new());
                Ok(Some(Self { body: None, reactions, attachments, ..self.clone() }))
            }
            Alteration::React(emoji) => self.with_reaction(by, emoji),
            Alteration::Unreact(emoji) => Ok(self.without_reaction(by, emoji)),
        }
    }

    fn with_reaction(&self, by: UserId, emoji: &Emoji) -> Result<Option<Self>, AlterationRefused> {
        let mine = || self.reactions.iter().filter(|r| r.user == by);
        if mine().any(|r| r.emoji == *emoji) {
            return Ok(None);
        }
        if mine().count() >= Self::MAX_REACTIONS {
            return Err(AlterationRefused::TooManyReactions);
        }
        let mut altered = self.clone();
        altered.reactions.push(Reaction { emoji: emoji.clone(), user: by });
        Ok(Some(altered))
    }

    fn without_reaction(&self, by: UserId, emoji: &Emoji) -> Option<Self> {
        let mut altered = self.clone();
        altered.reactions.retain(|r| r.user != by || r.emoji != *emoji);
        (altered.reactions.len() != self.reactions.len()).then_some(altered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::AttachmentId, sealing::SealedPayload};

    const ANN: [u8; 16] = [1; 16];
    const BOB: [u8; 16] = [2; 16];

    fn message() -> SealedMessage {
        NewMessage {
            id: MessageId::from_bytes([9; 16]),
            room: RoomId::from_bytes([8; 16]),
            sender: UserId::from_bytes(ANN),
            client_id: ClientId::from_bytes([7; 16]),
            fingerprint: KeyedDigest::new(vec![6]),
            body: SealedBody::new(vec![5]),
            sent_at: Timestamp::UNIX_EPOCH,
            reply_to: None,
            attachments: vec![AttachedFile {
                id: AttachmentId::from_bytes([4; 16]),
                details: SealedPayload::new(vec![3]),
            }],
        }
        .numbered(1, 1)
    }
    fn alter(
        message: &SealedMessage,
        by: [u8; 16],
        how: &Alteration,
    ) -> Result<Option<SealedMessage>, AlterationRefused> {
        message.altered(UserId::from_bytes(by), how)
    }
    fn edit() -> Alteration {
        Alteration::Edit { body: SealedBody::new(vec![50]), at: Timestamp::UNIX_EPOCH }
    }
    fn thumb() -> Emoji {
        Emoji::parse("👍").expect("an emoji")
    }

    #[test]
    fn a_body_is_trimmed_and_bounded() {
        assert_eq!(MessageBody::parse("  hi\n").map(|b| b.0), Ok("hi".to_owned()));
        assert_eq!(MessageBody::parse(" \u{a0}\n"), Err(InvalidBody::Empty));
        assert!(MessageBody::parse(&"😀".repeat(4_000)).is_ok());
        assert_eq!(MessageBody::parse(&"a".repeat(4_001)), Err(InvalidBody::TooLong));
    }

    #[test]
    fn control_characters_are_refused() {
        assert!(MessageBody::parse("a\n\tb").is_ok());
        for body in ["a\0b", "a\u{1b}[31m", "a\r\nb", "a\u{85}b", "a\u{7f}"] {
            assert_eq!(MessageBody::parse(body), Err(InvalidBody::ControlCharacter), "{body:?}");
        }
    }

    #[test]
    fn only_the_sender_edits_and_deletes() {
        assert_eq!(alter(&message(), BOB, &edit()), Err(AlterationRefused::NotFound));
        assert_eq!(alter(&message(), BOB, &Alteration::Delete), Err(AlterationRefused::NotFound));
        let edited = alter(&message(), ANN, &edit()).expect("allowed").expect("a change");
        assert_eq!(edited.body, Some(SealedBody::new(vec![50])));
        assert!(edited.edited_at.is_some());
        assert_eq!(edited.attachments, message().attachments);
    }

    #[test]
    fn a_deleted_message_is_empty_and_stays_so() {
        let liked = alter(&message(), BOB, &Alteration::React(thumb()))
            .expect("allowed")
            .expect("a change");
        let deleted = alter(&liked, ANN, &Alteration::Delete).expect("allowed").expect("a change");
        assert!(deleted.is_deleted() && deleted.reactions.is_empty());
        assert!(deleted.attachments.is_empty());
        for how in
            [edit(), Alteration::Delete, Alteration::React(thumb()), Alteration::Unreact(thumb())]
        {
            assert_eq!(alter(&deleted, ANN, &how), Err(AlterationRefused::NotFound));
        }
    }

    #[test]
    fn a_reaction_that_is_there_changes_nothing() {
        let liked = alter(&message(), BOB, &Alteration::React(thumb()))
            .expect("allowed")
            .expect("a change");
        assert_eq!(alter(&liked, BOB, &Alteration::React(thumb())), Ok(None));
        assert_eq!(alter(&liked, ANN, &Alteration::Unreact(thumb())), Ok(None));
        let unliked =
            alter(&liked, BOB, &Alteration::Unreact(thumb())).expect("allowed").expect("a change");
        assert!(unliked.reactions.is_empty());
    }
}
