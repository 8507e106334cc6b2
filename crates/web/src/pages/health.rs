//! For load balancers and operators: whether this instance can serve.
use application::ports::StoreProbe;
use poem::{Endpoint, Request, Response, Result, http::StatusCode};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A store that takes longer to answer is of no use. Shorter than any proxy's patience, so that
/// the answer arrives.
const PATIENCE: Duration = Duration::from_secs(2);

/// 200 while the instance can serve; 503 with the failing part named when its store is gone, and
/// when the instance is about to end.
pub struct Health {
    /// Looks at the store.
    pub store: Arc<dyn StoreProbe>,
    /// Cancelled once nobody new should come here.
    pub going_away: CancellationToken,
}

impl Endpoint for Health {
    type Output = Response;

    async fn call(&self, _: Request) -> Result<Response> {
        if self.going_away.is_cancelled() {
            let json = r#"{"status":"going_away","failing":[]}"#;
            return Ok(state(StatusCode::SERVICE_UNAVAILABLE, json));
        }
        Ok(match timeout(PATIENCE, self.store.check()).await {
            Ok(Ok(())) => state(StatusCode::OK, r#"{"status":"ok"}"#),
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the health check failed");
                store_is_gone()
            }
            Err(_) => {
                tracing::error!("the health check failed: the store does not answer");
                store_is_gone()
            }
        })
    }
}

fn store_is_gone() -> Response {
    let json = r#"{"status":"unavailable","failing":["store"]}"#;
    state(StatusCode::SERVICE_UNAVAILABLE, json)
}

/// 200 as long as the process answers at all.
pub fn live() -> impl Endpoint {
    poem::endpoint::make_sync(|_| state(StatusCode::OK, r#"{"status":"ok"}"#))
}

fn state(status: StatusCode, json: &'static str) -> Response {
    Response::builder().status(status).content_type("application/json").body(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use application::ports::Unavailable;

    enum Store {
        Fine,
        Gone,
        Hanging,
    }

    #[async_trait::async_trait]
    impl StoreProbe for Store {
        async fn check(&self) -> Result<(), Unavailable> {
            match self {
                Self::Fine => Ok(()),
                Self::Gone => Err(Unavailable::of("store", std::io::Error::other("planted"))),
                Self::Hanging => std::future::pending().await,
            }
        }
    }

    async fn ask(store: Store, going_away: bool) -> (u16, String) {
        let health = Health { store: Arc::new(store), going_away: CancellationToken::new() };
        if going_away {
            health.going_away.cancel();
        }
        let response = health.call(Request::default()).await.expect("answers");
        let status = response.status().as_u16();
        (status, response.into_body().into_string().await.expect("text"))
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_learns_what_is_wrong_within_seconds() {
        assert_eq!(ask(Store::Fine, false).await.0, 200);
        for store in [Store::Gone, Store::Hanging] {
            let asked = timeout(Duration::from_secs(3), ask(store, false)).await;
            let (status, text) = asked.expect("in time");
            assert_eq!(status, 503);
            assert!(text.contains(r#""failing":["store"]"#), "{text}");
        }
        let (status, text) = ask(Store::Fine, true).await;
        assert_eq!(status, 503);
        assert!(text.contains("going_away"), "{text}");
    }
}
