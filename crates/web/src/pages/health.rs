//! For load balancers and operators: whether this instance can serve.
use application::ports::StoreProbe;
use poem::{Endpoint, Request, Response, Result, http::StatusCode};
use std::sync::Arc;

/// 200 while the instance can serve; 503 with the failing part named when its store is gone.
pub struct Health {
    /// Looks at the store.
    pub store: Arc<dyn StoreProbe>,
}

impl Endpoint for Health {
    type Output = Response;

    async fn call(&self, _: Request) -> Result<Response> {
        Ok(match self.store.check().await {
            Ok(()) => state(StatusCode::OK, r#"{"status":"ok"}"#),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the health check failed"
                );
                state(
                    StatusCode::SERVICE_UNAVAILABLE,
                    r#"{"status":"unavailable","failing":["store"]}"#,
                )
            }
        })
    }
}

/// 200 as long as the process answers at all.
pub fn live() -> impl Endpoint {
    poem::endpoint::make_sync(|_| state(StatusCode::OK, r#"{"status":"ok"}"#))
}

fn state(status: StatusCode, json: &'static str) -> Response {
    Response::builder().status(status).content_type("application/json").body(json)
}
