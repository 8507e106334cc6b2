//! A message as a document keeps it.
use crate::{
    bson::{array, binary, count, date, id, moment, number},
    rooms::Place,
};
use anyhow::anyhow;
use domain::{
    attachment::AttachedFile,
    id::{AttachmentId, ClientId, MessageId, RoomId, UserId},
    message::{NewMessage, SealedMessage},
    reaction::{Emoji, Reaction},
    sealing::{KeyedDigest, SealedBody, SealedPayload},
};
use mongodb::bson::{Binary, DateTime};
use serde::{Deserialize, Serialize};

/// The collection they are in.
pub(crate) const MESSAGES: &str = "messages";

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MessageRecord {
    #[serde(rename = "_id")]
    id: Binary,
    room: Binary,
    seq: i64,
    rev: i64,
    /// Every `rev` it ever had: one that was taken is never free again. Read only where needed.
    #[serde(default)]
    revs: Vec<i64>,
    sender: Binary,
    client_id: Binary,
    fingerprint: Binary,
    /// Gone once it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<Binary>,
    sent_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edited_at: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<Binary>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<ReactionRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<AttachedRecord>,
    /// How many of the room's messages up to this one the room's low participant sent.
    low_count: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct AttachedRecord {
    id: Binary,
    details: Binary,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReactionRecord {
    emoji: String,
    user: Binary,
}

impl MessageRecord {
    /// A message that is about to be stored for the first time.
    pub(crate) fn first(message: &NewMessage, seq: u64, rev: u64, low_count: u64) -> Self {
        Self {
            id: id(message.id.as_bytes()),
            room: id(message.room.as_bytes()),
            seq: number(seq),
            rev: number(rev),
            revs: vec![number(rev)],
            sender: id(message.sender.as_bytes()),
            client_id: id(message.client_id.as_bytes()),
            fingerprint: binary(message.fingerprint.as_bytes()),
            sealed: Some(binary(message.body.as_bytes())),
            sent_at: date(message.sent_at),
            edited_at: None,
            reply_to: message.reply_to.map(|to| id(to.as_bytes())),
            reactions: Vec::new(),
            attachments: message.attachments.iter().map(AttachedRecord::from).collect(),
            low_count: number(low_count),
        }
    }

    /// Its place in the room, with what is counted up to there.
    pub(crate) fn place(&self) -> anyhow::Result<Place> {
        Ok(Place { seq: count(self.seq)?, low_count: count(self.low_count)? })
    }

    /// How often it was changed, being sent included, where that was read.
    pub(crate) fn revs(&self) -> usize {
        self.revs.len()
    }

    /// The message.
    pub(crate) fn message(self) -> anyhow::Result<SealedMessage> {
        let reply_to = self.reply_to.as_ref().map(array).transpose()?;
        Ok(SealedMessage {
            id: MessageId::from_bytes(array(&self.id)?),
            room: RoomId::from_bytes(array(&self.room)?),
            seq: count(self.seq)?,
            rev: count(self.rev)?,
            sender: UserId::from_bytes(array(&self.sender)?),
            client_id: ClientId::from_bytes(array(&self.client_id)?),
            fingerprint: KeyedDigest::new(self.fingerprint.bytes),
            body: self.sealed.map(|sealed| SealedBody::new(sealed.bytes)),
            sent_at: moment(self.sent_at)?,
            edited_at: self.edited_at.map(moment).transpose()?,
            reply_to: reply_to.map(MessageId::from_bytes),
            reactions: self
                .reactions
                .into_iter()
                .map(ReactionRecord::reaction)
                .collect::<anyhow::Result<_>>()?,
            attachments: self
                .attachments
                .into_iter()
                .map(AttachedRecord::file)
                .collect::<anyhow::Result<_>>()?,
        })
    }
}

impl AttachedRecord {
    fn file(self) -> anyhow::Result<AttachedFile> {
        let id = AttachmentId::from_bytes(array(&self.id)?);
        Ok(AttachedFile { id, details: SealedPayload::new(self.details.bytes) })
    }
}

impl From<&AttachedFile> for AttachedRecord {
    fn from(file: &AttachedFile) -> Self {
        Self { id: id(file.id.as_bytes()), details: binary(file.details.as_bytes()) }
    }
}

impl ReactionRecord {
    fn reaction(self) -> anyhow::Result<Reaction> {
        let emoji = Emoji::parse(&self.emoji).map_err(|_| anyhow!("a stored reaction is none"))?;
        Ok(Reaction { emoji, user: UserId::from_bytes(array(&self.user)?) })
    }
}

impl From<&Reaction> for ReactionRecord {
    fn from(reaction: &Reaction) -> Self {
        Self { emoji: reaction.emoji.as_str().to_owned(), user: id(reaction.user.as_bytes()) }
    }
}
