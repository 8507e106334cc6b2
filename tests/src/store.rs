//! What the servers of the journeys keep everything in: `TEST_STORE` says `embedded` (as does its
//! absence) or `mongodb`, which comes with Redis.
use crate::deployment::sealing_keys;
use std::thread;

/// The settings that put a server on the store that is asked for, with a database of its own.
pub fn settings() -> Vec<(String, String)> {
    let store = std::env::var("TEST_STORE").unwrap_or_default();
    match &*store {
        "" | "embedded" => Vec::new(),
        "mongodb" => on_mongodb(),
        other => panic!("TEST_STORE is {other}: say embedded or mongodb"),
    }
}

fn on_mongodb() -> Vec<(String, String)> {
    // Whoever starts a server may be within a runtime, which must not be blocked on.
    let (mongodb, redis) = thread::spawn(find_servers).join().expect("MongoDB and Redis");
    [
        ("SOTTO_MONGODB_URI", mongodb),
        ("SOTTO_REDIS_URL", redis),
        ("SOTTO_ENCRYPTION_KEYS", sealing_keys()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn find_servers() -> (String, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let found = async { tokio::join!(servers::mongodb(), servers::redis()) };
    runtime.expect("a runtime").block_on(found)
}
