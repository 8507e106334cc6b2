//! Opening sessions: the one place where a token is made.
use super::SignOut;
use crate::ports::{Clock, Entropy, EntropyExt, Unavailable};
use domain::{
    device::Device,
    id::{SessionId, UserId},
    session::Session,
    token::SessionToken,
    user::User,
};
use std::sync::Arc;

/// Opens sessions.
#[derive(Clone)]
pub struct Sessions {
    /// Where they are kept; ends the one that a browser had before.
    pub sign_out: SignOut,
    /// When they begin.
    pub clock: Arc<dyn Clock>,
    /// Makes their tokens.
    pub entropy: Arc<dyn Entropy>,
}

/// The browser that somebody signs in with.
pub struct Browser {
    /// What it is, and where.
    pub device: Device,
    /// The session it had, whosever it is: it ends.
    pub previous: Option<SessionToken>,
}

/// Somebody signed in just now.
pub struct OpenedSession {
    /// Who.
    pub user: User,
    /// For their browser alone.
    pub token: SessionToken,
}

impl Sessions {
    /// Opens a session under a token never used before, in place of the one the browser had.
    pub(super) async fn open(
        &self,
        user: User,
        browser: Browser,
    ) -> Result<OpenedSession, Unavailable> {
        if let Some(previous) = &browser.previous {
            self.sign_out.end_by_token(previous).await?;
        }
        let token = SessionToken::mint(self.entropy.bytes());
        self.sign_out.sessions.insert(&self.begin(user.id, &token, browser.device)).await?;
        Ok(OpenedSession { user, token })
    }

    fn begin(&self, user: UserId, token: &SessionToken, device: Device) -> Session {
        let now = self.clock.now();
        let id = SessionId::mint(now, self.entropy.bytes());
        Session::begin(id, user, token.digest(), device, now)
    }
}
