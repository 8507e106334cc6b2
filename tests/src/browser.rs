//! Somebody's browser: a cookie jar and requests.
use crate::{Answer, PATIENCE, Server};
use reqwest::{
    Client, Method, RequestBuilder, Url,
    cookie::{CookieStore, Jar},
    redirect::Policy,
};
use serde_json::Value;
use std::sync::Arc;

/// A browser nobody is signed in with yet.
#[derive(Clone)]
pub struct Browser {
    origin: String,
    jar: Arc<Jar>,
    client: Client,
}

impl Browser {
    /// With an empty cookie jar.
    pub fn new(server: &Server) -> Self {
        let jar = Arc::new(Jar::default());
        // Connections are not kept: the server on their other end may be killed meanwhile.
        let client = Client::builder()
            .cookie_provider(jar.clone())
            .redirect(Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .no_proxy()
            .build()
            .expect("a client");
        Self { origin: server.origin(), jar, client }
    }

    /// A request to add to.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin))
    }

    /// Sends a request that was added to.
    pub async fn send_request(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// Asks without a body.
    pub async fn ask(&self, method: Method, path: &str) -> Answer {
        self.send_request(self.request(method, path)).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    /// `POST` with JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send_request(self.request(Method::POST, path).json(&body)).await
    }

    /// `PUT` with JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send_request(self.request(Method::PUT, path).json(&body)).await
    }

    /// `PATCH` with JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send_request(self.request(Method::PATCH, path).json(&body)).await
    }

    /// All cookies, as a request carries them.
    pub fn cookies(&self) -> String {
        let url = Url::parse(&self.origin).expect("an address");
        let line = self.jar.cookies(&url);
        line.and_then(|line| line.to_str().ok().map(str::to_owned)).unwrap_or_default()
    }

    /// The value of a cookie, empty where there is none.
    pub fn cookie(&self, name: &str) -> String {
        let cookies = self.cookies();
        let mut pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value.to_owned())
            .unwrap_or_default()
    }

    /// Gives the browser a cookie it was never sent.
    pub fn plant_cookie(&self, name: &str, value: &str) {
        let url = Url::parse(&self.origin).expect("an address");
        self.jar.add_cookie_str(&format!("{name}={value}; Path=/"), &url);
    }

    /// Where the server is.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}
