//! The browsers one is signed in with, and ending them from afar.
use super::{SignOut, SignedIn};
use crate::ports::{Clock, Unavailable};
use domain::{id::SessionId, session::Session};
use std::{cmp::Reverse, sync::Arc};

/// Shows a person's sessions and ends them.
pub struct Devices {
    /// Where they are kept; ends them.
    pub sign_out: SignOut,
    /// Judges their age.
    pub clock: Arc<dyn Clock>,
}

/// Why a session is not ended.
#[derive(Debug, thiserror::Error)]
pub enum DevicesError {
    /// It is not one's own, or not there.
    #[error("there is no such session")]
    NoSuchSession,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Devices {
    /// One's live sessions: the one in use first, then those used last.
    pub async fn list(&self, me: SignedIn) -> Result<Vec<Session>, Unavailable> {
        let now = self.clock.now();
        let mut sessions = self.sign_out.sessions.list_by_user(me.user).await?;
        sessions.retain(|session| session.is_live(now));
        sessions.sort_by_key(|s| (s.id != me.session, Reverse((s.last_used_at, s.id))));
        Ok(sessions)
    }

    /// Ends one of one's sessions.
    pub async fn end(&self, me: SignedIn, session: SessionId) -> Result<(), DevicesError> {
        let own = self.list(me).await?.iter().any(|listed| listed.id == session);
        if !own {
            return Err(DevicesError::NoSuchSession);
        }
        Ok(self.sign_out.execute(me.user, session).await?)
    }

    /// Ends all of one's sessions but the one in use.
    pub async fn end_others(&self, me: SignedIn) -> Result<(), Unavailable> {
        self.sign_out.end_all(me.user, Some(me.session)).await
    }
}
