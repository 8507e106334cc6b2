//! One's own second factor: setting it up, new recovery codes, turning it off.
use super::{Confirm, ConfirmError, Proof, SecondFactors, SignedIn};
use crate::{
    limits::Limits,
    ports::{EntropyExt, PayloadPurpose, SecondFactorNews, Unavailable},
};
use domain::{
    Timestamp,
    sealing::SealedPayload,
    second_factor::{AuthenticatorApp, RecoveryCode, SecondFactor, TypedCode},
    throttle::Throttled,
    totp::{TotpSecret, TotpStep},
    user::User,
};
use std::net::IpAddr;

/// Shows and changes what one's account asks for beside the first factor.
pub struct OwnSecondFactor {
    /// Asks whether it is really the account's owner.
    pub confirm: Confirm,
    /// Keeps it.
    pub second_factors: SecondFactors,
    /// Bounds tries.
    pub limits: Limits,
}

/// An app that is being set up.
pub struct SetUp {
    /// Whose.
    pub user: User,
    /// What goes into the app.
    pub secret: TotpSecret,
    /// The same, sealed; to be handed back with the app's first code.
    pub sealed: SealedPayload,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Why an app is not set up, or codes are not made anew.
#[derive(Debug, thiserror::Error)]
pub enum OwnSecondFactorError {
    /// The app's first code came too late, or in another session, or a second time.
    #[error("setting up the app has taken too long; begin again")]
    NotWaiting,
    /// Not a code of the app.
    #[error("this is not the app's code of now")]
    WrongCode,
    /// There is none.
    #[error("there is no second factor")]
    Off,
    /// There is one.
    #[error("there is a second factor already; turn it off first")]
    On,
    /// There is no passkey to ask for.
    #[error("make a passkey first")]
    NoPasskey,
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

impl OwnSecondFactor {
    /// One's second factor, if one has any.
    pub async fn find(&self, me: SignedIn) -> Result<Option<SecondFactor>, Unavailable> {
        self.second_factors.factors.find(me.user).await
    }

    /// Makes a secret for an app. Nothing is asked for before the app's first code has come; an app
    /// that counts already goes on counting until then.
    pub async fn begin(
        &self,
        me: SignedIn,
        from: IpAddr,
        proof: &Proof,
    ) -> Result<SetUp, OwnSecondFactorError> {
        let user = self.confirm.execute(me, from, proof).await?;
        let now = self.second_factors.clock.now();
        let secret = TotpSecret::mint(self.second_factors.entropy.bytes());
        let bytes = [&now.timestamp_millis().to_be_bytes()[..], secret.as_bytes()].concat();
        let purpose = PayloadPurpose::TotpSetUp;
        let sealed = self.second_factors.sealer.seal(purpose, &context(me), &bytes);
        Ok(SetUp { user, secret, sealed, expires_at: now + SecondFactor::SETTING_UP })
    }

    /// Asks for the app from now on, in place of the one before if there was one, and gives new
    /// recovery codes.
    pub async fn finish(
        &self,
        me: SignedIn,
        from: IpAddr,
        sealed: &SealedPayload,
        code: &TypedCode,
    ) -> Result<Vec<RecoveryCode>, OwnSecondFactorError> {
        self.limits.code_try(from).await?;
        let user = self.confirm.find(me).await?;
        let (secret, since) = self.open(me, sealed).ok_or(OwnSecondFactorError::NotWaiting)?;
        let step = self.second_factors.find_half_minute(&secret, code);
        let last_step = step.ok_or(OwnSecondFactorError::WrongCode)?;
        let codes = self.put(&user, &secret, since, last_step).await?;
        self.second_factors.tell(&user, SecondFactorNews::AppSetUp).await;
        Ok(codes)
    }

    /// Asks for a passkey from now on, beside the password, and gives recovery codes.
    pub async fn require_passkey(
        &self,
        me: SignedIn,
        from: IpAddr,
        proof: &Proof,
    ) -> Result<Vec<RecoveryCode>, OwnSecondFactorError> {
        if self.find(me).await?.is_some() {
            return Err(OwnSecondFactorError::On);
        }
        if self.second_factors.passkeys.list_by_user(me.user).await?.is_empty() {
            return Err(OwnSecondFactorError::NoPasskey);
        }
        let user = self.confirm.execute(me, from, proof).await?;
        let (codes, recovery_codes) = self.second_factors.mint_codes(user.id);
        let since = self.second_factors.clock.now();
        let factor = SecondFactor { user: user.id, since, app: None, recovery_codes };
        if !self.second_factors.factors.put(&factor).await? {
            return Err(OwnSecondFactorError::On);
        }
        self.second_factors.tell(&user, SecondFactorNews::PasskeyRequired).await;
        Ok(codes)
    }

    /// New recovery codes in place of all before.
    pub async fn renew_codes(
        &self,
        me: SignedIn,
        from: IpAddr,
        proof: &Proof,
    ) -> Result<Vec<RecoveryCode>, OwnSecondFactorError> {
        if self.find(me).await?.is_none() {
            return Err(OwnSecondFactorError::Off);
        }
        let user = self.confirm.execute(me, from, proof).await?;
        let (codes, digests) = self.second_factors.mint_codes(user.id);
        if !self.second_factors.factors.replace_recovery_codes(user.id, &digests).await? {
            return Err(OwnSecondFactorError::Off);
        }
        self.second_factors.tell(&user, SecondFactorNews::NewRecoveryCodes).await;
        Ok(codes)
    }

    /// Asks for nothing beside the first factor any more.
    pub async fn turn_off(
        &self,
        me: SignedIn,
        from: IpAddr,
        proof: &Proof,
    ) -> Result<(), OwnSecondFactorError> {
        if self.find(me).await?.is_none() {
            return Err(OwnSecondFactorError::Off);
        }
        let user = self.confirm.execute(me, from, proof).await?;
        self.second_factors.turn_off(&user).await?;
        Ok(())
    }

    async fn put(
        &self,
        user: &User,
        secret: &TotpSecret,
        since: Timestamp,
        last_step: TotpStep,
    ) -> Result<Vec<RecoveryCode>, OwnSecondFactorError> {
        let (codes, recovery_codes) = self.second_factors.mint_codes(user.id);
        let secret = self.second_factors.seal(user.id, secret);
        let app = Some(AuthenticatorApp { secret, last_step });
        let factor = SecondFactor { user: user.id, since, app, recovery_codes };
        if self.second_factors.factors.put(&factor).await? {
            return Ok(codes);
        }
        Err(OwnSecondFactorError::NotWaiting)
    }

    /// The secret of a set-up that is under way, and when that began.
    fn open(&self, me: SignedIn, sealed: &SealedPayload) -> Option<(TotpSecret, Timestamp)> {
        let (purpose, context) = (PayloadPurpose::TotpSetUp, context(me));
        let bytes = self.second_factors.sealer.open(purpose, &context, sealed).ok()?;
        let (millis, secret) = bytes.split_first_chunk()?;
        let begun_at = Timestamp::from_timestamp_millis(i64::from_be_bytes(*millis))?;
        let live = self.second_factors.clock.now() < begun_at + SecondFactor::SETTING_UP;
        live.then_some((TotpSecret::from_bytes(secret)?, begun_at))
    }
}

/// Setting up an app ends where it began.
fn context(me: SignedIn) -> Vec<u8> {
    [*me.user.as_bytes(), *me.session.as_bytes()].concat()
}
