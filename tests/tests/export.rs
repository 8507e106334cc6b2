//! Taking away all that is stored about oneself.
use base64::{Engine, prelude::BASE64_STANDARD};
use journeys::{
    Answer, Browser, PASSWORD, PATIENCE, Person, Phone, Server, client_id,
    search::{forms, found_in},
    send_frame,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    sync::OnceLock,
    time::{Duration, Instant},
};
use zip::ZipArchive;

const EXPORT: &str = "/api/me/export";
/// Messages of four kilobytes.
const MANY: usize = 3_000;
const MAIL: &str = "Your Sotto data was downloaded";

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

/// What is in an archive, file by file.
type Files = BTreeMap<String, Vec<u8>>;

fn unzip(archive: Vec<u8>) -> Files {
    let mut zip = ZipArchive::new(Cursor::new(archive)).expect("a whole archive");
    let files = zip.len();
    let read = |n| {
        let mut file = zip.by_index(n).expect("is there");
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("the right checksum");
        (file.name().expect("UTF-8").into_owned(), content)
    };
    (0..files).map(read).collect()
}

async fn export(person: &Person) -> Files {
    let answer = person.get(EXPORT).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    unzip(answer.body)
}

fn json_of(files: &Files, name: &str) -> Value {
    serde_json::from_slice(files.get(name).expect("is there")).expect("JSON")
}

fn text_of<'a>(files: &'a Files, name: &str) -> &'a str {
    std::str::from_utf8(files.get(name).expect("is there")).expect("UTF-8")
}

/// Puts a history into a room.
async fn write(person: &Person, room: &str, bodies: &[String]) {
    let mut socket = person.socket().await;
    for some in bodies.chunks(100) {
        for body in some {
            socket.send(&send_frame(room, &client_id(), body)).await;
        }
        for _ in some {
            socket.next_of("message").await;
        }
    }
}

/// Bodies that can hardly be compressed, more than all buffers on the way hold.
fn a_lot() -> Vec<String> {
    let body = |n: usize| -> String {
        let digest = |part: u32| BASE64_STANDARD.encode(Sha256::digest(format!("{n} {part}")));
        (0..90).map(digest).collect()
    };
    (0..MANY).map(body).collect()
}

async fn begin(browser: &Browser) -> Response {
    let response = browser.request(Method::GET, EXPORT).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    response
}

/// The rest of an answer; `None` if it breaks off.
async fn rest(mut response: Response) -> Option<usize> {
    let mut length = 0;
    while let Some(piece) = response.chunk().await.ok()? {
        length += piece.len();
    }
    Some(length)
}

async fn mails(server: &Server, person: &Person) -> usize {
    server.mails_to(&person.email).await.iter().filter(|mail| mail.subject == MAIL).count()
}

#[tokio::test]
async fn all_that_is_ones_own_is_in_it_and_nothing_of_others() {
    let (ann, bob, room) = Person::pair(server()).await;
    let carl = Person::created(server(), "carl").await;
    let theirs = carl.open_room_with(&bob).await;
    bob.say(&theirs, "between bob and carl alone").await;
    ann.patch("/api/me", json!({"first_name": "Ann", "last_name": "<i>Baker</i>"})).await.must(200);
    ann.ask(Method::PUT, &format!("/api/blocks/{}", carl.id)).await;
    ann.patch("/api/me/privacy", json!({"presence": false})).await.must(200);

    let bodies = [
        "good morning",
        "</p><script>alert(\"mine\")</script> & more",
        "👩‍👩‍👧‍👦 שלום\nsecond line",
        "taken back",
    ];
    let mut last = Value::Null;
    for (n, body) in bodies.iter().enumerate() {
        last = if n % 2 == 0 { &ann } else { &bob }.say(&room, body).await;
    }
    let last = last["id"].as_str().expect("an id");
    bob.ask(Method::DELETE, &format!("/api/rooms/{room}/messages/{last}")).await.must(200);
    let history = ann.history(&room).await;

    let files = export(&ann).await;
    let folder = format!("rooms/{room}/");
    let mut expected: Vec<String> =
        ["README.txt", "account.json", "blocks.json", "devices.json", "index.html", "rooms.json"]
            .map(str::to_owned)
            .into();
    expected.extend(["messages-1.html", "messages.json"].map(|name| format!("{folder}{name}")));
    assert_eq!(files.keys().cloned().collect::<Vec<_>>(), expected);

    let account = json_of(&files, "account.json");
    assert_eq!(account["id"], json!(ann.id));
    assert_eq!(account["username"], json!(ann.username));
    assert_eq!(account["email"], json!(ann.email));
    assert_eq!((&account["first_name"], &account["picture"]), (&json!("Ann"), &Value::Null));
    assert_eq!(account["privacy"], json!({"read_receipts": true, "presence": false}));
    let devices = json_of(&files, "devices.json");
    assert_eq!(devices["sessions"][0]["current"], json!(true));
    assert_eq!(devices["known_browsers"].as_array().map(Vec::len), Some(1));
    let blocks = json_of(&files, "blocks.json");
    assert_eq!(blocks["blocked"][0]["user"]["username"], json!(carl.username));

    let rooms = json_of(&files, "rooms.json");
    assert_eq!(rooms.as_array().map(Vec::len), Some(1));
    assert_eq!((&rooms[0]["id"], &rooms[0]["messages"]), (&json!(room), &json!(history.len())));
    assert_eq!(rooms[0]["other"]["username"], json!(bob.username));
    assert_eq!(json_of(&files, &format!("{folder}messages.json")), json!(history));

    let page = text_of(&files, &format!("{folder}messages-1.html"));
    let shown = [
        "good morning",
        "&lt;/p&gt;&lt;script&gt;alert(&quot;mine&quot;)&lt;/script&gt; &amp; more",
        "👩‍👩‍👧‍👦 שלום\nsecond line",
    ];
    let places: Vec<_> = shown.iter().map(|text| page.find(text).expect("is shown")).collect();
    assert!(places.is_sorted(), "in their order");
    let index = text_of(&files, "index.html");
    assert!(index.contains(&format!("href=\"{folder}messages-1.html\"")));
    for page in [page, index] {
        assert!(!page.contains("<script") && !page.contains("<i>Baker"), "{page}");
        assert!(page.contains("Baker&lt;/i&gt;"), "{page}");
    }

    let all = files.values().flatten().copied().collect::<Vec<u8>>();
    let foreign = ["between bob and carl alone", "taken back", &bob.email, &carl.email];
    let present = found_in(&all, &foreign.map(str::as_bytes));
    assert_eq!(present.into_iter().map(|n| foreign[n]).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn files_come_as_they_were_sent_under_names_that_are_safe() {
    let (ann, bob, room) = Person::pair(server()).await;
    let bytes: Vec<u8> = (0..150_000_u32).map(|n| n.to_be_bytes()[3] ^ 0x5a).collect();
    let mut ids = Vec::new();
    for name in ["C:%22*%20caf%C3%A9%3F.txt", "second.bin", "never-sent.bin"] {
        let path = format!("/api/rooms/{room}/attachments?name={name}");
        let request = bob.request(Method::POST, &path).body(bytes.clone());
        let request = request.header("Content-Type", "application/octet-stream");
        ids.push(bob.send_request(request).await.must(201)["id"].clone());
    }
    let message = json!({"client_id": client_id(), "body": "", "attachments": ids[..2]});
    bob.post(&format!("/api/rooms/{room}/messages"), message).await.must(201);

    let files = export(&ann).await;
    let folder = format!("rooms/{room}/files/");
    let brought: Vec<_> = files.iter().filter(|(name, _)| name.starts_with(&folder)).collect();
    let names: Vec<_> = brought.iter().map(|(name, _)| name.trim_start_matches(&folder)).collect();
    let [first, second] = &names[..] else { panic!("{names:?}") };
    assert_eq!((*first, *second), ("1-1-C____caf__.txt", "1-2-second.bin"));
    assert!(brought.iter().all(|(_, content)| **content == bytes), "as they were sent");
    let page = text_of(&files, &format!("rooms/{room}/messages-1.html"));
    assert!(page.contains(&format!("href=\"files/{second}\"")), "{page}");
}

#[tokio::test]
async fn no_secret_is_in_it() {
    let (ann, _, room) = Person::pair(server()).await;
    ann.say(&room, "hello").await;
    let proof = json!({"password": PASSWORD});
    let set_up = ann.post("/api/me/second-factor/app", proof).await.must(200);
    let secret = set_up["secret"].as_str().expect("a secret");
    let first = json!({"set_up": set_up["set_up"], "app_code": Phone::knowing(secret).code(0)});
    let codes = ann.post("/api/me/second-factor/app/confirm", first).await.must(200);
    let code = codes["recovery_codes"][0].as_str().expect("a code");
    let [session, device] = ["sotto_session", "sotto_device"].map(|name| ann.cookie(name));
    assert!(!session.is_empty() && !device.is_empty(), "{}", ann.cookies());

    let files = export(&ann).await;
    let kinds = &json_of(&files, "account.json")["second_factor"]["kinds"];
    assert_eq!(kinds, &json!(["app", "recovery_code"]));
    let all = files.values().flatten().copied().collect::<Vec<u8>>();
    let digest = Sha256::digest(&session);
    let secrets: [&[u8]; 8] = [
        b"argon2",
        PASSWORD.as_bytes(),
        secret.as_bytes(),
        code.as_bytes(),
        session.as_bytes(),
        &digest,
        device.as_bytes(),
        set_up["set_up"].as_str().expect("a text").as_bytes(),
    ];
    for secret in secrets {
        let forms = forms(secret);
        let wanted: Vec<&[u8]> = forms.iter().map(|form| &*form.bytes).collect();
        assert!(found_in(&all, &wanted).is_empty(), "{}", String::from_utf8_lossy(secret));
    }
    let present = forms(ann.email.as_bytes());
    assert!(!found_in(&all, &[&*present[0].bytes]).is_empty(), "this looks in the right place");
}

#[tokio::test]
async fn a_long_conversation_fills_several_pages() {
    let (ann, bob, room) = Person::pair(server()).await;
    let bodies: Vec<String> = (0..2_250).map(|n| format!("<{n}>")).collect();
    write(&ann, &room, &bodies).await;
    let history = bob.history(&room).await;
    assert_eq!(history.len(), 2_250);
    let files = export(&bob).await;
    assert_eq!(json_of(&files, &format!("rooms/{room}/messages.json")), json!(history));
    let pages = [1, 2].map(|n| text_of(&files, &format!("rooms/{room}/messages-{n}.html")));
    assert!(!files.contains_key(&format!("rooms/{room}/messages-3.html")));
    assert!(pages[0].contains("href=\"messages-2.html\">Later"));
    assert!(pages[1].contains("href=\"messages-1.html\">Earlier"));
    let shown: Vec<&str> = pages
        .iter()
        .flat_map(|page| page.split("<p dir=\"auto\">").skip(1))
        .filter_map(|rest| rest.split("</p>").next())
        .collect();
    let written: Vec<String> = history
        .iter()
        .map(|message| message["body"].as_str().expect("a text"))
        .map(|body| body.replace('<', "&lt;").replace('>', "&gt;"))
        .collect();
    assert_eq!(shown, written, "each once, in order");
}

#[tokio::test]
async fn it_is_a_file_to_keep_and_its_owner_is_told() {
    let ann = Person::created(server(), "ann").await;
    let answer = ann.get(EXPORT).await;
    assert_eq!(answer.header("content-type"), "application/zip");
    assert_eq!(answer.header("cache-control"), "no-store");
    let named = answer.header("content-disposition");
    let start = format!("attachment; filename=\"sotto-export-{}-20", ann.username);
    assert!(named.starts_with(&start) && named.ends_with(".zip\""), "{named}");
    let deadline = Instant::now() + PATIENCE;
    while mails(server(), &ann).await == 0 {
        assert!(Instant::now() < deadline, "no mail");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn only_its_owner_can_ask_for_it_and_from_here_alone() {
    let stranger = Browser::new(server());
    assert_eq!(stranger.get(EXPORT).await.problem(), (401, "signed_out".to_owned()));
    let ann = Person::created(server(), "ann").await;
    let ask = async |method: Method, headers: &[(&str, &str)]| -> Answer {
        let request = headers.iter().fold(ann.request(method, EXPORT), |request, (name, value)| {
            request.header(*name, *value)
        });
        ann.send_request(request).await
    };
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
    ] {
        let answer = ask(Method::GET, headers).await;
        assert_eq!(answer.problem(), (403, "cross_origin".to_owned()), "{headers:?}");
    }
    let head = ask(Method::HEAD, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let link = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")];
    assert_eq!(ask(Method::GET, &link).await.header("content-type"), "application/zip");
    assert_eq!(mails(server(), &ann).await, 1, "for the one that was given");
}

#[tokio::test]
async fn it_can_be_asked_for_a_few_times_an_hour() {
    let server = Server::start();
    let ann = Person::created(&server, "ann").await;
    for _ in 0..3 {
        assert_eq!(ann.get(EXPORT).await.status, 200);
    }
    let refused = ann.get(EXPORT).await;
    assert_eq!(refused.problem(), (429, "rate_limited".to_owned()));
    let wait: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1_100..=1_200).contains(&wait), "{wait}");
    let link = ann.request(Method::GET, EXPORT).header("sec-fetch-site", "same-origin");
    let back = ann.send_request(link.header("sec-fetch-mode", "navigate")).await;
    let to = back.header("location");
    assert_eq!(back.status, 303);
    assert!(to.starts_with("/profile/edit/?export=rate_limited&wait=1") && to.ends_with("#data"));
    assert_eq!(mails(&server, &ann).await, 3);
}

#[tokio::test]
async fn a_download_that_is_cut_short_is_seen_to_be() {
    let (ann, bob, room) = Person::pair(server()).await;
    write(&ann, &room, &a_lot()).await;
    let other = Person::sign_in(server(), &ann.username).await;

    let mut download = begin(&other).await;
    assert!(download.chunk().await.expect("a piece").is_some());
    let second = ann.get(EXPORT).await;
    assert_eq!(second.problem(), (429, "export_underway".to_owned()), "one at a time");
    assert_eq!(ann.ask(Method::DELETE, "/api/sessions").await.status, 204);
    assert_eq!(rest(download).await, None, "whose session ends gets no more");

    // One that hangs up makes room for the next.
    let mut download = begin(&ann).await;
    assert!(download.chunk().await.expect("a piece").is_some());
    drop(download);
    let deadline = Instant::now() + PATIENCE;
    while ann.get(EXPORT).await.status != 200 {
        assert!(Instant::now() < deadline, "the work did not end with its reader");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // One that reads slowly gets all of it.
    let mut download = begin(&bob).await;
    let mut archive = Vec::new();
    while let Some(piece) = download.chunk().await.expect("goes on") {
        archive.extend_from_slice(&piece);
        if archive.len() < 1024 * 1024 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let files = unzip(archive);
    let messages = json_of(&files, &format!("rooms/{room}/messages.json"));
    assert_eq!(messages.as_array().map(Vec::len), Some(MANY));
}

#[tokio::test]
async fn a_message_that_was_acknowledged_before_is_in_it() {
    let ann = Person::created(server(), "ann").await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        let other = Person::created(server(), "bob").await;
        rooms.push((ann.open_room_with(&other).await, other));
    }
    for round in 0..5 {
        for (room, other) in &rooms {
            other.try_say(room, &client_id(), &format!("round {round}")).await.must(201);
        }
        let files = export(&ann).await;
        for (room, _) in &rooms {
            let messages = json_of(&files, &format!("rooms/{room}/messages.json"));
            assert_eq!(messages.as_array().map(Vec::len), Some(round + 1));
        }
    }
}
