//! What was acknowledged is there, whatever happens to the process or the disk.
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use journeys::{Heard, PASSWORD, Person, Server, Socket, client_id, run, send_frame, unique};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    fs,
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_tungstenite::tungstenite::Message;

/// A client as the contract describes one: it sends without waiting, keeps what is not
/// acknowledged, and after a loss sends it again in order.
struct Client {
    person: Person,
    room: String,
    /// What it sent, in order, with the text of each.
    sent: Vec<(String, String)>,
    unanswered: VecDeque<(String, String)>,
    acknowledged: HashMap<String, Value>,
}

impl Client {
    fn new(person: &Person, room: &str) -> Self {
        let (person, room) = (person.clone(), room.to_owned());
        Self {
            person,
            room,
            sent: vec![],
            unanswered: VecDeque::new(),
            acknowledged: HashMap::new(),
        }
    }

    /// Sends until the connection is gone.
    async fn talk(mut self, progress: mpsc::UnboundedSender<()>) -> Self {
        let mut socket = self.person.socket().await;
        for (name, body) in self.unanswered.clone() {
            let frame = send_frame(&self.room, &name, &body).to_string();
            if socket.try_send(Message::text(frame)).await.is_err() {
                return self;
            }
        }
        loop {
            while self.unanswered.len() < 10 {
                let message = (client_id(), format!("message {}", self.sent.len()));
                let frame = send_frame(&self.room, &message.0, &message.1).to_string();
                self.sent.push(message.clone());
                self.unanswered.push_back(message);
                if socket.try_send(Message::text(frame)).await.is_err() {
                    return self;
                }
            }
            match socket.next().await {
                Heard::Frame(frame) => {
                    if self.note(frame) {
                        let _ = progress.send(());
                    }
                }
                Heard::End(_) => return self,
            }
        }
    }

    /// Sends what is not acknowledged and waits until all is.
    async fn settle(mut self) -> Self {
        let mut socket = self.person.socket().await;
        for (name, body) in self.unanswered.clone() {
            socket.send(&send_frame(&self.room, &name, &body)).await;
        }
        while !self.unanswered.is_empty() {
            let frame = socket.next_of("message").await;
            self.note(frame);
        }
        self
    }

    /// Takes an acknowledgement of its own. Those of repeated messages may come late.
    fn note(&mut self, mut frame: Value) -> bool {
        assert_ne!(frame["type"], "error", "{frame}");
        let name = frame["client_id"].as_str().unwrap_or_default().to_owned();
        let Some(place) = self.unanswered.iter().position(|(own, _)| *own == name) else {
            return false;
        };
        self.unanswered.remove(place);
        frame.as_object_mut().expect("a frame").remove("type");
        self.acknowledged.insert(name, frame);
        true
    }
}

fn assert_dense(history: &[Value]) {
    let seqs: Vec<u64> =
        history.iter().map(|message| message["seq"].as_u64().expect("a seq")).collect();
    assert_eq!(seqs, (1..=history.len() as u64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_being_killed_again_and_again() {
    let mut server = Server::start_unlimited();
    let (ann, bob, room) = Person::pair(&server).await;
    let mut clients: Vec<Client> =
        (0..6).map(|n| Client::new(if n % 2 == 0 { &ann } else { &bob }, &room)).collect();
    for round in 1..=4 {
        let (progress, mut acknowledged) = mpsc::unbounded_channel();
        let mut talking = JoinSet::new();
        for client in clients {
            talking.spawn(client.talk(progress.clone()));
        }
        // In the midst of it, each time somewhere else.
        for _ in 0..60 * round {
            acknowledged.recv().await.expect("acknowledgements");
        }
        server.kill();
        clients = talking.join_all().await;
        server.restart();
        let history = bob.history(&room).await;
        assert_dense(&history);
        let stored: HashMap<&str, &Value> =
            history.iter().map(|m| (m["client_id"].as_str().expect("a name"), m)).collect();
        assert_eq!(stored.len(), history.len(), "each message once");
        for (name, message) in clients.iter().flat_map(|client| &client.acknowledged) {
            assert_eq!(stored.get(&**name), Some(&message), "acknowledged, then gone or changed");
        }
        assert_eq!(ann.room(&room).await["last_seq"], history.len());
    }
    // Everybody sends once more what they had no answer to: nothing is missing, nothing twice.
    let mut settling = JoinSet::new();
    for client in clients {
        settling.spawn(client.settle());
    }
    let clients = settling.join_all().await;
    let history = ann.history(&room).await;
    assert_dense(&history);
    assert_eq!(history.len(), clients.iter().map(|client| client.sent.len()).sum::<usize>());
    for client in &clients {
        let own: Vec<(String, String)> = history
            .iter()
            .filter(|message| {
                client.acknowledged.contains_key(message["client_id"].as_str().expect("a name"))
            })
            .map(|message| {
                let text = |field: &str| message[field].as_str().expect("a text").to_owned();
                (text("client_id"), text("body"))
            })
            .collect();
        assert_eq!(own, client.sent, "a client's order is not kept");
    }
}

#[tokio::test]
async fn an_account_a_session_and_a_read_mark_survive_being_killed() {
    let mut server = Server::start();
    let ann = Person::sign_up(&server, "ann").await;
    let bob = Person::sign_up(&server, "bob").await;
    let room = ann.room_with(&bob).await;
    ann.say(&room, "one").await;
    bob.put(&format!("/api/rooms/{room}/read"), json!({"seq": 1})).await.must(200);
    ann.patch("/api/me", json!({"first_name": "Ann"})).await.must(200);
    ann.post("/api/logout", json!({})).await.must(204);
    server.kill();
    server.restart();
    assert_eq!(bob.room(&room).await["read_seq"], 1);
    ann.get("/api/me").await.must(401);
    let ann = Person::sign_in(&server, &ann.username).await;
    assert_eq!(ann.get("/api/me").await.must(200)["first_name"], "Ann");
}

#[tokio::test]
async fn a_code_still_counts_its_tries_after_being_killed() {
    let mut server = Server::start();
    let browser = journeys::Browser::new(&server);
    let email = format!("{}@example.com", unique("cat"));
    let form = json!({"username": unique("cat"), "email": email, "password": PASSWORD});
    browser.post("/api/register", form).await.must(202);
    let code = server.code_for(&email).await;
    let wrong = if code == "123456" { "654321" } else { "123456" };
    let verify = async |code: &str| {
        browser.post("/api/verify-otp", json!({"email": email, "code": code})).await
    };
    assert_eq!(verify(wrong).await.must(422)["attempts_left"], 2);
    server.kill();
    server.restart();
    assert!(server.mails_to(&email).await.is_empty(), "mail was in memory only");
    assert_eq!(verify(wrong).await.must(422)["attempts_left"], 1);
    verify(&code).await.must(200);
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let mut server = Server::start();
    let ended = run(&server.command(&["serve"]), "");
    assert!(!ended.success);
    let sentence = ended.errors.lines().last().expect("a sentence");
    assert!(sentence.contains("another sotto serve is running"), "{sentence}");
    assert!(sentence.contains("SOTTO_DATA_DIR"), "it names the remedy: {sentence}");
    assert!(sentence.contains(server.data_dir().to_str().expect("a path")), "{sentence}");
    Person::created(&server, "still").await;
    // One that was killed leaves nothing that stands in the way of the next.
    server.kill();
    server.restart();
}

#[tokio::test]
async fn an_account_is_made_beside_a_running_server_and_without_one() {
    let mut server = Server::start();
    let beside = unique("beside");
    server.create_user(&beside, &format!("{beside}@example.com"), PASSWORD);
    Person::sign_in(&server, &beside).await;
    server.ask_to_stop();
    assert!(server.wait().success());
    let without = unique("without");
    server.create_user(&without, &format!("{without}@example.com"), PASSWORD);
    server.restart();
    Person::sign_in(&server, &without).await;
    Person::sign_in(&server, &beside).await;
}

/// A key as `SOTTO_ENCRYPTION_KEYS` takes it.
fn key(id: &str) -> String {
    let bytes: Vec<u8> = [client_id(), client_id()]
        .iter()
        .flat_map(|id| *uuid::Uuid::parse_str(id).expect("one of ours").as_bytes())
        .collect();
    format!("{id}:{}", BASE64.encode(bytes))
}

#[tokio::test]
async fn a_start_with_other_keys_is_refused() {
    let (first, second, third) = (key("one"), key("two"), key("three"));
    let mut server = Server::start_with(&[("SOTTO_ENCRYPTION_KEYS", &first)]);
    let (ann, bob, room) = Person::pair(&server).await;
    ann.say(&room, "under the first key").await;
    server.kill();
    for (wrong, named) in [
        (third.clone(), "one"),
        (key("one"), "one"),
        (format!("{second},{third}"), "one"),
        ("one:short".to_owned(), "SOTTO_ENCRYPTION_KEYS"),
        (format!("one:{}", BASE64.encode([0; 32])), "SOTTO_ENCRYPTION_KEYS"),
        (format!("{first},{first}"), "SOTTO_ENCRYPTION_KEYS"),
    ] {
        server.set("SOTTO_ENCRYPTION_KEYS", &wrong);
        let said = server.try_restart().expect_err("refused");
        let sentence = said.lines().last().expect("a sentence");
        assert!(sentence.starts_with("sotto: ") && sentence.contains(named), "{sentence}");
        let material = wrong.split([':', ',']).filter(|part| part.len() > 20);
        assert!(!material.into_iter().any(|key| said.contains(key)), "a key is printed: {said}");
        let args =
            ["user", "create", "--username", "x.y", "--email", "x@example.com", "--password-stdin"];
        assert!(!run(&server.command(&args), PASSWORD).success, "{wrong}");
    }
    // A new key in front of the old one seals from now on; both open.
    server.set("SOTTO_ENCRYPTION_KEYS", &format!("{second},{first}"));
    server.restart();
    ann.say(&room, "under the second key").await;
    let bodies: Vec<Value> = bob.history(&room).await.iter().map(|m| m["body"].clone()).collect();
    assert_eq!(bodies, ["under the first key", "under the second key"]);
    server.kill();
    server.set("SOTTO_ENCRYPTION_KEYS", &second);
    server.try_restart().expect_err("the first key is still needed");
}

#[tokio::test]
async fn a_lost_key_file_is_noticed() {
    let mut server = Server::start();
    let (ann, _, room) = Person::pair(&server).await;
    ann.say(&room, "sealed").await;
    server.kill();
    let keys = server.data_dir().join("sealing-keys");
    let kept = fs::read(&keys).expect("generated keys");
    fs::remove_file(&keys).expect("removed");
    let said = server.try_restart().expect_err("new keys would make the history unreadable");
    assert!(said.contains("sealing key"), "{said}");
    fs::write(&keys, kept).expect("put back");
    server.restart();
    assert_eq!(ann.history(&room).await[0]["body"], "sealed");
}

#[tokio::test]
async fn the_data_dir_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start();
    Person::created(&server, "ann").await;
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&server.data_dir()), 0o700);
    for entry in fs::read_dir(server.data_dir()).expect("a folder") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

#[tokio::test]
async fn a_flipped_bit_shows_as_unreadable_and_never_as_other_text() {
    let mut server = Server::start();
    let (ann, bob, room) = Person::pair(&server).await;
    let first = ann.say(&room, "the first message, of some length").await;
    let second = ann.say(&room, "the second message, as long").await;
    server.kill();
    let store = rusqlite::Connection::open(server.data_dir().join("sotto.db")).expect("the store");
    let sealed: Vec<u8> = store
        .query_row("SELECT sealed FROM messages WHERE seq = 1", [], |row| row.get(0))
        .expect("the message");
    for place in [0, sealed.len() / 2, sealed.len() - 1] {
        let mut flipped = sealed.clone();
        flipped[place] ^= 1;
        store.execute("UPDATE messages SET sealed = ?1 WHERE seq = 1", [flipped]).expect("altered");
        server.restart();
        let logged_before = server.output().len();
        let history = bob.history(&room).await;
        assert_eq!((&history[0]["unreadable"], &history[0]["body"]), (&json!(true), &json!("")));
        assert_eq!(history[1], second);
        let id = first["id"].as_str().expect("an id");
        server.wait_for_log_after(logged_before, id).await;
        server.kill();
    }
    // Nor can it be moved into another place.
    store
        .execute(
            "UPDATE messages SET sealed = (SELECT sealed FROM messages WHERE seq = 2) WHERE seq = 1",
            [],
        )
        .expect("moved");
    server.restart();
    assert_eq!(bob.history(&room).await[0]["unreadable"], true);
}

/// A data dir on a disk of its own: a small tmpfs, mounted where only the server sees it, so that
/// no rights are needed and nothing is left behind. Where even that is not to be had, this fails.
const SMALL_DISK: &str =
    r#"mkdir -p "$0/data" && mount -t tmpfs -o size=2m,mode=700 tmpfs "$0/data" && exec "$@""#;

/// The server's small disk as this process sees it.
fn small_disk(server: &Server) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{}", server.pid(), server.data_dir().display()))
}

/// Fills a disk to the last byte.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filler");
    let mut filler = fs::File::create(&path).expect("a file");
    for size in [64 * 1024, 4096, 1] {
        while filler.write(&vec![0; size]).is_ok_and(|written| written > 0) {}
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_loses_nothing_and_is_over_once_there_is_room() {
    // Only root may mount; others become it in a user namespace of their own.
    let is_root = fs::metadata("/proc/self").expect("a process").uid() == 0;
    let user: &[&str] = if is_root { &[] } else { &["--map-root-user"] };
    let wrapper = [&["unshare"], user, &["--mount", "sh", "-c", SMALL_DISK]].concat();
    let server = Server::start_within(&wrapper, &[("SOTTO_RATE_LIMITS", "off")]);
    let disk = small_disk(&server);
    assert!(disk.join("sotto.db").exists(), "the server is not on the small disk");
    let (ann, bob) = (Person::sign_up(&server, "ann").await, Person::sign_up(&server, "bob").await);
    let room = ann.room_with(&bob).await;
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    let text = "a message of some length ".repeat(40);

    for round in 0..3 {
        let filler = fill(&disk);
        // What the store has allocated already may take a few more.
        let mut acknowledged = Vec::new();
        let refused = loop {
            let id = client_id();
            let answer = ann.try_say(&room, &id, &text).await;
            if answer.status != 201 {
                break (id, answer);
            }
            acknowledged.push(answer.json());
            assert!(acknowledged.len() < 5_000, "the disk never filled");
        };
        let (over_http, answer) = refused;
        assert_eq!(answer.problem(), (503, "unavailable".to_owned()), "round {round}");
        assert!(!answer.header("retry-after").is_empty());

        // Over a socket: this one and all behind it, each told by its name.
        let names: Vec<String> = (0..3).map(|_| client_id()).collect();
        for name in &names {
            hers.send(&send_frame(&room, name, &text)).await;
        }
        for name in &names {
            let error = hers.next_of("error").await;
            assert_eq!(
                (&error["code"], &error["client_id"]),
                (&json!("unavailable"), &json!(name))
            );
        }
        // Reading goes on, and nothing of what was refused is seen.
        let history = bob.history(&room).await;
        assert_dense(&history);
        for message in &acknowledged {
            assert!(history.contains(message), "acknowledged, then gone");
        }
        for name in names.iter().chain([&over_http]) {
            assert!(history.iter().all(|message| message["client_id"] != json!(name)));
        }
        ann.get("/api/me").await.must(200);
        assert_eq!(ann.get("/api/rooms").await.must(200)["rooms"][0]["id"], json!(room));
        ann.get("/chat/").await;
        bob.socket().await;

        fs::remove_file(filler).expect("room again");
        // The client sends again, under the same names and in order, and it goes through.
        ann.try_say(&room, &over_http, &text).await.must(201);
        for name in &names {
            hers.send(&send_frame(&room, name, &text)).await;
        }
        let expected: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(own_names(&mut hers, &names).await, expected);
        assert_eq!(own_names(&mut his, &names).await, expected);
        let after = bob.history(&room).await;
        assert_dense(&after);
        assert_eq!(after.len(), history.len() + 1 + names.len());
        assert_eq!(server_health(&server).await, 200);
    }
}

async fn server_health(server: &Server) -> u16 {
    journeys::Browser::new(server).get("/health/").await.status
}

/// The messages of these names as they come.
async fn own_names(socket: &mut Socket, names: &[String]) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.len() < names.len() {
        let frame = socket.next_of("message").await;
        let name = frame["client_id"].as_str().expect("a name").to_owned();
        if names.contains(&name) {
            heard.push(name);
        }
    }
    heard
}
