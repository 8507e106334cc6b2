//! Finds the servers that are installed here.
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Sotto needs what MongoDB can do since this version.
const OLDEST_MONGOD: u32 = 6;

/// A `mongod`, 6.0 or newer: `TEST_MONGOD`, the one that `scripts/setup` put under `target/`, or one
/// on the `PATH`.
///
/// # Errors
/// Says what to do.
pub fn mongod_binary() -> Result<PathBuf, String> {
    let from_setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/servers/mongod");
    let named = std::env::var_os("TEST_MONGOD").map(PathBuf::from);
    let candidates = named.into_iter().chain([from_setup, PathBuf::from("mongod")]);
    candidates
        .into_iter()
        .find(|mongod| major_version(mongod).is_some_and(|version| version >= OLDEST_MONGOD))
        .ok_or_else(|| {
            "there is no mongod 6.0 or newer here: run scripts/setup, or name one in TEST_MONGOD"
                .to_owned()
        })
}

/// `redis-server`: `TEST_REDIS_SERVER`, or the one on the `PATH`.
///
/// # Errors
/// Says what to do.
pub fn redis_server_binary() -> Result<PathBuf, String> {
    let named = std::env::var_os("TEST_REDIS_SERVER").map(PathBuf::from);
    let redis = named.unwrap_or_else(|| PathBuf::from("redis-server"));
    match version(&redis) {
        Some(_) => Ok(redis),
        None => Err("there is no redis-server here: run scripts/setup, or name one in \
                     TEST_REDIS_SERVER"
            .to_owned()),
    }
}

fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `mongod --version` begins with `db version v6.0.5`.
fn major_version(mongod: &Path) -> Option<u32> {
    let said = version(mongod)?;
    said.strip_prefix("db version v")?.split('.').next()?.parse().ok()
}
