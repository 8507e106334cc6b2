//! Opening sessions: the one place where a token is made.
use crate::ports::{Clock, Entropy, EntropyExt, SessionRepository, Unavailable};
use domain::{
    id::{SessionId, UserId},
    session::Session,
    token::SessionToken,
    user::User,
};
use std::sync::Arc;

/// Opens sessions.
#[derive(Clone)]
pub struct Sessions {
    /// Where they are kept.
    pub sessions: Arc<dyn SessionRepository>,
    /// When they begin.
    pub clock: Arc<dyn Clock>,
    /// Makes their tokens.
    pub entropy: Arc<dyn Entropy>,
}

/// Somebody signed in just now.
pub struct OpenedSession {
    /// Who.
    pub user: User,
    /// For their browser alone.
    pub token: SessionToken,
}

impl Sessions {
    /// Opens a session under a token never used before.
    pub(super) async fn open(&self, user: User) -> Result<OpenedSession, Unavailable> {
        let token = SessionToken::mint(self.entropy.bytes());
        self.sessions.insert(&self.begin(user.id, &token)).await?;
        Ok(OpenedSession { user, token })
    }

    fn begin(&self, user: UserId, token: &SessionToken) -> Session {
        let now = self.clock.now();
        Session::begin(SessionId::mint(now, self.entropy.bytes()), user, token.digest(), now)
    }
}
