//! The second step of signing in.
use super::{Browser, OpenSessionError, OpenedSession, SecondFactors, Sessions};
use crate::{
    limits::Limits,
    ports::{Clock, SecondFactorNews, Unavailable, UserRepository},
};
use domain::{
    ceremony::{Ceremony, CeremonyKind},
    second_factor::{FactorKind, TypedCode},
    throttle::Throttled,
    token::FlowToken,
    user::User,
};
use std::{net::IpAddr, sync::Arc};

const KIND: CeremonyKind = CeremonyKind::SecondStep;

/// Signs in those who have shown the first factor, by the second.
pub struct SecondStep {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Recognises second factors.
    pub second_factors: SecondFactors,
    /// Opens the session.
    pub sessions: Sessions,
    /// Bounds tries.
    pub limits: Limits,
    /// Judges how long ago the first step was.
    pub clock: Arc<dyn Clock>,
}

/// Why the second step does not lead in.
#[derive(Debug, thiserror::Error)]
pub enum SecondStepError {
    /// This browser has no sign-in waiting, or it has waited or was tried too long.
    #[error("this sign-in has ended; begin again")]
    NotWaiting,
    /// The code does not count.
    #[error("the code is not right")]
    Wrong {
        /// Tries that remain.
        attempts_left: u32,
    },
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

impl SecondStep {
    /// What the owner of the account can show, if this browser has a sign-in waiting.
    pub async fn find_waiting(
        &self,
        flow: Option<FlowToken>,
    ) -> Result<Option<Vec<FactorKind>>, Unavailable> {
        let Some(flow) = flow else { return Ok(None) };
        let waiting = self.second_factors.find_step(&flow).await?;
        let Some(user) = waiting.and_then(|waiting| waiting.user) else { return Ok(None) };
        let Some(factor) = self.second_factors.factors.find(user).await? else { return Ok(None) };
        Ok(Some(self.second_factors.kinds(&factor).await?))
    }

    /// Signs in; the session the browser had before, if any, ends. A try is counted before it is
    /// judged, and what was right is used up.
    ///
    /// Guesses at six digits are bounded for the account as well, however often somebody begins
    /// anew; whoever uses those up (and has the password) does not keep out its owner, who has
    /// recovery codes: nobody guesses those.
    pub async fn execute(
        &self,
        browser: Browser,
        flow: Option<FlowToken>,
        typed: &str,
    ) -> Result<OpenedSession, SecondStepError> {
        let flow = flow.ok_or(SecondStepError::NotWaiting)?;
        let code = TypedCode::parse(typed);
        let waiting = self.admit(&flow, browser.device.address, &code).await?;
        let user = self.owner(&waiting).await?;
        let Some(proven) = self.second_factors.redeem(user.clone(), &code).await? else {
            return Err(self.refuse(&user, waiting.attempts_left()).await);
        };
        if !self.second_factors.ceremonies.take(&waiting.flow, KIND).await? {
            return Err(SecondStepError::NotWaiting);
        }
        self.limits.forget_second_factor(user.id).await;
        Ok(self.sessions.open_proven(proven, browser).await?)
    }

    /// Counts a try.
    async fn admit(
        &self,
        flow: &FlowToken,
        from: IpAddr,
        code: &TypedCode,
    ) -> Result<Ceremony, SecondStepError> {
        self.limits.code_try(from).await?;
        let waiting = self.second_factors.find_step(flow).await?;
        let user = waiting.and_then(|waiting| waiting.user).ok_or(SecondStepError::NotWaiting)?;
        if matches!(code, TypedCode::App(_)) {
            self.limits.second_factor(user).await?;
        }
        let counted = self.second_factors.ceremonies.begin_attempt(&flow.digest(), KIND).await?;
        let now = self.clock.now();
        counted.filter(|counted| counted.is_live(now)).ok_or(SecondStepError::NotWaiting)
    }

    /// With the last try its owner is told: somebody may have their password.
    async fn refuse(&self, user: &User, attempts_left: u32) -> SecondStepError {
        if attempts_left == 0 && self.limits.warning(user.id).await.is_ok() {
            self.second_factors.tell(user, SecondFactorNews::Refused).await;
        }
        SecondStepError::Wrong { attempts_left }
    }

    /// Who has shown the first factor; nobody if it is not theirs any more.
    async fn owner(&self, waiting: &Ceremony) -> Result<User, SecondStepError> {
        let user = waiting.user.ok_or(SecondStepError::NotWaiting)?;
        let user = self.users.find(user).await?;
        let user = user.filter(|user| self.second_factors.is_of(waiting, user));
        user.ok_or(SecondStepError::NotWaiting)
    }
}

impl From<OpenSessionError> for SecondStepError {
    fn from(error: OpenSessionError) -> Self {
        match error {
            OpenSessionError::AccountDisabled => Self::AccountDisabled,
            // Nothing is outstanding any more once the second factor was shown.
            OpenSessionError::PasswordChanged | OpenSessionError::SecondFactor(_) => {
                Self::NotWaiting
            }
            OpenSessionError::Unavailable(error) => error.into(),
        }
    }
}
