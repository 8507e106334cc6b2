//! Somebody's browser: a cookie jar and requests.
use crate::{Answer, Entrance, PATIENCE};
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
    entrance: Entrance,
    jar: Arc<Jar>,
    client: Client,
}

impl Browser {
    /// With an empty cookie jar.
    pub fn new(entrance: impl Into<Entrance>) -> Self {
        Self::with_jar(entrance.into(), Arc::new(Jar::default()))
    }

    /// A browser with the cookies that this one has now, at another door of the same house: also
    /// at one without TLS, past the proxy.
    #[must_use]
    pub fn at(&self, entrance: impl Into<Entrance>) -> Self {
        let there = Self::new(entrance);
        for (name, value) in self.cookies().split("; ").filter_map(|pair| pair.split_once('=')) {
            there.plant_cookie(name, value);
        }
        there
    }

    fn with_jar(entrance: Entrance, jar: Arc<Jar>) -> Self {
        // Connections are not kept: the server on their other end may be killed meanwhile.
        let client = Client::builder()
            .http1_only()
            .cookie_provider(jar.clone())
            .redirect(Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .no_proxy();
        let client = match entrance.authority.clone() {
            Some(authority) => client.add_root_certificate(authority),
            None => client,
        };
        Self { entrance, jar, client: client.build().expect("a client") }
    }

    /// A request to add to.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.entrance.address))
    }

    /// Sends a request that was added to.
    pub async fn send_request(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// The same where nobody may be there to answer.
    pub async fn try_request(&self, request: RequestBuilder) -> Option<Answer> {
        Answer::try_read(request.send().await.ok()?).await
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
        let url = Url::parse(&self.entrance.address).expect("an address");
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
        let url = Url::parse(&self.entrance.address).expect("an address");
        self.jar.add_cookie_str(&format!("{name}={value}; Path=/"), &url);
    }

    /// Where it comes in.
    pub fn entrance(&self) -> &Entrance {
        &self.entrance
    }
}
