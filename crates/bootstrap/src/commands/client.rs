//! Asking over HTTP, as a proxy or a browser would.
use crate::cli::TrustArgs;
use anyhow::{Context, Result};
use reqwest::{Certificate, Client, Response, redirect::Policy};
use std::{error::Error, fs, time::Duration};

/// Longer than a healthy Sotto takes, its check of the store included.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client that speaks to exactly whom it is told to: no proxies, no redirects.
pub fn client(trust: &TrustArgs) -> Result<Client> {
    let mut builder = Client::builder()
        .http1_only()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(PATIENCE)
        .danger_accept_invalid_certs(trust.insecure);
    if let Some(path) = &trust.ca {
        let pem = fs::read(path)
            .with_context(|| format!("--ca names {}, which can't be read", path.display()))?;
        let certificates = Certificate::from_pem_bundle(&pem)
            .with_context(|| format!("--ca: {} holds no certificates", path.display()))?;
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().context("there is no HTTP client")
}

/// Why there was no answer, to the last cause: that is the one that tells.
pub fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// The JSON of an answer; nothing, where it is something else or endless.
pub async fn json(mut response: Response) -> serde_json::Value {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > 64 * 1024 {
            return serde_json::Value::Null;
        }
    }
    serde_json::from_slice(&body).unwrap_or_default()
}
