//! What is wrong at the start is said in a sentence; what is right works with users and TLS.
use crate::{
    Keys, a_prefix,
    broadcast::{ended, received},
    next, options, patient_link,
    server::{OwnServer, a_free_port},
};
use adapter_redis::{OpenError, RedisLink};
use application::ports::Broadcast;
use servers::Folder;
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

async fn refused(url: &str) -> OpenError {
    let began = Instant::now();
    let error = RedisLink::open(options(url, &a_prefix())).await.err().expect("is refused");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let sentence = error.to_string();
    assert!(!sentence.contains("s3cret") && !sentence.contains('\n'), "{sentence}");
    assert!(sentence.contains(": "), "says what to do: {sentence}");
    error
}

#[tokio::test]
async fn a_malformed_url_is_refused() {
    for url in [
        "",
        "127.0.0.1:6379",
        "http://127.0.0.1/",
        "unix:///run/redis.sock",
        "redis://",
        "redis://:s3cret@host:port/",
        "redis://:s3cret@host:70000/",
        "redis://:s3cret@host/first",
    ] {
        assert_eq!(refused(url).await, OpenError::Malformed, "{url}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_refused() {
    let closed = format!("redis://ann:s3cret@127.0.0.1:{}/", a_free_port());
    for url in [closed.as_str(), "redis://:s3cret@nobody.invalid/"] {
        assert!(matches!(refused(url).await, OpenError::Unreachable { .. }), "{url}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_or_speaks_something_else_is_refused() {
    for answer in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let url = a_server_that_says(answer).await;
        assert!(matches!(refused(&url).await, OpenError::Unreachable { .. }));
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let user = "--requirepass right --user ann on >s3cr3t ~* &* +@all";
    let server = OwnServer::with(&user.split(' ').collect::<Vec<_>>());
    let port = server.port();
    for user in ["", ":s3cret@", "ann:s3cret@", "eve:s3cret@"] {
        let error = refused(&format!("redis://{user}127.0.0.1:{port}/")).await;
        assert!(matches!(error, OpenError::WrongCredentials { .. }), "{user}: {error}");
    }
}

#[tokio::test]
async fn a_database_or_a_user_that_will_not_do_is_refused() {
    let user = "--user ann on >s3cret ~other:* &* +@all";
    let server = OwnServer::with(&user.split(' ').collect::<Vec<_>>());
    let error = refused(&format!("{}99", server.url())).await;
    assert!(matches!(error, OpenError::Refused { .. }), "{error}");
    let error = refused(&format!("redis://ann:s3cret@127.0.0.1:{}/", server.port())).await;
    assert!(matches!(error, OpenError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_server_of_an_old_version_is_refused() {
    let unknown = "-ERR unknown command `HELLO`, with args beginning with: `3`,\r\n";
    let old = "%2\r\n+server\r\n+redis\r\n+version\r\n+6.2.14\r\n";
    for answer in [unknown, old] {
        let url = a_server_that_says(answer.as_bytes()).await;
        let error = refused(&url).await;
        assert!(matches!(error, OpenError::TooOld { .. }), "{error}");
    }
}

/// Answers the greeting so, three times over: the client sends three commands at once.
async fn a_server_that_says(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let _ = client.write_all(&answer.repeat(3)).await;
                }
            });
        }
    });
    format!("redis://127.0.0.1:{port}/")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_do_just_what_is_needed_is_enough() {
    let prefix = a_prefix();
    let users = format!(
        "--user default off --user ann on >p@ss ~{prefix}* &{prefix}* \
         -@all +@connection +@read +@write +@pubsub +@scripting"
    );
    let server = OwnServer::with(&users.split(' ').collect::<Vec<_>>());
    let url = format!("redis://ann:p%40ss@127.0.0.1:{}/3", server.port());
    round_trip(&url, &prefix).await;
}

async fn round_trip(url: &str, prefix: &str) {
    let keys = Keys::new();
    let one = keys.broadcast(patient_link(url, prefix).await).await;
    let two = keys.broadcast(patient_link(url, prefix).await).await;
    one.publish(&ended(1));
    assert_eq!(next(&two).await, received(&ended(1)));
    patient_link(url, prefix).await.ping().await.expect("answers");
}

/// What the system trusts is the process's, so the round trip is made in one that trusts us.
#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_a_server_the_system_trusts_and_with_no_other() {
    let dir = Folder::new();
    make_certificates(dir.path());
    let ca = dir.join("ca.pem");
    let tls = [
        "--tls-cert-file",
        "server.pem",
        "--tls-key-file",
        "server.key",
        "--tls-ca-cert-file",
        "ca.pem",
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "right",
    ];
    let server = OwnServer::within(dir, &tls);
    let url = format!("rediss://:right@localhost:{}/", server.port());

    let in_child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "opening::a_round_trip_over_tls", "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", &ca)
        .env("TEST_REDISS_URL", &url)
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&in_child.stdout);
    assert!(in_child.status.success() && said.contains("1 passed"), "{said}");

    let error = refused(&url).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    let plain = format!("redis://:s3cret@localhost:{}/", server.port());
    assert!(matches!(refused(&plain).await, OpenError::Unreachable { .. }));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test before, in a process that trusts its certificate"]
async fn a_round_trip_over_tls() {
    let url = std::env::var("TEST_REDISS_URL").expect("given by the test that runs this one");
    round_trip(&url, &a_prefix()).await;
}

fn make_certificates(dir: &Path) {
    std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost\n").expect("writes");
    let steps = [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca \
         -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
         -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
         -extfile names -out server.pem",
    ];
    for step in steps {
        let made = Command::new("openssl")
            .args(step.split_whitespace())
            .current_dir(dir)
            .output()
            .expect("openssl is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}
