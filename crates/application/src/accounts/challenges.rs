//! Mailing a code to somebody who is signed in, and telling whether they typed it.
use super::Codes;
use crate::{
    limits::Limits,
    ports::{ChallengeRepository, Clock, Unavailable},
};
use domain::{
    challenge::{Challenge, ChallengePurpose},
    email::Email,
    id::{SessionId, UserId},
    otp::{Otp, OtpCode, OtpRejected},
    sealing::KeyedDigest,
    throttle::Throttled,
};
use std::{net::IpAddr, sync::Arc};

/// Keeps the codes of people who are signed in.
#[derive(Clone)]
pub struct Challenges {
    /// Where they are.
    pub challenges: Arc<dyn ChallengeRepository>,
    /// Makes the codes.
    pub codes: Codes,
    /// Bounds mails and tries.
    pub limits: Limits,
    /// Judges their age.
    pub clock: Arc<dyn Clock>,
}

/// Why a code does not count or is not sent.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeError {
    /// This session has none that waits.
    #[error("no code was mailed for this; ask for one")]
    NotWaiting,
    /// It does not count.
    #[error(transparent)]
    Rejected(#[from] OtpRejected),
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Challenges {
    /// A fresh code that is to be mailed; the one before it dies. One a minute for each session and
    /// purpose.
    pub(super) async fn begin(
        &self,
        user: UserId,
        session: SessionId,
        purpose: ChallengePurpose,
        email: &Email,
    ) -> Result<OtpCode, ChallengeError> {
        self.limits.code_mail(email).await?;
        let now = self.clock.now();
        let (user, email) = (user, email.clone());
        let unsent = Otp::sent(KeyedDigest::new(Vec::new()), now);
        let mut challenge = Challenge { session, purpose, user, email, otp: unsent };
        let (code, otp) = self.codes.mint(&challenge, now);
        challenge.otp = otp;
        if self.challenges.put(&challenge, now - Otp::RESEND_AFTER).await? {
            return Ok(code);
        }
        Err(Throttled { retry_after: Otp::RESEND_AFTER }.into())
    }

    /// Counts a try, and only then judges it. What was right is used up: of several tries at once
    /// with the right code, one is told so.
    pub(super) async fn redeem(
        &self,
        session: SessionId,
        purpose: ChallengePurpose,
        from: IpAddr,
        code: &OtpCode,
    ) -> Result<Challenge, ChallengeError> {
        self.limits.code_try(from).await?;
        let challenge = self.challenges.begin_attempt(session, purpose).await?;
        let challenge = challenge.ok_or(ChallengeError::NotWaiting)?;
        let digits_match = self.codes.matches(&challenge, code, &challenge.otp);
        challenge.otp.judge(digits_match, self.clock.now())?;
        if self.challenges.take(&challenge).await? {
            return Ok(challenge);
        }
        Err(ChallengeError::NotWaiting)
    }
}
