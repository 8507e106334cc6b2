//! An HTTP client that nobody at the other end can keep busy, and that goes nowhere else than it is
//! told to.
use crate::issuer::Issuer;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http::Response};
use reqwest::{Client, redirect::Policy};
use std::{pin::Pin, time::Duration};
use url::Url;

/// For one question and its answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// In bytes; keys and tokens take a few thousand.
const LONGEST_ANSWER: usize = 256 * 1024;

/// Asks a provider.
pub struct ProviderHttp {
    client: Client,
    issuer: Issuer,
}

/// Why there is no answer. Holds no address: what is in its query is a secret.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Something of the provider's is at an address that is not safe.
    #[error("it points to an address without TLS")]
    Unsafe,
    /// It does not answer, or not in time.
    #[error("it does not answer ({0})")]
    Failed(String),
    /// It does not end.
    #[error("its answer is too long")]
    TooLong,
}

impl ProviderHttp {
    /// A client for what belongs to a provider.
    pub fn new(issuer: Issuer) -> reqwest::Result<Self> {
        let client = Client::builder()
            // RFC 9700, section 4.12, and so that nobody is led to servers of ours.
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .user_agent(concat!("Sotto/", env!("CARGO_PKG_VERSION")));
        let client = if issuer.is_plain() { client.no_proxy() } else { client.https_only(true) };
        Ok(Self { client: client.build()?, issuer })
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let url = Url::parse(&request.uri().to_string()).ok();
        if !url.is_some_and(|url| self.issuer.allows(&url)) {
            return Err(NoAnswer::Unsafe);
        }
        let mut response = self.client.execute(request.try_into()?).await?;
        let mut answer = Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(NoAnswer::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        answer.body(body).map_err(|error| NoAnswer::Failed(error.to_string()))
    }
}

impl From<reqwest::Error> for NoAnswer {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let kind = if error.is_timeout() { "too slow" } else { "no connection" };
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Self::Failed(format!("{kind}: {cause}"))
    }
}

impl<'c> AsyncHttpClient<'c> for ProviderHttp {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
