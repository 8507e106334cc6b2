//! Signing up: the address is proved by a mailed code before there is an account.
use super::{AddressProof, passwords};
use crate::{
    limits::Limits,
    ports::{
        Clock, Entropy, EntropyExt, HashingBusy, PasswordHasher, RegistrationRepository,
        Unavailable, UserRepository,
    },
};
use domain::{
    Timestamp,
    email::Email,
    id::RegistrationId,
    name::PersonName,
    otp::{Otp, OtpCode},
    password::{PasswordHash, WeakPassword},
    registration::Registration,
    throttle::Throttled,
    token::FlowToken,
    username::Username,
};
use std::{net::IpAddr, sync::Arc};

/// Begins a sign-up.
pub struct Register {
    /// To refuse names that are taken.
    pub users: Arc<dyn UserRepository>,
    /// Where the sign-up waits.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Hashes the password.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Mails the code.
    pub proof: AddressProof,
    /// Bounds sign-ups and mails.
    pub limits: Limits,
    /// When it begins.
    pub clock: Arc<dyn Clock>,
    /// Names it.
    pub entropy: Arc<dyn Entropy>,
}

/// What somebody signs up with.
pub struct SignUp {
    /// The name wished for.
    pub username: Username,
    /// The address to prove.
    pub email: Email,
    /// As typed.
    pub password: String,
    /// May be empty.
    pub first_name: PersonName,
    /// May be empty.
    pub last_name: PersonName,
}

/// Why a sign-up does not begin.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Somebody has this name, one that reads like it, or it is kept back.
    #[error("this username is taken")]
    UsernameTaken,
    /// The password is refused.
    #[error(transparent)]
    Password(#[from] WeakPassword),
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

impl Register {
    /// Begins a sign-up and gives the token that binds it to the browser that asked. Says the same
    /// of an address that has an account; its owner is told by mail.
    ///
    /// From the same browser for the same address within a minute, the code that was mailed stays
    /// good and no other is sent.
    pub async fn execute(
        &self,
        from: IpAddr,
        previous: Option<FlowToken>,
        sign_up: SignUp,
    ) -> Result<FlowToken, RegisterError> {
        self.limits.sign_up(from).await?;
        let SignUp { password, username, email, .. } = &sign_up;
        let password = passwords::choose(password.clone(), username, email).await?;
        if sign_up.username.is_reserved() || self.users.has_username_like(&sign_up.username).await?
        {
            return Err(RegisterError::UsernameTaken);
        }
        let hash = self.hasher.hash(&password).await?;

        if let Some((flow, waiting)) = self.still_waiting(previous, &sign_up.email).await? {
            let SignUp { username, first_name, last_name, .. } = sign_up;
            let amended =
                Registration { username, first_name, last_name, password: hash, ..waiting };
            self.registrations.amend(&amended).await?;
            return Ok(flow);
        }
        self.limits.code_mail(&sign_up.email).await?;
        let flow = FlowToken::mint(self.entropy.bytes());
        let (registration, code) = self.begin(&flow, sign_up, hash);
        self.registrations.insert(&registration).await?;
        self.proof.send(&registration.email, code).await?;
        Ok(flow)
    }

    /// This browser's sign-up with the same address, if it was mailed a code just now.
    async fn still_waiting(
        &self,
        previous: Option<FlowToken>,
        email: &Email,
    ) -> Result<Option<(FlowToken, Registration)>, Unavailable> {
        let Some(flow) = previous else {
            return Ok(None);
        };
        let waiting = self.registrations.find_by_flow(&flow.digest()).await?;
        let now = self.clock.now();
        Ok(waiting.filter(|r| r.email == *email && now < r.otp.resend_at()).map(|r| (flow, r)))
    }

    fn begin(
        &self,
        flow: &FlowToken,
        sign_up: SignUp,
        password: PasswordHash,
    ) -> (Registration, OtpCode) {
        let now = self.clock.now();
        let id = RegistrationId::mint(now, self.entropy.bytes());
        let (code, otp) = self.proof.mint(id, now);
        (registration(id, flow, sign_up, password, otp, now), code)
    }
}

pub(super) fn registration(
    id: RegistrationId,
    flow: &FlowToken,
    sign_up: SignUp,
    password: PasswordHash,
    otp: Otp,
    now: Timestamp,
) -> Registration {
    Registration {
        id,
        flow: flow.digest(),
        username: sign_up.username,
        email: sign_up.email,
        first_name: sign_up.first_name,
        last_name: sign_up.last_name,
        password,
        otp,
        created_at: now,
    }
}
