//! Many instances that share MongoDB, Redis and a mail server, when one of those is away.
use journeys::{
    Browser, Deployment, Ended, PASSWORD, Person, Server, client_id,
    deployment::sealing_keys,
    run, send_frame,
    smtp::{MailServer, Tls},
    unique,
};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

/// Longer than anything but MongoDB's own election takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Status and body of `/health/`, and how long they took.
async fn health(server: &Server) -> (u16, String, Duration) {
    let (began, browser) = (Instant::now(), Browser::new(server));
    let answer = browser.request(Method::GET, "/health/").send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.text().await.expect("a body"), began.elapsed())
}

/// Asks until the status is this one; says what was answered then.
async fn until_health(server: &Server, status: u16, within: Duration) -> String {
    let began = Instant::now();
    loop {
        let (answered, body, took) = health(server).await;
        assert!(took < Duration::from_secs(3), "{answered} took {took:?}");
        if answered == status {
            return body;
        }
        assert!(began.elapsed() < within, "still {answered} {body}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_mongodb_is_away_health_names_it_and_what_is_sent_is_stored_once_afterwards() {
    let mut deployment = Deployment::start(1).await;
    let (ann, bob, room) = deployment.pair().await;
    let (ann, bob) = (ann.at(&deployment.instances[0]), bob.at(&deployment.instances[0]));
    let mut hers = ann.socket().await;
    let mut expected = Vec::new();
    for killed in [false, true] {
        if killed {
            deployment.mongod.kill();
        } else {
            deployment.mongod.halt();
        }
        // What was looked at a moment ago may still be taken for well once.
        let body = until_health(&deployment.instances[0], 503, Duration::from_secs(5)).await;
        assert!(body.contains(r#""failing":["store"]"#), "{body}");

        let (by_http, by_socket) = (client_id(), client_id());
        let began = Instant::now();
        hers.send(&send_frame(&room, &by_socket, "over the socket")).await;
        let (answer, refusal) =
            tokio::join!(ann.try_say(&room, &by_http, "over HTTP"), hers.next_of("error"));
        assert_eq!(answer.problem(), (503, "unavailable".to_owned()));
        assert_eq!(refusal["code"], "unavailable");
        assert_eq!(refusal["client_id"], by_socket.as_str());
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());

        if killed {
            deployment.mongod.restart().await;
        } else {
            deployment.mongod.go_on();
        }
        until_health(&deployment.instances[0], 200, PATIENCE).await;
        for (id, text) in [(&by_http, "over HTTP"), (&by_socket, "over the socket")] {
            let answer = ann.try_say(&room, id, text).await;
            assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
            expected.push(id.clone());
        }
        let history = bob.history(&room).await;
        let mut stored: Vec<&str> =
            history.iter().map(|message| message["client_id"].as_str().expect("an id")).collect();
        stored.sort_unstable();
        expected.sort_unstable();
        assert_eq!(stored, expected, "each of them once");
    }
}

/// What `sotto doctor` says.
fn doctor(deployment: &Deployment) -> Ended {
    let certificate = deployment.nginx.certificate();
    let certificate = certificate.to_str().expect("a path");
    run(&deployment.instances[0].command(&["doctor", "--ca", certificate]), "")
}

/// The line that begins so.
fn verdict<'e>(ended: &'e Ended, word: &str, part: &str) -> &'e str {
    let line = ended.output.lines().find(|line| {
        line.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with(part))
    });
    line.unwrap_or_else(|| panic!("no {word} {part}: {ended:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_doctor_finds_a_deployment_well_and_names_what_is_away() {
    let mut mail = MailServer::start_open();
    let smtp_url = format!("smtp://{}", mail.address());
    let settings = [("SOTTO_SMTP_URL", &*smtp_url), ("SOTTO_RATE_LIMITS", "on")];
    let mut deployment = Deployment::start_with(1, &settings).await;
    let well = doctor(&deployment);
    assert!(well.success, "{well:?}");
    for part in
        ["settings", "keys", "store", "bus", "Redis", "mail", "public URL", "clock", "socket"]
    {
        verdict(&well, "ok", part);
    }
    assert_eq!(mail.tries(), 0, "nobody is written to");

    mail.stop();
    let ended = doctor(&deployment);
    assert!(!ended.success, "{ended:?}");
    assert!(verdict(&ended, "FAILED", "mail").contains("SOTTO_SMTP_URL"), "{ended:?}");
    verdict(&ended, "ok", "Redis");
    deployment.redis.kill();
    let ended = doctor(&deployment);
    assert!(!ended.success, "{ended:?}");
    assert!(verdict(&ended, "FAILED", "Redis").contains("SOTTO_REDIS_URL"), "{ended:?}");
    for part in ["store", "public URL", "socket"] {
        verdict(&ended, "ok", part);
    }
    deployment.mongod.kill();
    let ended = doctor(&deployment);
    assert!(verdict(&ended, "FAILED", "store").contains("SOTTO_MONGODB_URI"), "{ended:?}");
    assert!(verdict(&ended, "FAILED", "public URL").contains(r#"["store"]"#), "{ended:?}");
}

/// Signs out at one instance; how long the other still takes them for signed in.
async fn signed_out_elsewhere(deployment: &Deployment, person: &Person) -> Duration {
    let [here, there] = [0, 1].map(|number| person.at(deployment.instance(number)));
    let mut socket = there.socket().await;
    there.get("/api/me").await.must(200);
    here.post("/api/logout", json!({})).await.must(204);
    let began = Instant::now();
    assert_eq!(socket.end().await, Some(4401));
    assert_eq!(there.get("/api/me").await.status, 401);
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_signs_out_is_out_everywhere_at_once_and_without_redis_soon() {
    let mut deployment = Deployment::start(2).await;
    let (ann, bob, _) = deployment.pair().await;
    let took = signed_out_elsewhere(&deployment, &ann).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    deployment.redis.kill();
    let took = signed_out_elsewhere(&deployment, &bob).await;
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_guesses_at_every_door_has_no_more_guesses() {
    // As many as one person may make at one instance, and one for each 10 s that it takes.
    const GUESSES: usize = 20;
    let deployment = Deployment::start_with(2, &[("SOTTO_RATE_LIMITS", "on")]).await;
    let (ann, _, _) = deployment.pair().await;
    let guess = json!({"login": ann.username, "password": "mauve badger paints nine teapots"});
    let doors = [0, 1].map(|number| Browser::new(deployment.instance(number)));
    let mut heard = 0;
    for door in doors.iter().cycle().take(2 * GUESSES - 4) {
        match door.post("/api/login", guess.clone()).await.status {
            401 => heard += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!((GUESSES - 2..=GUESSES + 6).contains(&heard), "{heard} guesses were heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mail_that_a_killed_instance_accepted_is_delivered_once_by_another() {
    let mut mail = MailServer::prepare(Tls::None);
    let smtp_url = format!("smtp://{}", mail.address());
    let mut deployment = Deployment::start_with(2, &[("SOTTO_SMTP_URL", &*smtp_url)]).await;
    let username = unique("ann");
    let email = format!("{username}@example.com");
    let browser = Browser::new(deployment.instance(0));
    let form = json!({"username": username, "email": email, "password": PASSWORD});
    browser.post("/api/register", form).await.must(202);
    let logged = |server: &Server| String::from_utf8_lossy(&server.output()).into_owned();
    let began = Instant::now();
    // A try is over, so nobody holds the mail.
    while !deployment.instances.iter().any(|server| logged(server).contains("it is tried again")) {
        assert!(began.elapsed() < PATIENCE, "nobody tried");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    deployment.instances[0].kill();
    mail.start();
    let mails = mail.wait_for_mails(1).await;
    assert_eq!(mails[0]["to"], json!([email]));
    // Longer than the other waits between two looks, also once the first is back.
    deployment.instances[0].restart();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(mail.mails().len(), 1);
}

/// What an instance heard from others.
async fn heard_from_others(server: &Server) -> f64 {
    let figures = Browser::new(server).get("/metrics").await.text();
    let lines = figures
        .lines()
        .filter(|line| line.starts_with(r#"sotto_broadcast_received_total{kind="event"}"#));
    let counts = lines.filter_map(|line| line.rsplit(' ').next());
    counts.map(|count| count.parse::<f64>().expect("a number")).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_of_a_deployment_on_the_same_redis_hears_nothing_of_it() {
    let (mongodb, redis) = (servers::mongodb().await, servers::redis().await);
    let (copy, keys) = (servers::mongodb().await, sealing_keys());
    let [here, beside, copied] = [&mongodb, &mongodb, &copy].map(|uri| {
        Server::start_with(&[
            ("SOTTO_MONGODB_URI", uri),
            ("SOTTO_REDIS_URL", &redis),
            ("SOTTO_ENCRYPTION_KEYS", &keys),
        ])
    });
    let (ann, bob, room) = Person::pair(&here).await;
    let mut his = bob.at(&beside).socket().await;
    ann.say(&room, "for whoever shares the database").await;
    his.next_of("message").await;
    assert!(heard_from_others(&beside).await > 0.0);
    assert!(heard_from_others(&copied).await < 1.0);
}
