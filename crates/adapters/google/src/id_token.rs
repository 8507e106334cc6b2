//! Telling whether an ID token is what it has to be (OpenID Connect Core 1.0, section 3.1.3.7).
use crate::directory::Metadata;
use application::ports::Clock;
use domain::{
    TimeDelta,
    email::Email,
    identity::{ExternalIdentity, ProvenIdentity},
    name::PersonName,
};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, LocalizedClaim, Nonce,
    SignatureVerificationError,
    core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJwsSigningAlgorithm},
};
use std::{ops::Deref, sync::Arc};

/// Signatures by the provider's own keys alone: never none, and never by a secret that we know, too.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 2] =
    [CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, CoreJwsSigningAlgorithm::EcdsaP256Sha256];
/// How far the provider's clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(1);
/// How long ago it may have signed: it does so when the code is redeemed.
const AGO: TimeDelta = TimeDelta::minutes(10);
/// In bytes (OpenID Connect Core 1.0, section 2).
const LONGEST_SUBJECT: usize = 255;

/// What an ID token must be made for.
pub struct Expected<'a> {
    /// Us.
    pub client_id: &'a ClientId,
    /// This sign-in.
    pub nonce: &'a Nonce,
    /// What came with it.
    pub access_token: &'a AccessToken,
    /// By which clock it must be fresh.
    pub clock: &'a Arc<dyn Clock>,
}

/// Why an ID token proves nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is signed with a key that the provider did not publish when it was asked last.
    UnknownKey,
    /// Anything else, in words that tell nothing about a person.
    Refused(&'static str),
}

/// Who somebody is, if the token proves it.
pub fn prove(
    token: &CoreIdToken,
    metadata: &Metadata,
    expected: &Expected<'_>,
) -> Result<ProvenIdentity, Flaw> {
    let claims = token.claims(&verifier(metadata, expected), expected.nonce);
    let claims = claims.map_err(|error| flaw_of(&error))?;
    if claims.authorized_party().is_some_and(|party| party != expected.client_id) {
        return Err(Flaw::Refused("it was made for another client"));
    }
    check_access_token(token, claims, metadata, expected)?;
    let subject = claims.subject().as_str();
    if subject.is_empty() || subject.len() > LONGEST_SUBJECT {
        return Err(Flaw::Refused("it names nobody"));
    }
    let identity = ExternalIdentity {
        issuer: metadata.issuer().as_str().to_owned(),
        subject: subject.to_owned(),
    };
    let vouched = claims.email().filter(|_| claims.email_verified() == Some(true));
    Ok(ProvenIdentity {
        identity,
        email: vouched.and_then(|email| Email::parse(email).ok()),
        first_name: name(claims.given_name()),
        last_name: name(claims.family_name()),
    })
}

fn verifier<'a>(metadata: &Metadata, expected: &Expected<'_>) -> CoreIdTokenVerifier<'a> {
    let (issuer, keys) = (metadata.issuer().clone(), metadata.jwks().clone());
    let (clock, now) = (expected.clock.clone(), expected.clock.now());
    // As if we had no secret: then none counts as a key.
    CoreIdTokenVerifier::new_public_client(expected.client_id.clone(), issuer, keys)
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || clock.now())
        .set_issue_time_verifier_fn(move |issued_at| {
            let fresh = issued_at <= now + AHEAD && issued_at >= now - AGO;
            if fresh { Ok(()) } else { Err("not issued just now".to_owned()) }
        })
}

/// Whether the token came with the access token that it names, if it names one.
fn check_access_token(
    token: &CoreIdToken,
    claims: &CoreIdTokenClaims,
    metadata: &Metadata,
    expected: &Expected<'_>,
) -> Result<(), Flaw> {
    let Some(named) = claims.access_token_hash() else { return Ok(()) };
    let refused = Flaw::Refused("it does not belong to what it came with");
    let verifier = verifier(metadata, expected);
    let (Ok(algorithm), Ok(key)) = (token.signing_alg(), token.signing_key(&verifier)) else {
        return Err(refused);
    };
    match AccessTokenHash::from_token(expected.access_token, algorithm, key) {
        Ok(hash) if hash == *named => Ok(()),
        _ => Err(refused),
    }
}

fn flaw_of(error: &ClaimsVerificationError) -> Flaw {
    use ClaimsVerificationError as Error;
    Flaw::Refused(match error {
        Error::SignatureVerification(
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_),
        ) => return Flaw::UnknownKey,
        Error::SignatureVerification(_) => "its signature is not one that counts",
        Error::InvalidIssuer(_) => "another provider made it",
        Error::InvalidAudience(_) => "it was made for another client",
        Error::Expired(_) => "it has expired, or was not made just now",
        Error::InvalidNonce(_) => "it was made for another sign-in",
        _ => "it is not what an id_token has to be",
    })
}

/// A name, as it is for everybody; one that is none of ours is left out.
fn name<T: Deref<Target = String>>(claim: Option<&LocalizedClaim<T>>) -> PersonName {
    let name = claim.and_then(|claim| claim.get(None));
    name.and_then(|name| PersonName::parse(name).ok()).unwrap_or_default()
}
