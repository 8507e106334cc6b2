//! Forgotten passwords.
use super::{Acquaintance, Browser, NewPassword, NewPasswordError};
use crate::{
    limits::Limits,
    ports::{
        Clock, Entropy, EntropyExt, Mail, Mailer, PasswordResetRepository, Unavailable,
        UserRepository,
    },
};
use domain::{
    TimeDelta, email::Email, password_reset::PasswordReset, throttle::Throttled, token::ResetToken,
    user::User,
};
use std::{net::IpAddr, sync::Arc};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Mails a link to those who forgot their password.
pub struct ForgotPassword {
    /// Makes and mails the link.
    pub links: ResetLinks,
    /// Bounds mails.
    pub limits: Limits,
    /// What must end before the program does.
    pub tasks: TaskTracker,
    /// How many of them there may be at once, whoever asks.
    pub places: Arc<Semaphore>,
}

/// Makes and mails links for new passwords.
#[derive(Clone)]
pub struct ResetLinks {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Where links are.
    pub resets: Arc<dyn PasswordResetRepository>,
    /// Carries them.
    pub mailer: Arc<dyn Mailer>,
    /// When they are made.
    pub clock: Arc<dyn Clock>,
    /// Makes their tokens.
    pub entropy: Arc<dyn Entropy>,
}

/// Why no link is mailed.
#[derive(Debug, thiserror::Error)]
pub enum ForgotPasswordError {
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Lets whoever reads the mail choose a new password.
pub struct ResetPassword {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Where links are.
    pub resets: Arc<dyn PasswordResetRepository>,
    /// Sets the password.
    pub new_password: NewPassword,
    /// From then on, the browser that set it is the only one the account knows.
    pub acquaintance: Acquaintance,
    /// Bounds tries.
    pub limits: Limits,
    /// Judges the link's age.
    pub clock: Arc<dyn Clock>,
}

/// Why a password is not reset.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// The link was used, is too old, or never was one.
    #[error("this link no longer works; ask for a new one")]
    Expired,
    /// The new password is not accepted; the link stays good.
    #[error(transparent)]
    New(#[from] NewPasswordError),
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ForgotPassword {
    /// Requests whose mail is under way at once; beyond that everybody is asked to come back.
    pub const PLACES: usize = 256;

    /// Mails a link, if the address has an account. All that depends on that is done after the
    /// answer, so that neither its words nor its time tell who exists.
    pub async fn execute(&self, from: IpAddr, email: &Email) -> Result<(), ForgotPasswordError> {
        self.limits.forgot_password(from).await?;
        let busy = Throttled { retry_after: TimeDelta::seconds(1) };
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy)?;
        let user = self.links.users.find_by_email(email).await?;
        let (links, limits) = (self.links.clone(), self.limits.clone());
        self.tasks.spawn(async move {
            let _place = place;
            let Some(user) = user.filter(|user| user.disabled_at.is_none()) else { return };
            if limits.reset_mail(&user.email).await.is_err() {
                return;
            }
            if let Err(error) = links.mail(&user).await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(user = %user.id, error, "no link for a new password was mailed");
            }
        });
        Ok(())
    }
}

impl ResetLinks {
    /// One a minute; the one before dies.
    async fn mail(&self, user: &User) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let token = ResetToken::mint(self.entropy.bytes());
        let reset = PasswordReset { token: token.digest(), user: user.id, created_at: now };
        if !self.resets.put(&reset, now - PasswordReset::AGAIN_AFTER).await? {
            return Ok(());
        }
        // The account may have left this address a moment ago; what waited for it was cancelled
        // before this link was there.
        let now = self.users.find(user.id).await?;
        if now.is_none_or(|now| now.email != user.email) {
            return self.resets.remove_by_user(user.id).await;
        }
        let mail = Mail::ResetPassword { username: user.username.clone(), token };
        self.mailer.send(&user.email, mail).await
    }
}

impl ResetPassword {
    /// Sets the password and ends all sessions. The link is used up once the password is accepted,
    /// and before it is set: a crash in between leaves a link that no longer works, and nothing
    /// else. Whoever has set it can sign in from here, whatever strangers try meanwhile.
    pub async fn execute(
        &self,
        browser: &Browser,
        token: &ResetToken,
        password: &str,
    ) -> Result<(), ResetPasswordError> {
        self.limits.code_try(browser.device.address).await?;
        let token = token.digest();
        let found = self.live(self.resets.find(&token).await?).await?;
        let choice = self.new_password.choose(&found, password).await?;
        let user = self.live(self.resets.take(&token).await?).await?;
        self.new_password.set(&user, choice, None).await?;
        self.acquaintance.begin_anew(&user, browser).await;
        for name in [user.username.key().as_str(), user.email.as_str()] {
            self.limits.forget_guesses(name).await;
        }
        Ok(())
    }

    /// Whose password a link changes, if it still counts.
    async fn live(&self, reset: Option<PasswordReset>) -> Result<User, ResetPasswordError> {
        let now = self.clock.now();
        let reset = reset.filter(|r| r.is_live(now)).ok_or(ResetPasswordError::Expired)?;
        let user = self.users.find(reset.user).await?;
        let user = user.filter(|user| user.disabled_at.is_none());
        user.ok_or(ResetPasswordError::Expired)
    }
}
