//! Nobody learns from an answer who has an account: neither by its words nor by its headers. (How
//! long answers take is measured by `cargo bench --bench signing_in`.)
use journeys::{Answer, Browser, PASSWORD, Person, Server, unique};
use serde_json::{Value, json};
use std::sync::OnceLock;

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

/// All of an answer but the moment, the request's name and what tokens say.
fn masked(answer: &Answer) -> (u16, String, Vec<String>) {
    let mask = |name: &str, value: &str| match name {
        "date" | "x-request-id" => String::new(),
        "set-cookie" => {
            let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
            let (cookie, token) = pair.split_once('=').unwrap_or((pair, ""));
            format!("{cookie}={};{attributes}", "x".repeat(token.len()))
        }
        _ => value.to_owned(),
    };
    let headers = answer.headers.iter();
    let mut headers: Vec<_> = headers
        .map(|(name, value)| {
            let value = value.to_str().expect("ascii");
            format!("{name}: {}", mask(name.as_str(), value))
        })
        .collect();
    headers.sort_unstable();
    (answer.status, answer.text(), headers)
}

async fn ask(path: &str, body: Value) -> (u16, String, Vec<String>) {
    masked(&Browser::new(server()).post(path, body).await)
}

fn an_address() -> String {
    format!("{}@example.com", unique("nobody"))
}

#[tokio::test]
async fn answers_are_the_same_for_people_who_exist_and_who_do_not() {
    let owner = Person::sign_up(server(), "owner").await;
    let (name, email) = (owner.username.clone(), owner.email.clone());
    let wrong = |login: &str| json!({"login": login, "password": "not the password"});
    let sign_up =
        |email: &str| json!({"username": unique("new"), "email": email, "password": PASSWORD});
    let about = |email: &str| json!({"email": email});
    let code = |email: &str| json!({"email": email, "code": "123456"});
    for (path, known, unknown, status) in [
        ("/api/login", wrong(&name), wrong(&unique("nobody")), 401),
        ("/api/login", wrong(&email), wrong(&an_address()), 401),
        ("/api/register", sign_up(&email), sign_up(&an_address()), 202),
        ("/api/resend-otp", about(&email), about(&an_address()), 202),
        ("/api/password/forgot", about(&email), about(&an_address()), 202),
        ("/api/verify-otp", code(&email), code(&an_address()), 422),
    ] {
        let (known, unknown) = (ask(path, known).await, ask(path, unknown).await);
        assert_eq!(known, unknown, "{path}");
        assert_eq!(known.0, status, "{path}");
    }
}

#[tokio::test]
async fn an_answer_that_differs_would_be_noticed() {
    let owner = Person::sign_up(server(), "owner").await;
    let right = json!({"login": owner.username, "password": PASSWORD});
    let wrong = json!({"login": owner.username, "password": "not the password"});
    assert_ne!(ask("/api/login", right).await, ask("/api/login", wrong).await);
    let [one, other] = [
        ask("/api/register", json!({"username": "x", "email": "nothing", "password": ""})).await,
        ask("/api/register", json!({"username": "x", "email": "a@b.cc", "password": ""})).await,
    ];
    assert_ne!(one, other);
}

#[tokio::test]
async fn limits_are_the_same_for_people_who_exist_and_who_do_not() {
    let server = Server::start_with(&[("SOTTO_TRUSTED_PROXIES", "127.0.0.1/32")]);
    let (name, email) = (unique("ann"), an_address());
    server.create_user(&name, &email, PASSWORD);
    let mut sequences = Vec::new();
    for login in [name, unique("nobody"), email, an_address()] {
        let browser = Browser::new(&server);
        let mut statuses = Vec::new();
        for n in 0..70 {
            let form = json!({"login": login, "password": "not the password"});
            let request = browser.request(reqwest::Method::POST, "/api/login").json(&form);
            // Each address seven times: far from what one network may.
            let from = format!("198.51.{}.{}", sequences.len(), n % 10);
            let answer = browser.send_request(request.header("x-forwarded-for", from)).await;
            assert_eq!(answer.status == 429, !answer.header("retry-after").is_empty());
            statuses.push(answer.status);
        }
        sequences.push(statuses);
    }
    assert_eq!(sequences[0].iter().filter(|status| **status == 401).count(), 50);
    assert!(sequences.iter().all(|statuses| *statuses == sequences[0]), "{sequences:?}");
}
