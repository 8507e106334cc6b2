//! What is told to one is told to nobody else: no secret rests in any file or log.
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use journeys::{
    Browser, PASSWORD, Person, Server, client_id,
    search::{Form, forms, found_in, read_all},
    send_frame, unique,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

const PASSPHRASE: &str = "velvet otter juggles seven lanterns";
const CANARIES: [&str; 3] = [
    "canary-in-the-coal-mine-4711",
    "Kanarienvogel für Zoë — ganz geheim",
    "canary-over-http-0815",
];

const CODES: [&str; 3] = ["first code", "second code", "third code"];
/// The one thing looked for that is to be found.
const PRESENT: &str = "digest of a session token";

/// A secret and what it is called.
struct Secret {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Secret {
    fn new(name: &'static str, text: impl AsRef<[u8]>) -> Self {
        Self { name, bytes: text.as_ref().to_vec() }
    }

    /// A token, and the bytes that it writes out.
    fn token(name: &'static str, token: &str) -> [Self; 2] {
        let raw = URL_SAFE_NO_PAD.decode(token).expect("base64url");
        assert!(raw.len() >= 32, "256 bits");
        [Self::new(name, token), Self::new(name, raw)]
    }
}

/// Where these secrets are found: in which file, which secret, in which form.
fn leaks(files: &[(PathBuf, Vec<u8>)], secrets: &[Secret]) -> Vec<String> {
    let forms: Vec<(&str, Form)> = secrets
        .iter()
        .flat_map(|secret| forms(&secret.bytes).into_iter().map(|form| (secret.name, form)))
        .collect();
    let wanted: Vec<&[u8]> = forms.iter().map(|(_, form)| &*form.bytes).collect();
    let mut leaks = Vec::new();
    for (path, bytes) in files {
        for index in found_in(bytes, &wanted) {
            let (name, form) = &forms[index];
            leaks.push(format!("{}: {name} as {}", path.display(), form.name));
        }
    }
    leaks.dedup();
    leaks
}

/// Everything the server has written: its files, temporary ones too, and its logs without their
/// moments, whose fractions of a second are six digits like a code.
fn written(server: &Server) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = read_all(server.folder());
    let logs = String::from_utf8_lossy(&server.output()).into_owned();
    let logs: String = logs
        .lines()
        .map(|line| line.split_once('Z').map_or(line, |(_, rest)| rest))
        .collect::<Vec<_>>()
        .join("\n");
    all.push((PathBuf::from("(logs)"), logs.into_bytes()));
    all
}

#[tokio::test]
async fn no_file_and_no_log_holds_a_secret() {
    let mut server = Server::start_with(&[("SOTTO_LOG", "trace")]);
    let mut secrets = Vec::new();
    let mut codes = Vec::new();
    // Two sign-ups that end well, and one that stays under way with a wrong try.
    let mut people = Vec::new();
    for name in ["ann", "bob", "cat"] {
        let username = unique(name);
        let email = format!("{username}@example.com");
        let browser = Browser::new(&server);
        let form = json!({"username": username, "email": email, "password": PASSPHRASE});
        browser.post("/api/register", form).await.must(202);
        let code = server.code_for(&email).await;
        secrets.extend(Secret::token("flow token", &browser.cookie("sotto_flow")));
        if name == "cat" {
            let wrong = if code == "123456" { "654321" } else { "123456" };
            browser.post("/api/verify-otp", json!({"email": email, "code": wrong})).await.must(422);
        } else {
            browser.post("/api/verify-otp", json!({"email": email, "code": code})).await.must(200);
            secrets.extend(Secret::token("session token", &browser.cookie("sotto_session")));
            secrets.extend(Secret::token("device token", &browser.cookie("sotto_device")));
        }
        codes.push(code);
        people.push((username, browser));
    }
    secrets.push(Secret::new("password", PASSPHRASE));
    secrets.push(Secret::new("wrong password", "mauve badger paints nine teapots"));
    secrets.push(Secret::new("operator's password", PASSWORD));
    secrets.extend(CANARIES.map(|canary| Secret::new("message", canary)));

    let (bob_name, bob) = &people[1];
    let wrong = json!({"login": bob_name, "password": "mauve badger paints nine teapots"});
    bob.post("/api/login", wrong).await.must(401);
    let right = json!({"login": bob_name, "password": PASSPHRASE});
    bob.post("/api/login", right).await.must(200);
    secrets.extend(Secret::token("session token", &bob.cookie("sotto_session")));

    let operator_made = Person::created(&server, "dan").await;
    let room = operator_made.post("/api/rooms", json!({"username": bob_name})).await.must(201);
    let room = room["id"].as_str().expect("an id");
    let mut socket = operator_made.socket().await;
    for canary in &CANARIES[..2] {
        socket.send(&send_frame(room, &client_id(), canary)).await;
        socket.next_of("message").await;
    }
    let id = client_id();
    operator_made.try_say(room, &id, CANARIES[2]).await.must(201);
    // Refusals, too, must not repeat what they refuse.
    operator_made.try_say(room, &id, CANARIES[0]).await.must(409);
    socket.refusal(&format!("{{\"type\":\"send\",\"body\":\"{}\"", CANARIES[0])).await;
    let broken = operator_made
        .request(reqwest::Method::POST, &format!("/api/rooms/{room}/messages"))
        .header("content-type", "application/json")
        .body(format!("{{\"client_id\":\"x\",\"body\":\"{}\"", CANARIES[1]));
    operator_made.send_request(broken).await.must(400);
    for _ in 0..300 {
        socket.send(&send_frame(room, &client_id(), CANARIES[1])).await;
        socket.next_of("message").await;
    }
    let read = bob.get(&format!("/api/rooms/{room}/messages?limit=200")).await.must(200);
    assert_eq!(read["messages"][0]["body"], CANARIES[1], "they were really stored");

    for (name, code) in CODES.iter().zip(&codes) {
        secrets.push(Secret::new(name, code));
        // A plain digest of a code is as good as the code: all there are can be tried.
        secrets.push(Secret::new("plain digest of a code", Sha256::digest(code)));
    }
    let token = URL_SAFE_NO_PAD.decode(bob.cookie("sotto_session")).expect("base64url");
    secrets.push(Secret::new(PRESENT, Sha256::digest(token)));

    // While it runs, killed with its write-ahead log left behind, and after an orderly end.
    let running = written(&server);
    assert!(running.iter().any(|(path, _)| path.ends_with("sotto.db-wal")), "the WAL is searched");
    server.kill();
    let killed = written(&server);
    server.restart();
    server.ask_to_stop();
    assert!(server.wait().success());
    let stopped = written(&server);
    for (moment, files) in [("running", &running), ("killed", &killed), ("stopped", &stopped)] {
        let logs = String::from_utf8_lossy(&files.last().expect("the logs").1);
        assert!(logs.contains(" DEBUG "), "everything is logged");
        let mut found = leaks(files, &secrets);
        // The search finds what is there: sessions rest as the digests of their tokens.
        assert!(
            take(&mut found, PRESENT) > 0,
            "{moment}: a search that finds nothing at all proves nothing"
        );
        // Six digits may stand somewhere by chance. A leak would show every code, chance hardly
        // one, so all three at once prove the one and rule out the other.
        let shown = CODES.iter().filter(|code| take(&mut found, code) > 0).count();
        assert!(shown < CODES.len(), "{moment}: {codes:?}");
        assert_eq!(found, Vec::<String>::new(), "{moment}");
    }
}

/// Takes out what was found of one secret and says how often.
fn take(found: &mut Vec<String>, name: &str) -> usize {
    let before = found.len();
    found.retain(|leak| !leak.contains(&format!(": {name} as ")));
    before - found.len()
}

#[test]
fn the_search_finds_a_planted_canary_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("below");
    std::fs::create_dir(&below).expect("a folder");
    let canary = CANARIES[1];
    for form in forms(canary.as_bytes()) {
        let noise = [&[0, 255, b'c', b'K'][..], &form.bytes, &[7]].concat();
        std::fs::write(below.join("planted.bin"), noise).expect("a file");
        let found = leaks(&read_all(folder.path()), &[Secret::new("canary", canary)]);
        assert!(found.iter().any(|leak| leak.contains(form.name)), "{form:?}: {found:?}");
    }
    // Base64 of a longer text, wherever in it the secret begins.
    let search = |text: &str| {
        let files = [(PathBuf::from("text"), text.as_bytes().to_vec())];
        leaks(&files, &[Secret::new("canary", canary)])
    };
    for before in ["", "x", "xy", "xyz"] {
        for encoded in [
            STANDARD.encode(format!("{before}{canary}{before}")),
            URL_SAFE_NO_PAD.encode(format!("{before}{canary}")),
        ] {
            assert_eq!(search(&encoded), ["text: canary as base64"], "{before:?}");
        }
    }
    assert!(search(&canary[..canary.len() - 1].repeat(3)).is_empty());
    let name = below.join("a-canary-over-http-0815.tmp");
    std::fs::write(name, "").expect("a file");
    let found = leaks(&read_all(folder.path()), &[Secret::new("canary", CANARIES[2])]);
    assert_eq!(found.len(), 1, "a file's name is searched: {found:?}");
}

#[tokio::test]
async fn no_answer_to_others_holds_an_address_or_a_password() {
    let server = Server::start();
    let (ann, bob, room) = Person::pair(&server).await;
    let said = bob.say(&room, "hello").await;
    let message = format!("/api/rooms/{room}/messages");
    for path in ["/api/rooms", &format!("/api/rooms/{room}"), &message, "/api/users?query=bob"] {
        let answer = ann.get(path).await;
        answer.must(200);
        for secret in [&bob.email, "password", "argon2", "sealed", "fingerprint"] {
            assert!(!answer.text().contains(secret), "{path}: {secret}");
        }
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    assert!(!said.to_string().contains(&bob.email));
    let mine = ann.get("/api/me").await.text();
    assert!(!mine.contains("argon2"));
}
