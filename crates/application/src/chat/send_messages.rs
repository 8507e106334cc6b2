//! Sending, so that nothing acknowledged is lost, nothing is stored twice and the order holds.
use super::{Barrier, Content, OpenedMessage, Opener, Reach};
use crate::{
    limits::Limits,
    ports::{
        Appended, AttachmentRepository, Clock, Digester, Entropy, EntropyExt, Figure,
        MessageOutcome, MessageRepository, MessageSealer, Metrics, Purpose, Unavailable,
    },
};
use domain::{
    attachment::{AttachedFile, FileClaim},
    id::{AttachmentId, ClientId, MessageId, RoomId, UserId},
    message::{MessageBody, NewMessage, SealedMessage},
    sealing::{KeyedDigest, SealedPlace},
    throttle::Throttled,
};
use std::{collections::HashMap, sync::Arc};

/// Sends messages.
pub struct SendMessages {
    /// Where they go.
    pub messages: Arc<dyn MessageRepository>,
    /// Whether the other is to hear of them.
    pub reach: Reach,
    /// Seals them.
    pub sealer: Arc<dyn MessageSealer>,
    /// Opens what was stored before.
    pub opener: Opener,
    /// The files that come along.
    pub attachments: Arc<dyn AttachmentRepository>,
    /// Recognises a retry.
    pub digester: Arc<dyn Digester>,
    /// Bounds how many somebody sends.
    pub limits: Limits,
    /// When they are accepted.
    pub clock: Arc<dyn Clock>,
    /// Names them.
    pub entropy: Arc<dyn Entropy>,
    /// Counts what becomes of them.
    pub metrics: Arc<dyn Metrics>,
}

/// A message somebody wants to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where to.
    pub room: RoomId,
    /// The sender's own name for it.
    pub client_id: ClientId,
    /// What it says.
    pub body: MessageBody,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// Files brought to the room before, none twice; with some, it may say nothing.
    pub attachments: Vec<AttachmentId>,
}

/// What became of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is stored, and announced to every socket of both people.
    New(OpenedMessage),
    /// It was sent before; the message as it is now. Nobody else hears of it.
    Known(OpenedMessage),
}

/// Why a draft was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It does not get to the other.
    #[error(transparent)]
    Barred(Barrier),
    /// It answers a message that is not in its room.
    #[error("the message it answers is not in this room")]
    NoSuchReply,
    /// A file is not there, another's, of another room, or came with another message.
    #[error("there is no such attachment to send")]
    NoSuchAttachment,
    /// The sender used the client id for another message.
    #[error("this client_id was used for another message")]
    ClientIdReused,
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Nothing was acknowledged: send it again under the same client id.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl SendMessages {
    /// Sends one message.
    pub async fn execute(&self, sender: UserId, draft: Draft) -> Result<Sent, SendError> {
        let mut outcomes = self.execute_batch(sender, vec![draft]).await;
        outcomes.pop().unwrap_or_else(unanswered)
    }

    /// Sends several messages in this order and says of each what became of it. Once one is
    /// refused as unavailable, so are all later ones of its room; once one is throttled, so are
    /// all later ones.
    pub async fn execute_batch(
        &self,
        sender: UserId,
        drafts: Vec<Draft>,
    ) -> Vec<Result<Sent, SendError>> {
        let mut scope = Scope::default();
        let mut outcomes = Vec::with_capacity(drafts.len());
        let mut accepted = Vec::with_capacity(drafts.len());
        for draft in drafts {
            if let Err(refusal) = self.check(&mut scope, sender, &draft).await {
                outcomes.push(Some(self.refuse(sender, draft, refusal).await));
                continue;
            }
            match self.attach(&mut scope, sender, &draft).await {
                Ok(Attached::Files(files)) => {
                    outcomes.push(None);
                    accepted.push((draft, files));
                }
                Ok(Attached::Known(message)) => {
                    outcomes.push(Some(self.settle(draft, Ok(Appended::Known(message)))));
                }
                Err(refusal) => outcomes.push(Some(Err(refusal))),
            }
        }
        let batch = accepted.iter().map(|(draft, files)| self.seal(sender, draft, files)).collect();
        let stored = self.messages.append(batch).await;
        self.settle_files(&stored).await;
        let mut settled =
            accepted.into_iter().zip(stored).map(|((draft, _), stored)| self.settle(draft, stored));
        outcomes
            .into_iter()
            .map(|refused| refused.or_else(|| settled.next()).unwrap_or_else(unanswered))
            .inspect(|outcome| self.metrics.note(Figure::Message(figure(outcome))))
            .collect()
    }

    async fn check(
        &self,
        scope: &mut Scope,
        sender: UserId,
        draft: &Draft,
    ) -> Result<(), SendError> {
        if let Some(throttled) = scope.throttled {
            return Err(throttled.into());
        }
        self.limits
            .send(sender)
            .await
            .inspect_err(|throttled| scope.throttled = Some(*throttled))?;
        match self.find_way(scope, sender, draft.room).await {
            Some(way) => way.map_err(SendError::Barred),
            None => {
                Err(Unavailable::of("store", anyhow::anyhow!("the room was not looked up")).into())
            }
        }
    }

    /// Claims the files of a draft under its client id, which is this message's for ever: whoever dies
    /// between this and storing it claims them again. What was stored before claims nothing.
    async fn attach(
        &self,
        scope: &mut Scope,
        sender: UserId,
        draft: &Draft,
    ) -> Result<Attached, SendError> {
        if draft.attachments.is_empty() {
            return Ok(Attached::Files(Vec::new()));
        }
        let attached = self.find_or_claim(sender, draft).await;
        if attached.is_err() {
            // As if it could not be stored: nothing of its room overtakes it.
            scope.ways.insert(draft.room, None);
        }
        attached?.ok_or(SendError::NoSuchAttachment)
    }

    async fn find_or_claim(
        &self,
        sender: UserId,
        draft: &Draft,
    ) -> Result<Option<Attached>, Unavailable> {
        let known = self.messages.find_by_client_id(sender, draft.client_id).await?;
        if let Some(message) = known {
            return Ok(Some(Attached::Known(message)));
        }
        let claim = FileClaim {
            uploader: sender,
            room: draft.room,
            client_id: draft.client_id,
            files: draft.attachments.clone(),
            at: self.clock.now(),
        };
        Ok(self.attachments.claim(claim).await?.map(Attached::Files))
    }

    /// What is not noted here is found out later.
    async fn settle_files(&self, stored: &[Result<Appended, Unavailable>]) {
        let new = stored.iter().filter_map(|stored| match stored {
            Ok(Appended::New(message)) => Some(&message.attachments),
            _ => None,
        });
        let files: Vec<_> = new.flatten().map(|file| file.id).collect();
        if files.is_empty() {
            return;
        }
        if let Err(error) = self.attachments.settle(&files).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "files that were sent are not noted as such yet");
        }
    }

    /// Looked up once a batch: when that fails, it fails for every message of the room.
    async fn find_way(&self, scope: &mut Scope, sender: UserId, room: RoomId) -> Way {
        if let Some(known) = scope.ways.get(&room) {
            return *known;
        }
        let found = self.reach.enter(sender, room).await.inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "a room was not looked up");
        });
        let found = found.ok();
        scope.ways.insert(room, found);
        found
    }

    /// What was stored before stays told, whatever came between the two since.
    async fn refuse(
        &self,
        sender: UserId,
        draft: Draft,
        refusal: SendError,
    ) -> Result<Sent, SendError> {
        if !matches!(refusal, SendError::Barred(Barrier::NotDelivered | Barrier::Blocked)) {
            return Err(refusal);
        }
        match self.messages.find_by_client_id(sender, draft.client_id).await? {
            Some(message) => self.settle(draft, Ok(Appended::Known(message))),
            None => Err(refusal),
        }
    }

    fn seal(&self, sender: UserId, draft: &Draft, files: &[AttachedFile]) -> NewMessage {
        let now = self.clock.now();
        let id = MessageId::mint(now, self.entropy.bytes());
        let place = SealedPlace { room: draft.room, message: id, sender };
        NewMessage {
            id,
            room: draft.room,
            sender,
            client_id: draft.client_id,
            fingerprint: self.fingerprint(draft),
            body: self.sealer.seal(&place, &draft.body),
            sent_at: now,
            reply_to: draft.reply_to,
            attachments: files.to_vec(),
        }
    }

    fn settle(
        &self,
        draft: Draft,
        stored: Result<Appended, Unavailable>,
    ) -> Result<Sent, SendError> {
        match stored? {
            Appended::New(message) => {
                Ok(Sent::New(self.opener.opened(message, Content::Text(draft.body))))
            }
            Appended::NoSuchReply => Err(SendError::NoSuchReply),
            Appended::Known(message) => {
                let first = &message.fingerprint;
                if !self.digester.matches(
                    Purpose::MessageFingerprint,
                    &fingerprint_parts(&draft),
                    first,
                ) {
                    return Err(SendError::ClientIdReused);
                }
                Ok(Sent::Known(self.opener.open(message)))
            }
        }
    }

    fn fingerprint(&self, draft: &Draft) -> KeyedDigest {
        self.digester.digest(Purpose::MessageFingerprint, &fingerprint_parts(draft))
    }
}

/// A store that says nothing of a message may or may not have it.
fn unanswered() -> Result<Sent, SendError> {
    Err(Unavailable::of("store", anyhow::anyhow!("no answer for a message")).into())
}

/// What counts of an outcome.
fn figure(outcome: &Result<Sent, SendError>) -> MessageOutcome {
    match outcome {
        Ok(Sent::New(_)) => MessageOutcome::New,
        Ok(Sent::Known(_)) => MessageOutcome::Known,
        Err(
            SendError::Barred(_)
            | SendError::NoSuchReply
            | SendError::NoSuchAttachment
            | SendError::ClientIdReused,
        ) => MessageOutcome::Refused,
        Err(SendError::Throttled(_)) => MessageOutcome::Throttled,
        Err(SendError::Unavailable(_)) => MessageOutcome::Unavailable,
    }
}

/// What comes with a draft.
enum Attached {
    /// These files, claimed for it.
    Files(Vec<AttachedFile>),
    /// It is stored already.
    Known(SealedMessage),
}

/// What one batch has learnt on the way.
#[derive(Default)]
struct Scope {
    ways: HashMap<RoomId, Way>,
    throttled: Option<Throttled>,
}

/// What is known of a room in a batch; `None` if it could not be looked up.
type Way = Option<Result<(), Barrier>>;

/// All that makes two messages the same. Keyed, because the text would be guessed from a plain
/// digest.
fn fingerprint_parts(draft: &Draft) -> Vec<Vec<u8>> {
    let mut parts = vec![
        draft.room.as_bytes().to_vec(),
        draft.body.as_str().as_bytes().to_vec(),
        draft.reply_to.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
    ];
    // Without files there is no such part: there was none before there were files.
    if !draft.attachments.is_empty() {
        parts.push(draft.attachments.iter().flat_map(|id| *id.as_bytes()).collect());
    }
    parts
}
