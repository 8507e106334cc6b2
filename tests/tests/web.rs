//! What holds for everything that is served: headers, errors, limits, pages and files.
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use flate2::read::GzDecoder;
use journeys::{Answer, Browser, PASSWORD, Person, Server, client_id};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    io::Read,
    sync::OnceLock,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

/// A page as a browser asks for it.
async fn page(browser: &Browser, path: &str) -> Answer {
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    browser.send_request(browser.request(Method::GET, path).header("accept", accept)).await
}

/// The address of a file that a page names.
async fn static_file(ending: &str) -> String {
    let html = page(&Browser::new(server()), "/login/").await.text();
    let mut quoted = html.split('"').filter(|part| part.starts_with("/static/"));
    quoted.find(|path| path.ends_with(ending)).expect("a file").to_owned()
}

#[tokio::test]
async fn every_answer_tells_the_browser_what_not_to_do() {
    let browser = Browser::new(server());
    let script = static_file(".js").await;
    for (method, path, status) in [
        (Method::GET, "/", 200),
        (Method::GET, "/login/", 200),
        (Method::GET, "/chat/", 303),
        (Method::GET, "/login", 308),
        (Method::GET, &*script, 200),
        (Method::GET, "/docs/", 200),
        (Method::GET, "/openapi.json", 200),
        (Method::GET, "/health/", 200),
        (Method::GET, "/health/live/", 200),
        (Method::GET, "/dev/mailbox/", 200),
        (Method::GET, "/dev/mailbox.json", 200),
        (Method::GET, "/api/me", 401),
        (Method::GET, "/api/nothing", 404),
        (Method::GET, "/nothing", 404),
        (Method::DELETE, "/api/rooms", 405),
        (Method::POST, "/login/", 405),
        (Method::POST, "/api/login", 415),
        (Method::GET, "/ws/chat/", 403),
    ] {
        let answer = browser.ask(method.clone(), path).await;
        assert_eq!(answer.status, status, "{method} {path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {path} {name}");
        }
        let policy = answer.header("content-security-policy");
        for directive in
            ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(directive), "{method} {path}: {policy}");
        }
        assert!(!policy.contains("unsafe-eval"), "{policy}");
        assert!(path == "/docs/" || !policy.contains("unsafe-inline"), "{policy}");
        assert!(!answer.header("permissions-policy").is_empty(), "{method} {path}");
        assert!(answer.headers.get("strict-transport-security").is_none(), "plain http");
        assert!(answer.headers.get("server").is_none(), "nobody needs to know");
        assert!(!answer.header("cache-control").is_empty(), "{method} {path}");
    }
}

#[tokio::test]
async fn on_https_the_cookies_are_locked_to_the_host_and_https_is_demanded() {
    let server = Server::start_with(&[("SOTTO_PUBLIC_URL", "https://127.0.0.1:{port}")]);
    server.create_user("ann", "ann@example.com", PASSWORD);
    let browser = Browser::new(&server);
    let form = json!({"login": "ann", "password": PASSWORD});
    let answer = browser.post("/api/login", form).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-sotto_session=") && cookie.contains("; Secure"), "{cookie}");
    assert!(answer.header("strict-transport-security").contains("includeSubDomains"));
    assert!(answer.header("content-security-policy").contains(" wss://127.0.0.1:"));
    let form = json!({"username": "bob", "email": "bob@example.com", "password": PASSWORD});
    let answer = browser.post("/api/register", form).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-sotto_flow=") && cookie.contains("; Secure"), "{cookie}");
    // A cookie without the prefix, which a neighbouring host could set, is none.
    let token = browser.cookie("__Host-sotto_session");
    for (name, status) in [("sotto_session", 401), ("__Host-sotto_session", 200)] {
        let request = Browser::new(&server).request(Method::GET, "/api/me");
        let request = request.header("cookie", format!("{name}={token}"));
        browser.send_request(request).await.must(status);
    }
    let mails = server.mails_to("bob@example.com").await;
    assert!(mails[0].text.contains("https://127.0.0.1:"), "links begin with the public URL");
    for (origin, status) in
        [(server.origin(), 403), (server.origin().replace("http:", "https:"), 204)]
    {
        let request = browser.request(Method::POST, "/api/logout").header("origin", origin);
        browser.send_request(request).await.must(status);
    }
}

#[tokio::test]
async fn every_mistake_gets_a_problem_that_names_it() {
    let (ann, _, room) = Person::pair(server()).await;
    let json = "application/json";
    let messages = format!("/api/rooms/{room}/messages");
    let long = json!({"login": "x".repeat(64 * 1024), "password": "x"}).to_string();
    for (method, path, content_type, body, status, code) in [
        (Method::GET, "/api/nothing", "", "", 404, "not_found"),
        (Method::GET, "/api/", "", "", 404, "not_found"),
        (Method::GET, "/nothing", "", "", 404, "not_found"),
        (Method::GET, "/static/x/y.js", "", "", 404, "not_found"),
        (Method::GET, "/static/../Cargo.toml", "", "", 404, "not_found"),
        (Method::GET, "/static/x/%2e%2e/%2e%2e/pages/chat.html", "", "", 404, "not_found"),
        (Method::GET, "/media/x", "", "", 404, "not_found"),
        (Method::DELETE, "/api/rooms", "", "", 405, "method_not_allowed"),
        (Method::PUT, "/api/login", json, "{}", 405, "method_not_allowed"),
        (Method::POST, "/chat/", "", "", 405, "method_not_allowed"),
        (Method::TRACE, "/api/me", "", "", 405, "method_not_allowed"),
        (Method::POST, "/api/login", json, &*long, 413, "too_large"),
        (Method::POST, &*messages, json, &*long, 413, "too_large"),
        (Method::POST, "/api/login", "text/plain", "{}", 415, "unsupported_media_type"),
        (
            Method::POST,
            "/api/login",
            "application/x-www-form-urlencoded",
            "a=b",
            415,
            "unsupported_media_type",
        ),
        (Method::POST, "/api/login", "multipart/form-data", "x", 415, "unsupported_media_type"),
        (Method::POST, "/api/login", "", "{}", 415, "unsupported_media_type"),
        (Method::POST, "/api/login", json, "", 400, "malformed_json"),
        (Method::POST, "/api/login", json, "{", 400, "malformed_json"),
        (Method::POST, "/api/login", json, "{} {}", 422, "validation_failed"),
        (
            Method::POST,
            "/api/login",
            json,
            r#"{"login":"a","password":"b"} x"#,
            400,
            "malformed_json",
        ),
        (Method::POST, "/api/login", json, "{\"login\":\"\u{1}\"}", 400, "malformed_json"),
        (Method::POST, "/api/login", json, "[]", 422, "validation_failed"),
        (Method::POST, "/api/login", json, "null", 422, "validation_failed"),
        (Method::POST, "/api/login", json, "7", 422, "validation_failed"),
        (
            Method::POST,
            "/api/login",
            json,
            r#"{"login":"a","login":"b","password":"c"}"#,
            422,
            "validation_failed",
        ),
        (Method::POST, &*messages, json, "{}", 422, "validation_failed"),
    ] {
        let mut request = ann.request(method.clone(), path).body(body.to_owned());
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let answer = ann.send_request(request).await;
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
        assert_eq!(answer.problem(), (status, code.to_owned()), "{method} {path} {body:.60}");
        assert_eq!(answer.json()["type"], "about:blank");
        if status == 405 {
            assert!(!answer.header("allow").is_empty(), "RFC 9110 §15.5.6: {method} {path}");
        }
        let text = answer.text().to_lowercase();
        for inside in ["poem", "serde", "sqlite", "rust", "panicked", ".rs", "line 1"] {
            assert!(!text.contains(inside), "{inside} in {text}");
        }
    }
    ann.get("/api/me").await.must(200);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let browser = Browser::new(server());
    let request = browser.request(Method::POST, "/api/login");
    let body = b"{\"login\":\"\xff\xfe\",\"password\":\"x\"}".to_vec();
    let request = request.header("content-type", "application/json").body(body);
    browser.send_request(request).await.must(400);
    for path in
        ["/api/rooms/%ff", "/%ff", "/static/%00/x", "/api/rooms?cursor=%ff", "/chat/room/%ff/"]
    {
        let answer = browser.get(path).await;
        assert!((300..500).contains(&answer.status), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_browser_that_goes_astray_is_shown_a_page_and_a_program_a_problem() {
    let browser = Browser::new(server());
    let shown = page(&browser, "/no/such/page").await;
    assert_eq!((shown.status, shown.header("content-type")), (404, "text/html; charset=utf-8"));
    for path in ["/api/no/such", "/static/no/such.js"] {
        let answer = page(&browser, path).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn another_site_changes_nothing_here() {
    let ann = Person::created(server(), "ann").await;
    let ours = server().origin();
    let (evil, other_port) = ("http://evil.example".to_owned(), format!("{ours}0"));
    let https = ours.replace("http:", "https:");
    let localhost = ours.replace("127.0.0.1", "localhost");
    let mut expected = Vec::new();
    for site in
        [None, Some("same-origin"), Some("none"), Some("same-site"), Some("cross-site"), Some("")]
    {
        for origin in [
            None,
            Some(&*ours),
            Some("null"),
            Some(&*evil),
            Some(&*other_port),
            Some(&*https),
            Some(&*localhost),
        ] {
            let allowed = match site {
                Some(site) => matches!(site, "same-origin" | "none"),
                None => origin.is_none_or(|origin| origin == ours),
            };
            expected.push((site, origin, allowed));
        }
    }
    let mut changes = 0;
    for (n, (site, origin, allowed)) in expected.iter().enumerate() {
        for content_type in ["application/json", "text/plain"] {
            let mut request = ann
                .request(Method::PATCH, "/api/me")
                .header("content-type", content_type)
                .body(json!({"first_name": format!("name {n}")}).to_string());
            if let Some(site) = site {
                request = request.header("sec-fetch-site", *site);
            }
            if let Some(origin) = origin {
                request = request.header("origin", *origin);
            }
            let answer = ann.send_request(request).await;
            let case = format!("{site:?} {origin:?} {content_type}");
            match (allowed, content_type) {
                (false, _) => {
                    assert_eq!(answer.problem(), (403, "cross_origin".to_owned()), "{case}");
                }
                (true, "text/plain") => assert_eq!(answer.status, 415, "{case}"),
                (true, _) => {
                    assert_eq!(answer.must(200)["first_name"], format!("name {n}"), "{case}");
                    changes += 1;
                }
            }
        }
    }
    assert!(changes > 0, "nothing was ever allowed: the refusals prove nothing");
    // Signing in and out and up, too.
    for path in ["/api/login", "/api/register", "/api/verify-otp", "/api/resend-otp", "/api/logout"]
    {
        let request = ann.request(Method::POST, path).header("origin", &evil).json(&json!({}));
        assert_eq!(ann.send_request(request).await.problem(), (403, "cross_origin".to_owned()));
    }
    // Nor does it read: no answer says that it may.
    let request = ann.request(Method::GET, "/api/me").header("origin", &evil);
    let answer = ann.send_request(request).await;
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
    let preflight = ann
        .request(Method::OPTIONS, "/api/me")
        .header("origin", &evil)
        .header("access-control-request-method", "PATCH");
    let answer = ann.send_request(preflight).await;
    assert!(answer.status >= 400, "{}", answer.status);
}

#[tokio::test]
async fn what_is_got_can_be_asked_about() {
    let ann = Person::created(server(), "ann").await;
    let script = static_file(".js").await;
    for path in ["/", "/chat/", "/api/me", "/api/rooms", "/health/", "/docs/", &script, "/nothing"]
    {
        let (got, asked) = (ann.get(path).await, ann.ask(Method::HEAD, path).await);
        assert_eq!(asked.status, got.status, "{path}");
        assert!(asked.body.is_empty(), "{path}");
        assert_eq!(asked.header("content-type"), got.header("content-type"), "{path}");
        assert_eq!(asked.header("content-length"), got.body.len().to_string(), "{path}");
    }
}

#[tokio::test]
async fn files_are_kept_for_good_and_sent_once() {
    let browser = Browser::new(server());
    for ending in [".js", ".css"] {
        let path = static_file(ending).await;
        let plain = browser.get(&path).await;
        assert_eq!(plain.status, 200);
        let caching = plain.header("cache-control").to_owned();
        assert!(caching.contains("immutable") && caching.contains("max-age=31536000"), "{caching}");
        assert!(plain.header("content-encoding").is_empty());
        let kind = plain.header("content-type");
        assert!(kind.starts_with("text/"), "{kind}");

        let request = browser.request(Method::GET, &path).header("accept-encoding", "br, gzip");
        let packed = browser.send_request(request).await;
        assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
        assert_eq!(packed.body[..2], [0x1f, 0x8b], "the magic number of gzip");
        assert!(packed.body.len() < plain.body.len());
        assert!(packed.header("vary").contains("accept-encoding"));

        let etag = plain.header("etag").to_owned();
        let request = browser.request(Method::GET, &path).header("if-none-match", &etag);
        let again = browser.send_request(request).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), etag);
        let request = browser.request(Method::GET, &path).header("if-none-match", "\"other\"");
        assert_eq!(browser.send_request(request).await.body, plain.body);

        // Under the hash of another version it is right for now alone.
        let (_, rest) = path["/static/".len()..].split_once('/').expect("a hash");
        let other = browser.get(&format!("/static/0000000000000000/{rest}")).await;
        assert!(!other.header("cache-control").contains("immutable"));
    }
    let home = browser.get("/").await;
    assert_eq!(home.header("cache-control"), "no-cache");
    let request = browser.request(Method::GET, "/").header("if-none-match", home.header("etag"));
    assert_eq!(browser.send_request(request).await.status, 304);
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_have_no_script_inline() {
    let ann = Person::created(server(), "ann").await;
    for path in [
        "/",
        "/register/",
        "/verify-otp/",
        "/login/",
        "/profile/",
        "/profile/edit/",
        "/chat/",
        "/dev/mailbox/",
    ] {
        let answer = page(&ann, path).await;
        let html = answer.text();
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "text/html; charset=utf-8"),
            "{path}"
        );
        for attribute in ["src=\"", "href=\""] {
            for target in html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(
                    target.starts_with(['/', '#', '?']) && !target.starts_with("//"),
                    "{path}: {target}"
                );
                if target.starts_with("/static/") {
                    assert_eq!(ann.get(target).await.status, 200, "{path}: {target}");
                }
            }
        }
        for script in html.split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').expect("a tag");
            let data = tag.contains("application/json") || tag.contains("importmap");
            assert!(tag.contains("src=") || data, "{path}: {tag}");
            assert!(!tag.contains("importmap"), "an import map would be inline script: {path}");
            assert!(data || rest.trim_start().starts_with("</script"), "{path}: {tag}");
        }
        assert!(!html.contains("style=\"") && !html.contains(" onclick"), "{path}");
        assert!(!html.contains("{{"), "{path}: a place was not filled");
    }
}

#[tokio::test]
async fn a_signed_out_person_is_led_to_sign_in_and_back() {
    let browser = Browser::new(server());
    for (path, next) in [
        ("/chat/", "%2Fchat%2F"),
        (
            "/chat/room/67e55044-10b1-426f-9247-bb680e5fe0c8/",
            "%2Fchat%2Froom%2F67e55044-10b1-426f-9247-bb680e5fe0c8%2F",
        ),
        ("/profile/", "%2Fprofile%2F"),
        ("/profile/edit/?a=b&c=d", "%2Fprofile%2Fedit%2F%3Fa%3Db%26c%3Dd"),
    ] {
        let answer = page(&browser, path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert_eq!(answer.header("location"), format!("/login/?next={next}"));
    }
    for path in ["/", "/register/", "/login/", "/verify-otp/"] {
        page(&browser, path).await;
        assert_eq!(page(&browser, path).await.status, 200, "{path}");
    }
    let bare = browser.get("/chat?x=1").await;
    assert_eq!((bare.status, bare.header("location")), (308, "/chat/?x=1"));
    let ann = Person::created(server(), "ann").await;
    assert_eq!(page(&ann, "/chat/").await.status, 200);
}

#[tokio::test]
async fn the_docs_work_offline_and_their_policy_names_their_script() {
    let browser = Browser::new(server());
    let docs = page(&browser, "/docs/").await;
    assert_eq!(docs.status, 200);
    let html = docs.text();
    assert!(html.to_lowercase().contains("swagger"));
    let policy = docs.header("content-security-policy");
    // As a browser reads it: a `<script` within a script is only text.
    let (mut rest, mut scripts) = (&*html, 0);
    while let Some((_, script)) = rest.split_once("<script") {
        let (tag, content) = script.split_once('>').expect("a tag");
        assert!(!tag.contains("src="), "loaded from elsewhere: {tag}");
        let (content, behind) = content.split_once("</script").expect("closed");
        let hash = format!("'sha256-{}'", BASE64.encode(Sha256::digest(content)));
        assert!(policy.contains(&hash), "{hash} is not in {policy}");
        (rest, scripts) = (behind, scripts + 1);
    }
    for elsewhere in ["<link rel=\"stylesheet\" href=\"http", "src=\"http", "unpkg.com", "cdn."] {
        assert!(!html.contains(elsewhere), "{elsewhere}");
    }
}

#[tokio::test]
async fn the_api_describes_itself() {
    let document = Browser::new(server()).get("/openapi.json").await.must(200);
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    assert_eq!(document["servers"][0]["url"], "/api");
    let paths = document["paths"].as_object().expect("paths");
    let operations: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().expect("operations").keys();
            methods.map(move |method| format!("{method} {path}"))
        })
        .collect();
    for expected in [
        "post /register",
        "get /verify-otp",
        "post /verify-otp",
        "post /resend-otp",
        "post /login",
        "post /logout",
        "get /me",
        "patch /me",
        "get /users",
        "get /rooms",
        "post /rooms",
        "get /rooms/{room}",
        "get /rooms/{room}/messages",
        "post /rooms/{room}/messages",
        "get /rooms/{room}/changes",
        "put /rooms/{room}/read",
    ] {
        assert!(operations.contains(expected), "{expected} is not among {operations:?}");
    }
    // Every reference leads somewhere, and every operation says what it is.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    for operation in
        paths.values().flat_map(|operations| operations.as_object().expect("operations").values())
    {
        assert!(
            operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
            "{operation}"
        );
        assert!(operation["operationId"].is_string(), "{operation}");
    }
    let shapes = &document["components"]["schemas"];
    for (shape, fields) in [
        (
            "User",
            &["id", "username", "first_name", "last_name", "picture_url", "joined_at", "deleted"][..],
        ),
        (
            "Message",
            &[
                "id",
                "room",
                "seq",
                "rev",
                "sender",
                "body",
                "client_id",
                "sent_at",
                "edited_at",
                "deleted",
                "unreadable",
                "reply_to",
                "reactions",
                "attachments",
            ],
        ),
        (
            "Room",
            &[
                "id",
                "other",
                "last_message",
                "last_seq",
                "rev",
                "unread",
                "read_seq",
                "other_read_seq",
                "state",
                "created_at",
            ],
        ),
    ] {
        for field in fields {
            assert!(shapes[shape]["properties"].get(field).is_some(), "{shape}.{field}");
        }
    }
}

#[tokio::test]
async fn the_mailbox_is_shown_under_a_name_of_this_machine_alone() {
    let browser = Browser::new(server());
    let port = server().address().rsplit_once(':').expect("a port").1.to_owned();
    for path in ["/dev/mailbox.json", "/dev/mailbox/"] {
        for host in [
            "evil.example",
            "evil.example:80",
            "127.0.0.1.evil.example",
            "192.0.2.1",
            "localhost.evil.example",
        ] {
            let request = browser.request(Method::GET, path).header("host", host);
            let answer = browser.send_request(request).await;
            assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{path} {host}");
        }
        for host in
            [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")]
        {
            let request = browser.request(Method::GET, path).header("host", &host);
            assert_eq!(browser.send_request(request).await.status, 200, "{path} {host}");
        }
    }
}

#[tokio::test]
async fn links_in_mails_never_build_on_what_a_request_says() {
    let browser = Browser::new(server());
    let email = format!("{}@example.com", journeys::unique("poisoned"));
    let form = json!({"username": journeys::unique("dee"), "email": email, "password": PASSWORD});
    let request = browser
        .request(Method::POST, "/api/register")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example");
    browser.send_request(request.json(&form)).await.must(202);
    let mail = &server().mails_to(&email).await[0];
    assert!(mail.text.contains(&server().origin()) && !mail.text.contains("evil"), "{}", mail.text);
}

/// Writes raw bytes and reads until the server closes; says how long that took.
async fn until_closed(bytes: &[u8]) -> (String, Duration) {
    let mut stream = TcpStream::connect(server().address()).await.expect("a connection");
    let began = Instant::now();
    stream.write_all(bytes).await.expect("written");
    let mut answer = Vec::new();
    let read = timeout(journeys::PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset is an end as well.
    let _ = read.expect("it is never closed");
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}

#[tokio::test]
async fn half_a_request_is_cut_off() {
    let halves: [&[u8]; 3] =
        [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: yes\r\n"];
    let all = futures_util::future::join_all(halves.iter().map(|half| until_closed(half))).await;
    for (half, (_, took)) in halves.iter().zip(all) {
        assert!(
            took < Duration::from_secs(11),
            "{:?} after {took:?}",
            String::from_utf8_lossy(half)
        );
    }
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_a_head_has_bounds() {
    let mut many = b"GET / HTTP/1.1\r\nHost: x\r\n".to_vec();
    for n in 0..500 {
        many.extend_from_slice(format!("X-{n}: y\r\n").as_bytes());
    }
    many.extend_from_slice(b"\r\n");
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000));
    let smuggled = "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n";
    let twice = "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!";
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"HELLO\r\n\r\n",
        &many,
        long.as_bytes(),
        smuggled.as_bytes(),
        twice.as_bytes(),
    ] {
        let (answer, _) = until_closed(bytes).await;
        let status = answer.split(' ').nth(1).unwrap_or("400");
        assert!(status.starts_with('4'), "{answer:.200}");
    }
    Browser::new(server()).get("/health/").await.must(200);
}

#[tokio::test]
async fn a_body_that_never_ends_is_refused_when_it_is_too_long() {
    let ann = Person::created(server(), "ann").await;
    let (mut stream, cookies) =
        (TcpStream::connect(server().address()).await.expect("a connection"), ann.cookies());
    let head = format!(
        "PATCH /api/me HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("written");
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    let (mut reader, mut writer) = stream.into_split();
    let sending = async {
        for _ in 0..1_000 {
            if writer.write_all(chunk.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    let reading = async {
        let mut start = vec![0; 12];
        reader.read_exact(&mut start).await.expect("an answer");
        String::from_utf8_lossy(&start).into_owned()
    };
    tokio::pin!(sending);
    let answer = timeout(journeys::PATIENCE, async {
        tokio::pin!(reading);
        let mut sent = false;
        loop {
            tokio::select! {
                answer = &mut reading => break answer,
                () = &mut sending, if !sent => sent = true,
            }
        }
    });
    assert_eq!(answer.await.expect("in time"), "HTTP/1.1 413");
}

#[tokio::test]
async fn health_names_what_is_broken() {
    let server = Server::start_embedded();
    let browser = Browser::new(&server);
    assert_eq!(browser.get("/health/").await.must(200), json!({"status": "ok"}));
    let store = server.data_dir().join("sotto.db");
    let aside = server.data_dir().join("aside.db");
    std::fs::rename(&store, &aside).expect("moved");
    let request = browser.request(Method::GET, "/health/").send().await.expect("an answer");
    assert_eq!(request.status(), 503);
    let health: Value = request.json().await.expect("JSON");
    assert_eq!(health["failing"], json!(["store"]));
    browser.get("/health/live/").await.must(200);
    std::fs::rename(aside, store).expect("moved back");
    browser.get("/health/").await.must(200);
}

/// Where the chat's page has its data.
const BEGINNING: &str = "<script type=\"application/json\" id=\"beginning\">";

/// What the chat's page begins with.
async fn beginning(person: &Person) -> Value {
    let html = page(person, "/chat/").await.text();
    let (_, rest) = html.split_once(BEGINNING).expect("data");
    serde_json::from_str(rest.split_once("</script").expect("an end").0).expect("JSON")
}

#[tokio::test]
async fn the_chat_begins_with_what_the_api_would_tell() {
    let me = Person::created(server(), "me").await;
    let begun = beginning(&me).await;
    assert_eq!(begun, json!({"me": me.get("/api/me").await.must(200), "blocked": [], "rooms": []}));
    let mut others = Vec::new();
    for n in 0..17 {
        let other = Person::created(server(), &format!("other{n}")).await;
        let room = other.room_with(&me).await;
        other.try_say(&room, &client_id(), &format!("hello {n}")).await.must(201);
        others.push(other);
    }
    let blocked = others[16].id.clone();
    me.ask(Method::PUT, &format!("/api/blocks/{blocked}")).await.must(204);
    me.ask(Method::PUT, &format!("/api/blocks/{}", others[0].id)).await.must(204);
    let begun = beginning(&me).await;
    let told = me.get("/api/rooms?limit=15").await.must(200);
    assert_eq!(begun["rooms"], told["rooms"]);
    assert_eq!(begun["rooms"].as_array().expect("rooms").len(), 15);
    assert_eq!(begun["blocked"], json!([blocked]), "of those who are in these rooms");
}

#[tokio::test]
async fn the_chat_begins_with_as_much_as_is_quickly_there() {
    let me = Person::created(server(), "me").await;
    for n in 0..4 {
        let other = Person::created(server(), &format!("other{n}")).await;
        let room = other.room_with(&me).await;
        other.try_say(&room, &client_id(), &"🦆".repeat(4_000)).await.must(201);
    }
    assert_eq!(beginning(&me).await["rooms"].as_array().expect("rooms").len(), 1);
    let request = me.request(Method::GET, "/chat/").header("accept-encoding", "gzip");
    let packed = me.send_request(request).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut html = String::new();
    GzDecoder::new(&*packed.body).read_to_string(&mut html).expect("gzip");
    assert_eq!(html, page(&me, "/chat/").await.text());
}

#[tokio::test]
async fn text_in_messages_and_names_is_never_markup() {
    let (ann, bob, room) = Person::pair(server()).await;
    let nasty = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&";
    ann.patch("/api/me", json!({"first_name": &nasty[..60]})).await.must(200);
    ann.try_say(&room, &client_id(), nasty).await.must(201);
    for path in ["/chat/".to_owned(), format!("/chat/room/{room}/")] {
        let answer = page(&bob, &path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "it is somebody's own");
        assert_eq!(answer.header("etag"), "");
        let html = answer.text();
        let (page, rest) = html.split_once(BEGINNING).expect("data");
        let (data, rest) = rest.split_once("</script").expect("an end");
        assert!(!data.contains(['<', '>', '&']) && !rest.contains("alert(1)"), "{data}");
        assert!(!page.contains("alert(1)"), "only in what it begins with");
        let data: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(data["rooms"][0]["last_message"]["body"], nasty);
        assert_eq!(data["rooms"][0]["other"]["first_name"], nasty[..60]);
    }
    for person in [&ann, &bob] {
        let html = page(person, "/profile/").await.text();
        assert!(!html.contains("alert(1)"), "other pages hold no data at all");
    }
    let answer = bob.get(&format!("/api/rooms/{room}/messages")).await;
    assert_eq!(answer.header("content-type").split(';').next(), Some("application/json"));
    assert_eq!(answer.json()["messages"][0]["body"], nasty);
}
