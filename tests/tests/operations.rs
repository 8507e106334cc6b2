//! What an operator sees: figures, logs, health, and the commands that look at a running server.
use journeys::{Answer, Browser, Ended, PATIENCE, Person, Server, client_id, run, send_frame};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, TcpListener, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// The value of a figure, labels and all; 0 where there is none yet.
fn figure(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

async fn figures(server: &Server) -> String {
    let answer = Browser::new(server).get("/metrics").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

/// Looks again until it is so.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "{what} never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
#[expect(clippy::float_cmp, reason = "counts of a few are exact")]
async fn the_figures_tell_how_much_was_done() {
    let server = Server::start();
    let (ann, bob, room) = Person::pair(&server).await;
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    let known = client_id();
    hers.send(&send_frame(&room, &known, "over the socket")).await;
    hers.next_of("message").await;
    his.next_of("message").await;
    ann.say(&room, "over the api").await;
    ann.try_say(&room, &known, "over the socket").await.must(200);
    assert_eq!(ann.try_say(&room, &known, "something else").await.status, 409);
    ann.history(&room).await;
    hers.refusal("[").await;
    ann.get("/nowhere/at/all").await;

    let text = figures(&server).await;
    for (name, expected) in [
        (r#"sotto_messages_total{outcome="new"}"#, 2.0),
        (r#"sotto_messages_total{outcome="known"}"#, 1.0),
        (r#"sotto_messages_total{outcome="refused"}"#, 1.0),
        ("sotto_sockets", 2.0),
        (r#"sotto_socket_frames_received_total{type="send"}"#, 1.0),
        (r#"sotto_socket_frames_received_total{type="malformed"}"#, 1.0),
        (r#"sotto_socket_frames_sent_total{type="ready"}"#, 2.0),
        (r#"sotto_socket_frames_sent_total{type="error"}"#, 1.0),
        (r#"sotto_store_calls_total{operation="append",outcome="done"}"#, 4.0),
        (r#"sotto_store_call_duration_seconds_count{operation="append"}"#, 4.0),
        ("sotto_store_batch_messages_sum", 4.0),
        ("sotto_password_hashing", 0.0),
        (r#"sotto_passwords_hashed_total{outcome="done"}"#, 2.0),
        // The one that asks.
        ("sotto_http_requests_under_way", 1.0),
        (r#"sotto_http_requests_total{method="GET",route="none",status="4xx"}"#, 1.0),
        (r#"sotto_http_requests_total{method="GET",route="/ws/chat/",status="1xx"}"#, 2.0),
    ] {
        assert_eq!(figure(&text, name), expected, "{name} in\n{text}");
    }
    let route = r#"method="POST",route="/api/rooms/:param0/messages""#;
    assert_eq!(figure(&text, &format!("sotto_http_requests_total{{{route},status=\"2xx\"}}")), 2.0);
    assert_eq!(figure(&text, &format!("sotto_http_requests_total{{{route},status=\"4xx\"}}")), 1.0);
    assert_eq!(
        figure(&text, &format!("sotto_http_request_duration_seconds_count{{{route}}}")),
        3.0
    );
    assert!(figure(&text, "sotto_events_published_total") >= 2.0);
    assert!(figure(&text, "process_open_fds") > 5.0);
    assert!(text.ends_with("# EOF\n"));

    hers.close().await;
    let closed = r#"sotto_sockets_closed_total{code="none"}"#;
    until("the closing", async || figure(&figures(&server).await, closed) == 1.0).await;
    assert_eq!(figure(&figures(&server).await, "sotto_sockets"), 1.0);
}

#[tokio::test]
async fn neither_figures_nor_logs_say_who_or_what() {
    let server = Server::start_with(&[("SOTTO_LOG", "debug"), ("SOTTO_LOG_FORMAT", "json")]);
    let ann = Person::sign_up(&server, "annabel").await;
    let bob = Person::sign_up(&server, "bobby").await;
    let room = ann.room_with(&bob).await;
    let mut socket = ann.socket_at(&format!("/ws/chat/{room}/")).await;
    let message = ann.say(&room, "a most private remark").await;
    socket.next_of("message").await;
    ann.get("/api/users?query=bobby").await.must(200);
    ann.get("/annabel/likes?bobby=much").await;
    let answer = Browser::new(&server).get("/metrics").await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let cookie = ann.cookies();
    let (_, token) = cookie.split_once('=').expect("a cookie");

    let said = server.wait_for_log("/api/users").await;
    let text = answer.text();
    assert!(text.contains("/api/users"), "both have something to say");
    for secret in [
        &ann.username,
        &bob.email,
        &ann.id,
        &room,
        message["id"].as_str().expect("an id"),
        message["client_id"].as_str().expect("an id"),
        "private remark",
        "likes",
        "query=",
        token,
    ] {
        assert!(!text.contains(secret), "{secret} is in the figures:\n{text}");
        assert!(!said.contains(secret), "{secret} is in the logs:\n{said}");
    }
}

/// Asks for the figures from an address of this machine.
async fn figures_from(server: &Server, address: &str, forwarded_for: Option<&str>) -> u16 {
    let address: IpAddr = address.parse().expect("an address");
    let client = Client::builder().no_proxy().local_address(address).build().expect("a client");
    let mut request = client.get(format!("{}/metrics", server.origin()));
    if let Some(client) = forwarded_for {
        request = request.header("x-forwarded-for", client);
    }
    Answer::read(request.send().await.expect("an answer")).await.status
}

#[tokio::test]
async fn the_figures_are_for_those_who_may_read_them() {
    let usual = Server::start();
    assert_eq!(figures_from(&usual, "127.0.0.2", None).await, 200);
    assert_eq!(
        figures_from(&usual, "127.0.0.1", Some("127.0.0.1")).await,
        404,
        "a proxy that nobody named lets anybody in"
    );
    let elsewhere = Server::start_with(&[("SOTTO_METRICS_FROM", "10.0.0.0/8")]);
    assert_eq!(figures_from(&elsewhere, "127.0.0.1", None).await, 404);
    assert_eq!(figures_from(&elsewhere, "127.0.0.1", Some("10.0.0.1")).await, 404);
    let some = Server::start_with(&[
        ("SOTTO_METRICS_FROM", "127.0.0.2,10.0.0.0/8"),
        ("SOTTO_TRUSTED_PROXIES", "127.0.0.2"),
    ]);
    assert_eq!(figures_from(&some, "127.0.0.2", None).await, 200);
    assert_eq!(figures_from(&some, "127.0.0.2", Some("10.1.2.3")).await, 200);
    assert_eq!(figures_from(&some, "127.0.0.2", Some("10.1.2.3, 203.0.113.9")).await, 404);
    assert_eq!(figures_from(&some, "127.0.0.3", None).await, 404);
}

/// What was logged, one object a line.
fn log_lines(server: &Server) -> Vec<Value> {
    let output = String::from_utf8(server.output()).expect("text");
    let announced = |line: &&str| !line.starts_with("Sotto is ready") && !line.starts_with("  ");
    let lines = output.lines().filter(announced);
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// The access line of a request, once it is there.
async fn line_of(server: &Server, id: &str) -> Value {
    let find = || {
        log_lines(server)
            .into_iter()
            .find(|line| line["target"] == "web::access" && line["span"]["request_id"] == id)
    };
    until(id, async || find().is_some()).await;
    find().expect("it was there")
}

#[tokio::test]
async fn a_request_is_found_in_the_log_by_the_name_in_its_answer() {
    let settings = [
        ("SOTTO_LOG_FORMAT", "json"),
        ("SOTTO_LOG", "debug"),
        ("SOTTO_TRUSTED_PROXIES", "127.0.0.2"),
    ];
    let server = Server::start_with(&settings);
    let browser = Browser::new(&server);
    let named = |method: Method, path: &str| {
        browser.request(method, path).header("x-request-id", "made-up-by-somebody")
    };
    for (method, path, status, route, level) in [
        (Method::GET, "/api/me", 401, "/api/me", "INFO"),
        (Method::POST, "/api/logout", 401, "/api/logout", "INFO"),
        (Method::GET, "/nowhere", 404, "none", "INFO"),
        (Method::GET, "/health/", 200, "/health/", "DEBUG"),
    ] {
        let answer = browser.send_request(named(method.clone(), path)).await;
        assert_eq!(answer.status, status);
        let id = answer.header("x-request-id");
        assert!(id.len() >= 16 && id != "made-up-by-somebody", "{id}");
        let line = line_of(&server, id).await;
        assert_eq!(line["level"], level, "{line}");
        assert!(line["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
        let fields = &line["fields"];
        assert_eq!(
            (&fields["method"], &fields["route"], &fields["status"]),
            (&json!(method.as_str()), &json!(route), &json!(status)),
        );
        assert!(fields["ms"].is_u64(), "{line}");
    }
    let proxy = Client::builder().no_proxy().local_address(IpAddr::from([127, 0, 0, 2]));
    let proxy = proxy.build().expect("a client");
    for (given, taken) in [("0123-from.nginx", true), ("two words", false)] {
        let request = proxy.get(format!("{}/", server.origin())).header("x-request-id", given);
        let answer = Answer::read(request.send().await.expect("an answer")).await;
        assert_eq!(answer.header("x-request-id") == given, taken, "{given}");
    }
}

#[tokio::test]
async fn who_asks_how_we_are_learns_first_that_the_end_is_near() {
    let mut server = Server::start_with(&[("SOTTO_DRAIN", "4")]);
    let ann = Person::created(&server, "ann").await;
    let mut socket = ann.socket().await;
    server.ask_to_stop();
    let browser = Browser::new(&server);
    until("the end", async || {
        let client = browser.request(Method::GET, "/health/").send().await.expect("an answer");
        client.status() == 503
    })
    .await;
    let response = browser.request(Method::GET, "/health/").send().await.expect("an answer");
    assert_eq!(response.headers()["connection"], "close");
    let health: Value = response.json().await.expect("JSON");
    assert_eq!(health["status"], "going_away");
    // Everything else is still answered, and sockets stay for a while.
    ann.get("/api/me").await.must(200);
    browser.get("/health/live/").await.must(200);
    assert_eq!(socket.end().await, Some(1001));
    assert!(server.wait().success());
}

#[tokio::test]
async fn a_container_learns_by_a_command_how_it_is() {
    let mut server = Server::start();
    let asked = run(&server.command(&["check", "health"]), "");
    assert!(asked.success && asked.output.trim_end() == "ok", "{asked:?}");
    let url = server.origin();
    server.kill();
    for arguments in [&["check", "health"][..], &["check", "health", "--url", &url]] {
        let asked = run(&server.command(arguments), "");
        assert!(!asked.success && asked.errors.contains("refused"), "{asked:?}");
    }
}

/// The verdicts of `sotto doctor`, each with the line it stands in.
fn verdicts(ended: &Ended) -> Vec<(String, String)> {
    let lines = ended.output.lines();
    lines
        .map(|line| (line.split(' ').next().unwrap_or_default().to_owned(), line.to_owned()))
        .collect()
}

/// The line about a part.
fn about(ended: &Ended, part: &str) -> (String, String) {
    let found = verdicts(ended).into_iter().find(|(_, line)| line[9..].starts_with(part));
    found.unwrap_or_else(|| panic!("nothing about {part}: {ended:?}"))
}

fn doctor(server: &Server, settings: &[(&str, &str)]) -> Ended {
    let mut command = server.command(&["doctor"]);
    for (name, value) in settings {
        command.env(name, value);
    }
    run(&command, "")
}

fn rows_of(database: &Path) -> i64 {
    let database = rusqlite::Connection::open(database).expect("a database");
    let sql = "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM users)
        + (SELECT count(*) FROM registrations) + (SELECT count(*) FROM key_fingerprints)";
    database.query_row(sql, [], |row| row.get(0)).expect("counts")
}

#[tokio::test]
async fn the_doctor_finds_a_healthy_server_healthy_and_leaves_nothing_behind() {
    let server = Server::start();
    Person::created(&server, "ann").await;
    let database = server.data_dir().join("sotto.db");
    let before = rows_of(&database);
    let ended = doctor(&server, &[]);
    assert!(ended.success, "{ended:?}");
    for part in ["settings", "keys", "store", "bus", "public URL", "clock", "socket"] {
        assert_eq!(about(&ended, part).0, "ok", "{ended:?}");
    }
    // How much room there is depends on the machine.
    assert_ne!(about(&ended, "data dir").0, "FAILED", "{ended:?}");
    assert_eq!(rows_of(&database), before);

    let json = run(&server.command(&["doctor", "--json"]), "");
    let report: Value = serde_json::from_str(&json.output).expect("one JSON object");
    assert_eq!(report["ok"], true);
    assert_eq!(report["checks"].as_array().expect("a list").len(), verdicts(&ended).len());
    assert!(
        report["checks"].as_array().expect("a list").iter().all(|check| check["name"].is_string())
    );
}

#[tokio::test]
async fn the_doctor_names_what_is_wrong() {
    let mut server = Server::start();
    // Another name of this machine: Sotto answers, but takes sockets from there for foreign ones.
    let elsewhere = server.origin().replace("127.0.0.1", "localhost");
    let ended = doctor(&server, &[("SOTTO_PUBLIC_URL", &elsewhere)]);
    assert!(!ended.success);
    assert_eq!(about(&ended, "public URL").0, "ok", "{ended:?}");
    let (verdict, line) = about(&ended, "socket");
    assert!(verdict == "FAILED" && line.contains("SOTTO_PUBLIC_URL"), "{line}");

    let other = "k9:1/V9422vKnGAW2aQCljLIT5xaqfh0ily5UwppdvnxGY=";
    let ended = doctor(&server, &[("SOTTO_ENCRYPTION_KEYS", other)]);
    let (verdict, line) = about(&ended, "keys");
    assert!(verdict == "FAILED" && line.contains("SOTTO_ENCRYPTION_KEYS"), "{ended:?}");

    let ended = doctor(&server, &[("SOTTO_LISTEN", "8000")]);
    assert!(!ended.success && about(&ended, "settings").1.contains("SOTTO_LISTEN"), "{ended:?}");

    server.kill();
    let ended = doctor(&server, &[]);
    assert!(!ended.success && ended.errors.contains("checks failed"), "{ended:?}");
    assert_eq!(about(&ended, "store").0, "ok", "it does not need the server: {ended:?}");
    for part in ["public URL", "socket"] {
        let (verdict, line) = about(&ended, part);
        assert!(verdict == "FAILED" && line.contains("sotto serve"), "{line}");
    }
    let nowhere = server.folder().join("nowhere");
    let ended = doctor(&server, &[("SOTTO_DATA_DIR", nowhere.to_str().expect("a path"))]);
    assert_eq!(about(&ended, "data dir").0, "FAILED", "{ended:?}");
    assert_eq!(about(&ended, "store").0, "FAILED", "{ended:?}");
    assert!(!nowhere.exists(), "looking makes nothing");
}

/// A proxy that passes everything on but that a socket is wanted.
fn deaf_proxy(listener: TcpListener, to: String) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut client = stream.expect("a connection");
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let kept = head.lines().filter(|line| {
                let line = line.to_lowercase();
                !line.starts_with("upgrade:")
                    && !line.starts_with("connection:")
                    && !line.is_empty()
            });
            let kept: Vec<&str> = kept.chain(["connection: close", "", ""]).collect();
            let mut server = TcpStream::connect(&to).expect("a server");
            server.write_all(kept.join("\r\n").as_bytes()).expect("sent");
            let _ = std::io::copy(&mut server, &mut client);
        }
    });
}

#[tokio::test]
async fn the_doctor_tells_a_proxy_that_swallows_upgrades() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let server = Server::start_with(&[("SOTTO_PUBLIC_URL", &origin)]);
    deaf_proxy(listener, server.address());
    let ended = doctor(&server, &[]);
    assert_eq!(about(&ended, "public URL").0, "ok", "{ended:?}");
    let (verdict, line) = about(&ended, "socket");
    assert!(verdict == "FAILED" && line.contains("Upgrade"), "{line}");
}

#[tokio::test]
async fn exported_files_are_those_that_are_served() {
    let server = Server::start();
    let folder = server.folder().join("static");
    let arguments = ["assets", "export", folder.to_str().expect("a path")];
    let exported = run(&server.command(&arguments), "");
    assert!(exported.success, "{exported:?}");
    let browser = Browser::new(&server);
    let mut compared = 0;
    for (path, _) in journeys::search::read_all(&folder) {
        let name = path.strip_prefix(&folder).expect("below").to_str().expect("a path").to_owned();
        let content = fs::read(&path).expect("a file");
        let (name, coding) = match name.strip_suffix(".gz") {
            Some(name) => (name, "gzip"),
            None => (&*name, "identity"),
        };
        let request = browser.request(Method::GET, &format!("/static/{name}"));
        let answer = browser.send_request(request.header("accept-encoding", coding)).await;
        assert_eq!(answer.status, 200, "{name}");
        assert!(answer.header("cache-control").contains("immutable"), "{name}");
        assert_eq!(answer.header("content-encoding") == "gzip", coding == "gzip", "{name}");
        assert!(answer.body == content, "{name} {coding}");
        compared += 1;
    }
    assert!(compared > 80, "{compared} files");
    let again = run(&server.command(&arguments), "");
    assert!(again.output.contains(" 0 of them new"), "{again:?}");
}
