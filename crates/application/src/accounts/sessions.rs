//! Opening sessions: the one place where a token is made.
use super::{Acquaintance, Outstanding, SecondFactors, SignOut, second_factors::Proven};
use crate::ports::{Clock, Entropy, EntropyExt, Unavailable, UserRepository};
use domain::{
    device::Device,
    id::{SessionId, UserId},
    session::Session,
    token::{DeviceToken, SessionToken},
    user::User,
};
use std::sync::Arc;

/// Opens sessions.
#[derive(Clone)]
pub struct Sessions {
    /// Where they are kept; ends the one that a browser had before.
    pub sign_out: SignOut,
    /// Whom the operator keeps out.
    pub users: Arc<dyn UserRepository>,
    /// What accounts ask for beside the first factor.
    pub second_factors: SecondFactors,
    /// Knows the browsers that people signed in with, and tells of new ones.
    pub acquaintance: Acquaintance,
    /// When they begin.
    pub clock: Arc<dyn Clock>,
    /// Makes their tokens.
    pub entropy: Arc<dyn Entropy>,
}

/// The browser that somebody signs in with.
pub struct Browser {
    /// What it is, and where.
    pub device: Device,
    /// Tells it from others; kept for years, signed in or not.
    pub token: Option<DeviceToken>,
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

/// Why no session is opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenSessionError {
    /// The operator keeps this person out, or the account is gone.
    #[error("this account is disabled; ask whoever runs this Sotto")]
    AccountDisabled,
    /// The password that was compared is not the account's any more.
    #[error("the password was changed meanwhile")]
    PasswordChanged,
    /// The account asks for a second factor; this browser may show it now.
    #[error("a second factor is asked for")]
    SecondFactor(Outstanding),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Sessions {
    /// Opens a session for somebody who has shown one factor, unless their account asks for more:
    /// then nothing changes yet, and the session that the browser had goes on.
    pub(super) async fn open(
        &self,
        user: User,
        browser: Browser,
    ) -> Result<OpenedSession, OpenSessionError> {
        if user.disabled_at.is_some() {
            return Err(OpenSessionError::AccountDisabled);
        }
        let proven = self.second_factors.judge(user).await?;
        self.open_proven(proven.map_err(OpenSessionError::SecondFactor)?, browser).await
    }

    /// Opens a session under a token never used before, in place of the one the browser had. From
    /// then on the account knows the browser; if it did not before, its owner is told by mail.
    ///
    /// Whether the account may be used is asked again once the session is there: whoever disables
    /// it or changes its password at this moment has then either been seen here, or sees the
    /// session and ends it.
    pub(super) async fn open_proven(
        &self,
        proven: Proven,
        browser: Browser,
    ) -> Result<OpenedSession, OpenSessionError> {
        let user = proven.user();
        if user.disabled_at.is_some() {
            return Err(OpenSessionError::AccountDisabled);
        }
        if let Some(previous) = &browser.previous {
            self.sign_out.end_by_token(previous).await?;
        }
        let acquaintance = self.acquaintance.look(user, &browser).await;
        let token = SessionToken::mint(self.entropy.bytes());
        let session = self.begin(user.id, &token, browser.device.clone());
        self.sign_out.sessions.insert(&session).await?;
        if let Some(refusal) = self.refusal(user).await? {
            self.sign_out.execute(user.id, session.id).await?;
            return Err(refusal);
        }
        self.end_surplus(user.id).await?;
        self.acquaintance.deepen(acquaintance, user, &browser).await;
        Ok(OpenedSession { user: proven.into_user(), token })
    }

    /// The new one was used last, so it stays.
    async fn end_surplus(&self, user: UserId) -> Result<(), Unavailable> {
        let sessions = self.sign_out.sessions.list_by_user(user).await?;
        for surplus in sessions.iter().skip(Session::MOST) {
            self.sign_out.execute(user, surplus.id).await?;
        }
        Ok(())
    }

    /// Why somebody may not enter after all.
    async fn refusal(&self, user: &User) -> Result<Option<OpenSessionError>, Unavailable> {
        let now = self.users.find(user.id).await?.filter(|now| now.disabled_at.is_none());
        Ok(match now {
            None => Some(OpenSessionError::AccountDisabled),
            Some(now) if now.password != user.password => Some(OpenSessionError::PasswordChanged),
            Some(_) => None,
        })
    }

    fn begin(&self, user: UserId, token: &SessionToken, device: Device) -> Session {
        let now = self.clock.now();
        let id = SessionId::mint(now, self.entropy.bytes());
        Session::begin(id, user, token.digest(), device, now)
    }
}
