//! The servers that tests share, whichever way they are had.
use mongodb::{Client, bson::doc};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn mongodb_is_a_replica_set_with_a_database_for_each_test() {
    let (mine, other) = (servers::mongodb().await, servers::mongodb().await);

    let client = Client::with_uri_str(&mine).await.unwrap();
    let database = client.default_database().expect("a database");
    assert_ne!(Some(database.name()), database_of(&other).await.as_deref());
    // Only a replica set has transactions.
    database.create_collection("notes").await.unwrap();
    let mut session = client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let notes = database.collection("notes");
    notes.insert_one(doc! { "_id": 1 }).session(&mut session).await.unwrap();
    session.commit_transaction().await.unwrap();
    assert_eq!(notes.count_documents(doc! {}).await.unwrap(), 1);
    database.drop().await.unwrap();
}

async fn database_of(uri: &str) -> Option<String> {
    let client = Client::with_uri_str(uri).await.expect("a client");
    client.default_database().map(|database| database.name().to_owned())
}

#[tokio::test]
async fn redis_answers() {
    let client = redis::Client::open(servers::redis().await).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let answer: String = redis::cmd("PING").query_async(&mut connection).await.unwrap();
    assert_eq!(answer, "PONG");
}

/// This program, killed while it holds servers. Those that are given are not ours to end, so it does
/// without them.
#[test]
fn a_killed_test_program_leaves_nothing_behind() {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "holds_servers_until_it_is_killed"])
        .env_remove("TEST_MONGODB_URI")
        .env_remove("TEST_REDIS_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut descriptions = Vec::new();
    let mut addresses = Vec::new();
    for line in lines {
        if let Some(address) = line.strip_prefix("holding ") {
            addresses.push(address.to_owned());
        } else if let Some((_, description)) = line.split_once(" for these tests: ") {
            descriptions.push(description.to_owned());
        }
        if addresses.len() == 2 {
            break;
        }
    }
    assert_eq!(addresses.len(), 2, "{descriptions:?}");
    assert!(addresses.iter().all(|address| listens(address)), "they are up");
    let traces: Vec<_> = descriptions.iter().filter_map(|said| Trace::of(said)).collect();
    assert_eq!(traces.len(), 2, "{descriptions:?}");
    assert!(traces.iter().all(Trace::is_there), "the traces can be seen");

    // `kill -9`
    holder.kill().unwrap();
    holder.wait().unwrap();

    let deadline = Instant::now() + PATIENCE;
    while addresses.iter().any(|address| listens(address)) || traces.iter().any(Trace::is_there) {
        assert!(Instant::now() < deadline, "something is left of {descriptions:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
#[ignore = "runs until it is killed, by the test above"]
async fn holds_servers_until_it_is_killed() {
    let (mongodb, redis) = (servers::mongodb().await, servers::redis().await);
    for address in [mongodb, redis] {
        let (_, address) = address.split_once("://").unwrap();
        let address = address.split('/').next().unwrap();
        writeln!(std::io::stderr(), "holding {address}").unwrap();
    }
    std::future::pending::<()>().await;
}

fn listens(address: &str) -> bool {
    TcpStream::connect(address.replace("localhost", "127.0.0.1")).is_ok()
}

/// What a server can leave behind.
enum Trace {
    Container(String),
    Local { process: String, folder: String },
}

impl Trace {
    /// Reads what the crate says of a server. Some of what it says is of none.
    fn of(description: &str) -> Option<Self> {
        if let Some(rest) = description.strip_prefix("container ") {
            return Some(Self::Container(rest.split(' ').next()?.to_owned()));
        }
        let (_, rest) = description.split_once(", process ")?;
        let (process, data) = rest.split_once(", data in ")?;
        let folder = data.strip_suffix("/data")?.to_owned();
        Some(Self::Local { process: process.to_owned(), folder })
    }

    fn is_there(&self) -> bool {
        match self {
            Self::Container(name) => {
                let inspect = ["container", "inspect", "--format", "{{.Id}}", name];
                let asked = Command::new("docker").args(inspect).output().expect("docker starts");
                asked.status.success()
            }
            Self::Local { process, folder } => {
                Path::new("/proc").join(process).exists() || Path::new(folder).exists()
            }
        }
    }
}
