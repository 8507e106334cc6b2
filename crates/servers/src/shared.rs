//! The servers that all tests of a program share.
use crate::{Mongod, Redis, containers, mongod_binary, redis_server_binary};
use std::{any::Any, io::Write, path::Path};
use tokio::sync::OnceCell;

static MONGODB: OnceCell<Shared> = OnceCell::const_new();
static REDIS: OnceCell<Shared> = OnceCell::const_new();

/// A running server.
pub struct Shared {
    /// Its connection string.
    pub address: String,
    /// What to call it in a log.
    pub description: String,
    /// Keeps it running: for as long as the program does, since statics are never dropped.
    pub _life: Box<dyn Any + Send + Sync>,
}

/// A connection string to a MongoDB replica set, with a database name that no other test uses.
///
/// # Panics
/// If no server can be had: a test that needs one must not pass without.
pub async fn mongodb() -> String {
    let found = || find("MongoDB", "TEST_MONGODB_URI", containers::mongodb(), local_mongodb());
    with_fresh_database(&MONGODB.get_or_init(found).await.address)
}

/// A connection string to a Redis server that other tests use, too: keep to keys of your own.
///
/// # Panics
/// If no server can be had: a test that needs one must not pass without.
pub async fn redis() -> String {
    let found = || find("Redis", "TEST_REDIS_URL", containers::redis(), local_redis());
    REDIS.get_or_init(found).await.address.clone()
}

fn with_fresh_database(uri: &str) -> String {
    let (server, options) = uri.split_once('?').unwrap_or((uri, ""));
    let name = uuid::Uuid::new_v4().simple();
    format!("{}/test_{name}?{options}", server.trim_end_matches('/'))
}

async fn local_mongodb() -> Result<Shared, String> {
    let binary = mongod_binary()?;
    let server = Mongod::start().await;
    let description = local(&binary, server.pid(), &server.data_dir());
    Ok(Shared { address: server.uri(), description, _life: Box::new(server) })
}

async fn local_redis() -> Result<Shared, String> {
    let binary = redis_server_binary()?;
    let server = Redis::start().await;
    let description = local(&binary, server.pid(), &server.data_dir());
    Ok(Shared { address: server.url(), description, _life: Box::new(server) })
}

fn local(binary: &Path, pid: u32, data: &Path) -> String {
    format!("{}, process {pid}, data in {}", binary.display(), data.display())
}

/// Looks for a server, one way after the other, and says aloud what comes of it.
async fn find(
    kind: &str,
    setting: &str,
    in_container: impl Future<Output = Result<Shared, String>>,
    local: impl Future<Output = Result<Shared, String>>,
) -> Shared {
    let only = only_way();
    let may = |way| only.as_ref().is_none_or(|only| only == way);
    let mut reasons = Vec::new();
    if may("given") {
        match given(setting) {
            Ok(shared) => return found(kind, shared),
            Err(reason) => reasons.push(reason),
        }
    }
    if may("containers") {
        match in_container.await {
            Ok(shared) => return found(kind, shared),
            Err(reason) => reasons.push(reason),
        }
    }
    if may("local") {
        match local.await {
            Ok(shared) => {
                say(kind, &reasons.join("; "));
                return found(kind, shared);
            }
            Err(reason) => reasons.push(reason),
        }
    }
    panic!(
        "no {kind} for these tests ({}): run scripts/setup, or name a server in {setting}",
        reasons.join("; ")
    )
}

/// The way that `TEST_SERVERS` allows, if it does not allow all.
fn only_way() -> Option<String> {
    let way = std::env::var("TEST_SERVERS").ok().filter(|way| !way.is_empty())?;
    assert!(
        ["given", "containers", "local"].contains(&way.as_str()),
        "TEST_SERVERS is {way}: say given, containers or local"
    );
    Some(way)
}

fn given(setting: &str) -> Result<Shared, String> {
    let address = std::env::var(setting).ok().filter(|address| !address.is_empty());
    let address = address.ok_or_else(|| format!("{setting} names none"))?;
    // Not the address itself: it may hold a password.
    let description = format!("the server that {setting} names");
    Ok(Shared { address, description, _life: Box::new(()) })
}

fn found(kind: &str, shared: Shared) -> Shared {
    say(kind, &shared.description);
    shared
}

/// Past the test harness, which shows what is printed only where a test fails.
fn say(kind: &str, what: &str) {
    if !what.is_empty() {
        let _ = writeln!(std::io::stderr(), "{kind} for these tests: {what}");
    }
}
