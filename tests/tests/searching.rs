//! Looking for words in one's own history.
use journeys::{Answer, Browser, Person, Server, client_id, send_frame};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::OnceLock;

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

async fn ask(browser: &Browser, query: &[(&str, &str)]) -> Answer {
    let request = browser.request(Method::GET, "/api/search").query(query);
    browser.send_request(request).await
}

/// What is found, part by part.
async fn search(person: &Person, query: &str, room: Option<&str>) -> Vec<Value> {
    let mut asked = vec![("query", query)];
    asked.extend(room.map(|room| ("room", room)));
    let (mut part, mut hits) = (ask(person, &asked).await.must(200), Vec::new());
    loop {
        hits.extend(part["hits"].as_array().expect("a list").iter().cloned());
        let Some(cursor) = part["cursor"].as_str() else { return hits };
        part = ask(person, &[("query", query), ("cursor", cursor)]).await.must(200);
    }
}

fn bodies(hits: &[Value]) -> Vec<&str> {
    hits.iter().map(|hit| hit["message"]["body"].as_str().expect("a body")).collect()
}

#[tokio::test]
async fn words_are_found_with_where_they_are() {
    let (ann, bob, room) = Person::pair(server()).await;
    let cat = Person::created(server(), "cat").await;
    let other_room = ann.room_with(&cat).await;
    let first = ann.say(&room, "Das große CAFÉ am See").await;
    let second = cat.say(&other_room, "the cafe again").await;
    let third = bob.say(&room, "我们在中国喝咖啡").await;
    ann.say(&room, "tea").await;
    let hits = search(&ann, "cafe", None).await;
    assert_eq!(
        hits,
        [json!({"message": second, "room": other_room}), json!({"message": first, "room": room}),]
    );
    assert_eq!(search(&ann, "GROSSE café", Some(&room)).await.len(), 1);
    assert_eq!(search(&ann, "中国", None).await[0]["message"], third);
    assert!(search(&ann, "coffee", None).await.is_empty());
    assert!(search(&cat, "große", None).await.is_empty(), "not hers");
    // A hit opens in its place.
    let place = format!("/api/rooms/{room}/messages?around={}", first["seq"]);
    assert_eq!(ann.get(&place).await.must(200)["messages"][0], first);
}

#[tokio::test]
async fn a_long_history_comes_in_parts_newest_first() {
    let (ann, _, room) = Person::pair(server()).await;
    let mut socket = ann.socket().await;
    for n in 0..130 {
        socket.send(&send_frame(&room, &client_id(), &format!("number {n}"))).await;
    }
    for _ in 0..130 {
        socket.next_of("message").await;
    }
    let hits = search(&ann, "number", None).await;
    let expected: Vec<_> = (0..130).rev().map(|n| format!("number {n}")).collect();
    assert_eq!(bodies(&hits), expected);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let (ann, _, room) = Person::pair(server()).await;
    let eve = Person::created(server(), "eve").await;
    for (query, code) in [("", "empty"), (" ", "empty"), (&*"x".repeat(201), "too_long")] {
        let refused = ask(&ann, &[("query", query)]).await;
        assert_eq!(refused.problem(), (422, "validation_failed".to_owned()));
        assert_eq!(refused.field_errors(), [("query".to_owned(), code.to_owned())]);
    }
    for cursor in ["x", "AAAA", "!", "\0"] {
        let refused = ask(&ann, &[("query", "x"), ("cursor", cursor)]).await;
        assert_eq!(refused.field_errors(), [("cursor".to_owned(), "invalid".to_owned())]);
    }
    for room in [&*room, "malformed"] {
        let refused = ask(&eve, &[("query", "x"), ("room", room)]).await;
        assert_eq!(refused.problem(), (404, "not_found".to_owned()));
    }
    let nobody = Browser::new(server());
    assert_eq!(ask(&nobody, &[("query", "x")]).await.problem().0, 401);
}
