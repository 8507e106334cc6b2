//! Rooms, messages, their history and changes, read marks, finding people: over HTTP.
use futures_util::future::join_all;
use journeys::{Answer, Person, Server, Socket, client_id, send_frame, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::HashSet, sync::OnceLock};

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

/// An id like ours that names nothing.
const NOTHING: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

fn seqs(page: &Value) -> Vec<u64> {
    let messages = page["messages"].as_array().expect("a list").iter();
    messages.map(|message| message["seq"].as_u64().expect("a seq")).collect()
}

/// Sends many messages over one socket and waits until all are acknowledged.
async fn say_many(person: &Person, room: &str, bodies: impl Iterator<Item = String>) {
    let mut socket = person.socket().await;
    let bodies: Vec<String> = bodies.collect();
    for body in &bodies {
        socket.send(&send_frame(room, &client_id(), body)).await;
    }
    for body in &bodies {
        assert_eq!(socket.next_of("message").await["body"], json!(body));
    }
}

#[tokio::test]
async fn two_people_have_one_room_however_it_is_asked_for() {
    let (ann, bob) =
        (Person::created(server(), "Ann").await, Person::created(server(), "Bob").await);
    let open = |by: &Person, of: &str| {
        let (by, of) = (by.clone(), of.to_owned());
        async move { by.post("/api/rooms", json!({"username": of})).await }
    };
    let first = open(&ann, &bob.username).await.must(201);
    assert_eq!(first["other"]["id"], json!(bob.id));
    assert!(first["other"].get("email").is_none(), "{first}");
    for (field, value) in [
        ("last_message", Value::Null),
        ("last_seq", json!(0)),
        ("rev", json!(0)),
        ("unread", json!(0)),
        ("read_seq", json!(0)),
        ("other_read_seq", json!(0)),
        ("state", json!("open")),
    ] {
        assert_eq!(first[field], value, "{field}");
    }
    for (by, of) in [
        (&ann, bob.username.clone()),
        (&ann, bob.username.to_uppercase()),
        (&bob, ann.username.clone()),
        (&bob, ann.username.to_lowercase()),
    ] {
        assert_eq!(open(by, &of).await.must(200)["id"], first["id"], "{of}");
    }
    assert_eq!(bob.get("/api/rooms").await.must(200)["rooms"][0]["other"]["id"], json!(ann.id));
}

#[tokio::test]
async fn two_people_who_open_a_room_at_once_get_the_same() {
    let (cat, dan) =
        (Person::created(server(), "cat").await, Person::created(server(), "dan").await);
    let opening = (0..20).map(|n| {
        let (by, of) = if n % 2 == 0 { (&cat, &dan) } else { (&dan, &cat) };
        by.post("/api/rooms", json!({"username": of.username}))
    });
    let answers = join_all(opening).await;
    let ids: HashSet<String> =
        answers.iter().map(|answer| answer.json()["id"].as_str().expect("an id").into()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for person in [&cat, &dan] {
        let rooms = person.get("/api/rooms").await.must(200);
        assert_eq!(rooms["rooms"].as_array().expect("a list").len(), 1);
    }
}

#[tokio::test]
async fn no_room_is_had_with_oneself_or_with_nobody() {
    let eve = Person::created(server(), "eve").await;
    let with_oneself = eve.post("/api/rooms", json!({"username": eve.username})).await;
    assert_eq!(with_oneself.problem(), (422, "validation_failed".to_owned()));
    assert_eq!(with_oneself.field_errors(), [("username".to_owned(), "oneself".to_owned())]);
    for nobody in [&*unique("nobody"), "not a name", "", &"x".repeat(1000)] {
        let answer = eve.post("/api/rooms", json!({"username": nobody})).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{nobody}");
    }
    assert_eq!(eve.get("/api/rooms").await.must(200), json!({"rooms": [], "cursor": null}));
}

#[tokio::test]
async fn a_stranger_can_not_tell_a_room_from_none() {
    let (ann, _, room) = Person::pair(server()).await;
    let known = client_id();
    let said = ann.try_say(&room, &known, "between us").await.must(201);
    let theirs = format!("/messages/{}", said["id"].as_str().expect("an id"));
    let eve = Person::created(server(), "eve").await;
    let message = json!({"client_id": known, "body": "between us"});
    let mut answers: Vec<Vec<(u16, String)>> = Vec::new();
    for id in [&*room, NOTHING, "malformed", "%00", "%ff", "..%2f"] {
        let mut these = Vec::new();
        for (method, path, body) in [
            (Method::GET, String::new(), None),
            (Method::DELETE, String::new(), None),
            (Method::GET, "/messages".to_owned(), None),
            (Method::GET, "/messages?around=1".to_owned(), None),
            (Method::GET, "/changes?after=0".to_owned(), None),
            (Method::PUT, "/read".to_owned(), Some(json!({"seq": 1}))),
            (Method::POST, "/messages".to_owned(), Some(message.clone())),
            (Method::PATCH, theirs.clone(), Some(json!({"body": "among us"}))),
            (Method::DELETE, theirs.clone(), None),
            (Method::PUT, format!("{theirs}/reactions/%F0%9F%91%8D"), None),
            (Method::DELETE, format!("{theirs}/reactions/%F0%9F%91%8D"), None),
        ] {
            let mut request = eve.request(method, &format!("/api/rooms/{id}{path}"));
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = eve.send_request(request).await;
            assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{id} {path}");
            these.push((answer.status, answer.text()));
        }
        let refused = Socket::open(&eve, &format!("/ws/chat/{id}/")).await.map(drop);
        let refused = refused.expect_err("no socket");
        these.push((refused.status, refused.body.to_string()));
        answers.push(these);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].last().map(|(status, _)| *status), Some(404));

    let mut socket = eve.socket().await;
    let mut errors = Vec::new();
    for id in [&*room, NOTHING, "malformed"] {
        for frame in [
            send_frame(id, &known, "between us"),
            json!({"type": "read", "room": id, "seq": 1}),
            json!({"type": "typing", "room": id}),
        ] {
            let error = socket.refusal(&frame.to_string()).await;
            assert_eq!(error["code"], "not_found");
            errors.push(error["detail"].clone());
        }
    }
    errors.dedup();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(ann.history(&room).await.len(), 1);
    assert_eq!(ann.room(&room).await["other_read_seq"], 0);
}

#[tokio::test]
async fn a_message_comes_back_as_it_was_sent() {
    let (ann, bob, room) = Person::pair(server()).await;
    let first = ann.say(&room, "  first\r\n".trim_end_matches('\r')).await;
    let body = " \t Zoë → 李 👩‍👩‍👧 <b>&amp;</b> ' \" \\ \u{202e}x\nsecond line\t.  \n";
    let id = client_id();
    let message = json!({"client_id": id, "body": body, "reply_to": first["id"]});
    let path = format!("/api/rooms/{room}/messages");
    let second = bob.post(&path, message).await.must(201);
    for (field, value) in [
        ("room", json!(room)),
        ("seq", json!(2)),
        ("rev", json!(2)),
        ("sender", json!(bob.id)),
        ("body", json!(body.trim())),
        ("client_id", json!(id)),
        ("edited_at", Value::Null),
        ("deleted", json!(false)),
        ("unreadable", json!(false)),
        ("reply_to", first["id"].clone()),
        ("reactions", json!([])),
        ("attachments", json!([])),
    ] {
        assert_eq!(second[field], value, "{field}");
    }
    let sent_at = second["sent_at"].as_str().expect("a moment");
    assert!(sent_at.len() == 24 && sent_at.ends_with('Z'), "{sent_at}");
    assert_eq!(ann.history(&room).await, [first, second.clone()]);
    let seen = ann.room(&room).await;
    assert_eq!(seen["last_message"], second);
    assert_eq!((&seen["last_seq"], &seen["rev"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn a_body_has_one_to_four_thousand_characters_and_no_controls() {
    let (ann, _, room) = Person::pair(server()).await;
    let longest = "👍".repeat(4_000);
    let said = ann.say(&room, &format!(" \n{longest}\t")).await;
    assert_eq!(said["body"], json!(longest));
    ann.say(&room, "a\n\tb").await;
    for (body, code) in [
        (String::new(), "empty"),
        (" \n\t\u{3000}".to_owned(), "empty"),
        ("x".repeat(4_001), "too_long"),
        ("a\0b".to_owned(), "control_character"),
        ("a\u{1b}[31mb".to_owned(), "control_character"),
        ("a\rb".to_owned(), "control_character"),
        ("a\u{7f}b".to_owned(), "control_character"),
        ("a\u{85}b".to_owned(), "control_character"),
    ] {
        let refused = ann.try_say(&room, &client_id(), &body).await;
        assert_eq!(refused.problem(), (422, "validation_failed".to_owned()), "{body:?}");
        assert_eq!(refused.field_errors(), [("body".to_owned(), code.to_owned())], "{body:?}");
    }
    assert_eq!(ann.history(&room).await.len(), 2);
}

#[tokio::test]
async fn a_message_that_makes_no_sense_is_refused_and_changes_nothing() {
    let (ann, bob, room) = Person::pair(server()).await;
    let eve = Person::created(server(), "eve").await;
    let elsewhere = ann.say(&ann.room_with(&eve).await, "elsewhere").await;
    let path = format!("/api/rooms/{room}/messages");
    for (message, field) in [
        (json!({"body": "x"}), "client_id"),
        (json!({"client_id": "not-a-uuid", "body": "x"}), "client_id"),
        (json!({"client_id": 5, "body": "x"}), "client_id"),
        (json!({"client_id": client_id()}), "body"),
        (json!({"client_id": client_id(), "body": null}), "body"),
        (json!({"client_id": client_id(), "body": ["x"]}), "body"),
        (json!({"client_id": client_id(), "body": "x", "sender": bob.id}), "sender"),
        (json!({"client_id": client_id(), "body": "x", "reply_to": NOTHING}), "reply_to"),
        (json!({"client_id": client_id(), "body": "x", "reply_to": "?"}), "reply_to"),
        (json!({"client_id": client_id(), "body": "x", "reply_to": elsewhere["id"]}), "reply_to"),
        (json!({"client_id": client_id(), "body": "x", "attachments": ["x"]}), "attachments"),
    ] {
        let refused = ann.post(&path, message.clone()).await;
        assert_eq!(refused.problem(), (422, "validation_failed".to_owned()), "{message}");
        assert_eq!(refused.field_errors()[0].0, field, "{message}");
    }
    assert!(ann.history(&room).await.is_empty());
    assert_eq!(bob.room(&room).await["rev"], 0);
}

#[tokio::test]
async fn a_repeated_client_id_stores_nothing() {
    let (ann, bob, room) = Person::pair(server()).await;
    let mut listening = bob.socket().await;
    let id = client_id();
    let first = ann.try_say(&room, &id, "once").await.must(201);
    for body in ["once", "once", " once\n"] {
        assert_eq!(ann.try_say(&room, &id.to_uppercase(), body).await.must(200), first);
    }
    let mut sockets = [ann.socket().await, ann.socket_at(&format!("/ws/chat/{room}/")).await];
    for socket in &mut sockets {
        socket.send(&send_frame(&room, &id, "once")).await;
        let answer = socket.next_of("message").await;
        assert_eq!((&answer["id"], &answer["rev"]), (&first["id"], &first["rev"]));
    }
    // A client_id is its sender's own: for somebody else it is a new one.
    let his = bob.try_say(&room, &id, "once").await.must(201);
    assert_eq!(his["seq"], 2);
    assert_eq!(ann.history(&room).await, [first.clone(), his.clone()]);
    // Nobody else heard of the repetitions.
    assert_eq!(listening.next_of("message").await["id"], first["id"]);
    assert_eq!(listening.next_of("message").await["id"], his["id"]);
}

#[tokio::test]
async fn a_client_id_names_one_message_for_ever() {
    let (ann, bob, room) = Person::pair(server()).await;
    let eve = Person::created(server(), "eve").await;
    let other_room = ann.room_with(&eve).await;
    let earlier = bob.say(&room, "earlier").await;
    let id = client_id();
    ann.try_say(&room, &id, "this").await.must(201);
    let reused = |room: &str, message: Value| {
        let (ann, path) = (ann.clone(), format!("/api/rooms/{room}/messages"));
        async move { ann.post(&path, message).await.problem() }
    };
    let expected = (409, "client_id_reused".to_owned());
    let same = json!({"client_id": id, "body": "this"});
    assert_eq!(reused(&room, json!({"client_id": id, "body": "that"})).await, expected);
    assert_eq!(reused(&other_room, same.clone()).await, expected);
    let reply = json!({"client_id": id, "body": "this", "reply_to": earlier["id"]});
    assert_eq!(reused(&room, reply).await, expected);

    let mut socket = ann.socket().await;
    let error = socket.refusal(&send_frame(&room, &id, "that").to_string()).await;
    assert_eq!((&error["code"], &error["client_id"]), (&json!("client_id_reused"), &json!(id)));
    assert_eq!(ann.history(&room).await.len(), 2);
    assert!(ann.history(&other_room).await.is_empty());
}

#[tokio::test]
async fn a_client_id_that_comes_many_times_at_once_is_one_message() {
    let (ann, bob, room) = Person::pair(server()).await;
    let id = client_id();
    let mut listening = bob.socket().await;
    let mut sockets = join_all((0..5).map(|_| ann.socket())).await;
    let over_sockets = sockets.iter_mut().map(|socket| {
        let frame = send_frame(&room, &id, "at once");
        async move {
            socket.send(&frame).await;
            socket.next_of("message").await
        }
    });
    let over_http = (0..15).map(|_| ann.try_say(&room, &id, "at once"));
    let (frames, answers) = tokio::join!(join_all(over_sockets), join_all(over_http));
    let ids: HashSet<&str> =
        frames.iter().map(|frame| frame["id"].as_str().expect("an id")).collect();
    let answered: Vec<Value> = answers.iter().map(Answer::json).collect();
    let ids: HashSet<&str> =
        ids.into_iter().chain(answered.iter().map(|m| m["id"].as_str().expect("an id"))).collect();
    assert_eq!(ids.len(), 1);
    assert!(answers.iter().filter(|answer| answer.status == 201).count() <= 1);
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201)));
    assert_eq!(ann.history(&room).await.len(), 1);
    let last = ann.say(&room, "last").await;
    assert_eq!(listening.next_of("message").await["client_id"], json!(id));
    assert_eq!(listening.next_of("message").await["id"], last["id"], "announced once");
}

#[tokio::test]
async fn a_client_id_is_known_after_a_restart() {
    let mut server = Server::start();
    let (ann, _, room) = Person::pair(&server).await;
    let id = client_id();
    let first = ann.try_say(&room, &id, "once").await.must(201);
    server.kill();
    server.restart();
    assert_eq!(ann.try_say(&room, &id, "once").await.must(200), first);
    let changed = ann.try_say(&room, &id, "twice").await;
    assert_eq!(changed.problem(), (409, "client_id_reused".to_owned()));
    assert_eq!(ann.say(&room, "next").await["seq"], 2);
}

#[tokio::test]
async fn history_is_read_from_wherever_one_stands() {
    let (ann, bob, room) = Person::pair(server()).await;
    say_many(&ann, &room, (1..=210).map(|n| format!("message {n}"))).await;
    for (query, expected, has_more) in [
        ("", (161..=210).collect::<Vec<u64>>(), true),
        ("?limit=3", vec![208, 209, 210], true),
        ("?limit=5000", (11..=210).collect(), true),
        ("?before=4", vec![1, 2, 3], false),
        ("?before=5&limit=2", vec![3, 4], true),
        ("?before=1", vec![], false),
        ("?before=100000&limit=1", vec![210], true),
        ("?after=0&limit=2", vec![1, 2], true),
        ("?after=208&limit=2", vec![209, 210], false),
        ("?after=210", vec![], false),
        ("?after=0&limit=4294967295", (1..=200).collect(), true),
    ] {
        let page = bob.get(&format!("/api/rooms/{room}/messages{query}")).await.must(200);
        assert_eq!((seqs(&page), &page["has_more"]), (expected, &json!(has_more)), "{query:?}");
    }
    let around = bob.get(&format!("/api/rooms/{room}/messages?around=100&limit=9")).await.must(200);
    let around = seqs(&around);
    assert_eq!(around.len(), 9);
    assert!(around.contains(&100) && around.windows(2).all(|two| two[0] + 1 == two[1]));
    assert!(around[0] < 100 && around[8] > 100, "{around:?}");
    let bodies: Vec<Value> =
        ann.history(&room).await.into_iter().map(|m| m["body"].clone()).collect();
    assert_eq!(bodies, (1..=210).map(|n| json!(format!("message {n}"))).collect::<Vec<_>>());
}

#[tokio::test]
async fn numbers_that_make_no_sense_are_refused() {
    let (ann, _, room) = Person::pair(server()).await;
    for (path, field) in [
        ("/messages?limit=0", "limit"),
        ("/messages?limit=-1", "limit"),
        ("/messages?limit=ten", "limit"),
        ("/messages?before=x", "before"),
        ("/messages?after=-1", "after"),
        ("/messages?around=1.5", "around"),
        ("/messages?before=1&after=2", "before"),
        ("/changes?limit=0", "limit"),
        ("/changes?after=x", "after"),
    ] {
        let refused = ann.get(&format!("/api/rooms/{room}{path}")).await;
        assert_eq!(refused.problem(), (422, "validation_failed".to_owned()), "{path}");
        assert_eq!(refused.field_errors()[0].0, field, "{path}");
    }
    for (path, field) in [("limit=0", "limit"), ("cursor=nonsense", "cursor")] {
        let refused = ann.get(&format!("/api/rooms?{path}")).await;
        assert_eq!(refused.problem(), (422, "validation_failed".to_owned()), "{path}");
        assert_eq!(refused.field_errors()[0].0, field, "{path}");
    }
    ann.get("/api/rooms?limit=100000").await.must(200);
}

#[tokio::test]
async fn the_largest_numbers_there_are_harm_nothing() {
    let (ann, _, room) = Person::pair(server()).await;
    ann.say(&room, "one").await;
    let most = u64::MAX;
    for query in [
        format!("messages?before={most}"),
        format!("messages?after={most}"),
        format!("messages?around={most}"),
        "messages?before=0".to_owned(),
        "messages?around=0".to_owned(),
        format!("changes?after={most}"),
    ] {
        let answer = ann.get(&format!("/api/rooms/{room}/{query}")).await;
        assert!(matches!(answer.status, 200 | 422), "{query}: {}", answer.text());
    }
    let read = ann.put(&format!("/api/rooms/{room}/read"), json!({"seq": most})).await;
    assert_eq!(read.must(200)["read_seq"], 1);
}

#[tokio::test]
async fn changes_are_paged_by_rev() {
    let (ann, bob, room) = Person::pair(server()).await;
    let empty = bob.get(&format!("/api/rooms/{room}/changes")).await.must(200);
    assert_eq!(empty, json!({"messages": [], "rev": 0, "has_more": false}));
    say_many(&ann, &room, (1..=7).map(|n| format!("change {n}"))).await;
    let mut position = 0;
    let mut seen = Vec::new();
    loop {
        let path = format!("/api/rooms/{room}/changes?after={position}&limit=3");
        let page = bob.get(&path).await.must(200);
        let revs: Vec<u64> = page["messages"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|message| message["rev"].as_u64().expect("a rev"))
            .collect();
        assert!(revs.iter().all(|rev| *rev > position));
        position = page["rev"].as_u64().expect("a rev");
        assert_eq!(Some(&position), revs.last());
        seen.extend(revs);
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen, (1..=7).collect::<Vec<u64>>());
    let path = format!("/api/rooms/{room}/changes?after={position}");
    assert_eq!(
        bob.get(&path).await.must(200),
        json!({"messages": [], "rev": 7, "has_more": false})
    );
    assert_eq!(bob.room(&room).await["rev"], 7);
}

#[tokio::test]
async fn a_read_mark_moves_forward_to_the_head_and_never_back() {
    let (ann, bob, room) = Person::pair(server()).await;
    say_many(&ann, &room, (1..=5).map(|n| format!("unread {n}"))).await;
    bob.say(&room, "own").await;
    let read = async |seq: u64| {
        bob.put(&format!("/api/rooms/{room}/read"), json!({"seq": seq})).await.must(200)
    };
    let before = bob.room(&room).await;
    assert_eq!(
        (&before["unread"], &before["read_seq"]),
        (&json!(5), &json!(0)),
        "sending reads nothing"
    );
    for (asked, read_seq, unread) in
        [(0, 0, 5), (2, 2, 3), (1, 2, 3), (2, 2, 3), (5, 5, 0), (999, 6, 0), (3, 6, 0)]
    {
        let room = read(asked).await;
        assert_eq!(
            (&room["read_seq"], &room["unread"]),
            (&json!(read_seq), &json!(unread)),
            "{asked}"
        );
    }
    let hers = ann.room(&room).await;
    assert_eq!((&hers["other_read_seq"], &hers["unread"]), (&json!(6), &json!(1)));
    for wrong in [json!({}), json!({"seq": -1}), json!({"seq": "1"}), json!({"seq": 1, "x": 1})] {
        bob.put(&format!("/api/rooms/{room}/read"), wrong).await.must(422);
    }
}

#[tokio::test]
async fn rooms_are_listed_latest_first_page_by_page() {
    let ann = Person::created(server(), "ann").await;
    let mut rooms = Vec::new();
    for n in 0..5 {
        let other = Person::created(server(), &format!("other{n}")).await;
        rooms.push(ann.room_with(&other).await);
    }
    for index in [3, 0] {
        ann.say(&rooms[index], "newer").await;
    }
    let expected: Vec<&String> = [0, 3, 4, 2, 1].iter().map(|index| &rooms[*index]).collect();
    for limit in [1, 2, 3, 5, 50] {
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ann.get(&format!("/api/rooms?limit={limit}{cursor}")).await.must(200);
            let ids = page["rooms"].as_array().expect("a list").iter();
            listed.extend(ids.map(|room| room["id"].as_str().expect("an id").to_owned()));
            let Some(next) = page["cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "limit {limit}");
    }
}

#[tokio::test]
async fn people_are_found_by_how_their_username_begins() {
    let searcher = Person::created(server(), "searcher").await;
    let prefix = unique("zed");
    for n in 0..22 {
        let name =
            format!("{}.{n}", if n % 2 == 0 { prefix.to_uppercase() } else { prefix.clone() });
        server().create_user(&name, &format!("{name}@example.com"), journeys::PASSWORD);
    }
    let find = async |query: &str| {
        let request = searcher.request(Method::GET, "/api/users").query(&[("query", query)]);
        searcher.send_request(request).await
    };
    let names = |answer: &Answer| -> Vec<String> {
        let found = answer.must(200);
        let users = found["users"].as_array().expect("a list").iter();
        users.map(|user| user["username"].as_str().expect("a name").to_lowercase()).collect()
    };
    let all = find(&prefix).await;
    assert_eq!(names(&all).len(), 20);
    assert!(names(&all).iter().all(|name| name.starts_with(&prefix)));
    assert!(!all.text().contains("example.com") && !all.text().contains("email"));
    let one = format!("{prefix}.21").to_uppercase();
    assert_eq!(names(&find(&one).await), [one.to_lowercase()]);
    assert!(names(&find(&searcher.username).await).is_empty(), "oneself is not among them");
    for nobody in ["zz%", "z_", "%%", "__", "z*", "' OR 1=1 --", "\\\\", "👍👍"] {
        assert!(names(&find(nobody).await).is_empty(), "{nobody}");
    }
    for short in ["", "z", " z "] {
        let refused = find(short).await;
        assert_eq!(refused.problem(), (422, "validation_failed".to_owned()), "{short:?}");
        assert_eq!(refused.field_errors(), [("query".to_owned(), "too_short".to_owned())]);
    }
    searcher.get("/api/users").await.must(422);
}
