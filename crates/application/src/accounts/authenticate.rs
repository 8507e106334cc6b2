//! Telling who a request comes from.
use crate::ports::{Clock, SessionRepository, Unavailable};
use domain::{
    id::{SessionId, UserId},
    session::Session,
    token::SessionToken,
};
use std::sync::Arc;

/// Recognises sessions.
#[derive(Clone)]
pub struct Authenticate {
    /// Where they are kept.
    pub sessions: Arc<dyn SessionRepository>,
    /// Judges their age.
    pub clock: Arc<dyn Clock>,
}

/// Somebody who is signed in, and by which session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub user: UserId,
    /// By which session.
    pub session: SessionId,
}

impl Authenticate {
    /// Who holds this token; using it keeps the session alive.
    pub async fn execute(&self, token: &SessionToken) -> Result<Option<SignedIn>, Unavailable> {
        let Some(session) = self.live(self.sessions.find_by_token(&token.digest()).await?) else {
            return Ok(None);
        };
        let now = self.clock.now();
        if session.wants_touch(now)
            && let Err(error) = self.sessions.touch(session.id, now).await
        {
            // A store that can be read but not written still knows who is signed in.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(session = %session.id, error, "the use of a session was not noted");
        }
        Ok(Some(SignedIn { user: session.user, session: session.id }))
    }

    /// Whether a session that was recognised before still counts.
    pub async fn still_counts(&self, session: SessionId) -> Result<bool, Unavailable> {
        Ok(self.live(self.sessions.find(session).await?).is_some())
    }

    fn live(&self, session: Option<Session>) -> Option<Session> {
        let now = self.clock.now();
        session.filter(|s| s.is_live(now))
    }
}
