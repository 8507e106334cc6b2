//! What a provider publishes about itself (OpenID Connect Discovery 1.0): where its parts are, and by
//! which keys its signatures are known. Kept for a while; looked up again when a key is not among
//! them, because providers change keys whenever they like.
use crate::{http::ProviderHttp, issuer::Issuer};
use application::ports::ProviderError;
use openidconnect::{
    AdditionalProviderMetadata, DiscoveryError, IssuerUrl, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
        CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long what was looked up is good for: a key that a provider takes back counts no longer.
const GOOD_FOR: Duration = Duration::from_hours(1);
/// How often unknown keys may make us ask: so many times ...
const REPEATS: usize = 10;
/// ... in so much time.
const REPEATS_IN: Duration = Duration::from_mins(1);

/// All that a provider publishes.
pub type Metadata = ProviderMetadata<
    Promises,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What a provider says of itself that the library does not know.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Promises {
    /// Whether it names itself to whoever comes back from it (RFC 9207).
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub names_itself: bool,
}

impl AdditionalProviderMetadata for Promises {}

/// Looks a provider up.
pub struct Directory {
    issuer: Issuer,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    entry: Option<Entry>,
    repeated_at: Vec<Instant>,
}

struct Entry {
    metadata: Arc<Metadata>,
    since: Instant,
}

impl Directory {
    /// Knows nothing yet.
    pub fn new(issuer: Issuer) -> Self {
        Self { issuer, known: Mutex::default() }
    }

    /// What the provider publishes, as it was not long ago.
    pub async fn find(&self, http: &ProviderHttp) -> Result<Arc<Metadata>, ProviderError> {
        let mut known = self.known.lock().await;
        match &known.entry {
            Some(entry) if entry.since.elapsed() < GOOD_FOR => Ok(entry.metadata.clone()),
            _ => self.look_up(&mut known, http).await,
        }
    }

    /// The same, newer than what did not do. Of those who find that at once, one asks.
    pub async fn find_newer(
        &self,
        than: &Arc<Metadata>,
        http: &ProviderHttp,
    ) -> Result<Arc<Metadata>, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some(entry) = known.entry.as_ref().filter(|e| !Arc::ptr_eq(&e.metadata, than)) {
            return Ok(entry.metadata.clone());
        }
        known.repeated_at.retain(|at| at.elapsed() < REPEATS_IN);
        if known.repeated_at.len() >= REPEATS {
            return Ok(than.clone());
        }
        known.repeated_at.push(Instant::now());
        self.look_up(&mut known, http).await
    }

    async fn look_up(
        &self,
        known: &mut Known,
        http: &ProviderHttp,
    ) -> Result<Arc<Metadata>, ProviderError> {
        let away = |reason: String| ProviderError::Away { reason };
        let issuer = IssuerUrl::new(self.issuer.as_str().to_owned());
        let issuer = issuer.map_err(|error| away(error.to_string()))?;
        let metadata = Metadata::discover_async(issuer, http).await;
        let metadata = Arc::new(metadata.map_err(|error| away(in_words(&error)))?);
        self.check(&metadata).map_err(|reason| away(reason.to_owned()))?;
        known.entry = Some(Entry { metadata: metadata.clone(), since: Instant::now() });
        Ok(metadata)
    }

    /// Whether people, and the codes they bring, may be sent to where it says.
    fn check(&self, metadata: &Metadata) -> Result<(), &'static str> {
        let token = metadata.token_endpoint().ok_or("it names no place to redeem codes")?;
        let safe = [metadata.authorization_endpoint().url(), token.url()];
        if safe.iter().all(|url| self.issuer.allows(url)) {
            Ok(())
        } else {
            Err("it points to an address without TLS")
        }
    }
}

/// What is wrong with what a provider publishes.
fn in_words(error: &DiscoveryError<crate::http::NoAnswer>) -> String {
    match error {
        DiscoveryError::Request(error) => error.to_string(),
        DiscoveryError::Response(status, ..) => format!("it answers {}", status.as_u16()),
        DiscoveryError::Parse(error) => format!("what it publishes can't be read: {error}"),
        DiscoveryError::Validation(error) => format!("what it publishes does not hold: {error}"),
        _ => "it can't be looked up".to_owned(),
    }
}
