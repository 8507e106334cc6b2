//! Showing that an account is one's own, by a code mailed to its address.
use super::{Errands, errands::PendingLink, tell};
use crate::{
    accounts::{
        Browser, ChallengeError, Challenges, OpenSessionError, OpenedSession, Outstanding, Sessions,
    },
    ports::{Entropy, EntropyExt, Mail, Mailer, Unavailable, UserRepository},
};
use domain::{
    Timestamp, challenge::ChallengePurpose, email::Email, id::SessionId,
    identity::ExternalIdentity, otp::OtpCode, token::VisitToken, user::User,
};
use std::sync::Arc;

/// Links an account and signs in, once its owner has typed the code.
#[derive(Clone)]
pub struct LinkByCode {
    /// Remembers who waits.
    pub errands: Errands,
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Keeps the codes.
    pub challenges: Challenges,
    /// Signs in.
    pub sessions: Sessions,
    /// Carries codes and notices.
    pub mailer: Arc<dyn Mailer>,
    /// Names what waits.
    pub entropy: Arc<dyn Entropy>,
}

/// What the browser that waits may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingLink {
    /// Where the code was mailed to.
    pub email: Email,
    /// When it is too late.
    pub expires_at: Timestamp,
}

/// Why an account is not linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkByCodeError {
    /// This browser has nothing that waits.
    #[error("nothing waits for a code in this browser; begin again with Google")]
    NotWaiting,
    /// The code does not count, or none is sent.
    #[error(transparent)]
    Code(#[from] ChallengeError),
    /// The account elsewhere belongs to somebody else by now.
    #[error("this Google account belongs to somebody else here")]
    Taken,
    /// The account here is linked with another one by now.
    #[error("your account is linked with another Google account")]
    LinkedOtherwise,
    /// The account is linked, and asks for more; this browser may show it now.
    #[error("the account is linked; a second factor is asked for")]
    SecondFactor(Outstanding),
    /// The operator keeps this person out.
    #[error("this account is disabled; ask whoever runs this Sotto")]
    AccountDisabled,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl LinkByCode {
    /// Mails a code to the account's address, and gives what binds the wait to the browser: fresh,
    /// so that nobody who knew what it had before can go on in its place.
    pub(super) async fn begin(
        &self,
        user: User,
        identity: ExternalIdentity,
    ) -> Result<VisitToken, LinkByCodeError> {
        let attempt = SessionId::mint(self.errands.clock.now(), self.entropy.bytes());
        let purpose = ChallengePurpose::LinkIdentity;
        let code = self.challenges.begin(user.id, attempt, purpose, &user.email).await?;
        let visit = VisitToken::mint(self.entropy.bytes());
        let link = PendingLink { attempt, user: user.id, email: user.email, identity };
        self.errands.keep_link(&visit, &link).await?;
        self.mailer.send(&link.email, Mail::ConfirmLink { code }).await?;
        Ok(visit)
    }

    /// What waits in a browser.
    pub async fn find_waiting(
        &self,
        visit: Option<VisitToken>,
    ) -> Result<Option<WaitingLink>, Unavailable> {
        let Some(visit) = visit else { return Ok(None) };
        let waiting = self.errands.find_link(&visit).await?;
        Ok(waiting.map(|(link, expires_at)| WaitingLink { email: link.email, expires_at }))
    }

    /// Mails another code; the one before dies.
    pub async fn send_again(&self, visit: Option<VisitToken>) -> Result<(), LinkByCodeError> {
        let (_, link) = self.waiting(visit).await?;
        let purpose = ChallengePurpose::LinkIdentity;
        let code = self.challenges.begin(link.user, link.attempt, purpose, &link.email).await?;
        Ok(self.mailer.send(&link.email, Mail::ConfirmLink { code }).await?)
    }

    /// Links the account and signs in; the session the browser had before, if any, ends. A new
    /// password, a new address and the end of the account each put an end to the code as well.
    pub async fn execute(
        &self,
        browser: Browser,
        visit: Option<VisitToken>,
        code: &OtpCode,
    ) -> Result<OpenedSession, LinkByCodeError> {
        let (visit, link) = self.waiting(visit).await?;
        let (purpose, from) = (ChallengePurpose::LinkIdentity, browser.device.address);
        let challenge = self.challenges.redeem(link.attempt, purpose, from, code).await?;
        let user = self.users.find(challenge.user).await?;
        let user = user.ok_or(LinkByCodeError::NotWaiting)?;
        if user.disabled_at.is_some() {
            return Err(LinkByCodeError::AccountDisabled);
        }
        if !self.errands.take_link(&visit).await? {
            return Err(LinkByCodeError::NotWaiting);
        }
        let linked = self.users.link_identity(user.id, &link.identity).await?;
        let linked = linked.ok_or(LinkByCodeError::NotWaiting)?;
        let user = linked.map_err(|_| LinkByCodeError::Taken)?;
        if user.google.as_ref() != Some(&link.identity) {
            return Err(LinkByCodeError::LinkedOtherwise);
        }
        tell(&*self.mailer, &user).await;
        Ok(self.sessions.open(user, browser).await?)
    }

    async fn waiting(
        &self,
        visit: Option<VisitToken>,
    ) -> Result<(VisitToken, PendingLink), LinkByCodeError> {
        let visit = visit.ok_or(LinkByCodeError::NotWaiting)?;
        let waiting = self.errands.find_link(&visit).await?;
        let (link, _) = waiting.ok_or(LinkByCodeError::NotWaiting)?;
        Ok((visit, link))
    }
}

impl From<OpenSessionError> for LinkByCodeError {
    fn from(error: OpenSessionError) -> Self {
        match error {
            OpenSessionError::AccountDisabled => Self::AccountDisabled,
            // A new password puts an end to the code.
            OpenSessionError::PasswordChanged => Self::NotWaiting,
            OpenSessionError::SecondFactor(outstanding) => Self::SecondFactor(outstanding),
            OpenSessionError::Unavailable(error) => error.into(),
        }
    }
}
