//! Giving people all that is stored about them, in clear.
mod conversations;
mod places;
mod records;

pub use conversations::{Conversation, Conversations, Interrupted};
pub use places::Places;
pub use records::{BlockedPerson, RecordKeepers, Records};

use super::{Authenticate, SignedIn};
use crate::{
    limits::Limits,
    ports::{Mail, Mailer, Unavailable},
};
use domain::throttle::Throttled;
use places::Place;
use std::sync::Arc;

/// Gives people all that is stored about them.
pub struct Export {
    /// What is kept about them beside what they wrote.
    pub keepers: RecordKeepers,
    /// What they wrote, and were written.
    pub conversations: Conversations,
    /// Whether they are still signed in.
    pub authenticate: Authenticate,
    /// How often.
    pub limits: Limits,
    /// How many at once.
    pub places: Places,
    /// Tells the owner: whoever got hold of a session takes everything away, but not in silence.
    pub mailer: Arc<dyn Mailer>,
}

/// Why nothing is given.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The account is gone, or the session.
    #[error("this account no longer exists")]
    Gone,
    /// This account's data is being given already.
    #[error("your data is being downloaded already")]
    Underway,
    /// As many as we give at once are being given.
    #[error("others are downloading their data; try again in a moment")]
    Busy,
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// All that is stored about somebody. The history is read as it is asked for, page by page, so that
/// it costs the same memory however long it is; one place among all is taken while this lives.
pub struct OwnData {
    /// What is kept about them beside what they wrote.
    pub records: Records,
    conversations: Conversations,
    authenticate: Authenticate,
    me: SignedIn,
    /// How many pages were read since it was asked whether they are still signed in.
    unchecked: usize,
    _place: Place,
}

impl Export {
    /// Begins to give somebody all that is theirs, and tells them by mail that it was asked for:
    /// without that, nothing is given.
    pub async fn begin(&self, me: SignedIn) -> Result<OwnData, ExportError> {
        let place = self.places.take(me.user)?;
        self.limits.export(me.user).await?;
        let records = self.keepers.read(me).await?.ok_or(ExportError::Gone)?;
        self.tell_owner(me, &records).await?;
        Ok(OwnData {
            records,
            conversations: self.conversations.clone(),
            authenticate: self.authenticate.clone(),
            me,
            unchecked: 0,
            _place: place,
        })
    }

    async fn tell_owner(&self, me: SignedIn, records: &Records) -> Result<(), ExportError> {
        let asking = records.sessions.iter().find(|session| session.id == me.session);
        let device = asking.ok_or(ExportError::Gone)?.device.clone();
        let username = records.user.username.clone();
        let mail = Mail::DataExported { username, device, at: records.read_at };
        Ok(self.mailer.send(&records.user.email, mail).await?)
    }
}
