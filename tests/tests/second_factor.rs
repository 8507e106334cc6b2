//! Second factors: an app and recovery codes, and what gets past them (nothing).
use journeys::{Answer, Browser, PASSWORD, Person, Phone, Server, run};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

/// Somebody with an app, and their recovery codes. The code of this half minute is used.
async fn with_an_app(name: &str) -> (Person, Phone, Vec<String>) {
    let person = Person::created(server(), name).await;
    let proof = json!({"password": PASSWORD});
    let set_up = person.post("/api/me/second-factor/app", proof).await.must(200);
    let phone = Phone::knowing(set_up["secret"].as_str().expect("a secret"));
    let first = json!({"set_up": set_up["set_up"], "app_code": phone.code(0)});
    let codes = person.post("/api/me/second-factor/app/confirm", first).await.must(200);
    let codes = codes["recovery_codes"].as_array().expect("a list").iter();
    (person, phone, codes.map(|code| code.as_str().expect("a code").to_owned()).collect())
}

async fn first_step(browser: &Browser, login: &str) -> Answer {
    browser.post("/api/login", json!({"login": login, "password": PASSWORD})).await
}

async fn second_step(browser: &Browser, code: &str) -> Answer {
    browser.post("/api/login/second-factor", json!({"code": code})).await
}

async fn state(person: &Person) -> Value {
    person.get("/api/me/second-factor").await.must(200)
}

async fn turn_off(person: &Person, proof: Value) -> Answer {
    let request = person.request(Method::DELETE, "/api/me/second-factor");
    person.send_request(request.json(&proof)).await
}

/// Waits for a mail with this subject.
async fn mailed(email: &str, subject: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !server().mails_to(email).await.iter().any(|mail| mail.subject == subject) {
        assert!(Instant::now() < deadline, "no mail «{subject}» to {email}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_app_is_set_up_and_asked_for_from_then_on() {
    let ann = Person::created(server(), "ann").await;
    let off = json!({"required": false, "since": null, "app": false, "recovery_codes_left": 0});
    assert_eq!(state(&ann).await, off);
    let wrong = ann.post("/api/me/second-factor/app", json!({"password": "not it"})).await;
    assert_eq!(wrong.problem(), (403, "wrong_password".to_owned()));
    let set_up = ann.post("/api/me/second-factor/app", json!({"password": PASSWORD})).await;
    let set_up = set_up.must(200);
    let secret = set_up["secret"].as_str().expect("a secret");
    let uri = format!("otpauth://totp/Sotto:{}?secret={secret}&issuer=Sotto", ann.username);
    assert_eq!(set_up["uri"], uri);
    assert!(set_up["qr"]["size"].as_u64().is_some_and(|size| size > 30));
    assert!(set_up["qr"]["path"].as_str().is_some_and(|path| path.starts_with("M4 4h7v1h-7z")));
    assert_eq!(state(&ann).await, off, "nothing counts yet");

    let phone = Phone::knowing(secret);
    let confirm = async |code: &str| {
        let first = json!({"set_up": set_up["set_up"], "app_code": code});
        ann.post("/api/me/second-factor/app/confirm", first).await
    };
    let wrong = confirm("nonsense").await;
    assert_eq!(wrong.problem(), (422, "second_factor_invalid".to_owned()));
    let codes = confirm(&phone.code(0)).await.must(200);
    assert_eq!(codes["recovery_codes"].as_array().map(Vec::len), Some(10));
    assert_eq!(confirm(&phone.code(1)).await.problem(), (410, "set_up_expired".to_owned()));
    let on = state(&ann).await;
    assert_eq!((&on["required"], &on["recovery_codes_left"]), (&json!(true), &json!(10)));
    mailed(&ann.email, "Your Sotto account asks for a second factor").await;

    let browser = Browser::new(server());
    let asked = first_step(&browser, &ann.username).await;
    assert_eq!(asked.problem(), (403, "second_factor_required".to_owned()));
    assert_eq!(asked.json()["second_factors"], json!(["app", "recovery_code"]));
    assert_eq!(browser.get("/api/me").await.status, 401, "the password alone opens nothing");
    let waiting = browser.get("/api/login/second-factor").await.must(200);
    assert_eq!(waiting, json!({"second_factors": ["app", "recovery_code"]}));
    let wrong = second_step(&browser, "nonsense").await;
    assert_eq!(wrong.problem(), (422, "second_factor_invalid".to_owned()));
    assert_eq!(wrong.json()["attempts_left"], 4);
    let me = second_step(&browser, &phone.code(1)).await.must(200);
    assert_eq!(me["id"], ann.id);
    assert_eq!(browser.get("/api/me").await.must(200)["id"], ann.id);
    let gone = browser.get("/api/login/second-factor").await;
    assert_eq!(gone.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn no_code_counts_twice_whoever_saw_it() {
    let (ann, phone, codes) = with_an_app("ann").await;
    let code = phone.code(1);
    for (shown, status) in [(&code, 200), (&code, 422), (&codes[0], 200), (&codes[0], 422)] {
        let browser = Browser::new(server());
        first_step(&browser, &ann.email).await.must(403);
        assert_eq!(second_step(&browser, shown).await.status, status, "{shown}");
    }
    assert_eq!(state(&ann).await["recovery_codes_left"], 9);
    mailed(&ann.email, "A recovery code of your Sotto account was used").await;
}

#[tokio::test]
async fn the_second_step_belongs_to_the_browser_of_the_first() {
    let (ann, phone, _) = with_an_app("ann").await;
    let browser = Browser::new(server());
    first_step(&browser, &ann.username).await.must(403);
    let stranger = second_step(&Browser::new(server()), &phone.code(1)).await;
    assert_eq!(stranger.problem(), (410, "sign_in_expired".to_owned()));
    for left in (0..5).rev() {
        assert_eq!(second_step(&browser, "nonsense").await.json()["attempts_left"], left);
    }
    let spent = second_step(&browser, &phone.code(1)).await;
    assert_eq!(spent.problem(), (410, "sign_in_expired".to_owned()));
    first_step(&browser, &ann.username).await.must(403);
    second_step(&browser, &phone.code(1)).await.must(200);
}

#[tokio::test]
async fn guessing_at_six_digits_is_bounded_and_a_recovery_code_gets_in_all_the_same() {
    let (ann, phone, codes) = with_an_app("ann").await;
    let wrong = if phone.code(1) == "000000" { "000001" } else { "000000" };
    let browser = Browser::new(server());
    let mut compared = 0;
    let refused = loop {
        if compared % 4 == 0 {
            first_step(&browser, &ann.username).await.must(403);
        }
        let answer = second_step(&browser, wrong).await;
        if answer.status != 422 {
            break answer;
        }
        compared += 1;
        assert!(compared <= 10, "also where all other limits are off");
    };
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|wait| wait <= 300));
    second_step(&browser, &codes[0]).await.must(200);
}

#[tokio::test]
async fn a_forgotten_password_gets_nobody_past_the_second_factor() {
    let (ann, phone, _) = with_an_app("ann").await;
    let browser = Browser::new(server());
    browser.post("/api/password/forgot", json!({"email": ann.email})).await.must(202);
    let subject = "Choose a new password for Sotto";
    mailed(&ann.email, subject).await;
    let mails = server().mails_to(&ann.email).await;
    let mail = mails.into_iter().find(|mail| mail.subject == subject).expect("is there");
    let (_, token) = mail.text.split_once("/reset-password/#").expect("a link");
    let token = token.lines().next().expect("a token");
    let new = "velvet tractor plum";
    let form = json!({"token": token, "password": new});
    browser.post("/api/password/reset", form).await.must(204);
    let answer = browser.post("/api/login", json!({"login": ann.email, "password": new})).await;
    assert_eq!(answer.problem(), (403, "second_factor_required".to_owned()));
    second_step(&browser, &phone.code(1)).await.must(200);
}

#[tokio::test]
async fn recovery_codes_are_made_anew_and_it_is_turned_off_by_whoever_it_belongs_to() {
    let (ann, _, codes) = with_an_app("ann").await;
    let renew = async |proof: Value| ann.post("/api/me/second-factor/recovery-codes", proof).await;
    assert_eq!(renew(json!({})).await.problem(), (422, "validation_failed".to_owned()));
    let new = renew(json!({"password": PASSWORD})).await.must(200);
    let new: Vec<_> = new["recovery_codes"].as_array().expect("a list").clone();
    assert_eq!(new.len(), 10);
    assert!(codes.iter().all(|code| !new.contains(&json!(code))));
    let browser = Browser::new(server());
    first_step(&browser, &ann.username).await.must(403);
    assert_eq!(second_step(&browser, &codes[1]).await.status, 422, "the old are void");
    mailed(&ann.email, "New recovery codes for your Sotto account").await;

    let wrong = turn_off(&ann, json!({"password": "not it"})).await;
    assert_eq!(wrong.problem(), (403, "wrong_password".to_owned()));
    ann.post("/api/me/code", json!({})).await.must(202);
    let code = server().code_for(&ann.email).await;
    turn_off(&ann, json!({"code": code})).await.must(204);
    mailed(&ann.email, "Your Sotto account asks for no second factor").await;
    first_step(&Browser::new(server()), &ann.username).await.must(200);
    for answer in [
        turn_off(&ann, json!({"password": PASSWORD})).await,
        renew(json!({"password": PASSWORD})).await,
    ] {
        assert_eq!(answer.problem(), (409, "second_factor_off".to_owned()));
    }
}

#[tokio::test]
async fn the_operator_sees_it_and_takes_it_from_those_who_lost_everything() {
    let (ann, ..) = with_an_app("ann").await;
    let operate = |command: &str| {
        let ended = run(&server().command(&["user", command, &ann.username, "--json"]), "");
        (ended.success, serde_json::from_str::<Value>(&ended.output).unwrap_or_default())
    };
    assert_eq!(operate("show").1["second_factor"], true);
    let (done, shown) = operate("reset-second-factor");
    assert!(done && shown["username"] == ann.username, "{shown}");
    assert_eq!(operate("show").1["second_factor"], false);
    assert!(!operate("reset-second-factor").0, "there is none any more");
    first_step(&Browser::new(server()), &ann.username).await.must(200);
}

#[tokio::test]
async fn it_goes_with_the_account() {
    let (ann, ..) = with_an_app("ann").await;
    let request = ann.request(Method::DELETE, "/api/me").json(&json!({"password": PASSWORD}));
    ann.send_request(request).await.must(204);
    let answer = first_step(&Browser::new(server()), &ann.username).await;
    assert_eq!(answer.problem(), (401, "invalid_credentials".to_owned()));
}

#[tokio::test]
async fn under_an_ip_address_there_are_no_passkeys_and_the_calls_say_so() {
    let ann = Person::created(server(), "ann").await;
    let list = ann.get("/api/me/passkeys").await.must(200);
    assert_eq!(list, json!({"available": false, "passkeys": []}));
    let proof = json!({"password": PASSWORD});
    let ceremony = "A".repeat(43);
    for answer in [
        ann.post("/api/me/passkeys/options", proof.clone()).await,
        ann.ask(Method::POST, "/api/login/passkey/options").await,
        ann.post("/api/login/passkey", json!({"ceremony": ceremony, "credential": {}})).await,
    ] {
        assert_eq!(answer.problem(), (409, "passkeys_unavailable".to_owned()));
    }
    let none = ann.post("/api/me/second-factor/passkeys", proof.clone()).await;
    assert_eq!(none.problem(), (409, "no_passkey".to_owned()));
    for id in ["67e55044-10b1-426f-9247-bb680e5fe0c8", "x"] {
        let request = ann.request(Method::DELETE, &format!("/api/me/passkeys/{id}"));
        let answer = ann.send_request(request.json(&proof)).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()));
    }
}

/// What a device does is shown in a browser (`tests/web/journeys/passkeys.test.js`).
#[tokio::test]
async fn no_made_up_answer_of_a_device_makes_a_passkey_or_signs_in() {
    let server = Server::start_with(&[("SOTTO_PUBLIC_URL", "http://localhost:8000")]);
    let ann = Person::created(&server, "ann").await;
    let proof = json!({"password": PASSWORD});
    let begun = ann.post("/api/me/passkeys/options", proof).await.must(200);
    assert_eq!(begun["options"]["publicKey"]["rp"]["id"], "localhost");
    let add = async |begun: &Value, name: &str| {
        let form = json!({"ceremony": begun["ceremony"], "name": name, "credential": {"id": "x"}});
        ann.post("/api/me/passkeys", form).await
    };
    let unnamed = add(&begun, " ").await;
    assert_eq!(unnamed.field_errors(), [("name".to_owned(), "length".to_owned())]);
    let refused = add(&begun, "Phone").await;
    assert_eq!(refused.problem(), (422, "passkey_invalid".to_owned()));
    let again = add(&begun, "Phone").await;
    assert_eq!(again.problem(), (410, "passkey_expired".to_owned()), "a ceremony ends once");
    let browser = Browser::new(&server);
    let begun = browser.ask(Method::POST, "/api/login/passkey/options").await.must(200);
    let form = json!({"ceremony": begun["ceremony"], "credential": null});
    let refused = browser.post("/api/login/passkey", form.clone()).await;
    assert_eq!(refused.problem(), (422, "passkey_invalid".to_owned()));
    let again = browser.post("/api/login/passkey", form).await;
    assert_eq!(again.problem(), (410, "passkey_expired".to_owned()));
    assert_eq!(ann.get("/api/me/passkeys").await.must(200)["passkeys"], json!([]));
}
