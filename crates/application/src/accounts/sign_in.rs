//! Signing in with a password.
use super::{AddressProof, Browser, OpenSessionError, OpenedSession, Outstanding, Sessions};
use crate::{
    limits::Limits,
    ports::{
        Clock, Entropy, EntropyExt, HashingBusy, PasswordHasher, RegistrationRepository,
        Unavailable, UserRepository,
    },
};
use domain::{
    email::Email,
    id::UserId,
    known_device::Familiarity,
    network::Network,
    password::{Password, PasswordHash},
    registration::Registration,
    throttle::Throttled,
    token::FlowToken,
    user::User,
    username::Username,
};
use std::sync::Arc;

/// No username or address is longer, in bytes; nothing longer is worth remembering in a limit.
const LONGEST_LOGIN: usize = 320;

/// Signs in by username or address.
pub struct SignIn {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Where unproved sign-ups wait.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Compares the password.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Compares it for browsers that the account knows, beside the line of everybody else.
    pub express_hasher: Arc<dyn PasswordHasher>,
    /// Opens the session, in place of the one the browser had.
    pub sessions: Sessions,
    /// Mails a fresh code to somebody who has not proved their address.
    pub proof: AddressProof,
    /// Bounds tries.
    pub limits: Limits,
    /// Counts the minute between codes.
    pub clock: Arc<dyn Clock>,
    /// Makes the flow token.
    pub entropy: Arc<dyn Entropy>,
}

/// Why somebody is not signed in.
#[derive(thiserror::Error)]
pub enum SignInError {
    /// Nobody has this name and password.
    #[error("the name or password is not right")]
    InvalidCredentials,
    /// The password of a sign-up whose address is not proved; this browser may prove it now.
    #[error("the email address is not proved yet; a code was mailed to it")]
    EmailUnverified {
        /// Binds the sign-up to this browser.
        flow: FlowToken,
    },
    /// The password was right, and the account asks for more; this browser may show it now.
    #[error("the password is right; a second factor is asked for")]
    SecondFactor(Outstanding),
    /// The operator keeps this person out.
    #[error("this account is disabled; ask whoever runs this Sotto")]
    AccountDisabled,
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Too many passwords at once.
    #[error(transparent)]
    Busy(#[from] HashingBusy),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What somebody typed to say who they are.
enum Login {
    Email(Email),
    Username(Username),
    Neither(String),
}

/// Whoever a login names.
enum Candidate {
    Account(Box<User>),
    Unproved(Box<Registration>),
    Nobody,
}

impl SignIn {
    /// Signs in under a fresh token; the session the browser had before, if any, ends. One password
    /// is compared whoever the login names, so that the time tells nobody who exists.
    pub async fn execute(
        &self,
        browser: Browser,
        login: &str,
        password: &str,
    ) -> Result<OpenedSession, SignInError> {
        if login.len() > LONGEST_LOGIN {
            return Err(SignInError::InvalidCredentials);
        }
        let password = Password::typed(password).ok_or(SignInError::InvalidCredentials)?;
        let login = Login::parse(login);
        let candidate = self.find_candidate(&login).await?;
        let hasher = self.admit(&login, &candidate, &browser).await?;
        if !hasher.verify(&password, candidate.password()).await? {
            return Err(SignInError::InvalidCredentials);
        }
        match candidate {
            Candidate::Account(user) => {
                self.limits.forget_guesses(&login.subject()).await;
                Ok(self.sessions.open(*user, browser).await?)
            }
            Candidate::Unproved(registration) => Err(self.hand_over(*registration).await?),
            Candidate::Nobody => Err(SignInError::InvalidCredentials),
        }
    }

    /// Whether this browser may try, and by which hasher. Whoever the account knows is never kept
    /// out by what others try: neither by using up a limit nor by filling the line.
    async fn admit(
        &self,
        login: &Login,
        candidate: &Candidate,
        browser: &Browser,
    ) -> Result<&Arc<dyn PasswordHasher>, SignInError> {
        let familiarity = self.sessions.acquaintance.familiarity(candidate.user(), browser).await?;
        let network = Network::of(browser.device.address);
        if familiarity == Familiarity::Device
            && let (Some(user), Some(token)) = (candidate.user(), &browser.token)
        {
            self.limits.sign_in_with_device(&token.digest_for(user)).await?;
            return Ok(&self.express_hasher);
        }
        self.limits.sign_in(&network, &login.subject()).await?;
        if familiarity == Familiarity::Stranger {
            self.limits.guess(&login.subject()).await?;
        }
        Ok(&self.hasher)
    }

    /// An account comes before a sign-up: nobody can shadow one by signing up.
    async fn find_candidate(&self, login: &Login) -> Result<Candidate, Unavailable> {
        let (user, registration) = match login {
            Login::Email(email) => (
                self.users.find_by_email(email).await?,
                self.registrations.find_newest_by_email(email).await?,
            ),
            Login::Username(name) => (
                self.users.find_by_username(name).await?,
                self.registrations.find_newest_by_username(name).await?,
            ),
            Login::Neither(_) => return Ok(Candidate::Nobody),
        };
        let now = self.clock.now();
        Ok(match (user, registration.filter(|r| r.is_live(now))) {
            (Some(user), _) => Candidate::Account(Box::new(user)),
            (None, Some(registration)) => Candidate::Unproved(Box::new(registration)),
            (None, None) => Candidate::Nobody,
        })
    }

    /// The flow moves to this browser, and a fresh code is mailed; within a minute of the last, or
    /// when the address was mailed too often, the one that was sent stays good. The flow has moved
    /// by then, so a mail that fails is no reason to keep it from the browser.
    async fn hand_over(&self, registration: Registration) -> Result<SignInError, SignInError> {
        let flow = FlowToken::mint(self.entropy.bytes());
        self.registrations.move_flow(registration.id, &flow.digest()).await?;
        if let Err(error) = self.mail_fresh_code(&registration).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(registration = %registration.id, error, "no fresh code was mailed");
        }
        Ok(SignInError::EmailUnverified { flow })
    }

    async fn mail_fresh_code(&self, registration: &Registration) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let email = &registration.email;
        if now < registration.otp.resend_at() || self.limits.code_mail(email).await.is_err() {
            return Ok(());
        }
        let (code, otp) = self.proof.mint(registration.id, now);
        let sent_before = registration.otp.sent_at;
        if self.registrations.replace_otp(registration.id, sent_before, &otp).await? {
            self.proof.send(email, code).await?;
        }
        Ok(())
    }
}

impl Login {
    fn parse(typed: &str) -> Self {
        let parsed = if typed.contains('@') {
            Email::parse(typed).ok().map(Self::Email)
        } else {
            Username::parse(typed).ok().map(Self::Username)
        };
        parsed.unwrap_or_else(|| Self::Neither(typed.trim().to_lowercase()))
    }

    /// What tries are counted under: the same however it is written.
    fn subject(&self) -> String {
        match self {
            Self::Email(email) => email.as_str().to_owned(),
            Self::Username(name) => name.key(),
            Self::Neither(text) => text.clone(),
        }
    }
}

impl Candidate {
    fn user(&self) -> Option<UserId> {
        match self {
            Self::Account(user) => Some(user.id),
            Self::Unproved(_) | Self::Nobody => None,
        }
    }

    fn password(&self) -> Option<PasswordHash> {
        match self {
            Self::Account(user) => user.password.clone(),
            Self::Unproved(registration) => Some(registration.password.clone()),
            Self::Nobody => None,
        }
    }
}

impl std::fmt::Debug for SignInError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignInError({self})")
    }
}

impl From<OpenSessionError> for SignInError {
    fn from(error: OpenSessionError) -> Self {
        match error {
            OpenSessionError::AccountDisabled => Self::AccountDisabled,
            OpenSessionError::PasswordChanged => Self::InvalidCredentials,
            OpenSessionError::SecondFactor(outstanding) => Self::SecondFactor(outstanding),
            OpenSessionError::Unavailable(error) => error.into(),
        }
    }
}
