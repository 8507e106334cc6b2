//! Saying it anew, taking it back, reacting: what becomes of messages that were sent.
use futures_util::future::join_all;
use journeys::{Answer, Person, Server, client_id};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::OnceLock;

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

const THUMB: &str = "%F0%9F%91%8D";
const HEART: &str = "%E2%9D%A4%EF%B8%8F";

fn path_of(message: &Value) -> String {
    let part = |name: &str| message[name].as_str().expect("an id").to_owned();
    format!("/api/rooms/{}/messages/{}", part("room"), part("id"))
}

async fn edit(person: &Person, message: &Value, body: &str) -> Answer {
    person.patch(&path_of(message), json!({"body": body})).await
}

async fn delete(person: &Person, message: &Value) -> Answer {
    person.ask(Method::DELETE, &path_of(message)).await
}

async fn react(person: &Person, method: Method, message: &Value, emoji: &str) -> Answer {
    person.ask(method, &format!("{}/reactions/{emoji}", path_of(message))).await
}

fn without_type(mut frame: Value) -> Value {
    frame.as_object_mut().expect("an object").remove("type");
    frame
}

#[tokio::test]
async fn every_change_is_told_live_and_found_later() {
    let (ann, bob, room) = Person::pair(server()).await;
    let said = ann.say(&room, "helo").await;
    let mut sockets =
        [ann.socket().await, bob.socket().await, bob.socket_at(&format!("/ws/chat/{room}/")).await];
    let states = [
        edit(&ann, &said, " hello \n").await.must(200),
        react(&bob, Method::PUT, &said, THUMB).await.must(200),
        react(&ann, Method::PUT, &said, THUMB).await.must(200),
        react(&bob, Method::PUT, &said, HEART).await.must(200),
        react(&bob, Method::DELETE, &said, THUMB).await.must(200),
        delete(&ann, &said).await.must(200),
    ];
    for socket in &mut sockets {
        for state in &states {
            assert_eq!(without_type(socket.next_of("message").await), *state);
        }
    }
    let revs: Vec<u64> = states.iter().map(|state| state["rev"].as_u64().expect("a rev")).collect();
    assert_eq!(revs, [2, 3, 4, 5, 6, 7]);
    let [edited, .., bare, deleted] = &states;
    assert_eq!((&edited["body"], &edited["seq"]), (&json!("hello"), &json!(1)));
    assert!(edited["edited_at"].is_string(), "{edited}");
    let left = json!([
        {"emoji": "👍", "users": [ann.id]},
        {"emoji": "❤️", "users": [bob.id]},
    ]);
    assert_eq!(bare["reactions"], left);
    for (field, value) in [("body", json!("")), ("deleted", json!(true)), ("reactions", json!([]))]
    {
        assert_eq!(deleted[field], value, "{field}");
    }
    assert_eq!(bob.history(&room).await, std::slice::from_ref(deleted));
    assert_eq!(ann.changes(&room, 1).await, (vec![deleted.clone()], 7));
    let seen = bob.room(&room).await;
    assert_eq!((&seen["last_message"], &seen["rev"]), (deleted, &json!(7)));
    assert_eq!(seen["unread"], 0, "what was taken back is not to be read");
}

#[tokio::test]
async fn what_changes_nothing_takes_no_rev_and_tells_nobody() {
    let (ann, bob, room) = Person::pair(server()).await;
    let said = ann.say(&room, "hello").await;
    let mut listening = ann.socket().await;
    assert_eq!(react(&bob, Method::DELETE, &said, THUMB).await.must(200), said);
    let liked = react(&bob, Method::PUT, &said, THUMB).await.must(200);
    assert_eq!(react(&bob, Method::PUT, &said, THUMB).await.must(200), liked);
    let last = ann.say(&room, "last").await;
    for expected in [liked, last] {
        assert_eq!(without_type(listening.next_of("message").await), expected);
    }
}

#[tokio::test]
async fn what_can_not_be_changed_is_refused_and_stays() {
    let (ann, bob, room) = Person::pair(server()).await;
    let said = ann.say(&room, "hello").await;
    let gone = ann.say(&room, "gone").await;
    delete(&ann, &gone).await.must(200);
    let not_found = (404, "not_found".to_owned());
    assert_eq!(edit(&bob, &said, "not mine").await.problem(), not_found);
    assert_eq!(delete(&bob, &said).await.problem(), not_found);
    assert_eq!(edit(&ann, &gone, "back").await.problem(), not_found);
    assert_eq!(delete(&ann, &gone).await.problem(), not_found);
    for method in [Method::PUT, Method::DELETE] {
        assert_eq!(react(&bob, method, &gone, THUMB).await.problem(), not_found);
    }
    for nothing in ["67e55044-10b1-426f-9247-bb680e5fe0c8", "malformed", "%00"] {
        let nothing = json!({"room": room, "id": nothing});
        assert_eq!(edit(&ann, &nothing, "nothing").await.problem(), not_found);
        assert_eq!(delete(&ann, &nothing).await.problem(), not_found);
    }
    for (body, code) in
        [("", "empty"), (&*"x".repeat(4_001), "too_long"), ("a\0", "control_character")]
    {
        let refused = edit(&ann, &said, body).await;
        assert_eq!(refused.problem(), (422, "validation_failed".to_owned()), "{code}");
        assert_eq!(refused.field_errors(), [("body".to_owned(), code.to_owned())]);
    }
    for no_emoji in ["a", "hello", "%3Cb%3E", "1", "%F0%9F%91%8Da"] {
        let refused = react(&bob, Method::PUT, &said, no_emoji).await;
        assert_eq!(refused.problem(), (422, "validation_failed".to_owned()), "{no_emoji}");
    }
    assert_eq!(ann.history(&room).await[0], said);
    assert_eq!(ann.room(&room).await["rev"], 3);
}

#[tokio::test]
async fn a_person_gives_a_message_twenty_emoji() {
    let (ann, bob, room) = Person::pair(server()).await;
    let said = ann.say(&room, "hello").await;
    for n in 0..20 {
        react(&bob, Method::PUT, &said, &format!("%F0%9F%98%{:02X}", 0x80 + n)).await.must(200);
    }
    let refused = react(&bob, Method::PUT, &said, HEART).await;
    assert_eq!(refused.problem(), (409, "too_many_reactions".to_owned()));
    let full = react(&ann, Method::PUT, &said, HEART).await.must(200);
    assert_eq!(full["reactions"].as_array().map(Vec::len), Some(21), "the other has their own");
}

#[tokio::test]
async fn of_changes_that_race_none_is_lost() {
    let (ann, bob, room) = Person::pair(server()).await;
    let said = ann.say(&room, "0").await;
    let mut listening = bob.socket().await;
    let edits = (0..10).map(|n| {
        let (ann, said) = (&ann, &said);
        async move { edit(ann, said, &format!("{n}")).await.must(200) }
    });
    let reactions = (0..10).map(|n| {
        let (bob, said) = (&bob, &said);
        let emoji = format!("%F0%9F%98%{:02X}", 0x80 + n);
        async move { react(bob, Method::PUT, said, &emoji).await.must(200) }
    });
    let sends = (0..10).map(|_| async { ann.try_say(&room, &client_id(), "beside").await });
    let (edited, reacted, sent) =
        tokio::join!(join_all(edits), join_all(reactions), join_all(sends));
    let sent: Vec<Value> = sent.iter().map(|answer| answer.must(201)).collect();
    let mut revs: Vec<u64> = [edited, reacted, sent]
        .iter()
        .flatten()
        .map(|state| state["rev"].as_u64().expect("a rev"))
        .collect();
    revs.sort_unstable();
    revs.dedup();
    assert_eq!(revs.len(), 30, "every change has a rev of its own");
    let (changes, rev) = bob.changes(&room, 0).await;
    assert_eq!(changes.len(), 11);
    assert_eq!(revs.last(), Some(&rev));
    let now = &ann.history(&room).await[0];
    assert_eq!(now["reactions"].as_array().map(Vec::len), Some(10));
    // Live, each in its turn; the last state is the one that stays.
    let mut before = 1;
    while before < rev {
        let frame = listening.next_of("message").await;
        let here = frame["rev"].as_u64().expect("a rev");
        assert!(here > before, "{here} after {before}");
        before = here;
    }
}

#[tokio::test]
async fn changes_outlive_a_kill() {
    let mut server = Server::start();
    let (ann, bob, room) = Person::pair(&server).await;
    let said = ann.say(&room, "before").await;
    let gone = ann.say(&room, "gone").await;
    edit(&ann, &said, "after").await.must(200);
    delete(&ann, &gone).await.must(200);
    let liked = react(&bob, Method::PUT, &said, HEART).await.must(200);
    server.kill();
    server.restart();
    let history = bob.history(&room).await;
    assert_eq!(history[0], liked);
    assert_eq!((&history[1]["deleted"], &history[1]["seq"]), (&json!(true), &json!(2)));
    assert_eq!(edit(&ann, &said, "later").await.must(200)["rev"], 6);
}

#[tokio::test]
async fn a_conversation_is_cleared_for_oneself() {
    let (ann, bob, room) = Person::pair(server()).await;
    let said = ann.say(&room, "hello").await;
    bob.say(&room, "hello yourself").await;
    let (mut phone, mut hers) = (bob.socket().await, ann.socket().await);
    let path = format!("/api/rooms/{room}");
    bob.ask(Method::DELETE, &path).await.must(204);

    let frame = phone.next_of("room").await;
    assert_eq!((&frame["id"], &frame["listed"]), (&json!(room), &json!(false)));
    assert_eq!((&frame["last_message"], &frame["unread"]), (&Value::Null, &json!(0)));
    assert!(bob.history(&room).await.is_empty());
    assert_eq!(bob.changes(&room, 0).await, (Vec::new(), 0));
    assert_eq!(bob.get("/api/rooms").await.must(200)["rooms"], json!([]));
    let found = bob.get("/api/search?query=hello").await.must(200);
    assert_eq!(found, json!({"hits": [], "cursor": null}));
    assert_eq!(ann.history(&room).await.len(), 2, "the other keeps it");
    assert_eq!(ann.room(&room).await["listed"], true);

    // What changes about it is not told to him; what is new is.
    edit(&ann, &said, "hello, Bob").await.must(200);
    let new = ann.say(&room, "are you there?").await;
    assert_eq!(without_type(phone.next_of("message").await), new);
    assert_eq!(bob.history(&room).await, std::slice::from_ref(&new));
    assert_eq!(bob.get("/api/rooms").await.must(200)["rooms"][0]["unread"], 1);
    assert_eq!(hers.next_of("message").await["body"], "hello, Bob");
    assert_eq!(hers.next_of("message").await["id"], new["id"]);

    // Cleared by both, it is gone; its numbers are not given again.
    for person in [&ann, &bob] {
        person.ask(Method::DELETE, &path).await.must(204);
        assert!(person.history(&room).await.is_empty());
    }
    let next = bob.say(&room, "from the beginning").await;
    assert_eq!((&next["seq"], &next["rev"]), (&json!(4), &json!(5)));
    assert_eq!(ann.history(&room).await, [next]);
}

#[tokio::test]
async fn a_cleared_room_is_had_back_by_name() {
    let (ann, bob, room) = Person::pair(server()).await;
    ann.say(&room, "hello").await;
    bob.ask(Method::DELETE, &format!("/api/rooms/{room}")).await.must(204);
    let again = bob.post("/api/rooms", json!({"username": ann.username})).await.must(200);
    assert_eq!((&again["id"], &again["listed"]), (&json!(room), &json!(true)));
    assert_eq!(bob.get("/api/rooms").await.must(200)["rooms"][0]["id"], json!(room));
    assert!(bob.history(&room).await.is_empty(), "still cleared");
}
