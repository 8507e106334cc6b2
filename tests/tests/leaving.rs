//! Going and being kept out: the operator's commands beside a running server, and one's own way out.
use journeys::{Answer, Browser, PASSWORD, Person, Server, run, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::{sync::OnceLock, time::Duration};

const NEW: &str = "velvet tractor plum";
/// How soon the sockets of this instance, and with Redis of any, hear of an end.
const SOON: Duration = Duration::from_secs(2);
/// How soon they find out by themselves.
const BY_ITSELF: Duration = Duration::from_secs(35);

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

/// How soon a running server hears of what a command did.
fn heard() -> Duration {
    match std::env::var("TEST_STORE").as_deref() {
        Ok("mongodb") => SOON,
        _ => BY_ITSELF,
    }
}

/// What a command prints.
fn command(arguments: &[&str], input: &str) -> Result<Value, String> {
    let arguments = [&["user"], arguments, &["--json"]].concat();
    let ended = run(&server().command(&arguments), input);
    if ended.success {
        Ok(serde_json::from_str(&ended.output).expect("JSON"))
    } else {
        assert_eq!(ended.output, "", "errors go to standard error alone");
        Err(ended.errors)
    }
}

async fn sign_in(username: &str, password: &str) -> Answer {
    let form = json!({"login": username, "password": password});
    Browser::new(server()).post("/api/login", form).await
}

async fn delete(person: &Person, form: Value) -> Answer {
    person.send_request(person.request(Method::DELETE, "/api/me").json(&form)).await
}

#[tokio::test]
async fn who_is_disabled_goes_at_once_and_comes_back_when_enabled() {
    let (ann, bob) =
        (Person::created(server(), "ann").await, Person::created(server(), "bob").await);
    let mut socket = ann.socket().await;
    let disabled = command(&["disable", &ann.username], "").expect("is there");
    assert_eq!((&disabled["id"], &disabled["status"]), (&json!(ann.id), &json!("disabled")));
    assert_eq!(ann.get("/api/me").await.problem(), (401, "signed_out".to_owned()));
    let end = tokio::time::timeout(heard(), socket.end()).await;
    assert_eq!(end.expect("in time"), Some(4401));

    let right = sign_in(&ann.username, PASSWORD).await;
    assert_eq!(right.problem(), (403, "account_disabled".to_owned()));
    assert!(
        right
            .headers
            .get("set-cookie")
            .is_none_or(|c| !c.to_str().unwrap_or_default().contains("session"))
    );
    let wrong = sign_in(&ann.username, "not the password").await;
    assert_eq!(wrong.problem(), (401, "invalid_credentials".to_owned()));
    let search = async || {
        let path = format!("/api/users?query={}", ann.username);
        bob.get(&path).await.must(200)["users"].as_array().expect("a list").len()
    };
    assert_eq!(search().await, 0);

    command(&["enable", &ann.email], "").expect("is there");
    assert_eq!(sign_in(&ann.username, PASSWORD).await.status, 200);
    assert_eq!(search().await, 1);
}

#[tokio::test]
async fn everybody_is_listed_once_and_shown_by_name_and_address() {
    let ann = Person::created(server(), "ann").await;
    let listed = command(&["list"], "").expect("lists");
    let users = listed["users"].as_array().expect("a list");
    assert_eq!(users.iter().filter(|user| user["username"] == json!(ann.username)).count(), 1);
    let ids: Vec<_> = users.iter().map(|user| user["id"].as_str().expect("an id")).collect();
    assert!(ids.is_sorted(), "in the order in which they joined");
    for name in [&ann.username, &ann.email] {
        let shown = command(&["show", name], "").expect("is there");
        assert_eq!(shown["id"], json!(ann.id));
        assert_eq!((&shown["status"], &shown["disabled_at"]), (&json!("active"), &Value::Null));
        assert_eq!(shown.get("password_hash"), None);
    }
    let nobody = command(&["show", &unique("nobody")], "").expect_err("is not there");
    assert!(nobody.contains("nobody has this"), "{nobody}");
    let nonsense = command(&["show", "a b"], "").expect_err("is no name");
    assert!(nonsense.contains("neither a username nor"), "{nonsense}");
}

#[tokio::test]
async fn a_sign_up_is_shown_and_verified() {
    let name = unique("una");
    let email = format!("{name}@example.com");
    let form = json!({"username": name, "email": email, "password": PASSWORD});
    Browser::new(server()).post("/api/register", form).await.must(202);
    let shown = command(&["show", &email], "").expect("waits");
    assert_eq!((&shown["status"], &shown["id"]), (&json!("unproved"), &Value::Null));
    let refused = command(&["disable", &name], "").expect_err("is no account");
    assert!(refused.contains("user verify"), "{refused}");
    assert_eq!(command(&["verify", &name], "").expect("waits")["status"], json!("active"));
    assert_eq!(sign_in(&name, PASSWORD).await.status, 200);
    command(&["verify", &name], "").expect_err("is proved");
}

#[tokio::test]
async fn the_operator_sets_a_password_and_all_sessions_end() {
    let ann = Person::created(server(), "ann").await;
    let set = |password| command(&["set-password", &ann.username, "--password-stdin"], password);
    let weak = set("password").expect_err("is weak");
    assert!(weak.contains("easy to guess"), "{weak}");
    assert_eq!(ann.get("/api/me").await.status, 200, "nothing changed");
    set(&format!("{NEW}\nsecond line")).expect("is set");
    assert_eq!(ann.get("/api/me").await.status, 401);
    assert_eq!(sign_in(&ann.username, PASSWORD).await.status, 401);
    assert_eq!(sign_in(&ann.username, NEW).await.status, 200);
}

#[tokio::test]
async fn the_operator_deletes_with_yes_alone() {
    let (ann, bob, room) = Person::pair(server()).await;
    let refused = run(&server().command(&["user", "delete", &ann.username]), "");
    assert!(!refused.success && refused.errors.contains("--yes"), "{refused:?}");
    assert_eq!(ann.get("/api/me").await.status, 200);
    let deleted = command(&["delete", &ann.username, "--yes"], "").expect("is there");
    assert_eq!(deleted["status"], json!("deleted"));
    assert_eq!(ann.get("/api/me").await.status, 401);
    assert_eq!(bob.room(&room).await["other"]["deleted"], json!(true));
    command(&["show", &ann.username], "").expect_err("is gone");
}

#[tokio::test]
async fn who_deletes_their_account_is_gone_and_the_other_keeps_the_conversation() {
    let (ann, bob, room) = Person::pair(server()).await;
    ann.say(&room, "hello").await;
    let elsewhere = Person::sign_in(server(), &ann.username).await;
    let (mut hers, mut his) = (elsewhere.socket().await, bob.socket().await);

    for (form, code) in [
        (json!({}), "validation_failed"),
        (json!({"password": PASSWORD, "code": "123456"}), "validation_failed"),
        (json!({"password": "not the password"}), "wrong_password"),
    ] {
        assert_eq!(delete(&ann, form).await.problem().1, code);
    }
    assert_eq!(ann.get("/api/me").await.status, 200, "nothing changed");

    let gone = delete(&ann, json!({"password": PASSWORD})).await;
    gone.must(204);
    let end = tokio::time::timeout(SOON, hers.end()).await;
    assert_eq!(end.expect("in time"), Some(4401));
    let frame = tokio::time::timeout(SOON, his.next_of("room")).await.expect("in time");
    let other = &frame["other"];
    assert_eq!((&other["id"], &other["deleted"]), (&json!(ann.id), &json!(true)));
    assert_eq!((&other["first_name"], &other["picture_url"]), (&json!(""), &Value::Null));
    assert!(!frame.to_string().contains(&ann.username), "{frame}");

    for person in [&ann, &elsewhere] {
        assert_eq!(person.get("/api/me").await.problem(), (401, "signed_out".to_owned()));
    }
    assert_eq!(sign_in(&ann.username, PASSWORD).await.status, 401);
    let history = bob.history(&room).await;
    assert_eq!(history[0]["body"], json!("hello"));
    let mails = server().mails_to(&ann.email).await;
    assert!(mails.iter().any(|mail| mail.subject == "Your Sotto account was deleted"));

    let next = Browser::new(server());
    let form = json!({"username": ann.username, "email": ann.email, "password": PASSWORD});
    next.post("/api/register", form).await.must(202);
    let code = server().code_for(&ann.email).await;
    let proof = json!({"email": ann.email, "code": code});
    let me = next.post("/api/verify-otp", proof).await.must(200);
    assert_ne!(me["id"], json!(ann.id));
    let rooms = next.get("/api/rooms").await.must(200);
    assert_eq!(rooms["rooms"], json!([]), "whoever has the name next sees nothing of before");
}

#[tokio::test]
async fn a_mailed_code_does_in_place_of_the_password() {
    let ann = Person::created(server(), "ann").await;
    ann.post("/api/me/code", json!({})).await.must(202);
    let code = server().code_for(&ann.email).await;
    delete(&ann, json!({"code": code})).await.must(204);
    assert_eq!(ann.get("/api/me").await.status, 401);
}
