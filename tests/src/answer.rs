//! An answer over HTTP.
use reqwest::{Response, header::HeaderMap};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads a response and checks what holds for every answer there is.
    pub async fn read(response: Response) -> Self {
        Self::try_read(response).await.expect("a whole body")
    }

    /// The same where the other side may die in the middle of it.
    pub async fn try_read(response: Response) -> Option<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.ok()?.to_vec();
        let answer = Self { status, headers, body };
        answer.check();
        Some(answer)
    }

    /// A header, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status, self.text()))
    }

    /// The stable word of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and stable word of a problem.
    pub fn problem(&self) -> (u16, String) {
        (self.status, self.code())
    }

    /// The fields that a problem finds fault with, each with its word.
    pub fn field_errors(&self) -> Vec<(String, String)> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        errors.iter().map(|error| (text(&error["field"]), text(&error["code"]))).collect()
    }

    /// The JSON body of an answer that must have this status.
    pub fn must(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    fn check(&self) {
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert!(!self.header("content-security-policy").is_empty());
        assert!(self.headers.get("access-control-allow-origin").is_none());
        for cookie in self.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("ascii");
            for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax"] {
                assert!(cookie.contains(attribute), "{cookie}");
            }
            assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
        }
        let page = self.header("content-type").starts_with("text/html");
        if self.status >= 400 && !page && !self.body.is_empty() {
            assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
            let problem = self.json();
            for member in ["type", "title", "detail", "code"] {
                assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
            }
            assert_eq!(problem["status"], self.status);
        }
    }
}
