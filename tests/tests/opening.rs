//! A start that can't go well ends soon, with one sentence that names the setting and the remedy.
use base64::{Engine, engine::general_purpose::STANDARD};
use journeys::{
    Ended, PASSWORD, PATIENCE, deployment::sealing_keys, program, run, smtp::MailServer,
};
use servers::{Mongod, Redis, mongod_binary};
use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const SECRET: &str = "s3cret-of-the-operator";
const SOON: Duration = Duration::from_secs(10);

/// What is started, but for what is wrong with it.
struct Start {
    command: Command,
    _folder: TempDir,
}

impl Start {
    fn of(arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(program());
        command.args(arguments);
        command.env("SOTTO_DATA_DIR", folder.path().join("data"));
        command.env("SOTTO_LISTEN", free_address());
        for (name, value) in settings {
            command.env(name, value);
        }
        Self { command, _folder: folder }
    }

    fn run(&self) -> Ended {
        run(&self.command, PASSWORD)
    }
}

/// Nobody listens there.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// The one sentence with which `sotto serve` gives up, within the time there is.
fn refusal(settings: &[(&str, &str)]) -> String {
    let began = Instant::now();
    let ended = Start::of(&["serve"], settings).run();
    let took = began.elapsed();
    assert!(!ended.success && took < SOON, "{took:?}: {ended:?}");
    assert_eq!(ended.output, "", "what is no log is an error");
    let lines: Vec<&str> = ended.errors.lines().collect();
    let [line] = lines[..] else { panic!("one line, not {lines:?}") };
    let sentence = line.strip_prefix("sotto: ").expect("says who speaks").to_owned();
    assert!(!sentence.contains(SECRET) && !sentence.ends_with('.'), "{sentence}");
    for (name, value) in settings {
        let key = value.split_once(':').map_or("", |(_, key)| key);
        let secret = name.ends_with("_KEYS") && key.len() > 20;
        assert!(!secret || !sentence.contains(key), "{sentence}");
    }
    sentence
}

/// That it is about a setting, and what to do.
fn assert_says(settings: &[(&str, &str)], words: &[&str]) {
    let sentence = refusal(settings);
    for word in words {
        assert!(sentence.contains(word), "{word} is not in: {sentence}");
    }
}

fn with_mongodb<'a>(uri: &'a str, keys: &'a str) -> [(&'a str, &'a str); 2] {
    [("SOTTO_MONGODB_URI", uri), ("SOTTO_ENCRYPTION_KEYS", keys)]
}

/// A server that accepts and then says nothing.
fn silent_server() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    (listener, address)
}

/// A MongoDB that is no member of a replica set; ends with the test.
struct Alone {
    child: Child,
    _folder: TempDir,
    address: String,
}

impl Alone {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let port = address.rsplit(':').next().expect("a port");
        // Whatever becomes of the test, it does not stay for ever.
        let child = Command::new("timeout")
            .args(["--signal=KILL", "120"])
            .arg(mongod_binary().expect("a mongod"))
            .args(["--bind_ip=127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB=0.25"])
            .args([format!("--port={port}"), format!("--dbpath={}", folder.path().display())])
            .stdout(Stdio::null())
            .spawn()
            .expect("mongod starts");
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(&address).is_err() {
            assert!(Instant::now() < deadline, "mongod does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, _folder: folder, address }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Passed on by `timeout` as it is.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_mongodb_that_refuses_us_is_named_without_the_password() {
    let mongod = Mongod::start_secured("another").await;
    let keys = sealing_keys();
    let wrong = mongod.uri().replace(":another@", &format!(":{SECRET}@"));
    let (address, words) = (mongod.address(), "refuses the user or the password");
    assert_says(&with_mongodb(&wrong, &keys), &["SOTTO_MONGODB_URI: ", words, &address, "correct"]);
    let nobody = format!("mongodb://{address}/?replicaSet=rs0");
    let words = ["SOTTO_MONGODB_URI: ", "sotto", "readWrite"];
    assert_says(&with_mongodb(&nobody, &keys), &words);
}

#[tokio::test]
async fn a_mongodb_by_itself_is_told_to_become_a_replica_set() {
    let alone = Alone::start();
    let uri = format!("mongodb://{}/", alone.address);
    let words = ["SOTTO_MONGODB_URI: ", "not a member of a replica set", "--replSet rs0"];
    assert_says(&with_mongodb(&uri, &sealing_keys()), &words);
}

#[tokio::test]
async fn a_mongodb_that_is_away_or_silent_is_named() {
    let keys = sealing_keys();
    let (_listener, silent) = silent_server();
    for address in [free_address(), silent] {
        let uri = format!("mongodb://sotto:{SECRET}@{address}/?replicaSet=rs0");
        let words = ["SOTTO_MONGODB_URI: ", "no MongoDB answers at", &address, "start it"];
        assert_says(&with_mongodb(&uri, &keys), &words);
    }
}

#[tokio::test]
async fn a_connection_string_that_cannot_be_used_is_not_quoted() {
    let keys = sealing_keys();
    for uri in [
        SECRET.to_owned(),
        format!("http://sotto:{SECRET}@localhost/"),
        format!("mongodb://sotto:{SECRET}/x@localhost/"),
        format!("mongodb://localhost/?maxPoolSize={SECRET}"),
    ] {
        let words = ["SOTTO_MONGODB_URI: ", "can't be read", "mongodb://USER:PASSWORD@HOST"];
        assert_says(&with_mongodb(&uri, &keys), &words);
        let redis = [("SOTTO_REDIS_URL", "redis://127.0.0.1:1/")];
        assert_says(&[&with_mongodb(&uri, &keys)[..], &redis].concat(), &words);
    }
    let weak = "mongodb://localhost/?w=1";
    let words = ["SOTTO_MONGODB_URI: ", "sets w,", "leave w out"];
    assert_says(&with_mongodb(weak, &keys), &words);
}

#[tokio::test]
async fn a_redis_that_cannot_be_used_is_named_without_the_password() {
    let redis = Redis::start_secured("another").await;
    let wrong = redis.url().replace(":another@", &format!(":{SECRET}@"));
    let none = redis.url().replace(":another@", "");
    for url in [&wrong, &none] {
        let words = ["SOTTO_REDIS_URL: ", "refuses the user or the password", "correct"];
        assert_says(&[("SOTTO_REDIS_URL", url)], &words);
    }
    let (_listener, silent) = silent_server();
    for address in [free_address(), silent] {
        let url = format!("redis://:{SECRET}@{address}/");
        let words = ["SOTTO_REDIS_URL: ", "can't be reached", &address, "check"];
        assert_says(&[("SOTTO_REDIS_URL", &url)], &words);
    }
    for url in [SECRET.to_owned(), format!("http://:{SECRET}@localhost/")] {
        let words = ["SOTTO_REDIS_URL: ", "malformed", "redis://user:password@host:port/db"];
        assert_says(&[("SOTTO_REDIS_URL", &url)], &words);
    }
}

#[test]
fn an_address_of_a_mail_server_that_cannot_be_read_is_not_quoted() {
    for url in [
        format!("mail.example:{SECRET}"),
        format!("smtp://sotto:{SECRET}/x@mail.example"),
        format!("imap://sotto:{SECRET}@mail.example"),
    ] {
        let words = ["SOTTO_SMTP_URL", "smtp://user:password@host:port"];
        assert_says(&[("SOTTO_SMTP_URL", &url)], &words);
    }
    let url = format!("smtp://{SECRET}@mail.example");
    assert_says(&[("SOTTO_SMTP_URL", &url)], &["SOTTO_SMTP_URL", "a user and a password"]);
}

#[tokio::test]
async fn mongodb_wants_sealing_keys_and_the_same_ones_again() {
    let uri = servers::mongodb().await;
    let words = ["SOTTO_ENCRYPTION_KEYS", "SOTTO_MONGODB_URI", "openssl rand -base64 32"];
    assert_says(&[("SOTTO_MONGODB_URI", &uri)], &words);

    let keys = sealing_keys();
    let create = ["user", "create", "--username", "ann", "--email", "ann@example.com"];
    let create = [&create[..], &["--verified", "--password-stdin"]].concat();
    let made = Start::of(&create, &with_mongodb(&uri, &keys)).run();
    assert!(made.success && made.output.starts_with("created ann ("), "{made:?}");
    let again = Start::of(&create, &with_mongodb(&uri, &keys)).run();
    assert!(!again.success && again.errors.contains("taken"), "{again:?}");

    let words = ["SOTTO_ENCRYPTION_KEYS", "every key the store was used with", "sealing key test"];
    assert_says(&with_mongodb(&uri, &sealing_keys()), &words);
    let renamed = sealing_keys().replace("test:", "other:");
    assert_says(&with_mongodb(&uri, &renamed), &words);
    for keys in ["nonsense".to_owned(), format!("k1:{}", STANDARD.encode([0; 32]))] {
        assert_says(&with_mongodb(&uri, &keys), &["SOTTO_ENCRYPTION_KEYS can't be used: "]);
    }
}

#[test]
fn a_setting_that_does_not_exist_is_named() {
    let words = ["SOTTO_MONGO_URI", "sotto --help"];
    assert_says(&[("SOTTO_MONGO_URI", &format!("mongodb://sotto:{SECRET}@localhost/"))], &words);
}

#[tokio::test]
async fn the_development_mailbox_stays_on_this_machine_also_with_mongodb() {
    let (uri, keys) = (servers::mongodb().await, sealing_keys());
    for (name, value) in [("SOTTO_LISTEN", "0.0.0.0:0"), ("SOTTO_PUBLIC_URL", "https://a.example")]
    {
        let settings = [&with_mongodb(&uri, &keys)[..], &[(name, value)]].concat();
        assert_says(&settings, &[name, "loopback", "mail"]);
    }
}

#[tokio::test]
async fn what_is_put_right_starts() {
    let (uri, redis, keys) = (servers::mongodb().await, servers::redis().await, sealing_keys());
    let mail = MailServer::start_open();
    let smtp = format!("smtp://{}", mail.address());
    let more = [("SOTTO_REDIS_URL", &*redis), ("SOTTO_SMTP_URL", &*smtp)];
    let settings = [&with_mongodb(&uri, &keys)[..], &more].concat();
    for command in ["mongodb", "redis"] {
        let checked = Start::of(&["check", command], &settings).run();
        assert!(checked.success, "{command}: {checked:?}");
    }
    let server = journeys::Server::start_with(&settings);
    assert_eq!(journeys::Browser::new(&server).get("/health/").await.status, 200);
}
