//! Journeys through the real nginx, with the configuration that is shipped.
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{SinkExt, StreamExt, future::join_all};
use journeys::{
    Answer, Browser, PASSWORD, PATIENCE, Person, Server, client_id,
    nginx::{Nginx, SecureSocket, Visitor},
    send_frame, unique,
};
use reqwest::{Method, StatusCode, Version, header::HeaderMap};
use serde_json::{Value, json};
use std::{
    fs,
    process::Stdio,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

const SECURITY_HEADERS: [&str; 9] = [
    "strict-transport-security",
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
];

/// Two by two pixels.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGO4w8AARAwQCgAbjgNxEGNbggAAAABJRU5ErkJggg==";

/// A server with nginx in front of it.
struct Site {
    nginx: Nginx,
    server: Server,
}

impl Site {
    fn start() -> Self {
        let mut nginx = Nginx::prepare();
        let server = Server::start_with(&[
            ("SOTTO_PUBLIC_URL", nginx.origin().as_str()),
            ("SOTTO_TRUSTED_PROXIES", "127.0.0.1/32"),
        ]);
        nginx.start(&server.address());
        Self { nginx, server }
    }

    /// An account, and the name it signs in with.
    fn account(&self, name: &str) -> String {
        let username = unique(name);
        self.server.create_user(&username, &format!("{username}@example.com"), PASSWORD);
        username
    }

    /// Somebody signed in, whose client speaks HTTP/1.1 as browsers do for sockets.
    async fn person(&self, name: &str) -> (String, Visitor) {
        let username = self.account(name);
        let visitor = self.nginx.visitor_with(self.nginx.client().http1_only());
        sign_in(&visitor, &username).await.must(200);
        (username, visitor)
    }
}

fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(Site::start)
}

async fn sign_in(visitor: &Visitor, username: &str) -> Answer {
    visitor.post("/api/login", json!({"login": username, "password": PASSWORD})).await
}

async fn next_of(socket: &mut SecureSocket, kind: &str) -> Value {
    loop {
        let heard = timeout(PATIENCE, socket.next()).await.expect("a frame in time");
        if let Message::Text(text) = heard.expect("an open socket").expect("a frame") {
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            if frame["type"] == kind {
                return frame;
            }
        }
    }
}

fn assert_hardened_once(headers: &HeaderMap, what: &str) {
    for name in SECURITY_HEADERS {
        let values: Vec<_> = headers.get_all(name).into_iter().collect();
        assert_eq!(values.len(), 1, "{name} of {what}: {values:?}");
    }
    assert_eq!(headers.get_all("cache-control").into_iter().count(), 1, "{what}");
}

/// Sends bytes and reads what comes until the other side ends.
async fn say_raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("sent");
    read_to_end(&mut stream).await
}

/// A connection that is cut off may end in a reset: that is an end, too.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A TLS client as told, and what it says about the connection it got.
async fn tls_client(nginx: &Nginx, options: &[&str]) -> String {
    let said = Command::new("openssl")
        .args(["s_client", "-connect", &nginx.https_address(), "-servername", "localhost"])
        .arg("-CAfile")
        .arg(nginx.certificate())
        .args(options)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("openssl (scripts/setup installs it)");
    String::from_utf8_lossy(&said.stdout).into_owned()
}

/// Something in the place of Sotto that keeps each request's head and never answers.
async fn silent_upstream() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (heads, received) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heads = heads.clone();
            tokio::spawn(async move {
                let mut head = vec![0; 16 * 1024];
                let length = stream.read(&mut head).await.unwrap_or_default();
                let _ = heads.send(String::from_utf8_lossy(&head[..length]).to_lowercase());
                let _ = stream.read(&mut head).await;
            });
        }
    });
    (address, received)
}

#[tokio::test]
async fn plain_http_leads_to_https() {
    let request =
        "GET /login/?next=%2Fchat%2F HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = say_raw(&site().nginx.http_address(), request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 301 "), "{answer}");
    assert!(
        answer.contains("\r\nLocation: https://localhost/login/?next=%2Fchat%2F\r\n"),
        "{answer}"
    );
    assert!(!answer.to_lowercase().contains("strict-transport-security"), "{answer}");
}

#[tokio::test]
async fn tls_is_1_2_or_1_3_with_forward_secrecy() {
    let nginx = &site().nginx;
    for version in ["-tls1_2", "-tls1_3"] {
        let said = tls_client(nginx, &[version]).await;
        assert!(said.contains("Verify return code: 0 (ok)"), "{version}: {said}");
    }
    // The client's own caution is switched off, so that it is nginx who refuses.
    for old in [["-tls1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]]
    {
        let said = tls_client(nginx, &old).await;
        assert!(said.contains("Cipher is (NONE)"), "{old:?}: {said}");
    }
    for weak in ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA"] {
        let said = tls_client(nginx, &["-tls1_2", "-cipher", weak]).await;
        assert!(said.contains("Cipher is (NONE)"), "{weak}: {said}");
    }
}

#[tokio::test]
async fn people_sign_up_over_https_and_their_cookies_stay_on_it() {
    let site = site();
    let visitor = site.nginx.visitor();
    let page = visitor.get("/register/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));

    let username = unique("ann");
    let email = format!("{username}@example.com");
    let form = json!({"username": username, "email": email, "password": PASSWORD});
    let registered = visitor.post("/api/register", form).await;
    registered.must(202);
    let code = site.server.code_for(&email).await;
    let verified = visitor.post("/api/verify-otp", json!({"email": email, "code": code})).await;
    assert_eq!(verified.must(200)["username"], json!(username));
    for answer in [registered, verified] {
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("ascii");
            assert!(cookie.starts_with("__Host-sotto_"), "{cookie}");
            assert!(cookie.contains("; Secure"), "{cookie}");
        }
    }
    assert_eq!(visitor.get("/api/me").await.must(200)["username"], json!(username));
    assert_eq!(visitor.get("/dev/mailbox/").await.status, 200);
}

#[tokio::test]
async fn http_2_is_spoken_and_answers_are_compressed() {
    let site = site();
    let visitor = site.nginx.visitor();
    for (path, kind) in [("/chat/", "page"), ("/openapi.json", "API")] {
        sign_in(&visitor, &site.account("ann")).await.must(200);
        let request = visitor.request(Method::GET, path).header("accept-encoding", "gzip");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.version(), Version::HTTP_2);
        let encodings: Vec<_> = answer.headers().get_all("content-encoding").into_iter().collect();
        assert_eq!(encodings, ["gzip"], "{kind}: once");
        assert!(answer.headers().get_all("vary").into_iter().any(|vary| {
            vary.to_str().is_ok_and(|vary| vary.eq_ignore_ascii_case("accept-encoding"))
        }));
    }
}

#[tokio::test]
async fn a_message_goes_round_over_wss() {
    let site = site();
    let ((_, ann), (bob_name, bob)) = (site.person("ann").await, site.person("bob").await);
    let room = ann.post("/api/rooms", json!({"username": bob_name})).await.must(201);
    let room = room["id"].as_str().expect("an id");
    let (mut hers, mut his) =
        (ann.socket("/ws/chat/").await, bob.socket(&format!("/ws/chat/{room}/")).await);
    for socket in [&mut hers, &mut his] {
        next_of(socket, "ready").await;
    }
    let id = client_id();
    let frame = send_frame(room, &id, "through nginx").to_string();
    hers.send(Message::text(frame)).await.expect("sent");
    let (acknowledged, heard) =
        (next_of(&mut hers, "message").await, next_of(&mut his, "message").await);
    assert_eq!(acknowledged["client_id"], json!(id));
    assert_eq!(heard["body"], "through nginx");
    assert_eq!(acknowledged["id"], heard["id"]);

    // Signing out closes the socket at once, with its code.
    ann.post("/api/logout", json!({})).await.must(204);
    loop {
        match timeout(PATIENCE, hers.next()).await.expect("an end in time") {
            Some(Ok(Message::Close(Some(frame)))) => {
                assert_eq!(u16::from(frame.code), 4401);
                break;
            }
            Some(Ok(_)) => {}
            other => panic!("no goodbye: {other:?}"),
        }
    }
}

#[tokio::test]
async fn sockets_are_for_our_own_pages_alone() {
    let (_, ann) = site().person("ann").await;
    for origin in ["https://evil.example", "null", "https://localhost"] {
        let refused = ann.ask_for_socket("/ws/chat/", origin).await;
        assert_hardened_once(refused.headers(), origin);
        assert_eq!(Answer::read(refused).await.problem(), (403, "cross_origin".to_owned()));
    }
    let stranger = site().nginx.visitor_with(site().nginx.client().http1_only());
    let refused = stranger.ask_for_socket("/ws/chat/", &site().nginx.origin()).await;
    assert_eq!(Answer::read(refused).await.problem(), (401, "signed_out".to_owned()));
}

#[tokio::test]
async fn each_security_header_is_there_once_and_is_what_sotto_says() {
    let site = site();
    let (visitor, direct) = (site.nginx.visitor(), Browser::new(&site.server));
    for path in
        ["/", "/login/", "/chat/", "/docs/", "/openapi.json", "/health/", "/api/me", "/nothing"]
    {
        let (through, from_sotto) = (visitor.get(path).await, direct.get(path).await);
        assert_eq!(through.status, from_sotto.status, "{path}");
        assert_hardened_once(&through.headers, path);
        for name in SECURITY_HEADERS.into_iter().chain(["cache-control", "content-type"]) {
            assert_eq!(through.header(name), from_sotto.header(name), "{name} of {path}");
        }
    }
    let upgraded =
        site.person("ann").await.1.ask_for_socket("/ws/chat/", &site.nginx.origin()).await;
    assert_eq!(upgraded.status(), 101);
    assert_hardened_once(upgraded.headers(), "a socket");
}

#[tokio::test]
async fn too_large_a_body_is_refused_by_whoever_notices_first() {
    let visitor = site().nginx.visitor();
    // Sotto reads 64 KiB of JSON; nginx passes on twice as much and refuses the rest unread.
    for (what, size) in [("Sotto", 100 * 1024), ("nginx", 200 * 1024), ("nginx", 5 * 1024 * 1024)] {
        let answer = visitor.post("/api/login", json!({"login": "x".repeat(size)})).await;
        assert_eq!(answer.problem(), (413, "too_large".to_owned()), "{what}, {size}");
        assert_hardened_once(&answer.headers, what);
    }
}

#[tokio::test]
async fn too_large_a_head_is_refused_with_every_security_header() {
    let visitor = site().nginx.visitor_with(site().nginx.client().http1_only());
    let request = visitor.request(Method::GET, "/").header("x-long", "x".repeat(10_000));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    assert_hardened_once(answer.headers(), "a head too large");
    let long = visitor.request(Method::GET, &format!("/{}", "x".repeat(10_000)));
    let answer = long.send().await.expect("an answer");
    assert_eq!(answer.status(), 414);
    assert_hardened_once(answer.headers(), "an address too long");
}

#[tokio::test]
async fn while_sotto_is_away_nginx_says_so_and_it_comes_back_by_itself() {
    let mut site = Site::start();
    let visitor = site.nginx.visitor();
    assert_eq!(visitor.get("/health/").await.status, 200);
    site.server.kill();
    let problem = visitor.get("/api/me").await;
    assert_eq!(problem.problem(), (503, "unavailable".to_owned()));
    assert_eq!(problem.header("retry-after"), "2");
    let page = visitor.request(Method::GET, "/chat/").header("accept", "text/html,*/*");
    let page = visitor.send(page).await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    for answer in [problem, page] {
        assert_hardened_once(&answer.headers, "an answer of nginx's own");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    site.server.restart();
    assert_eq!(visitor.get("/health/").await.status, 200, "at once, without a pause");
}

/// Two servers, each with a store of its own, behind one nginx.
struct Pair {
    nginx: Nginx,
    servers: [Server; 2],
}

impl Pair {
    fn start() -> Self {
        let mut nginx = Nginx::prepare();
        let server = || {
            Server::start_with(&[
                ("SOTTO_PUBLIC_URL", nginx.origin().as_str()),
                ("SOTTO_TRUSTED_PROXIES", "127.0.0.1/32"),
            ])
        };
        let servers = [server(), server()];
        let addresses = servers.each_ref().map(Server::address);
        nginx.start_before(&addresses.each_ref().map(String::as_str));
        Self { nginx, servers }
    }

    /// How often either answered, out of a number of requests which must all go well.
    async fn shares(&self, visitor: &Visitor, requests: usize) -> [usize; 2] {
        let mut ids = Vec::new();
        for _ in 0..requests {
            let answer = visitor.get("/health/live/").await;
            assert_eq!(answer.status, 200);
            ids.push(format!("id={}", answer.header("x-request-id")));
        }
        // The log is written after the answer.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shares = self.answered(&ids);
            if shares.iter().sum::<usize>() == requests {
                return shares;
            }
            assert!(Instant::now() < deadline, "{shares:?} of {requests}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// nginx leaves one alone that did not answer for two seconds, counted in whole ones of its
    /// clock, so up to three.
    async fn until_both_take_part(&self, visitor: &Visitor) {
        let deadline = Instant::now() + Duration::from_secs(6);
        loop {
            let shares = self.shares(visitor, 4).await;
            if shares.iter().all(|share| *share > 0) {
                break;
            }
            assert!(Instant::now() < deadline, "{shares:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many of these requests either answered, as the log has it.
    fn answered(&self, ids: &[String]) -> [usize; 2] {
        let logs = self.nginx.logs();
        let lines: Vec<_> =
            logs.lines().filter(|line| ids.iter().any(|id| line.ends_with(id))).collect();
        self.servers.each_ref().map(|server| {
            // Of several that were asked, with commas between them, the last one answered.
            lines
                .iter()
                .filter_map(|line| line.split_once(" upstream="))
                .filter_map(|(_, asked)| asked.split(' ').find(|word| !word.ends_with(',')))
                .filter(|address| *address == server.address())
                .count()
        })
    }
}

#[tokio::test]
async fn when_an_instance_is_killed_the_others_answer_and_it_is_taken_back() {
    let mut pair = Pair::start();
    let visitor = pair.nginx.visitor();
    let shares = pair.shares(&visitor, 20).await;
    assert!(shares.iter().all(|share| *share > 0), "both take part: {shares:?}");

    pair.servers[0].kill();
    // What was not sent yet may go elsewhere whatever it does, and it does so at once.
    let began = Instant::now();
    for _ in 0..4 {
        assert_eq!(sign_in(&visitor, "nobody").await.problem().0, 401);
    }
    assert_eq!(pair.shares(&visitor, 50).await, [0, 50]);
    assert!(began.elapsed() < Duration::from_secs(5), "after {:?}", began.elapsed());

    pair.servers[1].kill();
    assert_eq!(visitor.get("/api/me").await.problem(), (503, "unavailable".to_owned()));

    pair.servers.iter_mut().for_each(Server::restart);
    let back = Instant::now();
    while visitor.get("/health/live/").await.status != 200 {
        assert!(back.elapsed() < Duration::from_secs(4), "nobody answers");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    pair.until_both_take_part(&visitor).await;
}

#[tokio::test]
async fn nobody_notices_that_one_instance_after_the_other_is_restarted() {
    let mut pair = Pair::start();
    let visitor = pair.nginx.visitor();
    for n in [0, 1] {
        pair.servers[n].ask_to_stop();
        pair.shares(&visitor, 50).await;
        pair.servers[n].wait();
        assert_eq!(pair.shares(&visitor, 20).await[n], 0, "what has stopped");
        pair.servers[n].restart();
        pair.until_both_take_part(&visitor).await;
    }
}

/// Something in the place of Sotto that hangs up on every request, and how many it got.
async fn rude_upstream() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let counted = Arc::<AtomicUsize>::default();
    let requests = counted.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if stream.read(&mut [0; 16 * 1024]).await.is_ok_and(|length| length > 0) {
                requests.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (address, counted)
}

#[tokio::test]
async fn a_post_that_was_sent_is_never_sent_to_another_instance() {
    for (method, times) in [(Method::POST, 1), (Method::PATCH, 1), (Method::GET, 2)] {
        let ((one, first), (other, second)) = (rude_upstream().await, rude_upstream().await);
        let mut nginx = Nginx::prepare();
        nginx.start_before(&[&one, &other]);
        let visitor = nginx.visitor();
        let answer = visitor.send(visitor.request(method.clone(), "/api/register")).await;
        assert_eq!(answer.problem(), (503, "unavailable".to_owned()));
        let asked = first.load(Ordering::SeqCst) + second.load(Ordering::SeqCst);
        assert_eq!(asked, times, "{method}");
    }
}

/// Where the site's static files are said to be.
async fn static_prefix(visitor: &Visitor) -> String {
    let page = visitor.get("/login/").await.text();
    let (_, rest) = page.split_once("\"/static/").expect("a static file");
    format!("/static/{}", rest.split_once('/').expect("a hash").0)
}

#[tokio::test]
async fn static_files_come_from_nginx_if_it_has_them_and_else_from_sotto() {
    let site = site();
    let visitor = site.nginx.visitor();
    let prefix = static_prefix(&visitor).await;
    let folder = site.nginx.files().join(&prefix[1..]);
    fs::create_dir_all(folder.join("css")).expect("a folder");
    fs::create_dir_all(folder.join("icons")).expect("a folder");
    for (name, content) in [
        ("css/base.css", "from nginx"),
        ("css/base.css.gz", "compressed, from nginx"),
        ("icons/sotto.svg", "an icon, from nginx"),
        ("sotto.webmanifest", "a manifest, from nginx"),
    ] {
        fs::write(folder.join(name), content).expect("written");
    }
    let ask = async |name: &str, coding: &str| {
        let request = visitor.request(Method::GET, &format!("{prefix}/{name}"));
        visitor.send(request.header("accept-encoding", coding)).await
    };
    let direct = Browser::new(&site.server);
    for (name, coding, content) in [
        ("css/base.css", "identity", "from nginx"),
        ("css/base.css", "gzip", "compressed, from nginx"),
        ("icons/sotto.svg", "gzip", "an icon, from nginx"),
        ("sotto.webmanifest", "gzip", "a manifest, from nginx"),
    ] {
        let (answer, sotto) =
            (ask(name, coding).await, direct.get(&format!("{prefix}/{name}")).await);
        assert_eq!((answer.status, answer.text().as_str()), (200, content), "{name}");
        assert_hardened_once(&answer.headers, name);
        for header in ["content-type", "cache-control"] {
            assert_eq!(answer.header(header), sotto.header(header), "{header} of {name}");
        }
        let compressed = content.starts_with("compressed");
        assert_eq!(answer.header("content-encoding"), if compressed { "gzip" } else { "" });
    }
    let known = ask("css/base.css", "identity").await;
    assert_eq!(known.header("vary").to_lowercase(), "accept-encoding");
    let again = visitor.request(Method::GET, &format!("{prefix}/css/base.css"));
    let again =
        again.header("if-none-match", known.header("etag")).send().await.expect("an answer");
    assert_eq!(again.status(), 304);
    assert_hardened_once(again.headers(), "what is known");

    // A file of another version, or of one that nobody exported.
    let elsewhere = ask("css/app.css", "identity").await;
    assert_eq!(elsewhere.status, 200);
    assert_eq!(elsewhere.body, direct.get(&format!("{prefix}/css/app.css")).await.body);
    assert_hardened_once(&elsewhere.headers, "a file from Sotto");
    assert!(elsewhere.header("cache-control").contains("immutable"));
    let older = visitor.get("/static/older/css/app.css").await;
    assert_eq!((older.status, older.header("cache-control")), (200, "no-cache"));
    let nowhere = visitor.get(&format!("{prefix}/nothing.css")).await;
    assert_eq!(nowhere.problem(), (404, "not_found".to_owned()));
    assert_eq!(nowhere.header("cache-control"), "no-store");
}

#[tokio::test]
async fn pictures_are_pictures_and_nothing_else() {
    let site = site();
    let visitor = site.nginx.visitor();
    let folder = site.nginx.files().join("media");
    fs::create_dir_all(&folder).expect("a folder");
    let script = "<script>alert(1)</script>";
    for name in ["a.webp", "a.jpeg", "a.png", "a.svg", "a.html", "a.html.png", "a"] {
        fs::write(folder.join(name), script).expect("written");
    }
    for (name, kind) in [("a.webp", "webp"), ("a.jpeg", "jpeg"), ("a.png", "png")] {
        let answer = visitor.get(&format!("/media/{name}")).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, script));
        assert_eq!(answer.header("content-type"), format!("image/{kind}"));
        assert_hardened_once(&answer.headers, name);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").ends_with("; sandbox"));
        assert!(answer.header("cache-control").contains("immutable"));
    }
    for name in ["a.svg", "a.html", "a.html.png", "a", "b.png", "", "a.png/", "../media/a.svg"] {
        let answer = visitor.get(&format!("/media/{name}")).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{name}");
        assert_hardened_once(&answer.headers, name);
    }
}

#[tokio::test]
async fn a_picture_comes_from_sotto_through_nginx() {
    let (_, ann) = site().person("ann").await;
    let image = |length: usize| {
        let mut image = BASE64_STANDARD.decode(PNG).expect("base64");
        image.resize(length, 0);
        let request = ann.request(Method::PUT, "/api/me/picture");
        ann.send(request.header("content-type", "image/png").body(image))
    };
    let url = image(4 * 1024 * 1024).await.must(200)["picture_url"].clone();
    let shown = ann.get(url.as_str().expect("a picture")).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/jpeg"));
    assert_hardened_once(&shown.headers, "a picture");
    assert_eq!(shown.header("cache-control"), "public, max-age=31536000, immutable");
    assert!(shown.body.starts_with(&[0xff, 0xd8, 0xff]));
    assert_eq!(image(6 * 1024 * 1024).await.problem(), (413, "too_large".to_owned()));
}

/// Bodies that can hardly be compressed: as many letters as a message has, from all over Unicode.
fn long_body(n: u32) -> String {
    let mut state = n;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(0x2_0000 + (state >> 16)).expect("a letter")
    };
    (0..4_000).map(letter).collect()
}

/// Longer than all buffers on the way hold.
#[tokio::test]
async fn an_export_is_passed_on_as_it_comes_and_breaks_where_it_breaks() {
    let mut nginx = Nginx::prepare();
    let server = Server::start_with(&[
        ("SOTTO_PUBLIC_URL", nginx.origin().as_str()),
        ("SOTTO_TRUSTED_PROXIES", "127.0.0.1/32"),
        ("SOTTO_RATE_LIMITS", "off"),
    ]);
    nginx.start(&server.address());
    let ann = Person::created_at(&server, &nginx.entrance(), "ann").await;
    let bob = Person::created_at(&server, &nginx.entrance(), "bob").await;
    let room = ann.open_room_with(&bob).await;
    let mut socket = ann.at(&server).socket().await;
    for n in 0..1_200 {
        socket.send(&send_frame(&room, &client_id(), &long_body(n))).await;
        socket.next_of("message").await;
    }
    let begin = async |person: &Person| {
        let mut answer = person.request(Method::GET, "/api/me/export").send().await.expect("comes");
        assert_eq!((answer.status(), answer.content_length()), (StatusCode::OK, None));
        let first = answer.chunk().await.expect("a piece").expect("the first");
        (answer, first.to_vec())
    };

    // Whoever stops for a moment finds all of it still there, though nginx has no disk to put it on.
    let (mut answer, mut archive) = begin(&ann).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    while let Some(piece) = answer.chunk().await.expect("goes on") {
        archive.extend_from_slice(&piece);
    }
    assert!(archive.len() > 8 * 1024 * 1024, "{} bytes", archive.len());
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(archive)).expect("whole");
    let messages = zip.by_name(&format!("rooms/{room}/messages.json")).expect("is there");
    let messages: Value = serde_json::from_reader(messages).expect("JSON");
    assert_eq!(messages.as_array().map(Vec::len), Some(1_200));
    assert_eq!(messages[1_199]["body"], long_body(1_199));

    // What Sotto cuts short, nginx does not pass on as whole.
    let (mut answer, _) = begin(&bob).await;
    assert_eq!(bob.at(&server).ask(Method::POST, "/api/logout").await.status, 204);
    let broken = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "it looks whole");
}

#[tokio::test]
async fn a_file_goes_to_sotto_and_back_through_nginx() {
    let (_, ann) = site().person("ann").await;
    let (bob_name, _) = site().person("bob").await;
    let opened = ann.request(Method::POST, "/api/rooms").json(&json!({"username": bob_name}));
    let room = ann.send(opened).await.must(201)["id"].as_str().expect("an id").to_owned();
    let bring = |length: usize| {
        let path = format!("/api/rooms/{room}/attachments?name=large.bin");
        ann.send(ann.request(Method::POST, &path).body(vec![0xa7; length]))
    };
    let most = 20 * 1024 * 1024;
    let url = bring(most).await.must(201)["url"].clone();
    let file = ann.get(url.as_str().expect("a url")).await;
    assert_eq!((file.status, file.body.len()), (200, most));
    assert_hardened_once(&file.headers, "a file");
    assert_eq!(file.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(file.header("cache-control"), "private, no-cache");
    let part = ann.request(Method::GET, url.as_str().expect("a url"));
    let part = ann.send(part.header("range", "bytes=1000000-1000009")).await;
    assert_eq!((part.status, part.body), (206, vec![0xa7; 10]));
    for too_many in [most + 1, 22 * 1024 * 1024] {
        assert_eq!(bring(too_many).await.problem(), (413, "too_large".to_owned()));
    }
}

#[tokio::test]
async fn figures_are_closed_to_the_outside() {
    let (address, mut heads) = silent_upstream().await;
    let mut nginx = Nginx::prepare();
    nginx.start(&address);
    let visitor = nginx.visitor();
    for path in ["/metrics", "/metrics/", "/metrics?x=1", "//metrics", "/%6detrics", "/./metrics"] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{path}");
        assert_hardened_once(&answer.headers, path);
    }
    assert!(heads.try_recv().is_err(), "Sotto was asked");
}

#[tokio::test]
async fn what_a_client_says_about_itself_never_gets_through() {
    let (address, mut heads) = silent_upstream().await;
    let mut nginx = Nginx::prepare();
    nginx.start(&address);
    let visitor = nginx.visitor_from([127, 0, 0, 77]);
    let mut request = visitor.request(Method::GET, "/");
    for name in ["x-forwarded-for", "x-real-ip", "x-forwarded-host", "x-forwarded-port", "proxy"] {
        request = request.header(name, "203.0.113.1").header(name, "203.0.113.2");
    }
    request = request.header("x-forwarded-proto", "http").header("forwarded", "for=203.0.113.1");
    let asked = tokio::spawn(request.send());
    let head = timeout(PATIENCE, heads.recv()).await.expect("in time").expect("a head");
    asked.abort();
    assert!(!head.contains("203.0.113."), "{head}");
    for line in [
        "host: localhost",
        "x-forwarded-for: 127.0.0.77",
        "x-real-ip: 127.0.0.77",
        "x-forwarded-proto: https",
    ] {
        let name = line.split_once(':').expect("a header").0;
        let lines: Vec<_> =
            head.lines().filter(|found| found.starts_with(&format!("{name}:"))).collect();
        assert_eq!(lines, [line]);
    }
    for name in ["forwarded:", "x-forwarded-host:", "x-forwarded-port:", "proxy:", "connection:"] {
        assert!(!head.lines().any(|line| line.starts_with(name)), "{name} in {head}");
    }
}

#[tokio::test]
async fn a_request_bears_one_id_in_the_answer_and_in_the_log_whatever_a_client_says() {
    let site = site();
    let visitor = site.nginx.visitor();
    let request = visitor.request(Method::GET, "/api/me").header("x-request-id", "made-up");
    let answer = visitor.send(request).await;
    let id = answer.header("x-request-id");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let logged = || site.nginx.logs().contains(&format!("id={id}"));
    let began = Instant::now();
    while !logged() {
        assert!(began.elapsed() < PATIENCE, "{id} is not in {}", site.nginx.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_made_up_address_does_not_get_round_a_limit() {
    let site = site();
    let username = site.account("ann");
    let guess = |visitor: Visitor, claimed: String| {
        let body = json!({"login": username, "password": "a wrong password"});
        let request = visitor.request(Method::POST, "/api/login").json(&body);
        async move { visitor.send(request.header("x-forwarded-for", claimed)).await }
    };
    let guesser = site.nginx.visitor_from([127, 0, 0, 78]);
    let mut limited = None;
    for n in 0..40 {
        let answer = guess(guesser.clone(), format!("203.0.113.{n}")).await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
        assert_eq!(answer.status, 401);
    }
    let limited = limited.expect("somebody who guesses is held up, whoever they say they are");
    assert_eq!(limited.code(), "rate_limited");
    assert_eq!(limited.headers.get_all("retry-after").into_iter().count(), 1);
    // Whoever really comes from elsewhere is somebody else.
    let owner = site.nginx.visitor_from([127, 0, 0, 79]);
    assert_eq!(sign_in(&owner, &username).await.status, 200);
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let (address, _heads) = silent_upstream().await;
    let mut nginx = Nginx::prepare();
    nginx.start(&address);
    let many =
        nginx.visitor_with(nginx.client().http1_only().local_address(Some([127, 0, 0, 80].into())));
    let asking: Vec<_> =
        (0..510).map(|_| tokio::spawn(many.request(Method::GET, "/").send())).collect();
    let deadline = Instant::now() + PATIENCE;
    while asking.iter().filter(|asked| asked.is_finished()).count() < 10 {
        assert!(Instant::now() < deadline, "all were let in");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (refused, waiting): (Vec<_>, Vec<_>) =
        asking.into_iter().partition(JoinHandle::is_finished);
    assert_eq!(waiting.len(), 500);
    for answer in join_all(refused).await {
        let answer = Answer::read(answer.expect("no panic").expect("an answer")).await;
        assert_eq!(answer.problem(), (429, "rate_limited".to_owned()));
        assert_eq!(answer.header("retry-after"), "1");
        assert_hardened_once(&answer.headers, "too many connections");
    }
    let somebody_else = nginx.visitor_from([127, 0, 0, 81]);
    let asked = tokio::spawn(somebody_else.request(Method::GET, "/").send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!asked.is_finished(), "others are let in");
    waiting.iter().for_each(JoinHandle::abort);
    asked.abort();
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let nginx = &site().nginx;
    let cut_off = |address: String, first: &'static [u8], dripped: &'static [u8]| async move {
        let began = Instant::now();
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(first).await.expect("sent");
        let (mut reading, mut writing) = stream.split();
        let mut answer = Vec::new();
        let drip = async {
            while writing.write_all(dripped).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            std::future::pending::<()>().await;
        };
        let end = async { reading.read_to_end(&mut answer).await };
        tokio::select! {
            () = drip => {}
            ended = timeout(PATIENCE, end) => { let _ = ended.expect("cut off in time"); }
        }
        began.elapsed()
    };
    let (silent, head, handshake) = tokio::join!(
        cut_off(nginx.https_address(), b"", b""),
        // A head that never ends, however busily it goes on.
        cut_off(nginx.http_address(), b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-Slow: 1\r\n"),
        // A record of TLS that never ends.
        cut_off(nginx.https_address(), b"\x16\x03\x01\x40\x00", b"\x00"),
    );
    for (what, after) in
        [("silence", silent), ("a slow head", head), ("a slow handshake", handshake)]
    {
        assert!((6..15).contains(&after.as_secs()), "{what} ended after {after:?}");
    }
}

#[tokio::test]
async fn a_slow_head_inside_tls_is_cut_off() {
    let began = Instant::now();
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_quiet", "-connect", &site().nginx.https_address()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("openssl (scripts/setup installs it)");
    let mut input = client.stdin.take().expect("piped");
    input.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").await.expect("sent");
    let drip = tokio::spawn(async move {
        while input.write_all(b"X-Slow: 1\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    timeout(PATIENCE, client.wait()).await.expect("cut off in time").expect("an end");
    drip.abort();
    assert!((6..20).contains(&began.elapsed().as_secs()), "after {:?}", began.elapsed());
}

#[tokio::test]
async fn neither_files_nor_logs_of_nginx_hold_what_people_write_or_look_for() {
    let site = site();
    let ((_, ann), (bob_name, _)) = (site.person("ann").await, site.person("bob").await);
    let room = ann.post("/api/rooms", json!({"username": bob_name})).await.must(201);
    let messages = format!("/api/rooms/{}/messages", room["id"].as_str().expect("an id"));
    // The folders in which nginx would keep bodies are gone, so one that wanted to would fail: as
    // large a body as is accepted, and an answer far beyond nginx's memory, read late.
    let escaped = r"\ud83d\udd10".repeat(3_990);
    for n in 0..100 {
        let body = format!(r#"{{"client_id":"{}","body":"{n} {escaped}"}}"#, client_id());
        let request =
            ann.request(Method::POST, &messages).header("content-type", "application/json");
        ann.send(request.body(body)).await.must(201);
    }
    let history = ann.request(Method::GET, &format!("{messages}?limit=200"));
    let history = history.send().await.expect("an answer");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let history = Answer::read(history).await.must(200);
    assert_eq!(history["messages"].as_array().expect("a list").len(), 100);

    // A client that goes away early and one that is refused are what nginx would report.
    let wanted = "marzipanschwein";
    for path in [format!("/api/users?query={wanted}"), format!("/nothing?query={wanted}")] {
        ann.send(ann.request(Method::GET, &path).header("referer", wanted)).await;
    }
    let mut alone = Nginx::prepare();
    alone.start("127.0.0.1:9");
    let lost = alone.visitor().get(&format!("/api/users?query={wanted}")).await;
    assert_eq!(lost.status, 503);
    for (logs, line) in [(site.nginx.logs(), " GET /api/users "), (alone.logs(), " 503 ")] {
        assert!(logs.contains(line), "{logs}");
        assert!(!logs.contains(wanted), "{logs}");
    }
}
