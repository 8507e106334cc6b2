//! What people would rather not let others see, and so don't see themselves.
use journeys::{Deployment, Person, Server, Socket};
use serde_json::{Value, json};
use std::{sync::OnceLock, time::Duration};

/// In which whatever is to come has come.
const QUIET: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_secs(10);

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

async fn change(person: &Person, change: Value) -> Value {
    person.patch("/api/me/privacy", change).await.must(200)
}

async fn read(person: &Person, room: &str, seq: u64) {
    person.put(&format!("/api/rooms/{room}/read"), json!({"seq": seq})).await.must(200);
}

/// Up to where somebody sees the other read, by the room and by the list.
async fn other_read(person: &Person, room: &str) -> u64 {
    let shown = person.room(room).await;
    let list = person.get("/api/rooms").await.must(200);
    let rooms = list["rooms"].as_array().expect("a list");
    let listed = rooms.iter().find(|listed| listed["id"] == *room).expect("is listed");
    assert_eq!(listed["other_read_seq"], shown["other_read_seq"]);
    shown["other_read_seq"].as_u64().expect("a number")
}

/// What comes until a message of one's own does.
async fn hear_until_own(socket: &mut Socket, person: &Person, room: &str) -> Vec<Value> {
    let own = person.say(room, "and then").await;
    let mut heard = Vec::new();
    loop {
        let frame = socket.next_frame().await;
        if frame["id"] == own["id"] {
            return heard;
        }
        heard.push(frame);
    }
}

fn hidden(person: &Person) -> Value {
    json!({"type": "presence", "user": person.id, "online": false, "last_seen": null})
}

/// Passes over what was told before, until somebody is hidden.
async fn see_vanish(socket: &mut Socket, person: &Person) {
    while let Some(frame) = socket.next_presence(SOON).await {
        if frame == hidden(person) {
            return;
        }
        assert_eq!(frame["online"], true, "{frame}");
    }
    panic!("{} did not vanish", person.username);
}

async fn see_online(socket: &mut Socket, person: &Person) {
    let frame = socket.next_presence(SOON).await.expect("a presence");
    assert_eq!((&frame["user"], &frame["online"]), (&json!(person.id), &json!(true)));
}

#[tokio::test]
async fn everything_shows_until_somebody_turns_it_off() {
    let ann = Person::created(server(), "ann").await;
    let shown = async || ann.get("/api/me/privacy").await.must(200);
    assert_eq!(shown().await, json!({"read_receipts": true, "presence": true}));
    let without_receipts = json!({"read_receipts": false, "presence": true});
    assert_eq!(change(&ann, json!({"read_receipts": false})).await, without_receipts);
    assert_eq!(change(&ann, json!({})).await, without_receipts);
    assert_eq!(shown().await, without_receipts);
    let neither = json!({"read_receipts": false, "presence": false});
    assert_eq!(change(&ann, json!({"presence": false})).await, neither);
    let other_device = Person::sign_in(server(), &ann.username).await;
    assert_eq!(other_device.get("/api/me/privacy").await.must(200), neither);
}

#[tokio::test]
async fn what_is_no_change_is_refused_and_changes_nothing() {
    let ann = Person::created(server(), "ann").await;
    for wrong in [
        json!({"read_receipts": false, "last_seen": false}),
        json!({"read_receipts": "off"}),
        json!({"presence": 0}),
        json!([]),
    ] {
        let answer = ann.patch("/api/me/privacy", wrong.clone()).await;
        assert_eq!(answer.problem(), (422, "validation_failed".to_owned()), "{wrong}");
    }
    let shown = ann.get("/api/me/privacy").await.must(200);
    assert_eq!(shown, json!({"read_receipts": true, "presence": true}));
    let stranger = journeys::Browser::new(server());
    assert_eq!(stranger.get("/api/me/privacy").await.problem().0, 401);
    let answer = stranger.patch("/api/me/privacy", json!({"presence": false})).await;
    assert_eq!(answer.problem(), (401, "signed_out".to_owned()));
}

#[tokio::test]
async fn reading_that_one_of_two_hides_shows_to_neither() {
    let (ann, bob, room) = Person::pair(server()).await;
    for person in [&ann, &bob, &bob] {
        person.say(&room, "hello").await;
    }
    read(&bob, &room, 1).await;
    read(&ann, &room, 2).await;
    assert_eq!((other_read(&ann, &room).await, other_read(&bob, &room).await), (1, 2));
    let (mut hers, mut his, mut her_other) =
        (ann.socket().await, bob.socket().await, ann.socket().await);

    change(&ann, json!({"read_receipts": false})).await;
    let told = his.next_of("room").await;
    assert_eq!((&told["id"], &told["other_read_seq"]), (&json!(room), &json!(0)));
    for own in [&mut hers, &mut her_other] {
        assert_eq!(own.next_frame().await, json!({"type": "resync"}));
    }
    assert_eq!((other_read(&ann, &room).await, other_read(&bob, &room).await), (0, 0));
    assert_eq!(ann.room(&room).await["unread"], 1, "what is unread counts as before");

    read(&ann, &room, 3).await;
    read(&bob, &room, 3).await;
    let own = |person: &Person, seq: u64| json!({"type": "read", "room": room, "user": person.id, "seq": seq});
    for socket in [&mut hers, &mut her_other] {
        assert_eq!(socket.next_frame().await, own(&ann, 3), "her own reading, and not his");
    }
    assert_eq!(hear_until_own(&mut his, &bob, &room).await, [own(&bob, 3)], "nor hers");
    assert_eq!(hers.next_frame().await["body"], "and then");
    assert_eq!(ann.room(&room).await["unread"], 1);
    assert_eq!((other_read(&ann, &room).await, other_read(&bob, &room).await), (0, 0));

    change(&ann, json!({"read_receipts": true})).await;
    assert_eq!(his.next_of("room").await["other_read_seq"], 3, "without being asked for");
    assert_eq!((other_read(&ann, &room).await, other_read(&bob, &room).await), (3, 3));
    read(&bob, &room, 4).await;
    assert_eq!(hers.next_of("read").await, own(&bob, 4));
}

#[tokio::test]
async fn being_there_that_one_of_two_hides_shows_to_neither() {
    let (ann, bob, room) = Person::pair(server()).await;
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    see_online(&mut hers, &bob).await;
    see_online(&mut his, &ann).await;
    change(&bob, json!({"presence": false})).await;
    see_vanish(&mut hers, &bob).await;
    see_vanish(&mut his, &ann).await;

    let (mut her_other, mut his_other) = (ann.socket().await, bob.socket().await);
    for socket in [&mut her_other, &mut his_other, &mut hers, &mut his] {
        assert_eq!(socket.next_presence(QUIET).await, None, "nor at the start of a socket");
    }
    let mut hers_alone = ann.socket_at(&format!("/ws/chat/{room}/")).await;
    assert_eq!(hers_alone.next_presence(QUIET).await, None);
    his.send(&json!({"type": "typing", "room": room})).await;
    assert_eq!(hers.next_of("typing").await["user"], *bob.id, "that somebody writes shows still");

    change(&bob, json!({"presence": true})).await;
    for socket in [&mut hers, &mut her_other, &mut hers_alone] {
        see_online(socket, &bob).await;
    }
    for socket in [&mut his, &mut his_other] {
        see_online(socket, &ann).await;
    }
    drop((his, his_other));
    let left = hers.next_presence(SOON).await.expect("a presence");
    assert_eq!((&left["user"], &left["online"]), (&json!(bob.id), &json!(false)));
    assert!(left["last_seen"].is_string(), "{left}");
    change(&bob, json!({"presence": false})).await;
    assert_eq!(hers.next_presence(SOON).await, Some(hidden(&bob)), "nor when they left");
}

#[tokio::test]
async fn strangers_learn_nothing_of_what_somebody_hides() {
    let (ann, bob, _) = Person::pair(server()).await;
    let eve = Person::created(server(), "eve").await;
    let asked = eve.room_with(&ann).await;
    let mut hers = eve.socket().await;
    for privacy in [false, true] {
        change(&ann, json!({"presence": privacy, "read_receipts": privacy})).await;
    }
    let heard = hear_until_own(&mut hers, &eve, &asked).await;
    assert_eq!(heard, Vec::<Value>::new());
    assert_eq!(hers.next_presence(QUIET).await, None);
    assert_eq!(bob.get("/api/me/privacy").await.must(200)["presence"], true);
}

#[tokio::test]
async fn across_instances_it_counts_at_once() {
    let deployment = Deployment::start(2).await;
    let (ann, bob, room) = deployment.pair().await;
    let [first, second] = [0, 1].map(|number| deployment.instance(number));
    let (ann, bob) = (ann.at(&first), bob.at(&second));
    for _ in 0..3 {
        ann.say(&room, "hello").await;
    }
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    see_online(&mut hers, &bob).await;
    see_online(&mut his, &ann).await;
    read(&bob, &room, 1).await;
    assert_eq!(hers.next_of("read").await["seq"], 1);

    // Bob changes it where Ann's socket isn't, Ann where his isn't.
    change(&bob, json!({"presence": false, "read_receipts": false})).await;
    assert_eq!(hers.next_of("room").await["other_read_seq"], 0);
    see_vanish(&mut hers, &bob).await;
    see_vanish(&mut his, &ann).await;
    read(&bob, &room, 2).await;
    read(&bob.at(&first), &room, 3).await;
    let heard = hear_until_own(&mut hers, &ann, &room).await;
    assert!(heard.iter().all(|frame| frame["type"] != "read"), "{heard:?}");
    assert_eq!(other_read(&ann, &room).await, 0);
    let mut his_other = bob.at(&first).socket().await;
    assert_eq!(his_other.next_presence(QUIET).await, None);
    assert_eq!(hers.next_presence(QUIET).await, None);

    change(&bob.at(&first), json!({"presence": true, "read_receipts": true})).await;
    assert_eq!(hers.next_of("room").await["other_read_seq"], 3);
    see_online(&mut hers, &bob).await;
    for socket in [&mut his, &mut his_other] {
        see_online(socket, &ann).await;
    }
}
