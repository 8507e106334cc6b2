//! What holds for every request, whatever it asks for.
use crate::{
    allow::AllowedMethods,
    api::attachments::LONGEST_ARRIVAL,
    cross_origin::refuse_cross_origin,
    headers::SecurityHeaders,
    problem::{Problem, from_framework},
    public_url::PublicUrl,
};
use poem::{
    Endpoint, IntoResponse, PathPattern, Request, Response, Result,
    http::{HeaderValue, Method, StatusCode, header},
};
use std::{sync::Arc, time::Duration};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Nothing waits for ever: no answer within this time is a failure. Slow bodies end here, too, but
/// those of files, which are watched by themselves.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Wraps all routes: refuses what comes from other sites, bounds time, turns every error into one
/// shape and hardens every answer.
pub struct Shell<E> {
    /// The routes.
    pub routes: Arc<E>,
    /// What must end before the program does.
    pub tasks: TaskTracker,
    /// Our own origin.
    pub public_url: PublicUrl,
    /// Go onto every answer.
    pub security_headers: SecurityHeaders,
    /// What a 405 says is allowed instead.
    pub allowed_methods: AllowedMethods,
    /// The page shown to a browser that went astray.
    pub not_found_page: Arc<str>,
    /// The page shown to a browser when something is wrong with us.
    pub error_page: Arc<str>,
}

/// Nobody will read the body of the answer.
#[derive(Clone, Copy)]
pub struct HeadOnly;

impl<E: Endpoint + 'static> Endpoint for Shell<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let wants_page = wants_page(&request);
        let path = request.uri().path().to_owned();
        if *request.method() == Method::HEAD {
            // Answered like GET; the server leaves the body out.
            request.set_method(Method::GET);
            request.set_data(HeadOnly);
        }
        let mut response = match self.turn_away(&request, wants_page) {
            Some(response) => response,
            None => self.answer(request).await,
        };
        if wants_page && !is_page(&response) {
            let (status, route) = (response.status(), response.data::<PathPattern>().cloned());
            if status == StatusCode::NOT_FOUND {
                response = page(status, &self.not_found_page);
            } else if status.is_server_error() {
                response = page(status, &self.error_page);
            }
            remember(&mut response, route);
        }
        if response.status() == StatusCode::METHOD_NOT_ALLOWED
            && let Ok(allowed) = HeaderValue::from_str(self.allowed_methods.at(&path))
        {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        self.security_headers.harden(&mut response);
        Ok(response)
    }
}

impl<E: Endpoint + 'static> Shell<E> {
    /// What is answered without asking the routes.
    fn turn_away(&self, request: &Request, wants_page: bool) -> Option<Response> {
        if let Some(problem) = refuse_cross_origin(request, &self.public_url) {
            return Some(problem.into_response());
        }
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let reads = wants_page && *request.method() == Method::GET;
        let astray = reads && host.is_some_and(|host| self.public_url.is_alias(host));
        astray.then(|| {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            redirect(StatusCode::TEMPORARY_REDIRECT, &format!("{}{path}", self.public_url.origin()))
        })
    }

    /// What changes something is done to its end even if the client hangs up half-way: the server
    /// would drop it between two steps otherwise.
    async fn answer(&self, request: Request) -> Response {
        if *request.method() == Method::GET {
            return answer_in_time(self.routes.clone(), request).await;
        }
        let answering = answer_in_time(self.routes.clone(), request).in_current_span();
        let answering = self.tasks.spawn(answering);
        answering.await.unwrap_or_else(|_| broken().into_response())
    }
}

/// Files come slowly, and are watched while they do.
fn patience(request: &Request) -> Duration {
    let path = request.uri().path();
    let file = path.starts_with("/api/rooms/") && path.ends_with("/attachments");
    if file && *request.method() == Method::POST { LONGEST_ARRIVAL } else { REQUEST_TIMEOUT }
}

async fn answer_in_time<E: Endpoint>(routes: Arc<E>, request: Request) -> Response {
    match tokio::time::timeout(patience(&request), routes.call(request)).await {
        Ok(Ok(output)) => output.into_response(),
        Ok(Err(error)) if error.is_from_response() => error.into_response(),
        Ok(Err(error)) => {
            let mut response = from_framework(&error).into_response();
            remember(&mut response, error.data::<PathPattern>().cloned());
            response
        }
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "this took too long")
            .into_response(),
    }
}

/// Which route an answer came from, for those who watch.
fn remember(response: &mut Response, route: Option<PathPattern>) {
    if let Some(route) = route {
        response.set_data(route);
    }
}

/// What is said of a fault of ours.
pub fn broken() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here")
}

/// An HTML page.
pub fn page(status: StatusCode, html: &str) -> Response {
    let mut response = Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .body(html.to_owned());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Sends a browser elsewhere.
pub fn redirect(status: StatusCode, to: &str) -> Response {
    let mut response = Response::builder().status(status).finish();
    if let Ok(location) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Whether a person's browser asks for something to look at.
fn wants_page(request: &Request) -> bool {
    let path = request.uri().path();
    let machine = ["/api/", "/ws/", "/static/", "/media/", "/openapi.json", "/health/", "/metrics"]
        .iter()
        .any(|start| path.starts_with(start));
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    !machine && accept.is_some_and(|types| types.contains("text/html"))
}

fn is_page(response: &Response) -> bool {
    response.content_type().is_some_and(|kind| kind.starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(status: StatusCode) -> Shell<impl Endpoint + 'static> {
        let public_url = PublicUrl::parse("http://127.0.0.1").expect("valid");
        Shell {
            routes: Arc::new(poem::endpoint::make_sync(move |_| {
                Problem::new(status, "planted", "planted").into_response()
            })),
            tasks: TaskTracker::new(),
            security_headers: SecurityHeaders::new(&public_url),
            public_url,
            allowed_methods: AllowedMethods::of("{}", ""),
            not_found_page: "lost".into(),
            error_page: "sorry".into(),
        }
    }

    async fn body(status: StatusCode, path: &'static str, accept: &str) -> String {
        let request = Request::builder().uri_str(path).header(header::ACCEPT, accept).finish();
        let response = shell(status).call(request).await.expect("answers");
        assert_eq!(response.status(), status);
        response.into_body().into_string().await.expect("text")
    }

    #[tokio::test]
    async fn people_get_pages_and_programs_get_problems() {
        let html = "text/html,*/*";
        assert_eq!(body(StatusCode::NOT_FOUND, "/nowhere", html).await, "lost");
        assert_eq!(body(StatusCode::SERVICE_UNAVAILABLE, "/chat/", html).await, "sorry");
        for (path, accept) in [("/chat/", "*/*"), ("/api/me", html), ("/health/", html)] {
            let problem = body(StatusCode::SERVICE_UNAVAILABLE, path, accept).await;
            assert!(problem.contains("planted"), "{path}: {problem}");
        }
    }
}
