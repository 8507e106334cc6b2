//! ID tokens, right ones and wrong ones.
use super::{BASE64, CLIENT_ID, CLIENT_SECRET, Grant, KEYS, key};
use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use rsa::{Pkcs1v15Sign, RsaPrivateKey, pkcs8::EncodePublicKey, sha2::Sha256 as RsaSha256};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};

/// What is wrong with an ID token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the name of a lie is all there is to say")]
pub enum Lie {
    BrokenSignature,
    ChangedClaims,
    NoSignature,
    SignedWithTheSecret,
    SignedWithThePublicKey,
    SignedByAStranger,
    SignedByAStrangerUnderAnotherName,
    BringsItsOwnKey,
    AnotherIssuer,
    AnotherAudience,
    FurtherAudiences,
    AnotherParty,
    Expired,
    NotYet,
    Stale,
    AnotherNonce,
    NoNonce,
    AnotherAccessToken,
    CriticalHeader,
    NobodyNamed,
    NoToken,
}

impl Lie {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::BrokenSignature,
        Self::ChangedClaims,
        Self::NoSignature,
        Self::SignedWithTheSecret,
        Self::SignedWithThePublicKey,
        Self::SignedByAStranger,
        Self::SignedByAStrangerUnderAnotherName,
        Self::BringsItsOwnKey,
        Self::AnotherIssuer,
        Self::AnotherAudience,
        Self::FurtherAudiences,
        Self::AnotherParty,
        Self::Expired,
        Self::NotYet,
        Self::Stale,
        Self::AnotherNonce,
        Self::NoNonce,
        Self::AnotherAccessToken,
        Self::CriticalHeader,
        Self::NobodyNamed,
        Self::NoToken,
    ];
}

/// The ID token for a code; `None` where there is to be none.
pub fn sign(issuer: &str, number: usize, grant: &Grant, access_token: &str) -> Option<String> {
    let lie = grant.lie;
    if lie == Some(Lie::NoToken) {
        return None;
    }
    let mut header = json!({ "alg": "RS256", "typ": "JWT", "kid": number.to_string() });
    let mut claims = claims(issuer, grant, access_token);
    bend(&mut header, &mut claims, lie);
    let text = format!("{}.{}", encode(&header), encode(&claims));
    let signature = match lie {
        Some(Lie::NoSignature) => Vec::new(),
        Some(Lie::SignedWithTheSecret) => mac(CLIENT_SECRET.as_bytes(), &text),
        Some(Lie::SignedWithThePublicKey) => {
            let der = key(number).to_public_key().to_public_key_der().expect("a key");
            mac(der.as_bytes(), &text)
        }
        Some(
            Lie::SignedByAStranger | Lie::SignedByAStrangerUnderAnotherName | Lie::BringsItsOwnKey,
        ) => rs256(key(KEYS - 1), &text),
        Some(Lie::BrokenSignature) => {
            let mut signature = rs256(key(number), &text);
            signature[17] ^= 1;
            signature
        }
        _ => rs256(key(number), &text),
    };
    if lie == Some(Lie::ChangedClaims) {
        claims["sub"] = json!("somebody else");
        let text = format!("{}.{}", encode(&header), encode(&claims));
        return Some(format!("{text}.{}", BASE64.encode(signature)));
    }
    Some(format!("{text}.{}", BASE64.encode(signature)))
}

fn claims(issuer: &str, grant: &Grant, access_token: &str) -> Value {
    let (account, now) = (&grant.account, now());
    let mut claims = json!({
        "iss": issuer,
        "aud": CLIENT_ID,
        "azp": CLIENT_ID,
        "sub": account.subject,
        "iat": now,
        "exp": now + 3_600,
        "nonce": grant.nonce,
        "at_hash": BASE64.encode(&Sha256::digest(access_token)[..16]),
        "email": account.email,
        "given_name": account.names[0],
        "family_name": account.names[1],
        "picture": "http://127.0.0.1:1/never-fetched.png",
    });
    if let Some(verified) = account.email_verified {
        claims["email_verified"] = json!(verified);
    }
    claims
}

fn bend(header: &mut Value, claims: &mut Value, lie: Option<Lie>) {
    let now = now();
    match lie {
        Some(Lie::NoSignature) => header["alg"] = json!("none"),
        Some(Lie::SignedWithTheSecret | Lie::SignedWithThePublicKey) => {
            header["alg"] = json!("HS256");
        }
        Some(Lie::SignedByAStrangerUnderAnotherName) => header["kid"] = json!("stranger"),
        Some(Lie::BringsItsOwnKey) => {
            header["kid"] = json!("mine");
            header["jku"] = json!("http://127.0.0.1:1/jwks");
        }
        Some(Lie::AnotherIssuer) => claims["iss"] = json!("https://id.example"),
        Some(Lie::AnotherAudience) => claims["aud"] = json!("another client"),
        Some(Lie::FurtherAudiences) => claims["aud"] = json!([CLIENT_ID, "another client"]),
        Some(Lie::AnotherParty) => claims["azp"] = json!("another client"),
        Some(Lie::Expired) => {
            (claims["iat"], claims["exp"]) = (json!(now - 300), json!(now - 1));
        }
        Some(Lie::NotYet) => claims["iat"] = json!(now + 3_000),
        Some(Lie::Stale) => claims["iat"] = json!(now - 3_000),
        Some(Lie::AnotherNonce) => claims["nonce"] = json!("A".repeat(43)),
        Some(Lie::NoNonce) => {
            claims.as_object_mut().expect("an object").remove("nonce");
        }
        Some(Lie::AnotherAccessToken) => claims["at_hash"] = json!(BASE64.encode([7; 16])),
        Some(Lie::CriticalHeader) => header["crit"] = json!(["b64"]),
        Some(Lie::NobodyNamed) => claims["sub"] = json!(""),
        _ => {}
    }
}

fn encode(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

fn rs256(key: &RsaPrivateKey, text: &str) -> Vec<u8> {
    use rsa::sha2::Digest;
    key.sign(Pkcs1v15Sign::new::<RsaSha256>(), &RsaSha256::digest(text)).expect("a signature")
}

fn mac(secret: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[expect(clippy::disallowed_methods, reason = "another machine's clock, as it were")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
