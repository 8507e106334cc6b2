//! Live conversations over sockets.
use futures_util::future::join_all;
use journeys::{Browser, Heard, Person, Server, Socket, client_id, send_frame};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write,
    sync::OnceLock,
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::timeout};
use tokio_tungstenite::tungstenite::Message;

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

/// A frame of a message as a client may compare it with the API's.
fn without_type(mut frame: Value) -> Value {
    frame.as_object_mut().expect("a frame").remove("type");
    frame
}

fn seq_of(message: &Value) -> u64 {
    message["seq"].as_u64().expect("a seq")
}

#[tokio::test]
async fn a_message_reaches_every_socket_of_both_people() {
    let (ann, bob, room) = Person::pair(server()).await;
    let narrow = format!("/ws/chat/{room}/");
    let mut sockets = vec![
        ann.socket().await,
        ann.socket_at(&narrow).await,
        bob.socket().await,
        bob.socket().await,
        bob.socket_at(&narrow).await,
    ];
    let id = client_id();
    sockets[0].send(&send_frame(&room, &id, "  hello ")).await;
    let mut heard = Vec::new();
    for socket in &mut sockets {
        heard.push(without_type(socket.next_of("message").await));
    }
    let stored = bob.history(&room).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0]["body"], "hello");
    assert_eq!(stored[0]["client_id"], json!(id));
    assert!(heard.iter().all(|message| *message == stored[0]), "{heard:?}");

    let over_http = ann.say(&room, "over HTTP").await;
    for socket in &mut sockets {
        assert_eq!(without_type(socket.next_of("message").await), over_http);
    }
}

#[tokio::test]
async fn a_socket_of_one_room_hears_of_that_room_alone_and_may_leave_it_out() {
    let (ann, bob, room) = Person::pair(server()).await;
    let eve = Person::created(server(), "eve").await;
    let other_room = ann.room_with(&eve).await;
    let mut socket = ann.socket_at(&format!("/ws/chat/{room}/")).await;
    let mut hers = eve.socket().await;
    eve.say(&other_room, "elsewhere").await;
    for frame in [
        json!({"type": "typing", "room": other_room}),
        json!({"type": "read", "room": other_room, "seq": 1}),
    ] {
        hers.send(&frame).await;
    }
    hers.next_of("read").await;
    let his = bob.say(&room, "here").await;
    assert_eq!(socket.next_frame().await["id"], his["id"], "nothing of the other room");

    let id = client_id();
    socket.send(&json!({"type": "send", "client_id": id, "body": "no room named"})).await;
    let said = socket.next_frame().await;
    assert_eq!((&said["room"], &said["client_id"]), (&json!(room), &json!(id)));
    socket.send(&json!({"type": "read", "seq": 1})).await;
    assert_eq!(
        socket.next_frame().await,
        json!({"type": "read", "room": room, "user": ann.id, "seq": 1})
    );
    let error = socket.refusal(&send_frame(&other_room, &client_id(), "x").to_string()).await;
    assert_eq!(error["code"], "not_found");
    assert_eq!(ann.history(&other_room).await.len(), 1);
}

#[tokio::test]
async fn read_marks_and_typing_are_told() {
    let (ann, bob, room) = Person::pair(server()).await;
    for body in ["one", "two"] {
        ann.say(&room, body).await;
    }
    let (mut hers, mut his, mut his_other) =
        (ann.socket().await, bob.socket().await, bob.socket().await);
    his.send(&json!({"type": "read", "room": room, "seq": 1})).await;
    let read = json!({"type": "read", "room": room, "user": bob.id, "seq": 1});
    for socket in [&mut hers, &mut his, &mut his_other] {
        assert_eq!(socket.next_frame().await, read);
    }
    // A mark that does not move is not told again; one past the head stands at the head.
    for seq in [1, 0, 999] {
        his.send(&json!({"type": "read", "room": room, "seq": seq})).await;
    }
    let read = json!({"type": "read", "room": room, "user": bob.id, "seq": 2});
    for socket in [&mut hers, &mut his, &mut his_other] {
        assert_eq!(socket.next_frame().await, read);
    }
    assert_eq!(ann.room(&room).await["other_read_seq"], 2);
    assert_eq!(bob.room(&room).await["unread"], 0);

    his.send(&json!({"type": "typing", "room": room})).await;
    assert_eq!(hers.next_frame().await, json!({"type": "typing", "room": room, "user": bob.id}));
    let said = bob.say(&room, "typed").await;
    for socket in [&mut hers, &mut his, &mut his_other] {
        assert_eq!(socket.next_frame().await["id"], said["id"], "one's own typing is not told");
    }
}

#[tokio::test]
async fn a_room_that_begins_is_told_to_both() {
    let (ann, bob) =
        (Person::created(server(), "ann").await, Person::created(server(), "bob").await);
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    let room = ann.room_with(&bob).await;
    for (socket, other) in [(&mut hers, &bob), (&mut his, &ann)] {
        let frame = socket.next_frame().await;
        assert_eq!(frame["type"], "room");
        assert_eq!((&frame["id"], &frame["other"]["id"]), (&json!(room), &json!(other.id)));
    }
    ann.room_with(&bob).await;
    let said = ann.say(&room, "first").await;
    assert_eq!(his.next_frame().await["id"], said["id"], "it began once");
}

#[tokio::test]
async fn each_bad_frame_gets_an_error_and_the_socket_stays_open() {
    let (ann, bob, room) = Person::pair(server()).await;
    let mut socket = ann.socket().await;
    let mut his = bob.socket().await;
    let id = client_id();
    let send = |body: &str| send_frame(&room, &id, body).to_string();
    let nothing = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let cases = [
        (String::new(), "malformed", false),
        ("{".to_owned(), "malformed", false),
        ("hello".to_owned(), "malformed", false),
        ("\u{0}".to_owned(), "malformed", false),
        ("[".repeat(10_000), "malformed", false),
        ("null".to_owned(), "unknown_type", false),
        ("[]".to_owned(), "unknown_type", false),
        ("7".to_owned(), "unknown_type", false),
        (r#""send""#.to_owned(), "unknown_type", false),
        (r#"{"type":"shout"}"#.to_owned(), "unknown_type", false),
        (r#"{"type":7}"#.to_owned(), "unknown_type", false),
        (send(""), "empty", true),
        (send(" \n "), "empty", true),
        (send(&"x".repeat(4_001)), "too_long", true),
        (send("a\0b"), "control_character", true),
        (send_frame(nothing, &id, "x").to_string(), "not_found", true),
        (send_frame("nonsense", &id, "x").to_string(), "not_found", true),
        (json!({"type": "send", "client_id": id, "body": "x"}).to_string(), "validation_failed", true),
        (json!({"type": "send", "room": room, "body": "x"}).to_string(), "validation_failed", false),
        (json!({"type": "send", "room": room, "client_id": id}).to_string(), "validation_failed", true),
        (json!({"type": "send", "room": room, "client_id": id, "body": 5}).to_string(), "validation_failed", true),
        (json!({"type": "send", "room": 5, "client_id": id, "body": "x"}).to_string(), "validation_failed", true),
        (json!({"type": "send", "room": room, "client_id": id, "body": "x", "reply_to": nothing}).to_string(), "not_found", true),
        (json!({"type": "read", "room": nothing, "seq": 1}).to_string(), "not_found", false),
        (json!({"type": "read", "room": room}).to_string(), "validation_failed", false),
        (json!({"type": "read", "room": room, "seq": -1}).to_string(), "validation_failed", false),
        (json!({"type": "read", "room": room, "seq": "1"}).to_string(), "validation_failed", false),
        (json!({"type": "typing"}).to_string(), "validation_failed", false),
        (json!({"type": "typing", "room": nothing}).to_string(), "not_found", false),
    ];
    for (frame, code, names_message) in cases {
        let error = socket.refusal(&frame).await;
        assert_eq!(error["code"], code, "{frame:.120} got {error}");
        assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{error}");
        let named = error["client_id"].as_str();
        assert_eq!(named, names_message.then_some(&*id), "{frame:.120} got {error}");
    }
    let error = socket.refusal(&send_frame(&room, "not-a-uuid", "x").to_string()).await;
    assert_eq!(
        (&error["code"], &error["client_id"]),
        (&json!("validation_failed"), &json!("not-a-uuid"))
    );
    socket.try_send(Message::binary(send("binary").into_bytes())).await.expect("open");
    assert_eq!(socket.next_of("error").await["code"], "binary_refused");

    socket.send_text(&send("still here")).await;
    let said = socket.next_of("message").await;
    assert_eq!((&said["seq"], &said["body"]), (&json!(1), &json!("still here")));
    assert_eq!(his.next_frame().await, said, "of all that, the other heard this alone");
}

#[tokio::test]
async fn a_frame_of_64_kib_is_read_and_a_longer_one_closes_the_socket() {
    let (ann, _, room) = Person::pair(server()).await;
    let mut socket = ann.socket().await;
    // Escaped, 4,000 characters outside the basic plane take 48,000 bytes.
    let body = "👍".repeat(4_000);
    let mut escaped = String::new();
    for unit in body.encode_utf16() {
        write!(escaped, "\\u{unit:04x}").expect("a string takes everything");
    }
    let padding = " ".repeat(10_000);
    let frame = format!(
        r#"{{"type":"send","room":"{room}","client_id":"{}","body":"{escaped}"{padding}}}"#,
        client_id()
    );
    socket.send_text(&frame).await;
    assert_eq!(socket.next_of("message").await["body"], json!(body));
    assert_eq!(socket.refusal(&"x".repeat(64 * 1024)).await["code"], "malformed");

    for too_long in [64 * 1024 + 1, 1024 * 1024] {
        for binary in [false, true] {
            let mut socket = ann.socket().await;
            let message = if binary {
                Message::binary(vec![b'x'; too_long])
            } else {
                Message::text("x".repeat(too_long))
            };
            socket.try_send(message).await.expect("open");
            assert_eq!(socket.next().await, Heard::End(Some(1009)), "{too_long} {binary}");
        }
    }
    // In pieces it is the same message.
    let mut socket = ann.socket().await;
    for piece in pieces(&"x".repeat(100 * 1024)) {
        if socket.try_send(piece).await.is_err() {
            break;
        }
    }
    assert_eq!(socket.next().await, Heard::End(Some(1009)));
}

/// A text as fragments (RFC 6455 §5.4).
fn pieces(text: &str) -> Vec<Message> {
    use tokio_tungstenite::tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    let chunks: Vec<&[u8]> = text.as_bytes().chunks(10 * 1024).collect();
    let last = chunks.len() - 1;
    let frame = |(n, chunk): (usize, &&[u8])| {
        let kind = if n == 0 { Data::Text } else { Data::Continue };
        Message::Frame(Frame::message(chunk.to_vec(), OpCode::Data(kind), n == last))
    };
    chunks.iter().enumerate().map(frame).collect()
}

#[tokio::test]
async fn a_goodbye_is_answered() {
    let ann = Person::created(server(), "ann").await;
    let mut socket = ann.socket().await;
    let code = tokio_tungstenite::tungstenite::protocol::frame::CloseFrame {
        code: 1000.into(),
        reason: "bye".into(),
    };
    socket.try_send(Message::Close(Some(code))).await.expect("open");
    assert_eq!(socket.end().await, Some(1000), "RFC 6455 §5.5.1: the goodbye is echoed");
}

#[tokio::test]
async fn only_our_own_pages_open_sockets() {
    let (ann, _, room) = Person::pair(server()).await;
    let ours = server().origin();
    let foreign = [
        None,
        Some("null".to_owned()),
        Some(String::new()),
        Some("http://evil.example".to_owned()),
        Some(ours.replace("http://", "https://")),
        Some("http://127.0.0.1".to_owned()),
        Some(format!("{ours}0")),
        Some(format!("{ours}/")),
        Some(format!("{ours}.evil.example")),
        Some(ours.replace("127.0.0.1", "localhost")),
        Some(ours.replace("127.0.0.1", "127.0.0.1.evil.example")),
        Some(ours.to_uppercase()),
    ];
    for path in ["/ws/chat/".to_owned(), format!("/ws/chat/{room}/")] {
        for origin in &foreign {
            let opened = Socket::open_from(&ann, &path, origin.as_deref()).await.map(drop);
            let refused = opened.expect_err("refused");
            assert_eq!(refused.status, 403, "{origin:?}");
            assert_eq!(refused.body["code"], "cross_origin", "{origin:?}");
        }
        Socket::open_from(&ann, &path, Some(&ours)).await.map(drop).expect("our own");
    }
}

#[tokio::test]
async fn a_socket_needs_somebody_signed_in_and_an_upgrade() {
    let stranger = Browser::new(server());
    for path in ["/ws/chat/", "/ws/chat/67e55044-10b1-426f-9247-bb680e5fe0c8/"] {
        let refused = Socket::open(&stranger, path).await.map(drop).expect_err("signed out");
        assert_eq!((refused.status, &refused.body["code"]), (401, &json!("signed_out")));
    }
    let ann = Person::created(server(), "ann").await;
    let request =
        ann.request(reqwest::Method::GET, "/ws/chat/").header("origin", &ann.entrance().origin);
    let plain = ann.send_request(request).await;
    assert!((400..500).contains(&plain.status), "{}", plain.text());
    assert_eq!(plain.code(), "websocket_required");
}

#[tokio::test]
async fn a_known_client_id_is_answered_to_the_asking_socket_alone() {
    let (ann, bob, room) = Person::pair(server()).await;
    let (mut asking, mut hers, mut his) =
        (ann.socket().await, ann.socket().await, bob.socket().await);
    let known = client_id();
    let message = send_frame(&room, &known, "once");
    asking.send(&message).await;
    let first = asking.next_frame().await;
    for socket in [&mut hers, &mut his] {
        assert_eq!(socket.next_frame().await, first);
    }
    for _ in 0..3 {
        asking.send(&message).await;
        assert_eq!(asking.next_frame().await, first);
    }
    asking.send(&send_frame(&room, &client_id(), "next")).await;
    let next = asking.next_frame().await;
    assert_eq!(next["seq"], 2);
    for socket in [&mut hers, &mut his] {
        assert_eq!(socket.next_frame().await, next, "nothing in between");
    }
}

/// What one client holds of a room, by the rules of the contract: frames as they come, and the
/// changes after a `resync`.
struct Holding {
    by_seq: BTreeMap<u64, Value>,
    highest_rev: u64,
}

impl Holding {
    async fn listen(mut socket: Socket, person: Person, room: String, total: u64) -> Self {
        let mut held = Self { by_seq: BTreeMap::new(), highest_rev: 0 };
        let mut position = 0;
        while held.by_seq.len() < usize::try_from(total).expect("few") {
            let frame = socket.next_frame().await;
            match frame["type"].as_str() {
                Some("message") => {
                    let rev = frame["rev"].as_u64().expect("a rev");
                    assert!(rev > held.highest_rev, "{rev} came behind {}", held.highest_rev);
                    held.highest_rev = rev;
                    held.keep(&without_type(frame));
                }
                Some("resync") => {
                    let (changes, next) = person.changes(&room, position).await;
                    position = next;
                    for message in changes {
                        held.keep(&message);
                    }
                }
                _ => panic!("unexpected: {frame}"),
            }
        }
        held
    }

    /// Of two versions of a message the higher `rev` wins; here each has but one.
    fn keep(&mut self, message: &Value) {
        let seq = seq_of(message);
        let known = self.by_seq.entry(seq).or_insert_with(|| message.clone());
        assert_eq!(known, message, "two messages at {seq}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_connections_that_send_at_once_leave_one_order() {
    const EACH: usize = 20;
    let (ann, bob, room) = Person::pair(server()).await;
    let mut sockets = Vec::new();
    for n in 0..50 {
        let person = if n % 2 == 0 { &ann } else { &bob };
        sockets.push((person.clone(), person.socket().await));
    }
    let total = sockets.len() * EACH;
    let names: Vec<Vec<String>> =
        (0..sockets.len()).map(|_| (0..EACH).map(|_| client_id()).collect()).collect();
    // All send without waiting for an answer.
    let mut sending = JoinSet::new();
    for ((person, mut socket), names) in sockets.into_iter().zip(names.clone()) {
        let room = room.clone();
        sending.spawn(async move {
            for (n, name) in names.iter().enumerate() {
                socket.send(&send_frame(&room, name, &format!("message {n}"))).await;
            }
            let total = u64::try_from(total).expect("few");
            Holding::listen(socket, person, room, total).await
        });
    }
    let held = sending.join_all().await;

    let history = ann.history(&room).await;
    let seqs: Vec<u64> = history.iter().map(seq_of).collect();
    assert_eq!(seqs, (1..=total as u64).collect::<Vec<_>>(), "dense");
    let places: HashMap<&str, usize> = history
        .iter()
        .enumerate()
        .map(|(place, message)| (message["client_id"].as_str().expect("a name"), place))
        .collect();
    assert_eq!(places.len(), total, "each message once");
    for names in &names {
        let places: Vec<usize> = names.iter().map(|name| places[&**name]).collect();
        assert!(places.is_sorted(), "a connection's order is not kept: {places:?}");
    }
    for holding in &held {
        let messages: Vec<&Value> = holding.by_seq.values().collect();
        assert_eq!(messages, history.iter().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_says_goodbye_and_loses_nothing_that_was_acknowledged() {
    let mut server = Server::start();
    let (ann, bob, room) = Person::pair(&server).await;
    let mut idle = bob.socket().await;
    let mut sending = JoinSet::new();
    let (progress, mut acknowledged) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..4 {
        let sender = Hasty {
            socket: ann.socket().await,
            room: room.clone(),
            own: HashSet::new(),
            acknowledged: HashSet::new(),
            progress: progress.clone(),
        };
        sending.spawn(sender.send_until_the_end());
    }
    drop(progress);
    for _ in 0..100 {
        acknowledged.recv().await.expect("acknowledgements");
    }
    server.ask_to_stop();
    let senders = sending.join_all().await;
    assert_eq!(idle.end().await, Some(1001));
    assert!(server.wait().success());

    server.restart();
    let history = bob.history(&room).await;
    assert_eq!(
        history.iter().map(seq_of).collect::<Vec<_>>(),
        (1..=history.len() as u64).collect::<Vec<_>>()
    );
    let stored: HashSet<&str> =
        history.iter().map(|message| message["client_id"].as_str().expect("a name")).collect();
    for (code, Hasty { own, acknowledged, .. }) in &senders {
        assert_eq!(*code, Some(1001));
        for name in own {
            let (known, stored) = (acknowledged.contains(name), stored.contains(&**name));
            assert_eq!(known, stored, "stored, and so acknowledged before the goodbye; or neither");
        }
    }
}

/// Somebody who always has a few messages on the way.
struct Hasty {
    socket: Socket,
    room: String,
    own: HashSet<String>,
    acknowledged: HashSet<String>,
    progress: tokio::sync::mpsc::UnboundedSender<()>,
}

impl Hasty {
    async fn send_until_the_end(mut self) -> (Option<u16>, Self) {
        loop {
            while self.own.len() < self.acknowledged.len() + 8 {
                let name = client_id();
                let frame = send_frame(&self.room, &name, "in haste").to_string();
                self.own.insert(name);
                if self.socket.try_send(Message::text(frame)).await.is_err() {
                    break;
                }
            }
            match self.socket.next().await {
                Heard::Frame(frame) => self.note(&frame),
                Heard::End(code) => return (code, self),
            }
        }
    }

    fn note(&mut self, frame: &Value) {
        assert_eq!(frame["type"], "message", "nothing is refused or left out: {frame}");
        let name = frame["client_id"].as_str().expect("a name");
        if self.own.contains(name) && self.acknowledged.insert(name.to_owned()) {
            let _ = self.progress.send(());
        }
    }
}

#[tokio::test]
async fn a_client_that_makes_nothing_but_mistakes_is_closed() {
    let (ann, bob, room) = Person::pair(server()).await;
    let mut others = [ann.socket().await, bob.socket().await];
    let mut socket = ann.socket().await;
    for _ in 0..1_000 {
        if socket.try_send(Message::text("nonsense")).await.is_err() {
            break;
        }
    }
    assert_eq!(socket.end().await, Some(1008));
    let said = bob.say(&room, "undisturbed").await;
    for other in &mut others {
        assert_eq!(other.next_frame().await["id"], said["id"]);
    }
    ann.socket().await;
}

#[tokio::test]
async fn a_flood_of_good_frames_is_closed_and_takes_nothing_from_the_other() {
    let (ann, bob, room) = Person::pair(server()).await;
    let mut his = bob.socket().await;
    let mut socket = ann.socket().await;
    let began = Instant::now();
    let typing = json!({"type": "typing", "room": room}).to_string();
    for _ in 0..5_000 {
        if socket.try_send(Message::text(typing.as_str())).await.is_err() {
            break;
        }
    }
    assert_eq!(socket.end().await, Some(1008));
    let said = ann.say(&room, "nothing is lost").await;
    let mut told = 0;
    loop {
        let frame = his.next_frame().await;
        match frame["type"].as_str() {
            Some("typing") => told += 1,
            _ => break assert_eq!(frame["id"], said["id"], "no resync: {frame}"),
        }
    }
    assert!((1..=began.elapsed().as_secs() / 2 + 1).contains(&told), "{told} hints");
}

#[tokio::test]
async fn no_message_gets_in_front_of_one_that_was_refused_for_haste() {
    const AT_ONCE: usize = 1_150;
    const MESSAGES: usize = AT_ONCE + 10;
    let (ann, _, room) = Person::pair(server()).await;
    let mut socket = ann.socket().await;
    let names: Vec<String> = (0..MESSAGES).map(|_| client_id()).collect();
    for (n, name) in names.iter().enumerate() {
        if n >= AT_ONCE {
            // By now one more would be admitted: these were sent unaware that one was refused.
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        socket.send(&send_frame(&room, name, "in haste")).await;
    }
    let mut codes = HashSet::new();
    loop {
        let frame = socket.next_frame().await;
        if frame["type"] == "error" {
            codes.insert(frame["code"].as_str().expect("a code").to_owned());
        }
        if frame["client_id"] == json!(names[MESSAGES - 1]) {
            break;
        }
    }
    assert!(codes.contains("rate_limited"), "nothing was refused: {codes:?}");
    let history = ann.history(&room).await;
    let stored: Vec<&str> =
        history.iter().map(|message| message["client_id"].as_str().expect("a name")).collect();
    assert_eq!(stored, names[..stored.len()], "all before the first that was refused, none after");
}

/// Memory in use, in KiB.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|size| size.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_never_read_slow_nobody_and_take_little_memory() {
    // 12 KB each. The server's bus, its write buffer and the system's (4 MB at most) hold 8 MB for
    // a socket together; this is more.
    const MESSAGES: u64 = 800;
    const GIVEN_UP: Duration = Duration::from_secs(9);
    let server = Server::start();
    let (ann, bob, room) = Person::pair(&server).await;
    let mut stuck = join_all((0..4).map(|_| Socket::open_narrow(&bob, "/ws/chat/"))).await;
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    let body = "漢".repeat(4_000);
    let mut before = 0;
    for n in 1..=MESSAGES {
        let delivery = async {
            hers.send(&send_frame(&room, &client_id(), &body)).await;
            assert_eq!(seq_of(&hers.next_of("message").await), n);
            assert_eq!(seq_of(&his.next_of("message").await), n);
        };
        // Whoever waited for one that does not read would wait until it is given up.
        timeout(GIVEN_UP, delivery).await.expect("a reader that never reads slows others");
        if n == 1 {
            before = resident(&server);
        }
    }
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 24 * 1024, "{grown} KiB for 4 sockets that are sent 10 MB each");

    // Whoever reads again is told that something is missing, or finds itself dropped; never is
    // there a gap without a word.
    let mut expected = 1;
    loop {
        assert!(expected <= MESSAGES, "it never fell behind: this proves nothing");
        match stuck[0].next().await {
            Heard::Frame(frame) if frame["type"] == "message" => {
                assert_eq!(seq_of(&frame), expected);
                expected += 1;
            }
            Heard::Frame(frame) if frame["type"] == "resync" => break,
            Heard::Frame(_) => {}
            Heard::End(_) => break,
        }
    }
}

#[tokio::test]
async fn somebody_has_only_so_many_sockets() {
    let server = Server::start();
    let (ann, bob) = (Person::created(&server, "ann").await, Person::created(&server, "bob").await);
    let mut open = Vec::new();
    let refused = loop {
        match Socket::open(&ann, "/ws/chat/").await {
            Ok(socket) => open.push(socket),
            Err(refused) => break refused,
        }
        assert!(open.len() < 1_000, "nothing bounds them");
    };
    assert_eq!((refused.status, &refused.body["code"]), (429, &json!("rate_limited")));
    assert!(open.len() >= 50, "{}", open.len());
    bob.socket().await;
    // A place is given back.
    open.pop().expect("one").close().await;
    let deadline = Instant::now() + journeys::PATIENCE;
    while Socket::open(&ann, "/ws/chat/").await.is_err() {
        assert!(Instant::now() < deadline, "the place was never given back");
        tokio::task::yield_now().await;
    }
}
