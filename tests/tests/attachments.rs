//! Files that come with messages.
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use journeys::{
    Answer, Browser, Person, Server, client_id,
    search::{forms, found_in, read_all},
};
use reqwest::{Method, header};
use serde_json::{Value, json};
use std::{
    io::Cursor,
    sync::OnceLock,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MIB: usize = 1024 * 1024;

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

/// Bytes in which no part is like another.
fn content(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn an_image(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let pixels = |x, y| Rgb([x, y, x / 2].map(|n| u8::try_from(n % 256).unwrap_or_default()));
    let image = DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, pixels));
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).expect("encodes");
    file.into_inner()
}

async fn try_bring(who: &Person, room: &str, name: &str, kind: &str, bytes: Vec<u8>) -> Answer {
    let path = format!("/api/rooms/{room}/attachments");
    let request = who.request(Method::POST, &path).query(&[("name", name)]);
    who.send_request(request.header(header::CONTENT_TYPE, kind).body(bytes)).await
}

async fn bring(who: &Person, room: &str, name: &str, kind: &str, bytes: Vec<u8>) -> Value {
    try_bring(who, room, name, kind, bytes).await.must(201)
}

/// A small file of somebody's.
async fn some_file(who: &Person, room: &str) -> Value {
    bring(who, room, "notes.txt", "text/plain", content(100)).await
}

fn with(files: &[&Value], body: &str) -> Value {
    let ids: Vec<_> = files.iter().map(|file| &file["id"]).collect();
    json!({"client_id": client_id(), "body": body, "attachments": ids})
}

async fn try_send(who: &Person, room: &str, message: &Value) -> Answer {
    who.post(&format!("/api/rooms/{room}/messages"), message.clone()).await
}

async fn send(who: &Person, room: &str, files: &[&Value], body: &str) -> Value {
    try_send(who, room, &with(files, body)).await.must(201)
}

fn url(file: &Value) -> &str {
    file["url"].as_str().expect("a url")
}

async fn part(who: &Person, file: &Value, range: &str) -> Answer {
    who.send_request(who.request(Method::GET, url(file)).header(header::RANGE, range)).await
}

#[tokio::test]
async fn a_file_comes_with_its_message_and_back_as_it_was() {
    let (ann, bob, room) = Person::pair(server()).await;
    let bytes = content(200_000);
    let file = bring(&ann, &room, "Rück blick.pdf", "application/pdf; x=y", bytes.clone()).await;
    let id = file["id"].as_str().expect("an id");
    let shape = json!({
        "id": id, "name": "Rück blick.pdf", "type": "application/pdf", "size": 200_000,
        "width": null, "height": null, "url": format!("/api/attachments/{id}"),
        "preview_url": null,
    });
    assert_eq!(file, shape);

    let mut socket = bob.socket().await;
    let sent = send(&ann, &room, &[&file], "").await;
    assert_eq!((&sent["body"], &sent["attachments"]), (&json!(""), &json!([shape])));
    assert_eq!(socket.next_of("message").await["attachments"], json!([shape]));
    assert_eq!(bob.history(&room).await.last(), Some(&sent));
    assert_eq!(bob.room(&room).await["last_message"], sent);

    for who in [&ann, &bob] {
        let got = who.get(url(&file)).await;
        assert_eq!((got.status, got.body == bytes), (200, true));
        assert_eq!(got.header("content-type"), "application/octet-stream");
        assert_eq!(
            got.header("content-disposition"),
            "attachment; filename=\"R_ck blick.pdf\"; filename*=UTF-8''R%C3%BCck%20blick.pdf"
        );
        assert_eq!(got.header("content-length"), "200000");
        assert_eq!(got.header("cache-control"), "private, no-cache");
        assert_eq!(got.header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_eq!(got.header("cross-origin-resource-policy"), "same-origin");
        let etag = got.header("etag").to_owned();
        let again = who.request(Method::GET, url(&file)).header(header::IF_NONE_MATCH, etag);
        assert_eq!(who.send_request(again).await.status, 304);
    }
    let nothing = bob.get(&format!("{}/preview", url(&file))).await;
    assert_eq!(nothing.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn twenty_mib_are_taken_and_one_byte_more_is_not() {
    let (ann, bob, room) = Person::pair(server()).await;
    let mut bytes = content(20 * MIB);
    let file = bring(&ann, &room, "large.bin", "application/octet-stream", bytes.clone()).await;
    send(&ann, &room, &[&file], "all of it").await;
    let got = bob.get(url(&file)).await;
    assert!(got.status == 200 && got.body == bytes);
    bytes.push(0);
    let refused = try_bring(&ann, &room, "larger.bin", "a/b", bytes).await;
    assert_eq!(refused.problem(), (413, "too_large".to_owned()));
    let empty = try_bring(&ann, &room, "nothing", "a/b", Vec::new()).await;
    assert_eq!(empty.field_errors(), [("body".to_owned(), "empty".to_owned())]);
}

#[tokio::test]
async fn any_part_of_a_file_may_be_asked_for() {
    const PIECE: usize = 64 * 1024;
    let (ann, _, room) = Person::pair(server()).await;
    let size = 3 * PIECE + 100;
    let bytes = content(size);
    let file = bring(&ann, &room, "film.mp4", "video/mp4", bytes.clone()).await;
    for (start, end) in [
        (0, 1),
        (PIECE - 1, PIECE + 1),
        (PIECE, 2 * PIECE),
        (5, size),
        (2 * PIECE + 7, 3 * PIECE + 50),
        (size - 1, size),
    ] {
        let got = part(&ann, &file, &format!("bytes={start}-{}", end - 1)).await;
        assert_eq!(got.status, 206, "{start}-{end}");
        assert!(got.body == bytes[start..end], "{start}-{end}");
        let range = format!("bytes {start}-{}/{size}", end - 1);
        assert_eq!(got.header("content-range"), range);
        assert_eq!(got.header("accept-ranges"), "bytes");
    }
    assert!(part(&ann, &file, "bytes=-70000").await.body == bytes[size - 70_000..]);
    assert!(part(&ann, &file, &format!("bytes={PIECE}-")).await.body == bytes[PIECE..]);
    let beyond = part(&ann, &file, &format!("bytes={size}-")).await;
    assert_eq!(beyond.problem(), (416, "range_not_satisfiable".to_owned()));
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    let head = ann.ask(Method::HEAD, url(&file)).await;
    assert_eq!((head.status, head.header("content-length")), (200, &*size.to_string()));
}

#[tokio::test]
async fn a_file_is_for_the_two_people_of_its_room_alone() {
    let (ann, bob, room) = Person::pair(server()).await;
    let eve = Person::created(server(), "eve").await;
    let not_found = (404, "not_found".to_owned());
    let image = bring(&ann, &room, "a.png", "image/png", an_image(9, 9, ImageFormat::Png)).await;
    let preview = image["preview_url"].as_str().expect("a preview");
    for address in [url(&image), preview] {
        assert_eq!(ann.get(address).await.status, 200);
        assert_eq!(bob.get(address).await.problem(), not_found, "it is not sent yet");
    }
    send(&ann, &room, &[&image], "look").await;
    for address in [url(&image), preview] {
        assert_eq!(bob.get(address).await.status, 200);
        assert_eq!(eve.get(address).await.problem(), not_found);
        let signed_out = Browser::new(server()).get(address).await;
        assert_eq!(signed_out.problem(), (401, "signed_out".to_owned()));
    }
    let hers = try_bring(&eve, &room, "x", "a/b", content(9)).await;
    assert_eq!(hers.problem(), not_found);
    for nowhere in ["x", "..%2f..%2fsotto.db", "01900000-0000-7000-8000-000000000000"] {
        let address = format!("/api/attachments/{nowhere}");
        assert_eq!(ann.get(&address).await.problem(), not_found, "{nowhere}");
    }
}

#[tokio::test]
async fn a_file_comes_with_one_message_of_its_uploader_and_room() {
    let (ann, bob, room) = Person::pair(server()).await;
    let cat = Person::created(server(), "cat").await;
    let elsewhere = ann.open_room_with(&cat).await;
    let refused = async |who: &Person, room: &str, message: &Value| {
        let (field, code) = try_send(who, room, message).await.field_errors().remove(0);
        assert_eq!(field, "attachments");
        code
    };
    let file = some_file(&ann, &room).await;
    assert_eq!(refused(&bob, &room, &with(&[&file], "mine")).await, "not_found");
    assert_eq!(refused(&ann, &elsewhere, &with(&[&file], "there")).await, "not_found");
    assert_eq!(refused(&ann, &room, &with(&[&file, &file], "twice")).await, "duplicate");
    let nothing = json!({"id": "01900000-0000-7000-8000-000000000000"});
    for wrong in [&nothing, &json!({"id": "x"})] {
        assert_eq!(refused(&ann, &room, &with(&[&file, wrong], "no")).await, "not_found");
    }
    assert_eq!(refused(&ann, &room, &with(&[&file; 11], "many")).await, "too_many");

    let mut files = Vec::new();
    for _ in 0..9 {
        files.push(some_file(&ann, &room).await);
    }
    let all: Vec<_> = files.iter().chain([&file]).collect();
    let sent = send(&ann, &room, &all, "ten").await;
    assert_eq!(sent["attachments"], json!(all));
    assert_eq!(refused(&ann, &room, &with(&[&file], "again")).await, "not_found");

    let mut socket = ann.socket().await;
    let other = some_file(&ann, &room).await;
    let mut frame = with(&[&file], "");
    frame["type"] = json!("send");
    frame["room"] = json!(room);
    let error = socket.refusal(&frame.to_string()).await;
    assert_eq!((&error["code"], &error["client_id"]), (&json!("not_found"), &frame["client_id"]));
    frame["attachments"] = json!([other["id"]]);
    socket.send(&frame).await;
    assert_eq!(socket.next_of("message").await["attachments"], json!([other]));
}

#[tokio::test]
async fn a_message_with_files_that_is_sent_again_is_the_same() {
    let (ann, _, room) = Person::pair(server()).await;
    let (file, other) = (some_file(&ann, &room).await, some_file(&ann, &room).await);
    let message = with(&[&file], "here");
    let sent = try_send(&ann, &room, &message).await.must(201);
    assert_eq!(try_send(&ann, &room, &message).await.must(200), sent);
    for files in [json!([]), json!([other["id"]]), json!([file["id"], other["id"]])] {
        let mut another = message.clone();
        another["attachments"] = files;
        let reused = try_send(&ann, &room, &another).await;
        assert_eq!(reused.problem(), (409, "client_id_reused".to_owned()));
    }
    send(&ann, &room, &[&other], "is still free").await;

    let address = format!("/api/rooms/{room}/messages/{}", sent["id"].as_str().expect("an id"));
    let edited = ann.patch(&address, json!({"body": "there"})).await.must(200);
    assert_eq!(edited["attachments"], json!([file]));
    let again = try_send(&ann, &room, &message).await.must(200);
    assert_eq!((&again["body"], &again["attachments"]), (&json!("there"), &json!([file])));
}

#[tokio::test]
async fn of_twenty_attempts_at_once_one_gets_the_file() {
    let (ann, _, room) = Person::pair(server()).await;
    let file = some_file(&ann, &room).await;
    let attempts = (0..20).map(|n| {
        let (ann, room, message) = (ann.clone(), room.clone(), with(&[&file], &n.to_string()));
        tokio::spawn(async move { try_send(&ann, &room, &message).await.status })
    });
    let attempts: Vec<_> = attempts.collect();
    let mut statuses = Vec::new();
    for attempt in attempts {
        statuses.push(attempt.await.expect("answers"));
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[422; 19][..]));
}

#[tokio::test]
async fn an_image_is_shown_and_has_a_preview_without_metadata() {
    let (ann, bob, room) = Person::pair(server()).await;
    for (kind, format) in [
        ("image/png", ImageFormat::Png),
        ("image/jpeg", ImageFormat::Jpeg),
        ("image/webp", ImageFormat::WebP),
        ("image/gif", ImageFormat::Gif),
    ] {
        let bytes = an_image(1000, 500, format);
        // What it is, is found out and not believed.
        let file = bring(&ann, &room, "photo", "text/html", bytes.clone()).await;
        send(&ann, &room, &[&file], "").await;
        assert_eq!((&file["type"], &file["width"]), (&json!(kind), &json!(1000)));
        assert_eq!(file["height"], 500);
        let got = bob.get(url(&file)).await;
        assert!(got.body == bytes, "as it was");
        assert_eq!(got.header("content-type"), kind);
        assert!(got.header("content-disposition").starts_with("inline"));
        assert_eq!(got.header("content-security-policy"), "default-src 'none'; sandbox");
        let preview = bob.get(file["preview_url"].as_str().expect("a preview")).await;
        assert_eq!(preview.header("content-type"), "image/jpeg");
        assert_eq!(preview.header("content-disposition"), "inline");
        let drawn = image::load_from_memory_with_format(&preview.body, ImageFormat::Jpeg);
        let drawn = drawn.expect("a JPEG");
        assert_eq!((drawn.width(), drawn.height()), (720, 360), "{kind}");
    }
    let mut photo = an_image(60, 60, ImageFormat::Jpeg);
    let secret = b"Exif\0\0GPS 52.5 13.4";
    let length = u16::try_from(secret.len() + 2).expect("short").to_be_bytes();
    photo.splice(2..2, [&[0xff, 0xe1], &length[..], secret].concat());
    let file = bring(&ann, &room, "here.jpg", "image/jpeg", photo).await;
    let preview = ann.get(file["preview_url"].as_str().expect("a preview")).await;
    assert!(!preview.body.windows(3).any(|part| part == b"GPS"));
}

#[tokio::test]
async fn pages_scripts_and_broken_images_are_only_ever_downloaded() {
    let (ann, bob, room) = Person::pair(server()).await;
    let png = an_image(64, 64, ImageFormat::Png);
    let cut = png[..png.len() / 2].to_vec();
    let with_a_page = [&png[..], b"<!doctype html><script>alert(1)</script>"].concat();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    let html = b"<!doctype html><script>alert(1)</script>".to_vec();
    let cases = [
        ("page.html", "text/html", html),
        ("drawing.svg", "image/svg+xml", svg),
        ("run.js", "text/javascript", b"alert(1)".to_vec()),
        ("cut.png", "image/png", cut),
        ("both.png", "image/png", with_a_page),
    ];
    for (name, kind, bytes) in cases {
        let file = bring(&ann, &room, name, kind, bytes.clone()).await;
        assert_eq!((&file["type"], &file["preview_url"]), (&json!(kind), &Value::Null));
        send(&ann, &room, &[&file], "").await;
        let got = bob.get(url(&file)).await;
        assert!(got.body == bytes, "{name}");
        assert_eq!(got.header("content-type"), "application/octet-stream", "{name}");
        assert!(got.header("content-disposition").starts_with("attachment"), "{name}");
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{name}");
        assert_eq!(got.header("content-security-policy"), "default-src 'none'; sandbox");
    }
}

#[tokio::test]
async fn a_name_is_no_path() {
    let (ann, _, room) = Person::pair(server()).await;
    let cases = [
        ("../../etc/passwd", "invalid"),
        ("a\\b", "invalid"),
        ("photo\u{202e}gnp.exe", "invalid"),
        ("..", "empty"),
        (" ", "empty"),
        (&*"a".repeat(256), "too_long"),
    ];
    for (name, code) in cases {
        let refused = try_bring(&ann, &room, name, "a/b", content(9)).await;
        assert_eq!(refused.field_errors(), [("name".to_owned(), code.to_owned())], "{name}");
    }
    let unnamed = ann.request(Method::POST, &format!("/api/rooms/{room}/attachments"));
    assert_eq!(ann.send_request(unnamed.body("x")).await.status, 422);
}

/// How many files of people lie in a server's data dir.
fn kept(server: &Server) -> usize {
    let directory = server.data_dir().join("attachments");
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_deleted_message_takes_its_files_along() {
    let server = Server::start_unlimited();
    let (ann, bob, room) = Person::pair(&server).await;
    let image = bring(&ann, &room, "a.png", "image/png", an_image(9, 9, ImageFormat::Png)).await;
    let kept_file = some_file(&ann, &room).await;
    let sent = send(&ann, &room, &[&image], "look").await;
    send(&ann, &room, &[&kept_file], "this stays").await;
    let before = kept(&server);
    let address = format!("/api/rooms/{room}/messages/{}", sent["id"].as_str().expect("an id"));
    assert_eq!(bob.ask(Method::DELETE, &address).await.status, 404, "not his");
    assert_eq!(bob.get(url(&image)).await.status, 200);
    let mut socket = bob.socket().await;
    let deleted = ann.ask(Method::DELETE, &address).await.must(200);
    assert_eq!(deleted["attachments"], json!([]));
    assert_eq!(socket.next_of("message").await["attachments"], json!([]));
    for who in [&ann, &bob] {
        for address in [url(&image), image["preview_url"].as_str().expect("a preview")] {
            assert_eq!(who.get(address).await.problem(), (404, "not_found".to_owned()));
        }
        assert_eq!(who.get(url(&kept_file)).await.status, 200);
    }
    // Original and preview; with MongoDB nothing lies there at all.
    assert_eq!(kept(&server), before.saturating_sub(2));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_kill_nine() {
    let mut server = Server::start_unlimited();
    let (ann, bob, room) = Person::pair(&server).await;
    let bytes = content(3 * MIB);
    for _ in 0..3 {
        let file = bring(&ann, &room, "a.bin", "a/b", bytes.clone()).await;
        let unsent = bring(&ann, &room, "b.bin", "a/b", bytes.clone()).await;
        let sent = send(&ann, &room, &[&file], "before").await;
        // One that is arriving while everything ends.
        let mut half = begin_slowly(&server, &ann, &room).await;
        half.write_all(&bytes[..MIB]).await.expect("writes");
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.kill();
        server.restart();
        assert!(bob.get(url(&file)).await.body == bytes);
        assert_eq!(bob.history(&room).await.last(), Some(&sent));
        assert!(ann.get(url(&unsent)).await.body == bytes);
        send(&ann, &room, &[&unsent], "after").await;
        assert!(bob.get(url(&unsent)).await.body == bytes);
    }
}

/// Begins to bring a file of many bytes, of which none have come yet.
async fn begin_slowly(server: &Server, who: &Person, room: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.expect("connects");
    let head = format!(
        "POST /api/rooms/{room}/attachments?name=slow HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\
         Content-Length: 10000000\r\n\r\n",
        server.address(),
        who.cookies(),
    );
    stream.write_all(head.as_bytes()).await.expect("writes");
    stream
}

#[tokio::test]
async fn a_file_that_stops_coming_is_given_up() {
    let server = Server::start_unlimited();
    let (ann, _, room) = Person::pair(&server).await;
    let mut stream = begin_slowly(&server, &ann, &room).await;
    stream.write_all(&content(100_000)).await.expect("writes");
    let start = Instant::now();
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_exact(&mut answer));
    read.await.expect("in time").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(start.elapsed() >= Duration::from_secs(9), "it was waited for");
    assert_eq!(kept(&server), 0);
}

#[tokio::test]
async fn nothing_of_a_file_rests_in_clear() {
    const NAME: &str = "canary-in-a-name-4711.txt";
    const KIND: &str = "application/x-canary-kind";
    const TEXT: &str = "Kanarienvogel in einer Datei, ganz geheim";
    let mut server = Server::start_with(&[("SOTTO_LOG", "trace"), ("SOTTO_RATE_LIMITS", "off")]);
    let (ann, bob, room) = Person::pair(&server).await;
    let file = bring(&ann, &room, NAME, KIND, TEXT.repeat(5_000).into_bytes()).await;
    bring(&ann, &room, NAME, KIND, TEXT.as_bytes().to_vec()).await;
    send(&ann, &room, &[&file], "a word beside it").await;
    assert!(bob.get(url(&file)).await.text().starts_with(TEXT));
    server.kill();
    let mut all = read_all(server.folder());
    all.push(("(logs)".into(), server.output()));
    let wanted: Vec<_> = [NAME, KIND, TEXT].iter().flat_map(|it| forms(it.as_bytes())).collect();
    let wanted: Vec<&[u8]> = wanted.iter().map(|form| &*form.bytes).collect();
    for (path, bytes) in &all {
        assert!(found_in(bytes, &wanted).is_empty(), "{}", path.display());
    }
    let planted = [TEXT.as_bytes(), b"around"].concat();
    assert!(!found_in(&planted, &wanted).is_empty(), "the search finds what is there");
}
