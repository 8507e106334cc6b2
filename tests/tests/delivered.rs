//! Ticks: what is stored, what reached a device of the other's, what was read.
use journeys::{Deployment, Person, Server, Socket};
use serde_json::{Value, json};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// In which whatever is to come has come.
const QUIET: Duration = Duration::from_millis(900);
const SOON: Duration = Duration::from_secs(10);

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

fn up_to(room: &str, whose: &Person, seq: u64) -> Value {
    json!({"type": "delivered", "room": room, "user": whose.id, "seq": seq})
}

/// Up to where one sees that it reached the other, and that they read it.
async fn shown(person: &Person, room: &str) -> (Value, Value) {
    let alone = person.room(room).await;
    let listed = person.get("/api/rooms").await.must(200)["rooms"].clone();
    let listed = listed.as_array().expect("a list").iter().find(|one| one["id"] == room).cloned();
    let listed = listed.expect("is listed");
    assert_eq!(alone["other_delivered_seq"], listed["other_delivered_seq"]);
    (alone["other_delivered_seq"].clone(), alone["other_read_seq"].clone())
}

async fn told(socket: &mut Socket) -> Value {
    socket.next_delivered(SOON).await.expect("is told")
}

#[tokio::test]
async fn a_message_is_stored_then_delivered_then_read() {
    let (ann, bob, room) = Person::pair(server()).await;
    let mut hers = ann.socket().await;
    ann.say(&room, "are you there?").await;
    assert_eq!(hers.next_delivered(QUIET).await, None, "he has no device here");
    assert_eq!(shown(&ann, &room).await, (json!(0), json!(0)));

    // He comes, and looks at nothing yet.
    let mut his = bob.socket().await;
    assert_eq!(told(&mut hers).await, up_to(&room, &bob, 1));
    assert_eq!(shown(&ann, &room).await, (json!(1), json!(0)));

    for body in ["and", "so", "on"] {
        ann.say(&room, body).await;
    }
    let came = Instant::now();
    while his.next_of("message").await["seq"] != 4 {}
    let mut seq = json!(1);
    while seq != 4 {
        let frame = told(&mut hers).await;
        seq = frame["seq"].clone();
        assert_eq!(frame, up_to(&room, &bob, seq.as_u64().expect("a number")));
    }
    assert!(came.elapsed() < Duration::from_secs(3), "it is live");
    assert_eq!(shown(&ann, &room).await, (json!(4), json!(0)));

    his.send(&json!({"type": "read", "room": room, "seq": 4})).await;
    assert_eq!(hers.next_of("read").await["seq"], 4);
    assert_eq!(shown(&ann, &room).await, (json!(4), json!(4)));

    // To himself none of it is told, and what he wrote is not delivered to him.
    assert_eq!(his.next_delivered(QUIET).await, None);
    bob.say(&room, "yes").await;
    assert_eq!(told(&mut his).await, up_to(&room, &ann, 5), "her socket is open");
    assert_eq!(hers.next_delivered(QUIET).await, None);
    assert_eq!(shown(&ann, &room).await.0, 4);
}

#[tokio::test]
async fn what_was_read_was_delivered() {
    let (ann, bob, room) = Person::pair(server()).await;
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    ann.say(&room, "hello").await;
    his.next_of("message").await;
    his.send(&json!({"type": "read", "room": room, "seq": 1})).await;
    assert_eq!(hers.next_of("read").await["seq"], 1);
    assert_eq!(shown(&ann, &room).await, (json!(1), json!(1)));
}

#[tokio::test]
async fn a_socket_of_one_room_delivers_that_room_alone() {
    let (ann, bob, room) = Person::pair(server()).await;
    let cid = Person::created(server(), "cid").await;
    let other = cid.open_room_with(&bob).await;
    ann.say(&room, "one").await;
    cid.say(&other, "two").await;
    let (mut hers, mut cids) = (ann.socket().await, cid.socket().await);
    let _his = bob.socket_at(&format!("/ws/chat/{room}/")).await;
    assert_eq!(told(&mut hers).await, up_to(&room, &bob, 1));
    assert_eq!(cids.next_delivered(QUIET).await, None);
    assert_eq!(shown(&cid, &other).await.0, 0);
    let _all = bob.socket().await;
    assert_eq!(told(&mut cids).await, up_to(&other, &bob, 1));
}

#[tokio::test]
async fn nothing_shows_of_whoever_has_not_accepted_until_they_do() {
    let ann = Person::created(server(), "ann").await;
    let bob = Person::created(server(), "bob").await;
    let mut hers = ann.socket().await;
    let room = ann.room_with(&bob).await;
    ann.say(&room, "hello, stranger").await;
    let mut his = bob.socket().await;
    ann.say(&room, "still there?").await;
    while his.next_of("message").await["seq"] != 2 {}
    assert_eq!(hers.next_delivered(QUIET).await, None);
    assert_eq!(shown(&ann, &room).await, (json!(0), json!(0)));

    bob.accept(&room).await;
    while hers.next_of("room").await["other_delivered_seq"] != 2 {}
    assert_eq!(shown(&ann, &room).await, (json!(2), json!(0)));
    ann.say(&room, "there you are").await;
    assert_eq!(told(&mut hers).await, up_to(&room, &bob, 3));
}

#[tokio::test]
async fn what_reached_a_device_that_is_gone_stays_delivered() {
    let mut server = Server::start_unlimited();
    let (ann, bob, room) = Person::pair(&server).await;
    let mut his = bob.socket().await;
    ann.say(&room, "quick").await;
    his.next_of("message").await;
    // Whether his socket ends or the server does, what is outstanding is noted.
    his.close().await;
    server.ask_to_stop();
    assert!(server.wait().success());
    server.restart();
    let ann = Person::sign_in(&server, &ann.username).await;
    assert_eq!(shown(&ann, &room).await, (json!(1), json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ticks_cross_instances() {
    let deployment = Deployment::start(2).await;
    let near = deployment.instance(0);
    let ann = Person::created_at(&deployment.instances[0], &near, "ann").await;
    let bob = Person::created_at(&deployment.instances[0], &near, "bob").await;
    let room = ann.open_room_with(&bob).await;
    let mut hers = ann.socket().await;
    ann.say(&room, "hello").await;
    let mut his = bob.at(deployment.instance(1)).socket().await;
    assert_eq!(told(&mut hers).await, up_to(&room, &bob, 1));
    ann.say(&room, "and more").await;
    while his.next_of("message").await["seq"] != 2 {}
    assert_eq!(told(&mut hers).await, up_to(&room, &bob, 2));
    assert_eq!(shown(&ann, &room).await, (json!(2), json!(0)));
}
