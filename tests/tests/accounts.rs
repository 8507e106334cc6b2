//! Opening an account, signing in and out, one's own profile.
use journeys::{Answer, Browser, Heard, PASSWORD, Person, Server, Socket, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::{sync::OnceLock, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

/// Rate limits are lifted: all tests come from one address.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

/// A sign-up that has not proved its address.
struct SignUp {
    browser: Browser,
    username: String,
    email: String,
}

impl SignUp {
    async fn begin(name: &str) -> Self {
        let username = unique(name);
        let email = format!("{username}@example.com");
        let browser = Browser::new(server());
        register(&browser, &username, &email).await.must(202);
        Self { browser, username, email }
    }

    async fn code(&self) -> String {
        server().code_for(&self.email).await
    }

    async fn verify(&self, code: &str) -> Answer {
        verify(&self.browser, &self.email, code).await
    }
}

async fn register(browser: &Browser, username: &str, email: &str) -> Answer {
    let form = json!({"username": username, "email": email, "password": PASSWORD});
    browser.post("/api/register", form).await
}

async fn verify(browser: &Browser, email: &str, code: &str) -> Answer {
    browser.post("/api/verify-otp", json!({"email": email, "code": code})).await
}

async fn login(browser: &Browser, login: &str, password: &str) -> Answer {
    browser.post("/api/login", json!({"login": login, "password": password})).await
}

/// Another code than this.
fn other_than(code: &str) -> String {
    let number: u32 = code.parse().expect("digits");
    format!("{:06}", (number + 1) % 1_000_000)
}

/// All that an answer tells about whom it is for: status, body and the names of its headers.
fn shape(answer: &Answer) -> (u16, String, Vec<String>) {
    let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort_unstable();
    (answer.status, answer.text(), names)
}

#[tokio::test]
async fn a_mailed_code_turns_a_sign_up_into_an_account() {
    let username = unique("Ann");
    let email = format!("{username}@example.com").to_lowercase();
    let browser = Browser::new(server());
    let form = json!({
        "username": username, "email": email, "password": PASSWORD,
        "first_name": "Änn", "last_name": "O’Baker",
    });
    let answer = browser.post("/api/register", form).await;
    assert_eq!(answer.must(202), json!({"status": "verification_required"}));
    browser.get("/api/me").await.must(401);

    let code = server().code_for(&email).await;
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    let verified = verify(&browser, &email, &code).await.must(200);
    let me = browser.get("/api/me").await.must(200);
    assert_eq!(me, verified);
    for (field, value) in [
        ("username", json!(username)),
        ("email", json!(email)),
        ("first_name", json!("Änn")),
        ("last_name", json!("O’Baker")),
        ("picture_url", Value::Null),
        ("deleted", json!(false)),
        ("has_password", json!(true)),
        ("google_linked", json!(false)),
    ] {
        assert_eq!(me[field], value, "{field}");
    }
    let joined_at = me["joined_at"].as_str().expect("a moment");
    assert!(joined_at.len() == 24 && joined_at.ends_with('Z'), "{joined_at}");

    verify(&browser, &email, &code).await.must(422);
    let subjects: Vec<String> =
        server().mails_to(&email).await.into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    assert_eq!(subjects[0], "Welcome to Sotto");
}

#[tokio::test]
async fn an_address_with_an_account_answers_like_one_without_and_its_owner_is_told() {
    let owner = Person::sign_up(server(), "owner").await;
    let (known, unknown) = (Browser::new(server()), Browser::new(server()));
    let at_known = register(&known, &unique("thief"), &owner.email).await;
    let at_unknown = register(&unknown, &unique("new"), "nobody-yet@example.com").await;
    assert_eq!(shape(&at_known), shape(&at_unknown));
    assert_eq!(at_known.status, 202);
    let length = |browser: &Browser| browser.cookie("sotto_flow").len();
    assert_eq!(length(&known), length(&unknown));

    let mail = &server().mails_to(&owner.email).await[0];
    assert_eq!(mail.subject, "You already have a Sotto account");
    assert!(mail.text.contains(&owner.username));

    // Asking on tells no more: a wrong code counts alike, and so does asking again.
    for browser_and_email in [(&known, &*owner.email), (&unknown, "nobody-yet@example.com")] {
        let (browser, email) = browser_and_email;
        let code = if email == owner.email {
            "123456".to_owned()
        } else {
            other_than(&server().code_for(email).await)
        };
        let refused = verify(browser, email, &code).await;
        assert_eq!(refused.problem(), (422, "otp_invalid".to_owned()));
        assert_eq!(refused.json()["attempts_left"], 2);
        let again = browser.post("/api/resend-otp", json!({"email": email})).await;
        assert_eq!(again.problem(), (429, "rate_limited".to_owned()));
    }
    login(&Browser::new(server()), &owner.email, PASSWORD).await.must(200);
}

#[tokio::test]
async fn asking_for_a_code_again_tells_nobody_who_has_an_account() {
    let owner = Person::created(server(), "owner").await;
    let stranger = Browser::new(server());
    let again = |email: String| stranger.post("/api/resend-otp", json!({"email": email}));
    let known = again(owner.email.clone()).await;
    assert_eq!(shape(&known), shape(&again("unknown@example.com".to_owned()).await));
    assert_eq!(known.status, 202);
    assert!(server().mails_to(&owner.email).await.is_empty());
}

#[tokio::test]
async fn a_username_is_taken_in_every_case_and_for_its_look_alikes() {
    let username = unique("Bill10");
    server().create_user(&username, &format!("{username}@example.com"), PASSWORD);
    let look_alike = username.replace("Bill", "BiIl").replace("10", "lO");
    assert_ne!(look_alike, username);
    let taken = [username.clone(), username.to_uppercase(), username.to_lowercase(), look_alike];
    for name in taken {
        let answer = register(&Browser::new(server()), &name, "someone@example.com").await;
        assert_eq!(answer.problem(), (409, "username_taken".to_owned()), "{name}");
    }
    let reserved = register(&Browser::new(server()), "Admin", "someone@example.com").await;
    assert_eq!(reserved.problem(), (409, "username_taken".to_owned()));
    assert!(server().mails_to("someone@example.com").await.is_empty());
}

#[tokio::test]
async fn a_sign_up_names_everything_that_is_wrong_with_it() {
    let browser = Browser::new(server());
    let long = "x".repeat(65);
    let form = json!({
        "username": "a b", "email": "nobody", "password": PASSWORD,
        "first_name": long, "last_name": "a\u{202e}b",
    });
    let answer = browser.post("/api/register", form).await;
    assert_eq!(answer.problem(), (422, "validation_failed".to_owned()));
    let found = answer.field_errors();
    let expected = [
        ("username", "character"),
        ("email", "invalid"),
        ("first_name", "too_long"),
        ("last_name", "character"),
    ];
    assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code.to_owned())));

    let name = unique("weak");
    for (password, code) in [
        ("k7#Qp2x".to_owned(), "too_short"),
        ("k7#Qp2xL".repeat(17), "too_long"),
        ("password".to_owned(), "too_common"),
        (name.clone(), "like_username"),
    ] {
        let form = json!({"username": name, "email": "w@example.com", "password": password});
        let answer = browser.post("/api/register", form).await;
        assert_eq!(answer.status, 422, "{password}");
        assert_eq!(answer.field_errors(), [("password".to_owned(), code.to_owned())], "{password}");
    }
    assert!(server().mails_to("w@example.com").await.is_empty());
    assert_eq!(browser.cookies(), "");
}

#[tokio::test]
async fn wrong_types_and_missing_and_unknown_fields_are_named() {
    let browser = Browser::new(server());
    for (path, form, field, code) in [
        ("/api/login", json!({"login": "ann"}), "password", "missing"),
        ("/api/login", json!({"login": "ann", "password": 1}), "password", "invalid"),
        ("/api/login", json!({"login": "a", "password": "b", "admin": true}), "admin", "unknown"),
        ("/api/register", json!({"username": "a"}), "email", "missing"),
        ("/api/verify-otp", json!({"email": "a@b.cc", "code": "1", "x": 1}), "x", "unknown"),
        ("/api/resend-otp", json!({"email": "a@b.cc", "x": 1}), "x", "unknown"),
        ("/api/resend-otp", json!({"email": "nobody"}), "email", "invalid"),
    ] {
        let answer = browser.post(path, form).await;
        assert_eq!(answer.problem(), (422, "validation_failed".to_owned()), "{path}");
        assert_eq!(answer.field_errors(), [(field.to_owned(), code.to_owned())], "{path}");
    }
}

#[tokio::test]
async fn three_wrong_guesses_kill_the_code() {
    let sign_up = SignUp::begin("cat").await;
    let code = sign_up.code().await;
    for attempts_left in [2, 1, 0] {
        let refused = sign_up.verify(&other_than(&code)).await;
        assert_eq!(refused.problem(), (422, "otp_invalid".to_owned()));
        assert_eq!(refused.json()["attempts_left"], attempts_left);
    }
    for attempt in [other_than(&code), code.clone(), code] {
        assert_eq!(sign_up.verify(&attempt).await.problem(), (429, "otp_exhausted".to_owned()));
    }
    sign_up.browser.get("/api/me").await.must(401);
}

#[tokio::test]
async fn the_third_guess_may_be_right() {
    let sign_up = SignUp::begin("lucky").await;
    let code = sign_up.code().await;
    for _ in 0..2 {
        sign_up.verify(&other_than(&code)).await.must(422);
    }
    sign_up.verify(&format!(" {} {}-", &code[..3], &code[3..])).await.must(200);
}

#[tokio::test]
async fn nobody_else_can_use_up_the_tries() {
    let sign_up = SignUp::begin("dora").await;
    let code = sign_up.code().await;
    // Without a flow, with one that was made up, and with one of another sign-up.
    let (bare, forged) = (Browser::new(server()), Browser::new(server()));
    forged.plant_cookie("sotto_flow", &"A".repeat(43));
    let other = SignUp::begin("mallory").await;
    for stranger in [&bare, &forged, &other.browser] {
        for attempt in [&other_than(&code), &other_than(&code), &code, &code] {
            let refused = verify(stranger, &sign_up.email, attempt).await;
            assert_eq!(refused.problem(), (422, "otp_invalid".to_owned()));
            assert!(refused.json().get("attempts_left").is_none(), "{}", refused.text());
        }
        stranger.get("/api/me").await.must(401);
    }
    // One with a flow of its own for the same address guesses at a code of its own.
    let rival = Browser::new(server());
    register(&rival, &unique("rival"), &sign_up.email).await.must(202);
    assert_ne!(sign_up.code().await, code, "both have the same code by chance; run again");
    verify(&rival, &sign_up.email, &code).await.must(422);
    sign_up.verify(&code).await.must(200);
}

#[tokio::test]
async fn of_fifty_right_answers_at_once_one_counts() {
    let sign_up = SignUp::begin("eve").await;
    let code = sign_up.code().await;
    let all = futures_util::future::join_all((0..50).map(|_| sign_up.verify(&code))).await;
    let statuses: Vec<u16> = all.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 422 | 429)), "{statuses:?}");
    let me = sign_up.browser.get("/api/me").await.must(200);
    assert_eq!(me["username"], json!(sign_up.username));
}

#[tokio::test]
async fn a_fresh_code_can_be_had_once_a_minute() {
    let sign_up = SignUp::begin("fay").await;
    let code = sign_up.code().await;
    let mails = server().mails_to(&sign_up.email).await.len();
    let again = json!({"email": sign_up.email});
    let refused = sign_up.browser.post("/api/resend-otp", again).await;
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    let wait: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    // Nor by signing up again, or by signing in: the code that was mailed stays good.
    register(&sign_up.browser, &sign_up.username, &sign_up.email).await.must(202);
    login(&sign_up.browser, &sign_up.username, PASSWORD).await.must(403);
    assert_eq!(server().mails_to(&sign_up.email).await.len(), mails);
    sign_up.verify(&code).await.must(200);
}

#[tokio::test]
async fn the_verify_page_finds_its_sign_up_again_after_a_reload() {
    let sign_up = SignUp::begin("gus").await;
    let waiting = sign_up.browser.get("/api/verify-otp").await.must(200);
    assert_eq!(waiting["email"], json!(sign_up.email));
    assert_eq!(waiting["attempts_left"], 3);
    let code = sign_up.code().await;
    sign_up.verify(&other_than(&code)).await.must(422);
    assert_eq!(sign_up.browser.get("/api/verify-otp").await.must(200)["attempts_left"], 2);
    for field in ["sent_at", "expires_at", "resend_at"] {
        assert!(waiting[field].as_str().is_some_and(|moment| moment.ends_with('Z')), "{field}");
    }
    let stranger = Browser::new(server()).get("/api/verify-otp").await;
    assert_eq!(stranger.problem(), (404, "not_found".to_owned()));
    sign_up.verify(&code).await.must(200);
    sign_up.browser.get("/api/verify-otp").await.must(404);
}

#[tokio::test]
async fn a_sign_up_under_way_holds_no_name_and_no_address() {
    let (first, second) = (SignUp::begin("hal").await, Browser::new(server()));
    let first_code = first.code().await;
    register(&second, &first.username, &first.email).await.must(202);
    let second_code = server().code_for(&first.email).await;
    verify(&second, &first.email, &second_code).await.must(200);
    let late = first.verify(&first_code).await;
    assert!(matches!(late.status, 409 | 422), "{}", late.text());

    let (slow, quick) = (SignUp::begin("ivy").await, Browser::new(server()));
    let email = format!("{}@example.com", unique("quick"));
    register(&quick, &slow.username, &email).await.must(202);
    verify(&quick, &email, &server().code_for(&email).await).await.must(200);
    let late = slow.verify(&slow.code().await).await;
    assert_eq!(late.problem(), (409, "username_taken".to_owned()));
}

#[tokio::test]
async fn one_signs_in_by_username_or_address_whatever_the_case() {
    let person = Person::created(server(), "Jay").await;
    let names = [&person.username, &person.email, &person.username.to_uppercase()];
    for name in names.into_iter().chain([&format!(" {} ", person.email.to_uppercase())]) {
        let me = login(&Browser::new(server()), name, PASSWORD).await.must(200);
        assert_eq!(me["id"], json!(person.id), "{name}");
        assert_eq!(me["email"], json!(person.email));
    }
}

#[tokio::test]
async fn a_wrong_password_answers_like_an_unknown_name() {
    let person = Person::created(server(), "kim").await;
    let unproved = SignUp::begin("kit").await;
    let long = "x".repeat(10_000);
    let attempts = [
        (&*person.username, "wrong horse battery staple"),
        (&*person.email, "wrong horse battery staple"),
        ("nobody-at-all", PASSWORD),
        ("nobody-at-all@example.com", PASSWORD),
        (&*unproved.username, "wrong horse battery staple"),
        ("", ""),
        ("not a name", PASSWORD),
        (&*person.username, ""),
        (&*person.username, &*long),
        (&*person.username, "Correct horse battery staple"),
        (&*person.username, "correct horse battery staple "),
    ];
    let mut shapes = Vec::new();
    for (name, password) in attempts {
        let refused = login(&Browser::new(server()), name, password).await;
        assert_eq!(refused.problem(), (401, "invalid_credentials".to_owned()), "{name:?}");
        shapes.push(shape(&refused));
    }
    shapes.dedup();
    assert_eq!(shapes.len(), 1, "{shapes:?}");
}

#[tokio::test]
async fn the_right_password_of_an_unproved_sign_up_moves_it_to_this_browser() {
    let sign_up = SignUp::begin("lee").await;
    let code = sign_up.code().await;
    let here = Browser::new(server());
    let refused = login(&here, &sign_up.username, PASSWORD).await;
    assert_eq!(refused.problem(), (403, "email_unverified".to_owned()));
    assert_eq!(here.get("/api/verify-otp").await.must(200)["email"], json!(sign_up.email));
    // Within a minute the code that was mailed stays good; the first browser has lost the flow.
    assert_eq!(sign_up.code().await, code);
    sign_up.verify(&code).await.must(422);
    verify(&here, &sign_up.email, &code).await.must(200);
    here.get("/api/me").await.must(200);
}

#[tokio::test]
async fn every_sign_in_has_a_session_of_its_own_and_ends_the_one_before() {
    let person = Person::created(server(), "mia").await;
    let stays = Person::sign_in(server(), &person.username).await;
    let before = person.cookie("sotto_session");
    assert!(before.len() >= 43, "256 bits at least: {before}");
    login(&person, &person.username, PASSWORD).await.must(200);
    let after = person.cookie("sotto_session");
    assert_ne!(before, after);
    let replay = Browser::new(server());
    replay.plant_cookie("sotto_session", &before);
    assert_eq!(replay.get("/api/me").await.problem(), (401, "signed_out".to_owned()));
    person.get("/api/me").await.must(200);
    stays.get("/api/me").await.must(200);
}

#[tokio::test]
async fn a_token_that_a_client_made_up_is_never_taken_over() {
    let browser = Browser::new(server());
    let planted = "B".repeat(43);
    browser.plant_cookie("sotto_session", &planted);
    browser.get("/api/me").await.must(401);
    let person = Person::created(server(), "ned").await;
    login(&browser, &person.username, PASSWORD).await.must(200);
    assert_ne!(browser.cookie("sotto_session"), planted);
}

#[tokio::test]
async fn signing_out_ends_the_session_everywhere_within_a_second() {
    let person = Person::created(server(), "ola").await;
    let elsewhere = Person::sign_in(server(), &person.username).await;
    let other = Person::created(server(), "pia").await;
    let room = person.room_with(&other).await;
    let mut sockets = [
        person.socket().await,
        person.socket().await,
        person.socket_at(&format!("/ws/chat/{room}/")).await,
    ];
    let mut kept = elsewhere.socket().await;
    let session = person.cookie("sotto_session");

    let answer = person.ask(Method::POST, "/api/logout").await;
    answer.must(204);
    assert!(!answer.header("clear-site-data").is_empty());
    for socket in &mut sockets {
        let end = timeout(Duration::from_secs(1), socket.end()).await;
        assert_eq!(end.expect("within a second"), Some(4401));
    }
    assert_eq!(person.cookie("sotto_session"), "");
    let replay = Browser::new(server());
    replay.plant_cookie("sotto_session", &session);
    replay.get("/api/me").await.must(401);
    let refused = Socket::open(&replay, "/ws/chat/").await.map(drop).expect_err("signed out");
    assert_eq!((refused.status, refused.body["code"].as_str()), (401, Some("signed_out")));
    replay.ask(Method::POST, "/api/logout").await.must(401);

    elsewhere.get("/api/me").await.must(200);
    let said = other.say(&room, "still there?").await;
    assert_eq!(kept.next_of("message").await["id"], said["id"]);
}

#[tokio::test]
async fn hanging_up_while_signing_out_leaves_no_socket_behind() {
    let person = Person::created(server(), "ruth").await;
    for _ in 0..10 {
        let here = Person::sign_in(server(), &person.username).await;
        let mut socket = here.socket().await;
        let request = format!(
            "POST /api/logout HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\ncontent-length: 0\r\n\r\n",
            server().address(),
            here.cookies()
        );
        let mut stream = TcpStream::connect(server().address()).await.expect("connects");
        stream.write_all(request.as_bytes()).await.expect("sends");
        drop(stream);
        // The request may have been cut off before it was read; what it began is done to its end.
        let end = timeout(Duration::from_secs(1), socket.end()).await;
        match here.get("/api/me").await.status {
            401 => assert_eq!(end.expect("within a second"), Some(4401)),
            _ => assert!(end.is_err(), "the session goes on, and so does its socket"),
        }
    }
}

#[tokio::test]
async fn signing_in_again_ends_the_sockets_of_the_session_before() {
    let person = Person::created(server(), "quin").await;
    let mut socket = person.socket().await;
    login(&person, &person.username, PASSWORD).await.must(200);
    assert_eq!(socket.next().await, Heard::End(Some(4401)));
}

#[tokio::test]
async fn a_profile_changes_by_what_is_given() {
    let person = Person::created(server(), "rae").await;
    let other = Person::created(server(), "sam").await;
    let change = async |change: Value| person.patch("/api/me", change).await;
    let me = change(json!({"first_name": " Rae ", "last_name": "Öst"})).await.must(200);
    assert_eq!((&me["first_name"], &me["last_name"]), (&json!("Rae"), &json!("Öst")));
    let name = unique("rae.new");
    let me = change(json!({"username": name, "last_name": ""})).await.must(200);
    assert_eq!((&me["first_name"], &me["last_name"]), (&json!("Rae"), &json!("")));
    assert_eq!(change(json!({"username": name.to_uppercase()})).await.must(200)["id"], me["id"]);

    let taken = change(json!({"username": other.username.to_uppercase()})).await;
    assert_eq!(taken.problem(), (409, "username_taken".to_owned()));
    for (wrong, field) in [
        (json!({"username": "a"}), "username"),
        (json!({"first_name": "a\u{0}"}), "first_name"),
        (json!({"email": "x@example.com"}), "email"),
        (json!({"id": "x"}), "id"),
    ] {
        let refused = change(wrong).await;
        assert_eq!(refused.problem(), (422, "validation_failed".to_owned()));
        assert_eq!(refused.field_errors()[0].0, field);
    }
    let me = person.get("/api/me").await.must(200);
    assert_eq!(me["username"], json!(name.to_uppercase()));
    assert_eq!(me["email"], json!(person.email));
}

#[tokio::test]
async fn whoever_is_signed_out_gets_nothing() {
    let stranger = Browser::new(server());
    let room = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    for (method, path) in [
        (Method::GET, "/api/me".to_owned()),
        (Method::PATCH, "/api/me".to_owned()),
        (Method::POST, "/api/logout".to_owned()),
        (Method::GET, "/api/users?query=ann".to_owned()),
        (Method::GET, "/api/rooms".to_owned()),
        (Method::POST, "/api/rooms".to_owned()),
        (Method::GET, format!("/api/rooms/{room}")),
        (Method::GET, format!("/api/rooms/{room}/messages")),
        (Method::POST, format!("/api/rooms/{room}/messages")),
        (Method::GET, format!("/api/rooms/{room}/changes")),
        (Method::PUT, format!("/api/rooms/{room}/read")),
    ] {
        let refused = stranger.ask(method.clone(), &path).await;
        assert_eq!(refused.problem(), (401, "signed_out".to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn guessing_at_a_password_is_slowed_down_and_locks_nobody_out_elsewhere() {
    let server = Server::start_with(&[("SOTTO_TRUSTED_PROXIES", "127.0.0.1")]);
    let victim = Person::created(&server, "vic").await;
    let attempt = async |from: &str, password: &str| {
        let form = json!({"login": victim.username, "password": password});
        let request = Browser::new(&server).request(Method::POST, "/api/login").json(&form);
        victim.send_request(request.header("x-forwarded-for", from)).await
    };
    let mut wrong = 0;
    let refused = loop {
        let answer = attempt("192.0.2.1", "wrong horse battery staple").await;
        if answer.status != 401 {
            break answer;
        }
        wrong += 1;
        assert!(wrong < 100, "nothing slows the guessing down");
    };
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    assert!(refused.header("retry-after").parse::<u32>().expect("seconds") >= 1);
    // What a client makes up about itself left of the proxy's word changes nothing.
    attempt("203.0.113.9, 192.0.2.1", PASSWORD).await.must(429);
    attempt("198.51.100.7", PASSWORD).await.must(200);
}

#[tokio::test]
async fn what_a_client_says_about_its_address_is_not_believed() {
    let server = Server::start();
    let browser = Browser::new(&server);
    let mut answers = Vec::new();
    for n in 0..40 {
        let form = json!({"login": "nobody", "password": PASSWORD});
        let address = format!("192.0.2.{n}");
        let request = browser
            .request(Method::POST, "/api/login")
            .header("x-forwarded-for", &address)
            .header("x-real-ip", &address)
            .header("forwarded", format!("for={address}"));
        answers.push(browser.send_request(request.json(&form)).await.status);
    }
    assert!(answers.contains(&429), "{answers:?}");
}
