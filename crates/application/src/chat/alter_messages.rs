//! Changing what was sent: saying it anew, taking it back, reacting to it.
use super::{Barrier, OpenedMessage, Opener, Reach};
use crate::{
    files::Leftovers,
    limits::Limits,
    ports::{Clock, MessageChange, MessageRepository, MessageSealer, Unavailable},
};
use domain::{
    Timestamp,
    id::{AttachmentId, MessageId, RoomId, UserId},
    message::{Alteration, AlterationRefused, MessageBody},
    reaction::Emoji,
    sealing::SealedPlace,
    throttle::Throttled,
};
use std::sync::Arc;

/// Changes messages.
pub struct AlterMessages {
    /// Where they are.
    pub messages: Arc<dyn MessageRepository>,
    /// Whether the other is to hear of it.
    pub reach: Reach,
    /// Seals what is said anew.
    pub sealer: Arc<dyn MessageSealer>,
    /// Opens what came of it.
    pub opener: Opener,
    /// Lets go of the files of what is deleted.
    pub leftovers: Leftovers,
    /// Bounds how often somebody does.
    pub limits: Limits,
    /// When it is done.
    pub clock: Arc<dyn Clock>,
}

/// What somebody wants changed about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// One's own says this.
    Edit(MessageBody),
    /// One's own is taken back, for both.
    Delete,
    /// It bears one's emoji.
    React(Emoji),
    /// It bears it no longer.
    Unreact(Emoji),
}

/// Why a message stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum AlterError {
    /// There is no such message to change: it is of another room, another's, or deleted.
    #[error("there is no such message to change")]
    NotFound,
    /// What would be said anew does not get to the other.
    #[error(transparent)]
    Barred(Barrier),
    /// As many emoji from one person as a message bears.
    #[error(transparent)]
    TooManyReactions(AlterationRefused),
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Whether it was changed is unknown: changing it so once more does no harm.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl AlterMessages {
    /// Changes a message of one's room and announces it to every socket of both people; the message
    /// as it is then. What changes nothing announces nothing.
    pub async fn execute(
        &self,
        me: UserId,
        room: RoomId,
        message: MessageId,
        wish: Wish,
    ) -> Result<OpenedMessage, AlterError> {
        self.limits.alter(me).await?;
        self.authorise(me, room, &wish).await?;
        let now = self.clock.now();
        let loosened = match wish {
            Wish::Delete => self.loosen(me, room, message, now).await?,
            _ => Vec::new(),
        };
        let alteration = self.alteration(SealedPlace { room, message, sender: me }, wish, now);
        let change = MessageChange { room, message, by: me, alteration };
        match self.messages.alter(change).await? {
            Ok(altered) => {
                self.let_go(&loosened, now).await;
                Ok(self.opener.open(altered))
            }
            Err(AlterationRefused::NotFound) => Err(AlterError::NotFound),
            Err(refused @ AlterationRefused::TooManyReactions) => {
                Err(AlterError::TooManyReactions(refused))
            }
        }
    }

    /// Whoever blocks or is blocked can still take back what they said; they say nothing new.
    async fn authorise(&self, me: UserId, room: RoomId, wish: &Wish) -> Result<(), AlterError> {
        if matches!(wish, Wish::Delete | Wish::Unreact(_)) {
            let mine = self.reach.rooms.find_participants(room, me).await?;
            return mine.map(drop).ok_or(AlterError::Barred(Barrier::NoSuchRoom));
        }
        self.reach.enter(me, room).await?.map_err(AlterError::Barred)
    }

    /// Notes that the files of a message may soon have none: whatever happens between this and
    /// letting them go, they are found and decided on.
    async fn loosen(
        &self,
        me: UserId,
        room: RoomId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Vec<AttachmentId>, Unavailable> {
        let found = self.messages.find_in_room(room, message).await?.filter(|it| it.sender == me);
        let files: Vec<_> =
            found.iter().flat_map(|it| &it.attachments).map(|file| file.id).collect();
        if !files.is_empty() {
            self.leftovers.attachments.loosen(&files, now).await?;
        }
        Ok(files)
    }

    /// The message is gone already, and nobody gets its files any more.
    async fn let_go(&self, files: &[AttachmentId], since: Timestamp) {
        if let Err(error) = self.leftovers.remove_of_deleted(files, since).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "files of a deleted message were not removed yet");
        }
    }

    fn alteration(&self, place: SealedPlace, wish: Wish, now: Timestamp) -> Alteration {
        match wish {
            Wish::Edit(body) => Alteration::Edit { body: self.sealer.seal(&place, &body), at: now },
            Wish::Delete => Alteration::Delete,
            Wish::React(emoji) => Alteration::React(emoji),
            Wish::Unreact(emoji) => Alteration::Unreact(emoji),
        }
    }
}
