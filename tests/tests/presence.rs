//! Who is online, as sockets hear of it.
use journeys::{Deployment, Person, Server, Socket};
use serde_json::{Value, json};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// How soon it is told that somebody is there.
const SOON: Duration = Duration::from_secs(5);
/// Somebody whose last socket closed is told to be gone later than this, …
const GRACE: Duration = Duration::from_secs(6);
/// … and sooner than this.
const GONE: Duration = Duration::from_secs(15);
/// In which nothing comes.
const QUIET: Duration = Duration::from_millis(700);

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

fn is_online(person: &Person) -> Value {
    json!({"type": "presence", "user": person.id, "online": true, "last_seen": null})
}

/// Hears that somebody is gone, and when they left.
async fn hear_gone(socket: &mut Socket, person: &Person) -> String {
    let gone = socket.next_presence(GONE).await.expect("hears of it");
    assert_eq!((&gone["user"], &gone["online"]), (&json!(person.id), &json!(false)));
    gone["last_seen"].as_str().expect("a time").to_owned()
}

#[tokio::test]
async fn both_see_each_other_come_and_go() {
    let (ann, bob, room) = Person::pair(server()).await;
    let mut hers = ann.socket().await;
    let mut his = bob.socket().await;
    assert_eq!(his.next_presence(SOON).await, Some(is_online(&ann)), "who is there already");
    assert_eq!(hers.next_presence(SOON).await, Some(is_online(&bob)), "who comes");
    let before = bob.say(&room, "good night").await["sent_at"].as_str().expect("a time").to_owned();
    his.close().await;
    let closed = Instant::now();
    let last_seen = hear_gone(&mut hers, &bob).await;
    assert!(closed.elapsed() > GRACE, "not before it was clear");
    let after = ann.say(&room, "sleep well").await["sent_at"].as_str().expect("a time").to_owned();
    assert!(before <= last_seen && last_seen < after, "{before} {last_seen} {after}");
    assert_eq!(hers.next_presence(QUIET).await, None);
}

#[tokio::test]
async fn another_socket_changes_nothing_nor_does_a_connection_that_comes_back() {
    let (ann, bob, _) = Person::pair(server()).await;
    let mut hers = ann.socket().await;
    let (first, second) = (bob.socket().await, bob.socket().await);
    assert_eq!(hers.next_presence(SOON).await, Some(is_online(&bob)));
    drop(first);
    assert_eq!(hers.next_presence(GONE).await, None, "the second is open");
    drop(second);
    let back = bob.socket().await;
    assert_eq!(hers.next_presence(GONE).await, None, "never gone");
    back.close().await;
    hear_gone(&mut hers, &bob).await;
}

#[tokio::test]
async fn strangers_and_sockets_of_other_rooms_hear_nothing() {
    let (ann, bob, room) = Person::pair(server()).await;
    let carl = Person::created(server(), "carl").await;
    let other_room = ann.open_room_with(&carl).await;
    let mut carls = carl.socket().await;
    let mut narrow = ann.socket_at(&format!("/ws/chat/{room}/")).await;
    assert_eq!(carls.next_presence(SOON).await, Some(is_online(&ann)));
    let his = bob.socket().await;
    assert_eq!(
        narrow.next_presence(SOON).await,
        Some(is_online(&bob)),
        "and nothing of Carl before"
    );
    let mut other = ann.socket_at(&format!("/ws/chat/{other_room}/")).await;
    assert_eq!(other.next_presence(SOON).await, Some(is_online(&carl)));
    his.close().await;
    hear_gone(&mut narrow, &bob).await;
    assert_eq!(other.next_presence(QUIET).await, None);
    assert_eq!(carls.next_presence(QUIET).await, None, "Bob is a stranger to Carl");
}

#[tokio::test]
async fn a_room_that_both_want_tells_both_that_the_other_is_there() {
    let (ann, bob) =
        (Person::created(server(), "ann").await, Person::created(server(), "bob").await);
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    assert_eq!(hers.next_presence(QUIET).await, None, "strangers");
    let room = ann.room_with(&bob).await;
    assert_eq!(his.next_presence(SOON).await, Some(is_online(&ann)), "who asks does not hide");
    assert_eq!(hers.next_presence(QUIET).await, None, "who is asked does, until they accept");
    bob.accept(&room).await;
    assert_eq!(hers.next_presence(SOON).await, Some(is_online(&bob)));
}

#[tokio::test]
async fn it_is_seen_across_instances_and_at_least_within_one_when_redis_is_gone() {
    let mut deployment = Deployment::start(2).await;
    let (ann, bob, _) = deployment.pair().await;
    let (near, far) = (deployment.instance(0), deployment.instance(1));
    let mut hers = ann.at(near.clone()).socket().await;
    let his = bob.at(far.clone()).socket().await;
    assert_eq!(hers.next_presence(SOON).await, Some(is_online(&bob)), "on the other instance");
    let mut her_other = ann.at(far).socket().await;
    assert_eq!(her_other.next_presence(SOON).await, Some(is_online(&bob)));
    let his_other = bob.at(near.clone()).socket().await;
    his.close().await;
    assert_eq!(hers.next_presence(GONE).await, None, "one is open on this instance");
    his_other.close().await;
    hear_gone(&mut hers, &bob).await;
    hear_gone(&mut her_other, &bob).await;

    deployment.redis.kill();
    let his = bob.at(near.clone()).socket().await;
    assert_eq!(hers.next_presence(SOON).await, Some(is_online(&bob)), "on the same instance");
    let mut third = ann.at(near).socket().await;
    assert_eq!(third.next_presence(SOON).await, Some(is_online(&bob)));
    his.close().await;
    hear_gone(&mut hers, &bob).await;
}
