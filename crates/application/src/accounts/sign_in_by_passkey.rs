//! Signing in with a passkey: by itself, or as the second step.
use super::{
    Begun, Browser, OpenSessionError, OpenedSession, PasskeyError, SecondFactors, Sessions,
};
use crate::{
    limits::Limits,
    ports::{BegunCeremony, PasskeyVerifier, Unavailable, UserRepository},
};
use domain::{ceremony::CeremonyKind, id::UserId, passkey::Passkey, token::FlowToken};
use std::{net::IpAddr, sync::Arc};

const KIND: CeremonyKind = CeremonyKind::SignInByPasskey;

/// Signs in those whose device has recognised them: that is worth two factors.
pub struct SignInByPasskey {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Speaks with devices; `None` where the public URL has no name.
    pub verifier: Option<Arc<dyn PasskeyVerifier>>,
    /// Keeps passkeys and what was begun.
    pub second_factors: SecondFactors,
    /// Opens the session.
    pub sessions: Sessions,
    /// Bounds tries.
    pub limits: Limits,
}

impl SignInByPasskey {
    /// Begins. A browser with a sign-in between its steps is asked for a passkey of that account;
    /// any other, for whichever passkey it has.
    pub async fn begin(
        &self,
        from: IpAddr,
        step: Option<FlowToken>,
    ) -> Result<Begun, PasskeyError> {
        let verifier = self.verifier.as_ref().ok_or(PasskeyError::NoName)?;
        self.limits.code_try(from).await?;
        let user = match step {
            Some(step) => self.second_factors.find_step(&step).await?.and_then(|step| step.user),
            None => None,
        };
        let known = self.of(user).await?;
        let BegunCeremony { options, state } = verifier.begin_sign_in(&known)?;
        let user = user.filter(|_| !known.is_empty());
        let ceremony = self.second_factors.begin(KIND, user, &state).await?;
        Ok(Begun { ceremony, options })
    }

    /// Signs in by the device's answer; the session the browser had before, if any, ends, and so
    /// does its sign-in between its steps. Each ceremony can be ended once, well or not.
    pub async fn finish(
        &self,
        browser: Browser,
        step: Option<FlowToken>,
        ceremony: &FlowToken,
        answer: &str,
    ) -> Result<OpenedSession, PasskeyError> {
        let verifier = self.verifier.as_ref().ok_or(PasskeyError::NoName)?;
        self.limits.code_try(browser.device.address).await?;
        let begun = self.second_factors.end(KIND, ceremony).await?;
        let (user, state) = begun.ok_or(PasskeyError::NotWaiting)?;
        let known = self.of(user.or_else(|| verifier.find_claimed(answer))).await?;
        let passkey = verifier.finish_sign_in(&state, answer, &known)?;
        let opened = self.open(browser, &passkey).await?;
        if let Some(step) = step {
            self.second_factors.end(CeremonyKind::SecondStep, &step).await?;
        }
        Ok(opened)
    }

    async fn of(&self, user: Option<UserId>) -> Result<Vec<Passkey>, Unavailable> {
        match user {
            Some(user) => self.second_factors.passkeys.list_by_user(user).await,
            None => Ok(Vec::new()),
        }
    }

    async fn open(
        &self,
        browser: Browser,
        passkey: &Passkey,
    ) -> Result<OpenedSession, PasskeyError> {
        let user = self.users.find(passkey.user).await?;
        let user = user.ok_or(PasskeyError::NotWaiting)?;
        let now = self.second_factors.clock.now();
        let passkeys = &self.second_factors.passkeys;
        passkeys.note_use(passkey.user, passkey.id, &passkey.credential, now).await?;
        let proven = self.second_factors.recognised(user);
        Ok(self.sessions.open_proven(proven, browser).await?)
    }
}

impl From<OpenSessionError> for PasskeyError {
    fn from(error: OpenSessionError) -> Self {
        match error {
            OpenSessionError::AccountDisabled => Self::AccountDisabled,
            // Nothing is outstanding after a passkey.
            OpenSessionError::PasswordChanged | OpenSessionError::SecondFactor(_) => {
                Self::NotWaiting
            }
            OpenSessionError::Unavailable(error) => error.into(),
        }
    }
}
