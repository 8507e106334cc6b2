//! Turning a sign-up into an account.
use super::{
    AddressProof, Browser, OpenSessionError, OpenedSession, Sessions, second_factors::Proven,
};
use crate::{
    limits::Limits,
    ports::{
        Clock, Entropy, EntropyExt, Mail, Mailer, RegistrationRepository, Unavailable,
        UserRepository,
    },
};
use domain::{
    Timestamp,
    email::Email,
    id::UserId,
    otp::{OtpCode, OtpRejected},
    registration::Registration,
    throttle::Throttled,
    token::FlowToken,
    user::{Taken, User},
};
use std::sync::Arc;

/// Proves an address by the code mailed to it, opens the account and signs in.
pub struct VerifyOtp {
    /// Where the sign-up waits.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Where the account goes.
    pub users: Arc<dyn UserRepository>,
    /// Recognises the code.
    pub proof: AddressProof,
    /// Signs in.
    pub sessions: Sessions,
    /// Says welcome.
    pub mailer: Arc<dyn Mailer>,
    /// Bounds tries.
    pub limits: Limits,
    /// Judges the code's age.
    pub clock: Arc<dyn Clock>,
    /// Names the account.
    pub entropy: Arc<dyn Entropy>,
}

/// Why an address is not proved.
#[derive(Debug, thiserror::Error)]
pub enum VerifyOtpError {
    /// This browser has no sign-up waiting for this address; nothing was counted.
    #[error("this browser has no sign-up waiting for that address")]
    NotWaiting,
    /// The code does not count.
    #[error(transparent)]
    Rejected(#[from] OtpRejected),
    /// The code was right, but somebody else took the name meanwhile.
    #[error("this username was taken meanwhile; sign up again with another")]
    UsernameTaken,
    /// The operator keeps this person out.
    #[error("this account is disabled; ask whoever runs this Sotto")]
    AccountDisabled,
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What the browser that signed up may know of its sign-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingSignUp {
    /// The address to prove.
    pub email: Email,
    /// When the code was sent.
    pub sent_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// When another may be asked for.
    pub resend_at: Timestamp,
    /// Tries that remain.
    pub attempts_left: u32,
}

impl VerifyOtp {
    /// Opens the account and signs in; the session the browser had before, if any, ends.
    pub async fn execute(
        &self,
        browser: Browser,
        flow: Option<FlowToken>,
        email: &Email,
        code: &OtpCode,
    ) -> Result<OpenedSession, VerifyOtpError> {
        self.limits.code_try(browser.device.address).await?;
        let flow = flow.ok_or(VerifyOtpError::NotWaiting)?;
        self.waiting(&flow)
            .await?
            .filter(|r| r.email == *email)
            .ok_or(VerifyOtpError::NotWaiting)?;
        let registration = self.count_and_judge(&flow, code).await?;
        let user = self.open_account(registration).await?;
        self.welcome(&user).await;
        Ok(self.sessions.open_proven(Proven::newcomer(user), browser).await?)
    }

    /// The sign-up this browser has waiting.
    pub async fn find_waiting(
        &self,
        flow: Option<FlowToken>,
    ) -> Result<Option<WaitingSignUp>, Unavailable> {
        let Some(flow) = flow else { return Ok(None) };
        Ok(self.waiting(&flow).await?.map(|r| WaitingSignUp {
            sent_at: r.otp.sent_at,
            expires_at: r.otp.expires_at(),
            resend_at: r.otp.resend_at(),
            attempts_left: r.otp.attempts_left(),
            email: r.email,
        }))
    }

    async fn waiting(&self, flow: &FlowToken) -> Result<Option<Registration>, Unavailable> {
        let now = self.clock.now();
        Ok(self.registrations.find_by_flow(&flow.digest()).await?.filter(|r| r.is_live(now)))
    }

    async fn count_and_judge(
        &self,
        flow: &FlowToken,
        code: &OtpCode,
    ) -> Result<Registration, VerifyOtpError> {
        let registration = self
            .registrations
            .begin_attempt(&flow.digest())
            .await?
            .ok_or(VerifyOtpError::NotWaiting)?;
        let digits_match = self.proof.matches(registration.id, code, &registration.otp);
        registration.otp.judge(digits_match, self.clock.now())?;
        Ok(registration)
    }

    /// Insert before remove: a crash in between leaves a sign-up nobody needs, the other order
    /// would lose the account.
    async fn open_account(&self, registration: Registration) -> Result<User, VerifyOtpError> {
        let attempts_left = registration.otp.attempts_left();
        let now = self.clock.now();
        let user = registration.into_user(UserId::mint(now, self.entropy.bytes()), now);
        match self.users.insert(&user).await? {
            Ok(()) => {}
            Err(Taken::Username) => return Err(VerifyOtpError::UsernameTaken),
            // A code for an address that has an account was never mailed; or this is the second
            // of two requests with the right code.
            Err(Taken::Email | Taken::Identity) => {
                return Err(OtpRejected::Wrong { attempts_left }.into());
            }
        }
        // Whoever else began a sign-up with this address did not prove it.
        self.registrations.remove_by_email(&user.email).await?;
        Ok(user)
    }

    /// The account exists; a lost welcome must not undo it.
    async fn welcome(&self, user: &User) {
        let mail = Mail::Welcome { username: user.username.clone() };
        if let Err(error) = self.mailer.send(&user.email, mail).await {
            tracing::warn!(user = %user.id, %error, "the welcome mail was not sent");
        }
    }
}

impl From<OpenSessionError> for VerifyOtpError {
    fn from(error: OpenSessionError) -> Self {
        match error {
            OpenSessionError::AccountDisabled => Self::AccountDisabled,
            // Somebody else set another one, a moment after the account was opened.
            OpenSessionError::PasswordChanged | OpenSessionError::SecondFactor(_) => {
                Self::NotWaiting
            }
            OpenSessionError::Unavailable(error) => error.into(),
        }
    }
}
