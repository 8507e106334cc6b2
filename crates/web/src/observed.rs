//! What is told of every request: a line in the log, figures, and its name in the answer. Never a
//! path, a query, a body or a person.
use crate::request_id::{HEADER, RequestIds};
use application::ports::{AnsweredRequest, Figure, Metrics, RequestMethod, StatusClass};
use poem::{
    Endpoint, PathPattern, Request, Response, Result,
    http::{Method, StatusCode},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::Instrument;

/// Routes that are asked often and tell little.
const QUIET: [&str; 3] = ["/static/", "/health/", "/metrics"];

/// Stands around everything that answers.
pub struct Observed<E> {
    /// Answers.
    pub inner: E,
    /// Names requests.
    pub ids: RequestIds,
    /// Counts them.
    pub metrics: Arc<dyn Metrics>,
}

impl<E: Endpoint<Output = Response>> Endpoint for Observed<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = self.ids.name(&request);
        // An error's level, so that every line bears the name however little is logged.
        let span = tracing::error_span!("request", request_id = %id);
        let mut response = self.observe(request).instrument(span).await?;
        if let Some(id) = id.to_header() {
            response.headers_mut().insert(HEADER, id);
        }
        Ok(response)
    }
}

impl<E: Endpoint<Output = Response>> Observed<E> {
    async fn observe(&self, request: Request) -> Result<Response> {
        let _under_way = UnderWay::begin(&*self.metrics);
        let began = Instant::now();
        let method = request.method().clone();
        let response = self.inner.call(request).await?;
        let route = response.data::<PathPattern>().map(|pattern| pattern.0.clone());
        let (status, took) = (response.status(), began.elapsed());
        log(&method, route.as_deref(), status, took);
        self.metrics.note(Figure::Answered(AnsweredRequest {
            method: kind_of(&method),
            route,
            status: class_of(status),
            took,
        }));
        Ok(response)
    }
}

fn log(method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
    // A method may be anything a client comes up with.
    let method = if kind_of(method) == RequestMethod::Other { "other" } else { method.as_str() };
    let quiet = route.is_some_and(|route| QUIET.iter().any(|start| route.starts_with(start)));
    let (route, status) = (route.unwrap_or("none"), status.as_u16());
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if quiet {
        tracing::debug!(target: "web::access", method, route, status, ms, "answered");
    } else {
        tracing::info!(target: "web::access", method, route, status, ms, "answered");
    }
}

fn kind_of(method: &Method) -> RequestMethod {
    match *method {
        Method::GET | Method::HEAD => RequestMethod::Get,
        Method::POST => RequestMethod::Post,
        Method::PUT => RequestMethod::Put,
        Method::PATCH => RequestMethod::Patch,
        Method::DELETE => RequestMethod::Delete,
        _ => RequestMethod::Other,
    }
}

fn class_of(status: StatusCode) -> StatusClass {
    match status.as_u16() {
        ..200 => StatusClass::Informational,
        200..300 => StatusClass::Success,
        300..400 => StatusClass::Redirection,
        400..500 => StatusClass::ClientError,
        500.. => StatusClass::ServerError,
    }
}

/// A request under way. Its client may leave at any moment, and then nothing else ends it.
struct UnderWay<'a>(&'a dyn Metrics);

impl<'a> UnderWay<'a> {
    fn begin(metrics: &'a dyn Metrics) -> Self {
        metrics.note(Figure::RequestBegan);
        Self(metrics)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.note(Figure::RequestEnded);
    }
}
