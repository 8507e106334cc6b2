//! Servers of a test's own, to be killed and halted.
use mongodb::{
    Client,
    bson::{Document, doc},
};
use redis::TlsCertificates;
use servers::{Mongod, Redis};
use std::time::Duration;

async fn client(uri: &str) -> Client {
    let separator = if uri.contains('?') { '&' } else { '?' };
    let uri = format!("{uri}{separator}serverSelectionTimeoutMS=5000");
    Client::with_uri_str(uri).await.expect("a client")
}

#[tokio::test]
async fn a_killed_mongod_comes_back_on_its_port_with_what_it_acknowledged() {
    let mut mongod = Mongod::start().await;
    let client = client(&mongod.uri()).await;
    let notes = client.database("test").collection::<Document>("notes");
    notes.insert_one(doc! { "_id": 1 }).await.unwrap();
    let (address, pid) = (mongod.address(), mongod.pid());

    mongod.kill();
    assert!(std::net::TcpStream::connect(&address).is_err(), "it is gone");
    mongod.restart().await;

    assert_eq!(mongod.address(), address);
    assert_ne!(mongod.pid(), pid);
    notes.insert_one(doc! { "_id": 2 }).await.expect("primary again");
    assert_eq!(notes.count_documents(doc! {}).await.unwrap(), 2);
}

#[tokio::test]
async fn a_secured_mongod_refuses_whoever_has_no_password_also_after_a_restart() {
    let mut mongod = Mongod::start_secured("a-password").await;
    mongod.restart().await;

    let known = client(&mongod.uri()).await;
    known.database("test").collection("notes").insert_one(doc! { "_id": 1 }).await.unwrap();
    let stranger = client(&format!("mongodb://{}/?directConnection=true", mongod.address())).await;
    let refused = stranger.database("test").collection("notes").insert_one(doc! { "_id": 2 }).await;
    assert!(refused.unwrap_err().to_string().contains("requires authentication"));
}

#[tokio::test]
async fn a_dropped_server_leaves_no_folder() {
    let (mongod, redis) = (Mongod::start().await, Redis::start().await);
    let folders = [mongod.data_dir(), redis.data_dir()];
    assert!(folders.iter().all(|folder| folder.exists()));

    drop((mongod, redis));

    assert!(!folders.iter().any(|folder| folder.exists()));
}

#[tokio::test]
async fn a_halted_redis_answers_nobody_until_it_goes_on() {
    let mut redis = Redis::start().await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut ping = async || -> bool {
        let ping = redis::cmd("PING");
        let answer = ping.query_async::<String>(&mut connection);
        tokio::time::timeout(Duration::from_millis(300), answer).await.is_ok()
    };

    assert!(ping().await);
    redis.halt();
    assert!(!ping().await);
    redis.go_on();
    assert!(ping().await);

    let address = redis.address();
    redis.kill();
    assert!(std::net::TcpStream::connect(&address).is_err(), "it is gone");
    redis.restart().await;
    assert_eq!(redis.address(), address);
    let connection = client.get_multiplexed_async_connection().await;
    connection.expect("it answers again");
}

#[tokio::test]
async fn a_redis_with_tls_is_told_by_its_certificate_and_asks_for_the_password() {
    let redis = Redis::start_with_tls("a-password").await;
    assert!(redis.url().starts_with("rediss://"));
    let ping = async |url: &str, certificate: Option<Vec<u8>>| {
        let trusted = TlsCertificates { client_tls: None, root_cert: certificate };
        let client = redis::Client::build_with_tls(url, trusted)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await
    };
    let certificate = std::fs::read(redis.certificate()).unwrap();

    assert_eq!(ping(&redis.url(), Some(certificate.clone())).await.unwrap(), "PONG");
    ping(&redis.url(), None).await.expect_err("nobody trusts it unasked");
    let without = format!("rediss://{}/", redis.address());
    ping(&without, Some(certificate)).await.expect_err("it asks for the password");
}
