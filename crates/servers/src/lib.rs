//! Real servers for tests.
//!
//! Each test program uses one server of a kind and, in it, a database or a key prefix of its own for
//! each test.

/// A connection string to a MongoDB replica set, with a database name that no other test uses.
///
/// # Panics
/// If no server can be had: a test that needs one must not pass without.
#[expect(clippy::unused_async, reason = "having a server takes a while, on some machines")]
pub async fn mongodb() -> String {
    let uri = std::env::var("TEST_MONGODB_URI").expect("TEST_MONGODB_URI names a server");
    let (server, options) = uri.split_once('?').unwrap_or((&uri, ""));
    let name = uuid::Uuid::new_v4().simple();
    format!("{}/test_{name}?{options}", server.trim_end_matches('/'))
}

/// A connection string to a Redis server that other tests use, too: keep to keys of your own.
///
/// # Panics
/// If no server can be had: a test that needs one must not pass without.
#[expect(clippy::unused_async, reason = "having a server takes a while, on some machines")]
pub async fn redis() -> String {
    std::env::var("TEST_REDIS_URL").expect("TEST_REDIS_URL names a server")
}
