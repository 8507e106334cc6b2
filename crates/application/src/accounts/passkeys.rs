//! One's own passkeys: making, listing and removing them.
use super::{Confirm, ConfirmError, Proof, SecondFactors, SignedIn};
use crate::{
    limits::Limits,
    ports::{
        BegunCeremony, EntropyExt, PasskeyRefused, PasskeyVerifier, SecondFactorNews, Unavailable,
    },
};
use domain::{
    ceremony::CeremonyKind,
    id::PasskeyId,
    passkey::{Passkey, PasskeyName},
    throttle::Throttled,
    token::FlowToken,
};
use std::{net::IpAddr, sync::Arc};

const KIND: CeremonyKind = CeremonyKind::MakePasskey;

/// Makes and removes one's passkeys.
pub struct Passkeys {
    /// Asks whether it is really the account's owner.
    pub confirm: Confirm,
    /// Speaks with devices; `None` where the public URL has no name.
    pub verifier: Option<Arc<dyn PasskeyVerifier>>,
    /// Keeps them, what was begun, and what is asked for.
    pub second_factors: SecondFactors,
    /// Bounds tries.
    pub limits: Limits,
}

/// Something begun with a device.
pub struct Begun {
    /// Names the ceremony; to be sent back with the device's answer.
    pub ceremony: FlowToken,
    /// For the browser, as JSON.
    pub options: String,
}

/// Why a passkey is not made, not removed, or does not sign in.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The public URL has no name.
    #[error("passkeys work where Sotto has a name, not under an IP address")]
    NoName,
    /// What was begun has ended, or never was.
    #[error("this has taken too long; begin again")]
    NotWaiting,
    /// The device's answer does not do.
    #[error(transparent)]
    Refused(#[from] PasskeyRefused),
    /// There are as many as may be.
    #[error("you have as many passkeys as may be; remove one first")]
    TooMany,
    /// There is no such passkey.
    #[error("there is no such passkey")]
    NoSuchPasskey,
    /// The operator keeps this person out.
    #[error("this account is disabled; ask whoever runs this Sotto")]
    AccountDisabled,
    /// What was shown does not do.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Passkeys {
    /// Whether passkeys can be made here at all.
    pub fn available(&self) -> bool {
        self.verifier.is_some()
    }

    /// One's passkeys, in the order in which they were made.
    pub async fn list(&self, me: SignedIn) -> Result<Vec<Passkey>, Unavailable> {
        self.second_factors.passkeys.list_by_user(me.user).await
    }

    /// Begins to make one.
    pub async fn begin(
        &self,
        me: SignedIn,
        from: IpAddr,
        proof: &Proof,
    ) -> Result<Begun, PasskeyError> {
        let verifier = self.verifier.as_ref().ok_or(PasskeyError::NoName)?;
        let known = self.list(me).await?;
        if known.len() >= Passkey::MOST {
            return Err(PasskeyError::TooMany);
        }
        let user = self.confirm.execute(me, from, proof).await?;
        let BegunCeremony { options, state } = verifier.begin_registration(&user, &known)?;
        let ceremony = self.second_factors.begin(KIND, Some(user.id), &state).await?;
        Ok(Begun { ceremony, options })
    }

    /// Keeps the one that a device has made. Each ceremony can be ended once, well or not.
    pub async fn finish(
        &self,
        me: SignedIn,
        from: IpAddr,
        ceremony: &FlowToken,
        name: PasskeyName,
        answer: &str,
    ) -> Result<Passkey, PasskeyError> {
        let verifier = self.verifier.as_ref().ok_or(PasskeyError::NoName)?;
        self.limits.code_try(from).await?;
        let begun = self.second_factors.end(KIND, ceremony).await?;
        let (user, state) = begun.ok_or(PasskeyError::NotWaiting)?;
        if user != Some(me.user) {
            return Err(PasskeyError::NotWaiting);
        }
        let made = verifier.finish_registration(&state, answer)?;
        let now = self.second_factors.clock.now();
        let passkey = Passkey {
            id: PasskeyId::mint(now, self.second_factors.entropy.bytes()),
            user: me.user,
            credential_id: made.id,
            credential: made.credential,
            name,
            created_at: now,
            last_used_at: None,
        };
        let user = self.confirm.find(me).await?;
        if !self.second_factors.passkeys.insert(&passkey).await? {
            return Err(PasskeyRefused.into());
        }
        self.second_factors.tell(&user, SecondFactorNews::PasskeyAdded).await;
        Ok(passkey)
    }

    /// Removes one. Whoever is asked for a passkey and has none left is asked for nothing any more.
    pub async fn remove(
        &self,
        me: SignedIn,
        from: IpAddr,
        id: PasskeyId,
        proof: &Proof,
    ) -> Result<(), PasskeyError> {
        if !self.list(me).await?.iter().any(|passkey| passkey.id == id) {
            return Err(PasskeyError::NoSuchPasskey);
        }
        let user = self.confirm.execute(me, from, proof).await?;
        if !self.second_factors.passkeys.remove(user.id, id).await? {
            return Err(PasskeyError::NoSuchPasskey);
        }
        self.second_factors.tell(&user, SecondFactorNews::PasskeyRemoved).await;
        if self.list(me).await?.is_empty() && self.second_factors.asks_for_passkeys(me.user).await?
        {
            self.second_factors.turn_off(&user).await?;
        }
        Ok(())
    }
}
