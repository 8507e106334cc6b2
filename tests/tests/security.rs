//! Passwords and addresses: forgetting, changing and confirming them.
use journeys::{Browser, PASSWORD, Person, Server, unique};
use serde_json::{Value, json};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

const NEW: &str = "velvet tractor plum";
/// How soon a socket hears that its session has ended.
const SOON: Duration = Duration::from_secs(1);

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

/// Waits for a mail with this subject, and gives its text.
async fn mail(email: &str, subject: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let mails = server().mails_to(email).await;
        if let Some(mail) = mails.into_iter().find(|mail| mail.subject == subject) {
            return mail.text;
        }
        assert!(Instant::now() < deadline, "no mail «{subject}» to {email}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The token of the link mailed last.
async fn token(email: &str) -> String {
    let text = mail(email, "Choose a new password for Sotto").await;
    let start = format!("{}/reset-password/#", server().public_url());
    let (_, rest) = text.split_once(&start).expect("a link to the public URL");
    rest.lines().next().expect("a token").to_owned()
}

async fn forget(email: &str) -> journeys::Answer {
    Browser::new(server()).post("/api/password/forgot", json!({"email": email})).await
}

async fn reset(token: &str, password: &str) -> journeys::Answer {
    let form = json!({"token": token, "password": password});
    Browser::new(server()).post("/api/password/reset", form).await
}

async fn signs_in(login: &str, password: &str) -> u16 {
    let form = json!({"login": login, "password": password});
    Browser::new(server()).post("/api/login", form).await.status
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_the_mailed_link() {
    let ann = Person::created(server(), "ann").await;
    let mut socket = ann.socket().await;
    assert_eq!(forget(&ann.email).await.must(202), json!({"status": "mail_sent"}));
    let token = token(&ann.email).await;
    assert_eq!(token.len(), 43, "256 bits");

    let weak = reset(&token, "password").await;
    assert_eq!(weak.problem(), (422, "validation_failed".to_owned()));
    assert_eq!(weak.field_errors(), [("password".to_owned(), "too_common".to_owned())]);
    reset(&token, NEW).await.must(204);
    let end = tokio::time::timeout(SOON, socket.end()).await;
    assert_eq!(end.expect("in time"), Some(4401));
    assert_eq!(ann.get("/api/me").await.problem(), (401, "signed_out".to_owned()));
    assert_eq!(signs_in(&ann.username, PASSWORD).await, 401);
    assert_eq!(signs_in(&ann.username, NEW).await, 200);
    mail(&ann.email, "Your Sotto password was changed").await;

    let again = reset(&token, "another velvet plum").await;
    assert_eq!(again.problem(), (410, "reset_expired".to_owned()));
}

#[tokio::test]
async fn the_answer_never_tells_who_exists() {
    let ann = Person::created(server(), "ann").await;
    let nobody = format!("{}@example.com", unique("nobody"));
    let (known, unknown) = (forget(&ann.email).await, forget(&nobody).await);
    assert_eq!(known.must(202), unknown.must(202));
    let names = |answer: &journeys::Answer| {
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&known), names(&unknown));
    token(&ann.email).await;
    assert!(server().mails_to(&nobody).await.is_empty());
}

#[tokio::test]
async fn what_is_no_link_and_no_address_is_refused() {
    for token in ["", "x", &"A".repeat(43), &"A".repeat(100_000)] {
        let answer = reset(token, NEW).await;
        let expected = if token.len() > 65_536 { 413 } else { 410 };
        assert_eq!(answer.status, expected, "{}", token.len());
    }
    let answer = forget("nonsense").await;
    assert_eq!(answer.field_errors(), [("email".to_owned(), "invalid".to_owned())]);
}

#[tokio::test]
async fn a_password_is_changed_and_other_browsers_are_signed_out() {
    let ann = Person::created(server(), "ann").await;
    let elsewhere = Person::sign_in(server(), &ann.username).await;
    let change = async |form: Value| ann.post("/api/me/password", form).await;

    let wrong = change(json!({"current": "not my password", "new": NEW})).await;
    assert_eq!(wrong.problem(), (403, "wrong_password".to_owned()));
    let missing = change(json!({"new": NEW})).await;
    assert_eq!(missing.field_errors(), [("current".to_owned(), "missing".to_owned())]);
    let both = change(json!({"current": PASSWORD, "code": "123456", "new": NEW})).await;
    assert_eq!(both.field_errors(), [("code".to_owned(), "surplus".to_owned())]);
    let weak = change(json!({"current": PASSWORD, "new": ann.username})).await;
    assert_eq!(weak.field_errors()[0].0, "new");
    assert_eq!(elsewhere.get("/api/me").await.status, 200, "nothing changed");

    change(json!({"current": PASSWORD, "new": NEW})).await.must(204);
    assert_eq!(ann.get("/api/me").await.status, 200);
    assert_eq!(elsewhere.get("/api/me").await.status, 401);
    assert_eq!(signs_in(&ann.username, NEW).await, 200);
}

#[tokio::test]
async fn a_mailed_code_does_in_place_of_the_password_once() {
    let ann = Person::created(server(), "ann").await;
    ann.post("/api/me/code", json!({})).await.must(202);
    let too_soon = ann.post("/api/me/code", json!({})).await;
    assert_eq!(too_soon.problem(), (429, "rate_limited".to_owned()));
    assert!(too_soon.header("retry-after").parse::<u32>().is_ok_and(|wait| wait <= 60));

    let code = server().code_for(&ann.email).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let form = |code: &str| json!({"code": code, "new": NEW});
    let refused = ann.post("/api/me/password", form(wrong)).await;
    assert_eq!(refused.problem(), (422, "otp_invalid".to_owned()));
    assert_eq!(refused.json()["attempts_left"], 2);
    ann.post("/api/me/password", form(&code)).await.must(204);
    let again = ann.post("/api/me/password", form(&code)).await;
    assert_eq!(again.problem(), (422, "otp_invalid".to_owned()));
    assert_eq!(signs_in(&ann.username, NEW).await, 200);
}

#[tokio::test]
async fn an_address_changes_once_it_is_proved() {
    let ann = Person::created(server(), "ann").await;
    let new = format!("{}@example.com", unique("elsewhere"));
    let ask = async |email: &str, password: &str| {
        ann.post("/api/me/email", json!({"email": email, "password": password})).await
    };
    let wrong = ask(&new, "not my password").await;
    assert_eq!(wrong.problem(), (403, "wrong_password".to_owned()));
    let same = ask(&ann.email, PASSWORD).await;
    assert_eq!(same.field_errors(), [("email".to_owned(), "unchanged".to_owned())]);
    ask(&new, PASSWORD).await.must(202);
    assert_eq!(ann.get("/api/me").await.must(200)["email"], ann.email, "not yet");

    let code = server().code_for(&new).await;
    let me = ann.post("/api/me/email/verify", json!({"code": code})).await.must(200);
    assert_eq!(me["email"], new);
    mail(&ann.email, "Your Sotto address was changed").await;
    assert_eq!(signs_in(&new, PASSWORD).await, 200);
    assert_eq!(signs_in(&ann.email, PASSWORD).await, 401);
}

#[tokio::test]
async fn an_address_that_has_an_account_is_told_and_nobody_else() {
    let ann = Person::created(server(), "ann").await;
    let bob = Person::created(server(), "bob").await;
    let form = json!({"email": bob.email, "password": PASSWORD});
    assert_eq!(ann.post("/api/me/email", form).await.must(202), json!({"status": "mail_sent"}));
    mail(&bob.email, "You already have a Sotto account").await;
    let guess = ann.post("/api/me/email/verify", json!({"code": "123456"})).await;
    assert_eq!(guess.problem(), (422, "otp_invalid".to_owned()));
    assert_eq!(ann.get("/api/me").await.must(200)["email"], ann.email);
}
