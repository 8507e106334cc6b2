//! What an account asks for beside the first factor: judging whether it is outstanding, and whether
//! what somebody typed will do.
use crate::ports::{
    CeremonyRepository, Clock, Digester, Entropy, EntropyExt, Mail, Mailer, PasskeyRepository,
    PayloadPurpose, PayloadSealer, Purpose, SecondFactorNews, SecondFactorRepository, Unavailable,
};
use domain::{
    ceremony::{Ceremony, CeremonyKind},
    id::UserId,
    sealing::{KeyedDigest, SealedPayload},
    second_factor::{AuthenticatorApp, FactorKind, RecoveryCode, SecondFactor, TypedCode},
    token::FlowToken,
    totp::{TotpSecret, TotpStep},
    user::User,
};
use std::sync::Arc;

const STEP: CeremonyKind = CeremonyKind::SecondStep;

/// Keeps second factors and recognises them.
#[derive(Clone)]
pub struct SecondFactors {
    /// Where they are.
    pub factors: Arc<dyn SecondFactorRepository>,
    /// Keys that people's devices keep.
    pub passkeys: Arc<dyn PasskeyRepository>,
    /// Where what was begun waits, sign-ins between their steps among it.
    pub ceremonies: Arc<dyn CeremonyRepository>,
    /// Seals what an app and we share, and what has to be known at the end of a ceremony.
    pub sealer: Arc<dyn PayloadSealer>,
    /// Digests recovery codes for keeping.
    pub digester: Arc<dyn Digester>,
    /// Tells owners of what changes.
    pub mailer: Arc<dyn Mailer>,
    /// Which half minute it is.
    pub clock: Arc<dyn Clock>,
    /// Makes secrets, codes and tokens.
    pub entropy: Arc<dyn Entropy>,
}

/// Somebody who has shown all that their account asks for. Sessions are opened for nobody else, and
/// nothing outside of this file makes one.
pub(super) struct Proven(User);

impl Proven {
    /// Somebody whose account was opened a moment ago: it can't ask for anything yet.
    pub(super) fn newcomer(user: User) -> Self {
        Self(user)
    }

    /// Who.
    pub(super) fn user(&self) -> &User {
        &self.0
    }

    /// Who.
    pub(super) fn into_user(self) -> User {
        self.0
    }
}

/// The first factor was right, the second is outstanding.
pub struct Outstanding {
    /// Binds the sign-in to the browser.
    pub flow: FlowToken,
    /// What its owner can show.
    pub kinds: Vec<FactorKind>,
}

impl std::fmt::Debug for Outstanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outstanding({:?})", self.kinds)
    }
}

impl SecondFactors {
    /// What comes of somebody who has shown one factor, be it a password or an account elsewhere.
    pub(super) async fn judge(
        &self,
        user: User,
    ) -> Result<Result<Proven, Outstanding>, Unavailable> {
        let Some(factor) = self.factors.find(user.id).await? else { return Ok(Ok(Proven(user))) };
        let kinds = self.kinds(&factor).await?;
        let flow = self.begin(STEP, Some(user.id), &first_factor(&user)).await?;
        Ok(Err(Outstanding { flow, kinds }))
    }

    /// What the owner of an account can show.
    pub(super) async fn kinds(
        &self,
        factor: &SecondFactor,
    ) -> Result<Vec<FactorKind>, Unavailable> {
        Ok(factor.kinds(!self.passkeys.list_by_user(factor.user).await?.is_empty()))
    }

    /// Begins something, and gives the token that ends it.
    pub(super) async fn begin(
        &self,
        kind: CeremonyKind,
        user: Option<UserId>,
        state: &[u8],
    ) -> Result<FlowToken, Unavailable> {
        let token = FlowToken::mint(self.entropy.bytes());
        let flow = token.digest();
        let state = self.sealer.seal(PayloadPurpose::Ceremony, &flow.0, state);
        let begun_at = self.clock.now();
        let begun = Ceremony { flow, kind, user, state, begun_at, attempts: 0 };
        self.ceremonies.put(&begun).await?;
        Ok(token)
    }

    /// Ends something, once: whose it is, and what had to be known. `None` if it has ended before,
    /// or waited too long.
    pub(super) async fn end(
        &self,
        kind: CeremonyKind,
        token: &FlowToken,
    ) -> Result<Option<(Option<UserId>, Vec<u8>)>, Unavailable> {
        let flow = token.digest();
        let begun = self.ceremonies.find(&flow, kind).await?;
        let Some(begun) = begun.filter(|begun| begun.is_live(self.clock.now())) else {
            return Ok(None);
        };
        if !self.ceremonies.take(&flow, kind).await? {
            return Ok(None);
        }
        let state = self.sealer.open(PayloadPurpose::Ceremony, &flow.0, &begun.state);
        Ok(state.ok().map(|state| (begun.user, state)))
    }

    /// The sign-in of a browser that waits for the second step.
    pub(super) async fn find_step(
        &self,
        flow: &FlowToken,
    ) -> Result<Option<Ceremony>, Unavailable> {
        let now = self.clock.now();
        let waiting = self.ceremonies.find(&flow.digest(), STEP).await?;
        // One more try than the last must still be possible.
        Ok(waiting.filter(|waiting| waiting.is_live(now) && waiting.attempts_left() > 0))
    }

    /// Somebody whom their device has recognised, by a passkey that was verified.
    #[expect(clippy::unused_self, reason = "nobody else is to make one")]
    pub(super) fn recognised(&self, user: User) -> Proven {
        Proven(user)
    }

    /// Whether an account asks for passkeys, having no app.
    pub(super) async fn asks_for_passkeys(&self, user: UserId) -> Result<bool, Unavailable> {
        Ok(self.factors.find(user).await?.is_some_and(|factor| factor.app.is_none()))
    }

    /// Whether a sign-in that waits is still one of this account: its password is the one that was
    /// compared.
    pub(super) fn is_of(&self, ceremony: &Ceremony, user: &User) -> bool {
        let context = &ceremony.flow.0;
        let opened = self.sealer.open(PayloadPurpose::Ceremony, context, &ceremony.state);
        ceremony.user == Some(user.id) && opened.is_ok_and(|state| state == first_factor(user))
    }

    /// Takes what somebody typed for their second factor. `None` if it does not count; what counts
    /// is used up by it, and of several at once with the same, one is told so.
    pub(super) async fn redeem(
        &self,
        user: User,
        code: &TypedCode,
    ) -> Result<Option<Proven>, Unavailable> {
        let Some(factor) = self.factors.find(user.id).await? else { return Ok(None) };
        let counts = match code {
            TypedCode::App(digits) => match &factor.app {
                Some(app) => self.use_digits(user.id, app, digits).await?,
                None => false,
            },
            TypedCode::Recovery(code) => self.use_recovery_code(&user, &factor, code).await?,
            TypedCode::Neither => false,
        };
        Ok(counts.then_some(Proven(user)))
    }

    /// The half minute that digits are the code of, if they are of a secret.
    pub(super) fn find_half_minute(
        &self,
        secret: &TotpSecret,
        code: &TypedCode,
    ) -> Option<TotpStep> {
        match code {
            TypedCode::App(digits) => secret.find_step(digits, self.clock.now()),
            TypedCode::Recovery(_) | TypedCode::Neither => None,
        }
    }

    /// Seals a secret to be kept for somebody.
    pub(super) fn seal(&self, user: UserId, secret: &TotpSecret) -> SealedPayload {
        self.sealer.seal(PayloadPurpose::TotpSecret, user.as_bytes(), secret.as_bytes())
    }

    /// New recovery codes, and what is kept of them.
    pub(super) fn mint_codes(&self, user: UserId) -> (Vec<RecoveryCode>, Vec<KeyedDigest>) {
        let mint = |_| {
            let code = RecoveryCode::mint(self.entropy.bytes());
            let digest = self.digester.digest(Purpose::RecoveryCode, &parts(user, &code));
            (code, digest)
        };
        (0..SecondFactor::RECOVERY_CODES).map(mint).unzip()
    }

    /// Asks for nothing any more. `false` if nothing was asked for.
    pub(super) async fn turn_off(&self, user: &User) -> Result<bool, Unavailable> {
        let removed = self.factors.remove(user.id).await?;
        // Sign-ins that wait for what is gone would wait in vain.
        self.ceremonies.remove_by_user(user.id).await?;
        if removed {
            self.tell(user, SecondFactorNews::TurnedOff).await;
        }
        Ok(removed)
    }

    /// It has happened by now; a lost notice must not undo it.
    pub(super) async fn tell(&self, user: &User, news: SecondFactorNews) {
        let mail = Mail::SecondFactor { username: user.username.clone(), news };
        if let Err(error) = self.mailer.send(&user.email, mail).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user = %user.id, error, "the notice of a second factor was not sent");
        }
    }

    async fn use_digits(
        &self,
        user: UserId,
        app: &AuthenticatorApp,
        digits: &str,
    ) -> Result<bool, Unavailable> {
        let context = user.as_bytes();
        let opened = self.sealer.open(PayloadPurpose::TotpSecret, context, &app.secret);
        let Some(secret) = opened.ok().and_then(|bytes| TotpSecret::from_bytes(&bytes)) else {
            tracing::error!(%user, "the secret of an authenticator app can't be opened");
            return Ok(false);
        };
        match secret.find_step(digits, self.clock.now()) {
            Some(step) => self.factors.use_step(user, step).await,
            None => Ok(false),
        }
    }

    async fn use_recovery_code(
        &self,
        user: &User,
        factor: &SecondFactor,
        code: &RecoveryCode,
    ) -> Result<bool, Unavailable> {
        let parts = parts(user.id, code);
        let mut kept = factor.recovery_codes.iter();
        let Some(kept) =
            kept.find(|kept| self.digester.matches(Purpose::RecoveryCode, &parts, kept))
        else {
            return Ok(false);
        };
        let taken = self.factors.take_recovery_code(user.id, kept).await?;
        if taken {
            let left = factor.recovery_codes.len() - 1;
            self.tell(user, SecondFactorNews::RecoveryCodeUsed { left }).await;
        }
        Ok(taken)
    }
}

/// What the second step holds the first to.
fn first_factor(user: &User) -> Vec<u8> {
    user.password.as_ref().map(|hash| hash.as_str().as_bytes().to_vec()).unwrap_or_default()
}

fn parts(user: UserId, code: &RecoveryCode) -> Vec<Vec<u8>> {
    vec![user.as_bytes().to_vec(), code.reveal().as_bytes().to_vec()]
}
