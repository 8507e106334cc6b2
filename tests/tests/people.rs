//! Requests of strangers, and keeping people away.
use journeys::{Answer, Browser, Deployment, Person, Server, Socket, client_id};
use reqwest::Method;
use serde_json::{Value, json};
use std::{sync::OnceLock, time::Duration};

/// In which whatever is to come has come.
const QUIET: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_secs(10);

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start_unlimited)
}

async fn two(server: &Server) -> (Person, Person) {
    (Person::created(server, "ann").await, Person::created(server, "bob").await)
}

async fn ask(person: &Person, room: &str, what: &str) -> Answer {
    person.ask(Method::POST, &format!("/api/rooms/{room}/{what}")).await
}

async fn block(by: &Person, whom: &Person) {
    by.ask(Method::PUT, &format!("/api/blocks/{}", whom.id)).await.must(204);
}

async fn unblock(by: &Person, whom: &Person) {
    by.ask(Method::DELETE, &format!("/api/blocks/{}", whom.id)).await.must(204);
}

async fn listed(person: &Person) -> Vec<String> {
    let rooms = person.get("/api/rooms").await.must(200)["rooms"].clone();
    let rooms = rooms.as_array().expect("a list");
    rooms.iter().map(|room| room["id"].as_str().expect("an id").to_owned()).collect()
}

async fn read(person: &Person, room: &str, seq: u64) {
    person.put(&format!("/api/rooms/{room}/read"), json!({"seq": seq})).await.must(200);
}

/// A moment after everything before it has come, this person hears of a message of their own.
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

#[tokio::test]
async fn a_strangers_room_is_a_request_until_it_is_accepted_and_shows_nothing_of_whom_it_asks() {
    let (ann, bob) = two(server()).await;
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    let room = ann.room_with(&bob).await;
    let said = ann.say(&room, "hello, stranger").await;
    let (mine, theirs) = (ann.room(&room).await, bob.room(&room).await);
    assert_eq!((&mine["state"], &theirs["state"]), (&json!("open"), &json!("request")));
    assert_eq!(theirs["unread"], 1);
    assert_eq!(his.next_of("message").await["id"], said["id"], "messages arrive");

    read(&bob, &room, 1).await;
    his.send(&json!({"type": "typing", "room": room})).await;
    let heard = hear_until_own(&mut hers, &ann, &room).await;
    let about_bob = heard.iter().filter(|frame| frame["user"] == *bob.id).count();
    assert_eq!(about_bob, 0, "{heard:?}");
    assert_eq!(hers.next_presence(QUIET).await, None);
    assert_eq!(ann.room(&room).await["other_read_seq"], 0);
    assert_eq!(bob.room(&room).await["read_seq"], 1, "to themselves it shows");

    let accepted = ask(&bob, &room, "accept").await.must(200);
    assert_eq!((&accepted["state"], &accepted["id"]), (&json!("open"), &json!(room)));
    assert_eq!(hers.next_of("room").await["other_read_seq"], 1);
    assert_eq!(his.next_of("room").await["state"], "open");
    assert_eq!(hers.next_presence(SOON).await.expect("presence")["user"], *bob.id);
    his.send(&json!({"type": "typing", "room": room})).await;
    assert_eq!(hers.next_of("typing").await["user"], *bob.id);
    assert_eq!(ask(&bob, &room, "decline").await.problem(), (409, "already_open".to_owned()));
    ask(&bob, &room, "accept").await.must(200);
}

#[tokio::test]
async fn an_answer_accepts() {
    let (ann, bob) = two(server()).await;
    let mut hers = ann.socket().await;
    let room = ann.room_with(&bob).await;
    ann.say(&room, "hello").await;
    hers.next_of("message").await;
    let mut his = bob.socket().await;
    his.send(&journeys::send_frame(&room, &client_id(), "hello yourself")).await;
    assert_eq!(hers.next_of("room").await["state"], "open");
    assert_eq!(hers.next_of("message").await["body"], "hello yourself");
    assert_eq!(bob.room(&room).await["state"], "open");
    assert_eq!(hers.next_presence(SOON).await.expect("presence")["user"], *bob.id);
}

#[tokio::test]
async fn what_is_declined_is_out_of_sight_until_it_is_asked_for_and_its_sender_never_learns() {
    let (ann, bob) = two(server()).await;
    let room = ann.room_with(&bob).await;
    ann.say(&room, "hello").await;
    let mut his = bob.socket().await;
    for _ in 0..2 {
        ask(&bob, &room, "decline").await.must(204);
    }
    assert_eq!((listed(&ann).await.len(), listed(&bob).await.len()), (1, 0));
    assert_eq!(bob.get(&format!("/api/rooms/{room}")).await.problem().0, 404);
    ann.say(&room, "are you there?").await;
    let hers = ann.room(&room).await;
    assert_eq!((&hers["state"], &hers["other"]["id"]), (&json!("open"), &json!(bob.id)));
    let other = bob.room_with(&Person::created(server(), "carl").await).await;
    let heard = hear_until_own(&mut his, &bob, &other).await;
    let (about, others): (Vec<_>, Vec<_>) =
        heard.iter().partition(|frame| frame["room"] == *room || frame["id"] == *room);
    let shown: Vec<_> = about.iter().map(|frame| &frame["listed"]).collect();
    assert_eq!(shown, [&json!(false)], "his other devices hear that he declined: {about:?}");
    assert!(!others.is_empty());

    assert_eq!(bob.room_with(&ann).await, room);
    assert_eq!(bob.room(&room).await["state"], "request");
    assert_eq!(bob.history(&room).await.len(), 2, "nothing is lost");
    assert!(listed(&bob).await.contains(&room));
    ann.say(&room, "once more").await;
    assert_eq!(his.next_of("message").await["body"], "once more");
}

#[tokio::test]
async fn strangers_accept_decline_and_block_nothing() {
    let (ann, bob) = two(server()).await;
    let room = ann.room_with(&bob).await;
    let eve = Person::created(server(), "eve").await;
    for what in ["accept", "decline"] {
        assert_eq!(ask(&eve, &room, what).await.problem(), (404, "not_found".to_owned()));
        assert_eq!(ask(&eve, "nonsense", what).await.problem().0, 404);
    }
    for nobody in ["nonsense", "67e55044-10b1-426f-9247-bb680e5fe0c8"] {
        let answer = eve.ask(Method::PUT, &format!("/api/blocks/{nobody}")).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()));
    }
    let oneself = eve.ask(Method::PUT, &format!("/api/blocks/{}", eve.id)).await;
    assert_eq!(oneself.problem(), (422, "validation_failed".to_owned()));
    unblock(&eve, &ann).await;
    assert_eq!(bob.room(&room).await["state"], "request");
}

#[tokio::test]
async fn who_is_blocked_is_refused_without_a_reason_and_out_of_sight() {
    let (ann, bob, room) = Person::pair(server()).await;
    let first = client_id();
    let said = bob.try_say(&room, &first, "before").await.must(201);
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    assert_eq!(his.next_presence(SOON).await.expect("presence")["user"], *ann.id);
    assert_eq!(hers.next_presence(SOON).await.expect("presence")["user"], *bob.id);
    block(&ann, &bob).await;
    block(&ann, &bob).await;
    let blocked = ann.get("/api/blocks").await.must(200);
    assert_eq!(blocked["users"].as_array().expect("a list").len(), 1);
    assert_eq!(blocked["users"][0]["id"], *bob.id);
    assert_eq!(bob.get("/api/blocks").await.must(200), json!({"users": []}), "not told");
    for socket in [&mut hers, &mut his] {
        // That they are online may have been told twice before.
        while socket.next_presence(SOON).await.expect("at once")["online"] == true {}
    }

    let answer = bob.try_say(&room, &client_id(), "after").await;
    assert_eq!(answer.problem(), (403, "not_delivered".to_owned()));
    assert!(!answer.text().contains("block"), "no reason: {}", answer.text());
    his.send(&journeys::send_frame(&room, "c0ffee00-0000-4000-8000-000000000001", "x")).await;
    let refused = his.next_of("error").await;
    assert_eq!(refused["code"], "not_delivered");
    assert_eq!(refused["client_id"], "c0ffee00-0000-4000-8000-000000000001");
    let answer = ann.try_say(&room, &client_id(), "after").await;
    assert_eq!(answer.problem(), (409, "blocked".to_owned()));
    assert_eq!(bob.try_say(&room, &first, "before").await.must(200), said, "it was delivered");
    for socket in [&mut hers, &mut his] {
        socket.send(&json!({"type": "typing", "room": room})).await;
    }
    for frames in [hear_pending(&mut hers).await, hear_pending(&mut his).await] {
        assert!(frames.iter().all(|frame| frame["type"] != "typing"), "{frames:?}");
    }
    assert_eq!(ann.history(&room).await.len(), 1);

    unblock(&ann, &bob).await;
    bob.say(&room, "at last").await;
    assert_eq!(hers.next_of("message").await["body"], "at last");
    assert_eq!(ann.get("/api/blocks").await.must(200), json!({"users": []}));
}

/// What comes in a moment, presence aside.
async fn hear_pending(socket: &mut Socket) -> Vec<Value> {
    let mut heard = Vec::new();
    while let Ok(frame) = tokio::time::timeout(QUIET, socket.next_frame()).await {
        heard.push(frame);
    }
    heard
}

#[tokio::test]
async fn nothing_is_delivered_to_a_deleted_account() {
    let (ann, bob, room) = Person::pair(server()).await;
    ann.say(&room, "hello").await;
    let request = bob.request(Method::DELETE, "/api/me");
    bob.send_request(request.json(&json!({"password": journeys::PASSWORD}))).await.must(204);
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let answer = ann.try_say(&room, &client_id(), "anybody there?").await;
        if answer.status == 403 {
            assert_eq!(answer.problem(), (403, "not_delivered".to_owned()));
            break;
        }
        // What was looked up a moment ago may count a moment longer.
        assert!(std::time::Instant::now() < deadline, "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_and_an_acceptance_count_on_every_instance_within_a_second() {
    let deployment = Deployment::start(2).await;
    let near = deployment.instance(0);
    let ann = Person::created_at(&deployment.instances[0], &near, "ann").await;
    let bob = Person::created_at(&deployment.instances[0], &near, "bob").await;
    let room = ann.room_with(&bob).await;
    ann.say(&room, "hello").await;
    let (bob_far, ann_far) = (bob.at(deployment.instance(1)), ann.at(deployment.instance(1)));
    let mut hers = ann.socket().await;
    assert_eq!(bob_far.room(&room).await["state"], "request");
    bob_far.accept(&room).await;
    assert_eq!(hers.next_of("room").await["state"], "open");
    let mut his = bob.socket().await;
    assert_eq!(hers.next_presence(SOON).await.expect("presence")["user"], *bob.id);
    his.send(&json!({"type": "typing", "room": room})).await;
    hers.next_of("typing").await;

    bob_far.say(&room, "and what is remembered there").await;
    block(&ann, &bob).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answer = bob_far.try_say(&room, &client_id(), "after").await;
    assert_eq!(answer.problem(), (403, "not_delivered".to_owned()));
    assert_eq!(ann_far.get("/api/blocks").await.must(200)["users"][0]["id"], *bob.id);
}

#[tokio::test]
async fn a_room_is_muted_for_oneself_on_all_of_ones_devices() {
    let (ann, bob, room) = Person::pair(server()).await;
    let (mut hers, mut again, mut his) =
        (ann.socket().await, ann.socket().await, bob.socket().await);
    let mute = async |person: &Person, method: Method, room: &str| {
        person.ask(method, &format!("/api/rooms/{room}/mute")).await
    };
    assert_eq!(ann.room(&room).await["muted"], false);
    for _ in 0..2 {
        let muted = mute(&ann, Method::PUT, &room).await.must(200);
        assert_eq!((&muted["id"], &muted["muted"]), (&json!(room), &json!(true)));
    }
    for socket in [&mut hers, &mut again] {
        let told = socket.next_frame().await;
        assert_eq!((&told["type"], &told["muted"]), (&json!("room"), &json!(true)));
    }
    assert_eq!(ann.room(&room).await["muted"], true);
    assert_eq!(bob.room(&room).await["muted"], false);
    for _ in 0..2 {
        assert_eq!(mute(&ann, Method::DELETE, &room).await.must(200)["muted"], false);
    }
    for socket in [&mut hers, &mut again] {
        assert_eq!(socket.next_frame().await["muted"], false, "once each");
    }
    assert_eq!(hear_until_own(&mut hers, &ann, &room).await, Vec::<Value>::new());
    assert_eq!(hear_until_own(&mut his, &bob, &room).await.len(), 1, "ann's own message alone");
    assert_eq!(ann.get("/api/rooms").await.must(200)["rooms"][0]["muted"], false);
}

#[tokio::test]
async fn nobody_mutes_what_is_not_theirs() {
    let (ann, bob) = two(server()).await;
    let eve = Person::created(server(), "eve").await;
    let room = ann.room_with(&bob).await;
    for method in [Method::PUT, Method::DELETE] {
        for id in [room.as_str(), "67e55044-10b1-426f-9247-bb680e5fe0c8", "nonsense"] {
            let refused = eve.ask(method.clone(), &format!("/api/rooms/{id}/mute")).await;
            assert_eq!(refused.problem(), (404, "not_found".to_owned()), "{id}");
        }
        let nobody = Browser::new(server());
        let refused = nobody.ask(method, &format!("/api/rooms/{room}/mute")).await;
        assert_eq!(refused.problem(), (401, "signed_out".to_owned()));
    }
    assert_eq!(ann.room(&room).await["muted"], false);
}
