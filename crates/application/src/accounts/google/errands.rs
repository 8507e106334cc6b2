//! What is remembered of people on their way to the provider and back, sealed: whoever reads the
//! store learns nothing by which they could come back in somebody's place.
//!
//! The bytes are a version, then each part behind its length.
use crate::ports::{
    Clock, ExternalSignInRepository, PayloadPurpose, PayloadSealer, SignInSecrets, Unavailable,
};
use domain::{
    Timestamp,
    email::Email,
    external_sign_in::ExternalSignIn,
    id::{SessionId, UserId},
    identity::ExternalIdentity,
    return_path::ReturnPath,
    sealing::SealedPayload,
    token::{NonceToken, StateToken, TokenDigest, VerifierToken, VisitToken},
};
use std::sync::Arc;

/// The form of the bytes, so that a later one can be told from it.
const VERSION: u8 = 1;
/// What a part of the seal's context says it is for.
const JOURNEY: &[u8] = b"journey";
const LINK: &[u8] = b"link";

/// Keeps errands.
#[derive(Clone)]
pub struct Errands {
    /// Where they are.
    pub store: Arc<dyn ExternalSignInRepository>,
    /// Seals them.
    pub sealer: Arc<dyn PayloadSealer>,
    /// Judges their age.
    pub clock: Arc<dyn Clock>,
}

/// What somebody goes to the provider for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// To sign in, and to see this afterwards.
    SignIn(Option<ReturnPath>),
    /// To have the account linked that they are signed in to.
    Link(UserId),
}

/// Somebody on their way.
pub(super) struct Journey {
    pub errand: Errand,
    pub visit: TokenDigest,
    pub secrets: SignInSecrets,
}

/// Somebody whom the provider knows, and who is to show that an account with their address is
/// theirs.
pub(super) struct PendingLink {
    /// Names the code that they are mailed.
    pub attempt: SessionId,
    pub user: UserId,
    pub email: Email,
    pub identity: ExternalIdentity,
}

impl Errands {
    /// Remembers somebody who leaves.
    pub(super) async fn depart(
        &self,
        errand: &Errand,
        visit: &VisitToken,
        secrets: &SignInSecrets,
    ) -> Result<(), Unavailable> {
        let (kind, detail) = match errand {
            Errand::SignIn(next) => {
                (b's', next.as_ref().map_or(&b""[..], |next| next.as_str().as_bytes()))
            }
            Errand::Link(user) => (b'l', &user.as_bytes()[..]),
        };
        let (nonce, verifier) = (secrets.nonce.reveal(), secrets.verifier.reveal());
        let visit = visit.digest();
        let parts = [&[kind][..], detail, &visit.0, nonce.as_bytes(), verifier.as_bytes()];
        self.keep(JOURNEY, secrets.state.digest(), &parts).await
    }

    /// Forgets somebody who comes back, and says who it is: whatever they bring, once.
    pub(super) async fn arrive(&self, state: StateToken) -> Result<Option<Journey>, Unavailable> {
        let found = self.store.take(&state.digest()).await?;
        Ok(self.open(JOURNEY, found).and_then(|bytes| read_journey(&bytes, state)))
    }

    /// Remembers somebody who is mailed a code.
    pub(super) async fn keep_link(
        &self,
        visit: &VisitToken,
        link: &PendingLink,
    ) -> Result<(), Unavailable> {
        let PendingLink { attempt, user, email, identity } = link;
        let ExternalIdentity { issuer, subject } = identity;
        let (email, issuer, subject) = (email.as_str(), issuer.as_bytes(), subject.as_bytes());
        let parts = [&attempt.as_bytes()[..], user.as_bytes(), email.as_bytes(), issuer, subject];
        self.keep(LINK, visit.digest(), &parts).await
    }

    /// Who waits in a browser to type their code, and until when.
    pub(super) async fn find_link(
        &self,
        visit: &VisitToken,
    ) -> Result<Option<(PendingLink, Timestamp)>, Unavailable> {
        let found = self.store.find(&visit.digest()).await?;
        let expires_at = found.as_ref().map(ExternalSignIn::expires_at);
        Ok(self.open(LINK, found).and_then(|bytes| read_link(&bytes)).zip(expires_at))
    }

    /// Forgets them; of several at once, one is told `true`.
    pub(super) async fn take_link(&self, visit: &VisitToken) -> Result<bool, Unavailable> {
        Ok(self.store.take(&visit.digest()).await?.is_some())
    }

    async fn keep(
        &self,
        kind: &[u8],
        key: TokenDigest,
        parts: &[&[u8]],
    ) -> Result<(), Unavailable> {
        let context = [kind, &key.0].concat();
        let sealed = self.sealer.seal(PayloadPurpose::ExternalSignIn, &context, &encode(parts));
        self.store.insert(&ExternalSignIn { key, sealed, begun_at: self.clock.now() }).await
    }

    /// What was sealed, if it still counts. What does not open was put there by somebody else, or
    /// its key is gone: then nobody can go on with it.
    fn open(&self, kind: &[u8], errand: Option<ExternalSignIn>) -> Option<Vec<u8>> {
        let errand = errand.filter(|errand| errand.is_live(self.clock.now()))?;
        let context = [kind, &errand.key.0].concat();
        let sealed: &SealedPayload = &errand.sealed;
        self.sealer.open(PayloadPurpose::ExternalSignIn, &context, sealed).ok()
    }
}

fn encode(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for part in parts {
        bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn decode<const N: usize>(bytes: &[u8]) -> Option<[&[u8]; N]> {
    let mut rest = bytes.strip_prefix(&[VERSION])?;
    let mut parts = [&b""[..]; N];
    for part in &mut parts {
        let (length, behind) = rest.split_first_chunk()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        (*part, rest) = behind.split_at_checked(length)?;
    }
    rest.is_empty().then_some(parts)
}

fn read_journey(bytes: &[u8], state: StateToken) -> Option<Journey> {
    let [kind, detail, visit, nonce, verifier] = decode(bytes)?;
    let errand = match kind {
        b"s" if detail.is_empty() => Errand::SignIn(None),
        b"s" => Errand::SignIn(Some(ReturnPath::parse(text(detail)?)?)),
        b"l" => Errand::Link(UserId::from_bytes(detail.try_into().ok()?)),
        _ => return None,
    };
    let nonce = NonceToken::parse(text(nonce)?)?;
    let verifier = VerifierToken::parse(text(verifier)?)?;
    let secrets = SignInSecrets { state, nonce, verifier };
    Some(Journey { errand, visit: TokenDigest(visit.try_into().ok()?), secrets })
}

fn read_link(bytes: &[u8]) -> Option<PendingLink> {
    let [attempt, user, email, issuer, subject] = decode(bytes)?;
    Some(PendingLink {
        attempt: SessionId::from_bytes(attempt.try_into().ok()?),
        user: UserId::from_bytes(user.try_into().ok()?),
        email: Email::parse(text(email)?).ok()?,
        identity: ExternalIdentity {
            issuer: text(issuer)?.to_owned(),
            subject: text(subject)?.to_owned(),
        },
    })
}

fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_read_back_and_whatever_else_does_not() {
        let parts: [&[u8]; 3] = [b"a", b"", b"bc"];
        let bytes = encode(&parts);
        assert_eq!(decode(&bytes), Some(parts));
        assert_eq!(decode::<2>(&bytes), None);
        assert_eq!(decode::<4>(&bytes), None);
        for length in 0..bytes.len() {
            assert_eq!(decode::<3>(&bytes[..length]), None, "{length}");
        }
        assert_eq!(decode::<3>(&[&[VERSION + 1], &bytes[1..]].concat()), None);
    }
}
