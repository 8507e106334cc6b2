//! Where one is signed in, and who is let in while others guess.
use journeys::{Answer, Browser, Deployment, PASSWORD, Person, Server, Socket, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
/// How soon a socket hears that its session has ended.
const SOON: Duration = Duration::from_secs(1);
/// The same while Redis is away.
const LATE: Duration = Duration::from_secs(30);

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

async fn sessions(browser: &Browser) -> Vec<Value> {
    let listed = browser.get("/api/sessions").await.must(200);
    listed["sessions"].as_array().expect("a list").clone()
}

fn id(session: &Value) -> &str {
    session["id"].as_str().expect("an id")
}

async fn end(browser: &Browser, session: &str) -> Answer {
    browser.ask(Method::DELETE, &format!("/api/sessions/{session}")).await
}

/// The socket closes as one whose session has ended does, in time.
async fn closes(mut socket: Socket, within: Duration) {
    let end = tokio::time::timeout(within, socket.end()).await;
    assert_eq!(end.expect("in time"), Some(4401));
}

/// The mails about new sign-ins, newest first.
async fn told(server: &Server, email: &str) -> Vec<String> {
    let mails = server.mails_to(email).await.into_iter();
    mails
        .filter(|mail| mail.subject == "New sign-in to your Sotto account")
        .map(|mail| mail.text)
        .collect()
}

#[tokio::test]
async fn sessions_are_shown_as_the_contract_says_and_end_one_by_one() {
    let ann = Person::created(server(), "ann").await;
    let firefox = Browser::new(server());
    let form = json!({"login": ann.username, "password": PASSWORD});
    let request = firefox.request(Method::POST, "/api/login").json(&form);
    firefox.send_request(request.header("user-agent", FIREFOX)).await.must(200);

    let listed = sessions(&ann).await;
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!((&listed[0]["current"], &listed[1]["current"]), (&json!(true), &json!(false)));
    let other = &listed[1];
    assert_eq!((&other["browser"], &other["system"]), (&json!("Firefox 141"), &json!("Linux")));
    assert_eq!(other["address"], "127.0.0.1");
    let mut names: Vec<_> = other.as_object().expect("an object").keys().cloned().collect();
    names.sort_unstable();
    let expected = ["address", "browser", "created_at", "current", "id", "last_used_at", "system"];
    assert_eq!(names, expected);
    for field in ["created_at", "last_used_at"] {
        let moment = other[field].as_str().expect("a moment");
        assert!(moment.len() == 24 && moment.ends_with('Z'), "{moment}");
    }

    let stranger = Person::created(server(), "eve").await;
    for nothing in [id(other), "nonsense", "67e55044-10b1-426f-9247-bb680e5fe0c8"] {
        assert_eq!(end(&stranger, nothing).await.problem(), (404, "not_found".to_owned()));
    }
    firefox.get("/api/me").await.must(200);

    let ended = end(&ann, id(other)).await;
    ended.must(204);
    assert!(ended.headers.get("set-cookie").is_none());
    assert_eq!(firefox.get("/api/me").await.problem(), (401, "signed_out".to_owned()));
    assert_eq!(end(&ann, id(other)).await.status, 404);

    let ended = end(&ann, id(&listed[0])).await;
    ended.must(204);
    assert_eq!(ann.cookie("sotto_session"), "", "{:?}", ended.headers);
    for (method, path) in [
        (Method::GET, "/api/sessions"),
        (Method::DELETE, "/api/sessions"),
        (Method::DELETE, "/api/sessions/x"),
    ] {
        assert_eq!(ann.ask(method, path).await.problem(), (401, "signed_out".to_owned()));
    }
}

#[tokio::test]
async fn all_others_are_signed_out_at_once() {
    let ann = Person::created(server(), "ann").await;
    let others = [
        Person::sign_in(server(), &ann.username).await,
        Person::sign_in(server(), &ann.username).await,
    ];
    let bob = Person::created(server(), "bob").await;
    let sockets = [others[0].socket().await, others[1].socket().await];
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    ann.ask(Method::DELETE, "/api/sessions").await.must(204);
    for socket in sockets {
        closes(socket, SOON).await;
    }
    for other in &others {
        other.get("/api/me").await.must(401);
    }
    assert_eq!(sessions(&ann).await.len(), 1);
    // What goes on is heard.
    let room = ann.room_with(&bob).await;
    bob.say(&room, "still there?").await;
    assert_eq!(hers.next_of("message").await["body"], "still there?");
    assert_eq!(his.next_of("message").await["body"], "still there?");
}

#[tokio::test]
async fn a_socket_on_another_instance_closes_within_a_second_and_without_redis_within_thirty() {
    let mut deployment = Deployment::start(2).await;
    let (ann, _, _) = deployment.pair().await;
    let entrance = deployment.nginx.entrance();
    let (near, far) = (deployment.instance(0), deployment.instance(1));
    let other = async || {
        let other = Person::sign_in(&entrance, &ann.username).await;
        (other.at(far.clone()).socket().await, other)
    };
    let here = ann.at(near.clone());

    let (socket, _) = other().await;
    let listed = sessions(&here).await;
    end(&here, id(&listed[1])).await.must(204);
    closes(socket, SOON).await;

    let ((one, _), (two, _)) = (other().await, other().await);
    here.ask(Method::DELETE, "/api/sessions").await.must(204);
    closes(one, SOON).await;
    closes(two, SOON).await;

    let (socket, gone) = other().await;
    let listed = sessions(&here).await;
    deployment.redis.kill();
    end(&here, id(&listed[1])).await.must(204);
    closes(socket, LATE).await;
    gone.at(near).get("/api/me").await.must(401);
}

#[tokio::test]
async fn a_new_browser_is_told_of_by_mail_and_a_known_one_is_not() {
    let ann = Person::sign_up(server(), "ann").await;
    assert_eq!(told(server(), &ann.email).await.len(), 0, "the first");
    let form = json!({"login": ann.username, "password": PASSWORD});
    let device = ann.cookie("sotto_device");
    assert_eq!(device.len(), 43, "{device}");
    ann.post("/api/logout", json!({})).await.must(204);
    ann.post("/api/login", form.clone()).await.must(200);
    assert_eq!(ann.cookie("sotto_device"), device, "it outlives signing out");
    assert_eq!(told(server(), &ann.email).await.len(), 0, "the same browser");

    let firefox = Browser::new(server());
    for _ in 0..2 {
        let request = firefox.request(Method::POST, "/api/login").json(&form);
        firefox.send_request(request.header("user-agent", FIREFOX)).await.must(200);
    }
    let mails = told(server(), &ann.email).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    for words in [&*ann.username, "Firefox 141 on Linux", "127.0.0.1", "/forgot-password/"] {
        assert!(mails[0].contains(words), "{words} in {}", mails[0]);
    }
    let bob = Person::created(server(), "bob").await;
    let wrong = json!({"login": bob.username, "password": "not the password"});
    firefox.post("/api/login", wrong).await.must(401);
    assert_eq!(told(server(), &bob.email).await.len(), 0, "nobody got in");
}

/// What somebody at an address of their own tries, as the proxy in front says.
async fn try_from(browser: &Browser, address: &str, login: &str, password: &str) -> Answer {
    let form = json!({"login": login, "password": password});
    let request = browser.request(Method::POST, "/api/login").json(&form);
    browser.send_request(request.header("x-forwarded-for", address)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_locked_out_by_guesses_from_many_addresses() {
    let server = Server::start_with(&[("SOTTO_TRUSTED_PROXIES", "127.0.0.1/32")]);
    let (ann, email) = (unique("ann"), format!("{}@example.com", unique("ann")));
    server.create_user(&ann, &email, PASSWORD);
    let (hers, home) = (Browser::new(&server), "203.0.113.1");
    try_from(&hers, home, &ann, PASSWORD).await.must(200);

    let (going_on, guesses) = (Arc::new(AtomicBool::new(true)), 8);
    let attackers: Vec<_> = (0..guesses)
        .map(|attacker| {
            let (going_on, browser, ann) = (going_on.clone(), Browser::new(&server), ann.clone());
            tokio::spawn(async move {
                let mut statuses = Vec::new();
                for n in 0.. {
                    let address = format!("198.51.{attacker}.{}", n % 250);
                    let answer = try_from(&browser, &address, &ann, "not the password").await;
                    statuses.push(answer.status);
                    if answer.status == 429 {
                        assert!(!answer.header("retry-after").is_empty());
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    if !going_on.load(Ordering::Relaxed) {
                        break;
                    }
                }
                statuses
            })
        })
        .collect();
    // Long enough for the guesses to be used up.
    let stranger = Browser::new(&server);
    let began = Instant::now();
    while try_from(&stranger, "192.0.2.1", &ann, PASSWORD).await.status != 429 {
        assert!(began.elapsed() < Duration::from_secs(20), "never throttled");
    }
    let new_at_home = Browser::new(&server);
    for (browser, address) in
        [(&hers, "192.0.2.99"), (&hers, home), (&new_at_home, "192.0.2.99")].iter().cycle().take(9)
    {
        let began = Instant::now();
        let answer = try_from(browser, address, &ann, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    going_on.store(false, Ordering::Relaxed);
    let mut compared = 0;
    for attacker in attackers {
        let statuses = attacker.await.expect("ends");
        assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
        compared += statuses.iter().filter(|status| **status == 401).count();
    }
    assert!(compared <= 600, "{compared}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_sign_ins_is_turned_away_and_known_browsers_pass_it() {
    let server = Server::start_unlimited();
    let ann = Person::created(&server, "ann").await;
    let going_on = Arc::new(AtomicBool::new(true));
    // More than may wait, each with the next try once it has its answer.
    let flood: Vec<_> = (0..120)
        .map(|_| {
            let (going_on, browser) = (going_on.clone(), Browser::new(&server));
            tokio::spawn(async move {
                let mut turned_away = 0;
                while going_on.load(Ordering::Relaxed) {
                    let form = json!({"login": unique("eve"), "password": "not the password"});
                    let answer = browser.post("/api/login", form).await;
                    if answer.status == 503 {
                        assert_eq!(answer.code(), "busy");
                        assert_eq!(answer.header("retry-after"), "1");
                        turned_away += 1;
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    } else {
                        assert_eq!(answer.status, 401);
                    }
                }
                turned_away
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..3 {
        let began = Instant::now();
        let form = json!({"login": ann.username, "password": PASSWORD});
        ann.post("/api/login", form).await.must(200);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    going_on.store(false, Ordering::Relaxed);
    let mut turned_away = 0;
    for caller in flood {
        turned_away += caller.await.expect("ends");
    }
    assert!(turned_away > 0, "the line was never full");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_count_guesses_together_and_know_the_same_browsers() {
    let deployment = Deployment::start_with(2, &[("SOTTO_RATE_LIMITS", "on")]).await;
    let (near, far) = (deployment.instance(0), deployment.instance(1));
    let ann = unique("ann");
    deployment.instances[0].create_user(&ann, &format!("{ann}@example.com"), PASSWORD);
    let hers = Browser::new(near.clone());
    try_from(&hers, "203.0.113.1", &ann, PASSWORD).await.must(200);

    let strangers = [Browser::new(near.clone()), Browser::new(far.clone())];
    let mut compared = 0;
    for n in 0..70 {
        let from = format!("198.51.100.{n}");
        let answer = try_from(&strangers[n % 2], &from, &ann, "not the password").await;
        compared += u32::from(answer.status == 401);
    }
    assert_eq!(compared, 50);
    for entrance in [near, far] {
        let answer = try_from(&hers.at(entrance), "192.0.2.9", &ann, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
