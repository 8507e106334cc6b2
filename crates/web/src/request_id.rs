//! A name for each request, so that its lines in the logs of the proxy and of Sotto are found.
use crate::client_address::{TrustedProxies, peer};
use application::ports::{Entropy, EntropyExt};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use poem::{
    Request,
    http::{HeaderName, HeaderValue},
};
use std::{fmt, sync::Arc};

/// Where the name is said, by a proxy of ours and in every answer.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longer names are nobody's.
const MAX_LENGTH: usize = 64;

/// The name of one request; a socket keeps that of the request it began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// As a header says it.
    pub fn to_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }

    /// Takes over a name that could not be mistaken for anything else in a log.
    fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let fits = !text.is_empty() && text.len() <= MAX_LENGTH && text.bytes().all(plain);
        fits.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Names requests.
pub struct RequestIds {
    /// Makes names nobody had.
    pub entropy: Arc<dyn Entropy>,
    /// Whose names are taken over.
    pub proxies: TrustedProxies,
}

impl RequestIds {
    /// The name a proxy of ours gave the request, else a new one.
    pub fn name(&self, request: &Request) -> RequestId {
        let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let given = given.filter(|_| self.proxies.trusts(peer(request)));
        given.and_then(RequestId::parse).unwrap_or_else(|| self.mint())
    }

    fn mint(&self) -> RequestId {
        RequestId(BASE64.encode(self.entropy.bytes::<12>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for fine in ["a", "0f3a-9_B.c", &"x".repeat(64)] {
            assert_eq!(RequestId::parse(fine).map(|id| id.to_string()).as_deref(), Some(fine));
        }
        for strange in ["", "a b", "a\"b", "a=b", "ä", "a\n", &"x".repeat(65)] {
            assert_eq!(RequestId::parse(strange), None, "{strange:?}");
        }
    }
}
