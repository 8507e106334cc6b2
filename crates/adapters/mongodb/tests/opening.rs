//! What is wrong with a MongoDB is told from outside, soon, with a remedy and without a secret.

mod support;

use adapter_mongodb::{MongoStore, OpenError, check_server, initiate_replica_set, settle_user};
use mongodb::bson::{Document, doc};
use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
    time::{Duration, Instant},
};
use support::{Mongod, TestDatabase, a_free_port};
use testkit::RecordingBus;

const PASSWORD: &str = "s3cret-of-ann";

async fn open(uri: &str) -> Result<MongoStore, OpenError> {
    MongoStore::open(uri, Arc::new(RecordingBus::default())).await
}

/// Why it can't be opened; the commands' own look at it comes to the same.
async fn refusal(uri: &str) -> OpenError {
    let began = Instant::now();
    let (opened, checked) = tokio::join!(open(uri), check_server(uri));
    let error = opened.err().expect("refuses");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: {error}", began.elapsed());
    let said = format!("{error} {error:?}");
    assert!(!said.contains(PASSWORD), "{said}");
    assert_eq!(checked.expect_err("refuses").to_string(), error.to_string());
    error
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let host = format!("127.0.0.1:{}", a_free_port());
    let error = refusal(&format!("mongodb://ann:{PASSWORD}@{host}/?replicaSet=rs0")).await;
    assert!(matches!(&error, OpenError::Unreachable { hosts } if *hosts == host), "{error}");
    let initiated = initiate_replica_set(&format!("mongodb://{host}"), "rs0", Some(&host)).await;
    assert!(matches!(initiated, Err(OpenError::Unreachable { .. })), "{initiated:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_unreachable() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = silent.local_addr().expect("an address");
    let error = refusal(&format!("mongodb://ann:{PASSWORD}@{host}/")).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_connection_string_that_cannot_be_read_is_not_quoted() {
    for uri in [
        format!("mongodb://ann:{PASSWORD}/x@127.0.0.1/"),
        format!("mongodb://ann:{PASSWORD}@127.0.0.1/?maxPoolSize={PASSWORD}"),
    ] {
        let error = refusal(&uri).await;
        assert!(matches!(error, OpenError::Malformed { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_would_weaken_durability_is_refused_before_anybody_is_asked() {
    let uri = format!("mongodb://ann:{PASSWORD}@127.0.0.1:{}/", a_free_port());
    for (weak, named) in [
        ("w=1", "w"),
        ("journal=false", "journal"),
        ("readConcernLevel=local", "readConcernLevel"),
        ("readPreference=secondary", "readPreference"),
    ] {
        let error = refusal(&format!("{uri}?{weak}")).await;
        assert!(matches!(error, OpenError::Weakened { option } if option == named), "{error}");
    }
}

#[tokio::test]
async fn a_server_by_itself_is_refused() {
    let server = Mongod::start(&[]).await;
    for options in ["", "replicaSet=rs0", "directConnection=true"] {
        let error = refusal(&server.uri(options)).await;
        assert!(matches!(error, OpenError::NotAReplicaSet { .. }), "{options}: {error}");
    }
    let member = format!("127.0.0.1:{}", server.port);
    let initiated = initiate_replica_set(&server.uri(""), "rs0", Some(&member)).await;
    assert!(matches!(initiated, Err(OpenError::NotAReplicaSet { .. })), "{initiated:?}");
}

#[tokio::test]
async fn a_replica_set_is_initiated_once_however_often_it_is_asked_for() {
    let server = Mongod::start(&["--replSet", "rs0"]).await;
    let uri = server.uri("replicaSet=rs0");
    for options in ["", "replicaSet=rs0", "directConnection=true"] {
        let error = refusal(&server.uri(options)).await;
        assert!(matches!(error, OpenError::NotInitiated { .. }), "{options}: {error}");
    }
    let member = format!("127.0.0.1:{}", server.port);
    let all = tokio::join!(
        initiate_replica_set(&uri, "rs0", Some(&member)),
        initiate_replica_set(&uri, "rs0", Some(&member)),
    );
    assert!(matches!(all, (Ok(()), Ok(()))), "{all:?}");
    initiate_replica_set(&uri, "rs0", Some(&member)).await.expect("it is there already");
    check_server(&uri).await.expect("is well");
    open(&uri).await.map(|_| ()).expect("opens");

    let error = refusal(&server.uri("replicaSet=another")).await;
    let named = matches!(&error, OpenError::AnotherReplicaSet { found, .. } if found == "rs0");
    assert!(named, "{error}");
}

#[tokio::test]
async fn a_replica_set_without_a_primary_is_refused() {
    let server = Mongod::start_replica_set().await;
    let client = mongodb::Client::with_uri_str(server.uri("directConnection=true")).await;
    let admin = client.expect("a client").database("admin");
    let step_down = doc! { "replSetStepDown": 60, "secondaryCatchUpPeriodSecs": 0, "force": true };
    admin.run_command(step_down).await.expect("steps down");
    for options in ["replicaSet=rs0", "directConnection=true"] {
        let error = refusal(&server.uri(options)).await;
        assert!(matches!(error, OpenError::NoPrimary { .. }), "{options}: {error}");
    }
}

#[tokio::test]
async fn only_the_right_user_with_the_right_password_gets_in() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = keys.path().join("key");
    std::fs::write(&key, "aKeyForTheMembersAlone").expect("writes");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("sets");
    let key = key.to_str().expect("a path");
    let server = Mongod::start(&["--replSet", "rs0", "--auth", "--keyFile", key]).await;
    let host = format!("127.0.0.1:{}", server.port);
    initiate_replica_set(&server.uri(""), "rs0", Some(&host)).await.expect("initiates");
    let root = doc! { "createUser": "root", "pwd": PASSWORD, "roles": ["root"] };
    let client = mongodb::Client::with_uri_str(server.uri("replicaSet=rs0")).await;
    client.expect("a client").database("admin").run_command(root).await.expect("creates");
    let root = format!("mongodb://root:{PASSWORD}@{host}/?authSource=admin&directConnection=true");

    let with = |credentials: &str, database: &str| {
        format!("mongodb://{credentials}{host}/{database}?replicaSet=rs0&authSource=admin")
    };
    let ann = with(&format!("ann:{PASSWORD}@"), "sotto");
    settle_user(&root, &with("ann:old@", "sotto")).await.expect("makes");
    for _ in 0..2 {
        settle_user(&root, &ann).await.expect("changes");
    }
    open(&ann).await.map(|_| ()).expect("opens");
    let allowed = settle_user(&ann, &ann).await.expect_err("ann may not");
    assert!(matches!(allowed, OpenError::NotAllowed { .. }), "{allowed}");
    for wrong in [format!("ann:not-{PASSWORD}@"), format!("bob:{PASSWORD}@")] {
        let error = refusal(&with(&wrong, "sotto")).await;
        assert!(matches!(error, OpenError::WrongCredentials { .. }), "{error}");
    }
    let elsewhere = refusal(&with(&format!("ann:{PASSWORD}@"), "private")).await;
    let named = matches!(&elsewhere, OpenError::NotAllowed { database } if database == "private");
    assert!(named, "{elsewhere}");
    let nobody = refusal(&server.uri("replicaSet=rs0")).await;
    assert!(matches!(nobody, OpenError::NotAllowed { .. }), "{nobody}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_instances_may_open_a_new_database_at_once() {
    let database = TestDatabase::fresh().await;
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let uri = database.uri.clone();
            tokio::spawn(async move { open(&uri).await.map(|_| ()) })
        })
        .collect();
    for opened in opening {
        opened.await.expect("no panic").expect("opens");
    }
    let names = database.connect().await.collection::<Document>("users").list_index_names().await;
    assert_eq!(names.expect("answers").len(), 5);
}

#[tokio::test]
async fn an_older_program_works_until_the_schema_is_one_it_cannot_read() {
    let database = TestDatabase::fresh().await;
    open(&database.uri).await.map(|_| ()).expect("opens");
    let schema = database.connect().await.collection::<Document>("schema");
    let newer = doc! { "$set": { "version": 9_i64 } };
    schema.update_one(doc! {}, newer).await.expect("answers");
    open(&database.uri).await.map(|_| ()).expect("still opens");
    let kept = schema.find_one(doc! {}).await.expect("answers").expect("is there");
    assert_eq!(kept.get_i64("version").ok(), Some(9));

    let closed = doc! { "$set": { "readable_from": 8_i64 } };
    schema.update_one(doc! {}, closed).await.expect("answers");
    let error = refusal(&database.uri).await;
    let told = matches!(error, OpenError::NewerSchema { version: 9, readable_from: 8, known: 3 });
    assert!(told, "{error}");
}
