//! Pictures of people.
mod images;
mod memory;

use base64::{Engine, prelude::BASE64_STANDARD};
use images::Bad;
use journeys::{Answer, Browser, PASSWORD, Person, Server};
use memory::Peak;
use reqwest::{Method, header};
use serde_json::{Value, json};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Two by two pixels.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGO4w8AARAwQCgAbjgNxEGNbggAAAABJRU5ErkJggg==";

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

fn png() -> Vec<u8> {
    BASE64_STANDARD.decode(PNG).expect("base64")
}

async fn put(person: &Person, kind: &str, image: Vec<u8>) -> Answer {
    let request = person.request(Method::PUT, "/api/me/picture");
    let request = request.header(header::CONTENT_TYPE, kind).body(image);
    person.send_request(request).await
}

fn picture(user: &Value) -> String {
    user["picture_url"].as_str().expect("a picture").to_owned()
}

#[tokio::test]
async fn a_picture_is_shown_to_others_until_it_is_replaced_or_removed() {
    let (ann, bob, room) = Person::pair(server()).await;
    let first = picture(&put(&ann, "image/png", png()).await.must(200));
    assert_eq!(picture(&bob.room(&room).await["other"]), first);

    let shown = bob.get(&first).await;
    assert_eq!(shown.status, 200);
    assert!(shown.body.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG of our own");
    assert_eq!(shown.header("content-type"), "image/jpeg");
    assert_eq!(shown.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(shown.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    assert_eq!(shown.header("cross-origin-resource-policy"), "same-origin");
    let etag = shown.header("etag").to_owned();
    let again = bob.request(Method::GET, &first).header(header::IF_NONE_MATCH, etag);
    assert_eq!(bob.send_request(again).await.status, 304);

    let second = picture(&put(&ann, "image/png", png()).await.must(200));
    assert_ne!(first, second);
    assert_eq!(bob.get(&first).await.problem(), (404, "not_found".to_owned()));
    assert_eq!(bob.get(&second).await.status, 200);

    let without = ann.ask(Method::DELETE, "/api/me/picture").await.must(200);
    assert_eq!(without["picture_url"], Value::Null);
    assert_eq!(bob.get(&second).await.status, 404);
}

#[tokio::test]
async fn each_kind_of_image_becomes_a_square() {
    let ann = Person::created(server(), "ann").await;
    for (kind, format) in images::KINDS {
        let url = picture(&put(&ann, kind, images::photo(900, 700, format)).await.must(200));
        let shown = image::load_from_memory(&ann.get(&url).await.body).expect("an image");
        assert_eq!((shown.width(), shown.height()), (512, 512), "{kind}");
    }
    let photo = images::photo(4_000, 3_000, image::ImageFormat::Jpeg);
    assert!(photo.len() < 5 * 1024 * 1024);
    put(&ann, "image/jpeg", photo).await.must(200);
}

/// The worker that draws counts as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_images_are_refused_within_a_second_and_64_mib_and_change_nothing() {
    let server = Server::start_unlimited();
    let ann = Person::created(&server, "ann").await;
    // Whatever is set up once is set up.
    let before = picture(&put(&ann, "image/png", png()).await.must(200));
    for Bad { what, kind, file, refusal } in images::bad() {
        let what = format!("{what} ({kind})");
        let (status, code) = put_cheaply(&server, &ann, &what, kind, file).await.problem();
        assert_eq!((status, code.as_str()), refusal, "{what}");
    }
    let now = ann.get("/api/me").await.must(200);
    assert_eq!(picture(&now), before);
    for (kind, file) in images::demanding() {
        put_cheaply(&server, &ann, "much to do", kind, file).await.must(200);
    }
}

async fn put_cheaply(
    server: &Server,
    person: &Person,
    what: &str,
    kind: &str,
    file: Vec<u8>,
) -> Answer {
    let memory = Peak::watch(server.pid());
    let start = Instant::now();
    let answer = put(person, kind, file).await;
    let (took, grown) = (start.elapsed(), memory.grown());
    eprintln!("{what}: {} ms, {grown} MiB", took.as_millis());
    assert!(took < Duration::from_secs(1), "{what}: {took:?}");
    assert!(grown < 64, "{what}: {grown} MiB");
    answer
}

#[tokio::test]
async fn a_picture_goes_with_its_account() {
    let (ann, bob, room) = Person::pair(server()).await;
    let shown = picture(&put(&ann, "image/png", png()).await.must(200));
    let leave = ann.request(Method::DELETE, "/api/me").json(&json!({"password": PASSWORD}));
    assert_eq!(ann.send_request(leave).await.status, 204);
    assert_eq!(bob.get(&shown).await.problem(), (404, "not_found".to_owned()));
    assert_eq!(bob.room(&room).await["other"]["picture_url"], Value::Null);
}

#[tokio::test]
async fn who_is_signed_out_sends_no_picture() {
    let stranger = Browser::new(server());
    for method in [Method::PUT, Method::DELETE] {
        let answer = stranger.send_request(stranger.request(method, "/api/me/picture")).await;
        assert_eq!(answer.problem(), (401, "signed_out".to_owned()));
    }
}

#[tokio::test]
async fn nothing_but_pictures_is_found_where_pictures_are() {
    let ann = Person::created(server(), "ann").await;
    let here = picture(&put(&ann, "image/png", png()).await.must(200));
    for nowhere in [
        here.replace(".jpeg", ".html"),
        here.replace(".jpeg", ""),
        here.to_uppercase().replace("/MEDIA/", "/media/"),
        "/media/..%2f..%2fetc%2fpasswd".to_owned(),
        format!("/media/{}.jpeg", "0".repeat(32)),
    ] {
        assert_eq!(ann.get(&nowhere).await.status, 404, "{nowhere}");
    }
}
