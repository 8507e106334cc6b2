//! A store that no longer answers is noticed in time, and used again once it does.

mod support;

use adapter_mongodb::MongoStore;
use application::ports::{StoreProbe, UserRepository};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use support::Mongod;
use testkit::{RecordingBus, a_user};

#[tokio::test]
async fn a_server_that_stands_still_is_noticed_and_used_again_afterwards() {
    let server = Mongod::start_replica_set().await;
    let bus = Arc::new(RecordingBus::default());
    let store = MongoStore::open(&server.uri("replicaSet=rs0"), bus).await.expect("opens");
    store.check().await.expect("is well");
    store.insert(&a_user(1)).await.expect("answers").expect("is new");

    server.stand_still().await;
    let began = Instant::now();
    let error = store.check().await.expect_err("is not well");
    assert_eq!(error.port(), "store");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    store.find(a_user(1).id).await.expect_err("does not answer");
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());

    server.signal("CONT");
    let deadline = Instant::now() + Duration::from_secs(30);
    while store.check().await.is_err() {
        assert!(Instant::now() < deadline, "is not well again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(store.find(a_user(1).id).await.expect("answers"), Some(a_user(1)));
}

#[tokio::test]
async fn what_a_failure_says_quotes_nobody() {
    let server = Mongod::start_replica_set().await;
    let bus = Arc::new(RecordingBus::default());
    let store = MongoStore::open(&server.uri("replicaSet=rs0"), bus).await.expect("opens");
    let plain = mongodb::Client::with_uri_str(server.uri("replicaSet=rs0")).await;
    let sotto = plain.expect("a client").database("sotto");
    let strict = mongodb::bson::doc! {
        "collMod": "users", "validator": { "joined_at": { "$type": "string" } },
    };
    sotto.run_command(strict).await.expect("answers");
    let error = store.insert(&a_user(1)).await.expect_err("is refused");
    let told = format!("{error} {error:?}");
    assert!(told.contains("error 121"), "{told}");
    let user = a_user(1);
    for private in [user.email.as_str(), user.username.as_str(), "plain:password"] {
        assert!(!told.contains(private), "{told}");
    }
}
