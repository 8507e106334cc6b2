//! What is told to one is told to nobody else, also where many instances share MongoDB and Redis:
//! no secret rests in what they keep, goes over the wires to them, or stands in any log.
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use journeys::{
    Browser, Deployment, PASSWORD, Person, Recorder, Server, client_id,
    deployment::sealing_keys,
    search::{Form, forms, found_in, read_all},
    send_frame,
    smtp::MailServer,
    unique,
};
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const PASSPHRASE: &str = "velvet otter juggles seven lanterns";
const WRONG_PASSPHRASE: &str = "mauve badger paints nine teapots";
const CANARIES: [&str; 3] = [
    "canary-in-the-coal-mine-4711",
    "Kanarienvogel für Zoë — ganz geheim",
    "canary-over-http-0815",
];
/// Said and refused.
const DRAFT: &str = "a-canary-that-never-flew-1234";
const SIGN_UPS: usize = 5;
/// As much as is looked at for being empty at once.
const PAGE: usize = 4096;

/// Bytes by the name of where they were found.
type Places = Vec<(PathBuf, Vec<u8>)>;

/// What is looked for, by name.
#[derive(Default)]
struct Wanted(Vec<(String, Vec<u8>)>);

impl Wanted {
    fn add(&mut self, name: &str, secret: impl AsRef<[u8]>) {
        self.0.push((name.to_owned(), secret.as_ref().to_vec()));
    }

    /// A token, and the bytes that it writes out.
    fn add_token(&mut self, name: &str, token: &str) {
        let raw = URL_SAFE_NO_PAD.decode(token).expect("base64url");
        assert!(raw.len() >= 32, "256 bits");
        self.add(name, token);
        self.add(name, raw);
    }

    /// Which of them is found where, in which form.
    fn found_in(&self, places: &Places) -> Vec<String> {
        let forms: Vec<(&str, Form)> = self
            .0
            .iter()
            .flat_map(|(name, secret)| forms(secret).into_iter().map(|form| (&**name, form)))
            .collect();
        let wanted: Vec<&[u8]> = forms.iter().map(|(_, form)| &*form.bytes).collect();
        let mut found = Vec::new();
        for (place, bytes) in places {
            let here = found_in(&without_empty_pages(bytes), &wanted).into_iter();
            found.extend(here.map(|index| {
                format!("{}: {} as {}", place.display(), forms[index].0, forms[index].1.name)
            }));
        }
        found.dedup();
        found
    }
}

/// Files are made larger than what is in them.
fn without_empty_pages(bytes: &[u8]) -> Vec<u8> {
    const EMPTY: [u8; PAGE] = [0; PAGE];
    bytes.chunks(PAGE).filter(|page| *page != &EMPTY[..page.len()]).flatten().copied().collect()
}

/// A log without the moments of its lines, whose fractions of a second are six digits like a code.
fn log_of(server: &Server) -> Vec<u8> {
    let log = String::from_utf8_lossy(&server.output()).into_owned();
    let lines = log.lines().map(|line| line.split_once('Z').map_or(line, |(_, rest)| rest));
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

async fn figures(server: &Server) -> Vec<u8> {
    Browser::new(server).get("/metrics").await.body
}

/// Has Redis write all that it holds to its files.
async fn save(address: &str) {
    let mut redis = TcpStream::connect(address).await.expect("a connection");
    redis.write_all(b"SAVE\r\n").await.expect("said");
    let mut answer = [0; 5];
    redis.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"+OK\r\n");
}

fn code(mail: &Value) -> String {
    let headers = mail["headers"].as_array().expect("headers");
    let subject = headers.iter().find(|header| header[0] == "Subject").expect("a subject");
    let code = subject[1].as_str().and_then(|text| text.strip_suffix(" is your Sotto code"));
    code.expect("a code").to_owned()
}

/// Everything that Sotto leaves anywhere, in parts that differ in what may stand there.
struct Left {
    /// MongoDB: what it holds, its files and its log, and the wire to it.
    mongodb: Places,
    /// Redis: its files, with every write since its start, and its log, and the wire to it.
    redis: Places,
    /// What Sotto and nginx log and tell.
    told: Places,
}

impl Left {
    async fn of(deployment: &Deployment, to_mongod: &Recorder, to_redis: &Recorder) -> Self {
        let dumped = deployment.mongod.dump().await;
        let mut mongodb: Places =
            dumped.into_iter().map(|(name, bytes)| (PathBuf::from(name), bytes)).collect();
        mongodb.extend(read_all(&deployment.mongod.data_dir()));
        mongodb.push(file(deployment.mongod.log()));
        mongodb.push(("(the wire to MongoDB)".into(), to_mongod.heard()));
        save(&deployment.redis.address()).await;
        let mut redis = read_all(&deployment.redis.data_dir());
        redis.push(file(deployment.redis.log()));
        redis.push(("(the wire to Redis)".into(), to_redis.heard()));
        let mut told = Vec::new();
        for server in &deployment.instances {
            told.push(("(log)".into(), log_of(server)));
            told.push(("(figures)".into(), figures(server).await));
            told.extend(read_all(server.folder()));
        }
        told.push(("(nginx)".into(), deployment.nginx.logs().into_bytes()));
        Self { mongodb, redis, told }
    }

    fn parts(&self) -> [(&str, &Places); 3] {
        [("MongoDB", &self.mongodb), ("Redis", &self.redis), ("told", &self.told)]
    }
}

fn file(path: PathBuf) -> (PathBuf, Vec<u8>) {
    let bytes = std::fs::read(&path).expect("a file");
    (path, bytes)
}

/// Somebody who signed up with a mailed code, and that code.
async fn sign_up(
    deployment: &Deployment,
    mail: &MailServer,
    wanted: &mut Wanted,
) -> (Browser, String, String) {
    let username = unique("ann");
    let email = format!("{username}@example.com");
    let browser = Browser::new(deployment.nginx.entrance());
    let before = mail.mails().len();
    let form = json!({"username": username, "email": email, "password": PASSPHRASE});
    browser.post("/api/register", form).await.must(202);
    wanted.add_token("flow token", &browser.cookie("__Host-sotto_flow"));
    let code = code(&mail.wait_for_mails(before + 1).await[before]);
    let wrong = if code == "123456" { "654321" } else { "123456" };
    browser.post("/api/verify-otp", json!({"email": email, "code": wrong})).await.must(422);
    browser.post("/api/verify-otp", json!({"email": email, "code": code})).await.must(200);
    // The welcome.
    mail.wait_for_mails(before + 2).await;
    wanted.add_token("session token", &browser.cookie("__Host-sotto_session"));
    wanted.add_token("device token", &browser.cookie("__Host-sotto_device"));
    (browser, username, code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_secret_rests_in_a_store_goes_over_a_wire_or_stands_in_a_log() {
    let (mail, keys) = (MailServer::start_open(), sealing_keys());
    let smtp_url = format!("smtp://{}", mail.address());
    let settings =
        [("SOTTO_SMTP_URL", &*smtp_url), ("SOTTO_ENCRYPTION_KEYS", &keys), ("SOTTO_LOG", "trace")];
    let (deployment, to_mongod, to_redis) = Deployment::start_recorded(2, &settings).await;
    let (mut secrets, mut people, mut codes) = (Wanted::default(), Wanted::default(), Vec::new());
    for _ in 0..SIGN_UPS {
        let (_, username, code) = sign_up(&deployment, &mail, &mut secrets).await;
        people.add("address", format!("{username}@example.com"));
        people.add("username", username);
        codes.push(code);
    }
    let (ann, bob, room) = deployment.pair().await;
    for person in [&ann, &bob] {
        secrets.add_token("session token", &person.cookie("__Host-sotto_session"));
        people.add("address", &person.email);
        people.add("username", &person.username);
    }
    let wrong = json!({"login": ann.username, "password": WRONG_PASSPHRASE});
    bob.post("/api/login", wrong).await.must(401);
    converse(&deployment, &ann, &bob, &room).await;

    for canary in CANARIES {
        secrets.add("message", canary);
    }
    secrets.add("refused message", DRAFT);
    for password in [PASSPHRASE, WRONG_PASSPHRASE, PASSWORD] {
        secrets.add("password", password);
    }
    let key = keys.split_once(':').expect("an id and a key").1;
    secrets.add("sealing key", key);
    secrets.add("sealing key", STANDARD.decode(key).expect("base64"));

    let left = Left::of(&deployment, &to_mongod, &to_redis).await;
    for (name, places) in left.parts() {
        assert_eq!(secrets.found_in(places), Vec::<String>::new(), "{name}");
        // Six digits may stand somewhere by chance, all of these codes only by a leak.
        let shown = codes.iter().filter(|code| !only(code).found_in(places).is_empty()).count();
        assert!(shown < SIGN_UPS, "{name}: {codes:?}");
    }
    // MongoDB keeps who there is, to be found again. Nobody else learns of it.
    for (name, places) in &left.parts()[1..] {
        assert_eq!(people.found_in(places), Vec::<String>::new(), "{name}");
    }
    assert_the_search_can_fail(&left, &ann.username);
}

fn only(secret: &str) -> Wanted {
    let mut only = Wanted::default();
    only.add("it", secret);
    only
}

/// What is there is found: in each place where it has to be.
fn assert_the_search_can_fail(left: &Left, username: &str) {
    let found = only(username).found_in(&left.mongodb).join("\n");
    for place in ["sotto.users", "local.oplog.rs", "collection-", "WiredTigerLog.", "(the wire"] {
        assert!(found.contains(place), "{place} is not in\n{found}");
    }
    // What all keys and channels begin with.
    let found = only("sotto:sotto:").found_in(&left.redis).join("\n");
    for place in [".aof", "(the wire to Redis)"] {
        assert!(found.contains(place), "{place} is not in\n{found}");
    }
    let logs = left.told.iter().filter(|(place, _)| place.ends_with("(log)"));
    let logs: Vec<_> = logs.map(|(_, log)| String::from_utf8_lossy(log)).collect();
    assert_eq!(logs.len(), 2);
    assert!(logs.iter().all(|log| log.contains(" DEBUG ")), "everything is logged");
    let figures = only("sotto_messages_total").found_in(&left.told);
    assert!(figures.iter().any(|found| found.starts_with("(figures)")), "{figures:?}");
    let asked = only("POST /api/rooms").found_in(&left.told);
    assert!(asked.iter().any(|found| found.starts_with("(nginx)")), "{asked:?}");
}

/// Messages over sockets of both instances and over HTTP, read again, and drafts that are refused.
async fn converse(deployment: &Deployment, ann: &Person, bob: &Person, room: &str) {
    pass_on(ann, bob, room).await;
    let [first, second] = [0, 1].map(|number| deployment.instance(number));
    let (ann, bob) = (ann.at(&first), bob.at(&second));
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    for canary in CANARIES.iter().cycle().take(30) {
        hers.send(&send_frame(room, &client_id(), canary)).await;
        for socket in [&mut hers, &mut his] {
            assert_eq!(socket.next_of("message").await["body"], *canary);
        }
    }
    let id = client_id();
    bob.try_say(room, &id, CANARIES[2]).await.must(201);
    bob.try_say(room, &id, DRAFT).await.must(409);
    hers.refusal(&format!("{{\"type\":\"send\",\"body\":\"{DRAFT}\"")).await;
    let broken = bob
        .request(reqwest::Method::POST, &format!("/api/rooms/{room}/messages"))
        .header("content-type", "application/json")
        .body(format!("{{\"client_id\":\"x\",\"body\":\"{DRAFT}\""));
    bob.send_request(broken).await.must(400);
    let read = bob.history(room).await;
    assert_eq!((read.len(), &read[1]["body"]), (32, &json!(CANARIES[0])), "they are really there");
}

/// A file goes from one to the other, with a secret in it and in its name.
async fn pass_on(ann: &Person, bob: &Person, room: &str) {
    let bring = ann
        .request(reqwest::Method::POST, &format!("/api/rooms/{room}/attachments"))
        .query(&[("name", CANARIES[0])])
        .body(CANARIES[1].repeat(5_000));
    let file = ann.send_request(bring).await.must(201);
    let message = json!({"client_id": client_id(), "body": "", "attachments": [file["id"]]});
    ann.post(&format!("/api/rooms/{room}/messages"), message).await.must(201);
    let got = bob.get(file["url"].as_str().expect("a url")).await;
    assert!(got.text().starts_with(CANARIES[1]), "it is really there");
}
