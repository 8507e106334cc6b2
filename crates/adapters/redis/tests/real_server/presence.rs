//! Who is online on any instance.
use crate::{
    a_prefix,
    broadcast::{ann, bob},
    patient_link,
    proxy::Proxy,
    raw,
    server::OwnServer,
    until,
};
use adapter_crypto::OsEntropy;
use adapter_redis::{RedisLink, RedisPresence};
use application::ports::Presence;
use std::sync::Arc;
use testkit::{CountingEntropy, PresenceUnderTest, a_user};

fn presence(link: RedisLink) -> Arc<RedisPresence> {
    Arc::new(RedisPresence::start(link, &OsEntropy))
}

async fn open() -> PresenceUnderTest {
    let (url, prefix) = (servers::redis().await, a_prefix());
    let one = presence(patient_link(&url, &prefix).await);
    let other = presence(patient_link(&url, &prefix).await);
    PresenceUnderTest::shared(one, other)
}

testkit::presence_contract!(open().await);

#[tokio::test(flavor = "multi_thread")]
async fn more_people_than_go_into_one_call_are_listed() {
    let presence = open().await;
    let people: Vec<_> = (0..1_200).map(|n| a_user(n).id).collect();
    for user in people.iter().step_by(2) {
        presence.one.arrive(*user).await;
    }
    let online = presence.other.list_online(&people).await;
    assert_eq!(online, people.iter().copied().step_by(2).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_is_forgotten_within_a_minute() {
    let (url, prefix) = (servers::redis().await, a_prefix());
    presence(patient_link(&url, &prefix).await).arrive(ann()).await;
    let left: i64 = redis::cmd("PTTL")
        .arg(format!("{prefix}online:{}", ann()))
        .query_async(&mut raw(&url).await)
        .await
        .expect("answers");
    assert!((1..=45_000).contains(&left), "{left} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaving_that_redis_did_not_hear_of_does_not_hide_the_next_arrival() {
    let (url, prefix) = (servers::redis().await, a_prefix());
    // The same randomness gives the same name: to Redis, they are one instance.
    let named = async || {
        let link = patient_link(&url, &prefix).await;
        RedisPresence::start(link, &CountingEntropy::default())
    };
    let (before, after) = (named().await, named().await);
    assert!(before.arrive(ann()).await);
    assert!(after.arrive(ann()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_redis_everybody_is_there_again() {
    let mut server = OwnServer::start();
    let prefix = a_prefix();
    let one = presence(patient_link(&server.url(), &prefix).await);
    let link = patient_link(&server.url(), &prefix).await;
    let other = presence(link.clone());
    for user in [ann(), bob()] {
        assert!(one.arrive(user).await);
    }
    server.kill();
    until("it is noticed", async || !link.is_up()).await;
    assert_eq!(other.list_online(&[ann()]).await, [].into(), "it knows of nobody here");
    server.start_again();
    until("both are there", async || other.list_online(&[ann(), bob()]).await.len() == 2).await;
    assert!(!other.arrive(ann()).await, "she was there");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_cut_off_knows_its_own_and_tells_the_rest_when_it_is_back() {
    let server = OwnServer::start();
    let proxy = Proxy::to(server.port()).await;
    let prefix = a_prefix();
    let link = patient_link(&proxy.url(), &prefix).await;
    let cut_off = presence(link.clone());
    let other = presence(patient_link(&server.url(), &prefix).await);
    assert!(cut_off.arrive(ann()).await);
    assert_eq!(other.list_online(&[ann()]).await, [ann()].into());
    proxy.cut();
    until("it is noticed", async || !link.is_up()).await;
    assert!(cut_off.leave(ann()).await);
    assert!(cut_off.arrive(bob()).await);
    assert_eq!(cut_off.list_online(&[ann(), bob()]).await, [bob()].into());
    proxy.mend();
    until("the others hear of it", async || {
        other.list_online(&[ann(), bob()]).await == [bob()].into()
    })
    .await;
    assert!(other.arrive(ann()).await, "she had left");
}
