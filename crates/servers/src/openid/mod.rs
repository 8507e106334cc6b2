//! An OpenID provider (OpenID Connect Core 1.0, the code flow with PKCE) with real signatures. It
//! insists on what a client owes it, and lies where a test asks it to.
//!
//! It plays the person's part, too: a test hands it the address that the browser was sent to, and
//! gets the one that the browser comes back to.
mod http;
mod token;

pub use token::Lie;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use rsa::{RsaPrivateKey, rand_core::OsRng, traits::PublicKeyParts};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use url::Url;

/// What it knows its one client as.
pub const CLIENT_ID: &str = "sotto-in-tests";
/// By what it knows that it is the client.
pub const CLIENT_SECRET: &str = "a secret & more: ü";
/// Keys that a test may use up. The last is never published.
const KEYS: usize = 3;

/// A provider on a port of its own.
pub struct OpenIdProvider {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// Somebody's account there.
#[derive(Clone, Debug)]
pub struct Account {
    /// The provider's own name for them.
    pub subject: String,
    /// Their address.
    pub email: String,
    /// Whether the provider says that it is theirs; `None`: it does not say.
    pub email_verified: Option<bool>,
    /// Given and family name.
    pub names: [String; 2],
}

/// How the provider behaves towards whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Fine,
    /// Takes questions and never answers.
    Silent,
    /// Answers 500 to everything.
    Broken,
    /// Answers without end.
    Endless,
    /// Sends everybody somewhere else.
    Elsewhere(String),
    /// Publishes that it is another provider.
    Foreign,
    /// Publishes that codes are redeemed without TLS on another machine.
    Careless,
}

struct State {
    issuer: String,
    mood: Mood,
    /// Which key signs, and is published.
    key: usize,
    names_itself: bool,
    grants: HashMap<String, Grant>,
    codes: usize,
    asked: HashMap<String, usize>,
}

/// What a code stands for until it is redeemed.
struct Grant {
    account: Account,
    nonce: String,
    challenge: String,
    redirect_uri: String,
    lie: Option<Lie>,
}

impl Account {
    /// Somebody whose address the provider vouches for.
    pub fn new(subject: &str, email: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            email: email.to_owned(),
            email_verified: Some(true),
            names: ["Ann".to_owned(), "Baker".to_owned()],
        }
    }
}

impl OpenIdProvider {
    /// Starts one.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let state = State {
            issuer: format!("http://{address}"),
            mood: Mood::Fine,
            key: 0,
            names_itself: true,
            grants: HashMap::new(),
            codes: 0,
            asked: HashMap::new(),
        };
        let state = Arc::new(Mutex::new(state));
        http::serve(listener, state.clone());
        Self { address, state }
    }

    /// What it calls itself.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How it behaves from now on.
    pub fn is(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Signs with another key from now on, and publishes only that.
    pub fn rotate_keys(&self) {
        let mut state = self.state();
        state.key += 1;
        assert!(state.key + 1 < KEYS, "there are no more keys");
    }

    /// No longer says who sends the browser back.
    pub fn stops_naming_itself(&self) {
        self.state().names_itself = false;
    }

    /// How often it was asked for something.
    pub fn times_asked(&self, path: &str) -> usize {
        self.state().asked.get(path).copied().unwrap_or_default()
    }

    /// Somebody signs in, having been sent to this address; where their browser comes back to.
    pub fn consent(&self, sent_to: &str, account: &Account) -> String {
        self.consent_with(sent_to, account, None)
    }

    /// The same, with something wrong about the ID token.
    pub fn consent_with(&self, sent_to: &str, account: &Account, lie: Option<Lie>) -> String {
        let asked = self.read_request(sent_to);
        let mut state = self.state();
        state.codes += 1;
        let code = format!("code/{}?&=", state.codes);
        let grant = Grant {
            account: account.clone(),
            nonce: asked["nonce"].clone(),
            challenge: asked["code_challenge"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
            lie,
        };
        state.grants.insert(code.clone(), grant);
        let mut back = Url::parse(&asked["redirect_uri"]).expect("an address");
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked["state"]);
        if state.names_itself {
            back.query_pairs_mut().append_pair("iss", &state.issuer);
        }
        back.into()
    }

    /// Somebody does not want to.
    pub fn deny(&self, sent_to: &str) -> String {
        let asked = self.read_request(sent_to);
        let mut back = Url::parse(&asked["redirect_uri"]).expect("an address");
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("state", &asked["state"]);
        back.into()
    }

    /// What a client asks for, once it is all there.
    fn read_request(&self, sent_to: &str) -> HashMap<String, String> {
        let url = Url::parse(sent_to).expect("an address");
        assert_eq!(url.origin().ascii_serialization(), self.issuer());
        assert_eq!(url.path(), "/authorize");
        let asked: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(url.query_pairs().count(), asked.len(), "nothing stands twice");
        assert_eq!(asked["client_id"], CLIENT_ID);
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["scope"], "openid email profile");
        assert_eq!(asked["code_challenge_method"], "S256");
        for random in ["state", "nonce", "code_challenge"] {
            assert_eq!(asked[random].len(), 43, "{random} holds 256 bits");
        }
        asked
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is published at the well-known address.
    fn metadata(&self) -> Value {
        let Self { issuer, .. } = self;
        let named = if self.mood == Mood::Foreign { "https://id.example" } else { issuer };
        let token = match self.mood {
            Mood::Careless => "http://192.0.2.1/token".to_owned(),
            _ => format!("{issuer}/token"),
        };
        json!({
            "issuer": named,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": token,
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_response_iss_parameter_supported": self.names_itself,
        })
    }

    /// The keys by which its signatures are known.
    fn keys(&self) -> Value {
        let public = key(self.key).to_public_key();
        json!({ "keys": [{
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key.to_string(),
            "n": BASE64.encode(public.n().to_bytes_be()),
            "e": BASE64.encode(public.e().to_bytes_be()),
        }] })
    }

    /// Redeems a code, once and for whoever had it made.
    fn redeem(
        &mut self,
        authorization: &str,
        form: &HashMap<String, String>,
    ) -> Result<Value, &str> {
        if authorization != basic() {
            return Err("invalid_client");
        }
        let field = |name| form.get(name).map(String::as_str).unwrap_or_default();
        if field("grant_type") != "authorization_code" {
            return Err("unsupported_grant_type");
        }
        let grant = self.grants.remove(field("code")).ok_or("invalid_grant")?;
        let challenge = BASE64.encode(Sha256::digest(field("code_verifier")));
        if challenge != grant.challenge || field("redirect_uri") != grant.redirect_uri {
            return Err("invalid_grant");
        }
        let access_token = format!("access {}", self.codes);
        let id_token = token::sign(&self.issuer, self.key, &grant, &access_token);
        Ok(json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "id_token": id_token,
        }))
    }
}

/// What the client shows (RFC 6749, section 2.3.1).
fn basic() -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(CLIENT_ID), encode(CLIENT_SECRET));
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// A key pair of this test program.
fn key(n: usize) -> &'static RsaPrivateKey {
    static MADE: [OnceLock<RsaPrivateKey>; KEYS] = [const { OnceLock::new() }; KEYS];
    MADE[n].get_or_init(|| RsaPrivateKey::new(&mut OsRng, 2048).expect("a key"))
}
