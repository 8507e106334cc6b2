//! Shared rate limits.
use crate::{
    Keys, a_prefix, broadcast::contains, patient_link, proxy::Proxy, raw, server::OwnServer, until,
};
use adapter_local::{LocalRateLimiter, SystemClock, UnlimitedRateLimiter};
use adapter_redis::{RedisLink, RedisRateLimiter};
use application::ports::{LimitKey, RateLimiter};
use domain::{TimeDelta, throttle::Quota};
use std::sync::Arc;
use testkit::FixedClock;
use tokio::task::JoinSet;

const QUOTA: Quota = Quota::new(5, TimeDelta::hours(1));

fn key(subject: &str) -> LimitKey {
    LimitKey { name: "test", subject: subject.to_owned() }
}

fn limiter(link: RedisLink, keys: &Keys) -> Arc<RedisRateLimiter> {
    let alone = Arc::new(LocalRateLimiter::new(Arc::new(FixedClock::default())));
    Arc::new(RedisRateLimiter::new(link, keys.digester.clone(), alone))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_events_that_race_on_two_instances_no_more_pass_than_the_quota() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let both = [
        limiter(patient_link(&url, &prefix).await, &keys),
        limiter(patient_link(&url, &prefix).await, &keys),
    ];
    for subject in ["ann", "bob"] {
        let mut all = JoinSet::new();
        for n in 0..200 {
            let limiter = both[n % 2].clone();
            all.spawn(async move { limiter.admit(key(subject), QUOTA).await });
        }
        let (admitted, refused): (Vec<_>, Vec<_>) =
            all.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!(admitted.len(), 5);
        for throttled in refused {
            let wait = throttled.expect_err("refused").retry_after;
            assert!(TimeDelta::minutes(50) < wait && wait <= TimeDelta::hours(1), "{wait}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_instance_forgets_is_forgotten_on_all() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let one = limiter(patient_link(&url, &prefix).await, &keys);
    let other = limiter(patient_link(&url, &prefix).await, &keys);
    for name in ["ann", "bob"] {
        while one.admit(key(name), QUOTA).await.is_ok() {}
    }
    other.forget(key("ann")).await;
    assert!(one.admit(key("ann"), QUOTA).await.is_ok());
    assert!(one.admit(key("bob"), QUOTA).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_comes_back_by_redis_own_clock_and_leaves_no_key() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let limiter = limiter(patient_link(&url, &prefix).await, &keys);
    let quick = Quota::new(1, TimeDelta::milliseconds(300));
    assert!(limiter.admit(key("ann"), quick).await.is_ok());
    until("it comes back", async || limiter.admit(key("ann"), quick).await.is_ok()).await;
    let raw = raw(&url).await;
    until("the key is gone", async || {
        let mut raw = raw.clone();
        let mut keys = redis::cmd("KEYS");
        let keys: Vec<String> =
            keys.arg(format!("{prefix}*")).query_async(&mut raw).await.expect("lists");
        keys.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_limit_is_for_does_not_show_in_redis() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let limiter = limiter(patient_link(&url, &prefix).await, &keys);
    assert!(limiter.admit(key("ann@example.com"), QUOTA).await.is_ok());
    let names: Vec<Vec<u8>> = redis::cmd("KEYS")
        .arg(format!("{prefix}limit:*"))
        .query_async(&mut raw(&url).await)
        .await
        .expect("lists");
    let [name] = names.as_slice() else { panic!("one key") };
    assert!(
        contains(name, b"limit:test:") && !contains(name, b"ann") && !contains(name, b"example")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_an_instance_counts_by_itself() {
    let server = OwnServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (prefix, keys) = (a_prefix(), Keys::new());
    let link = patient_link(&proxy.url(), &prefix).await;
    let clock = Arc::new(SystemClock);
    let alone = Arc::new(LocalRateLimiter::new(clock));
    let limiter = RedisRateLimiter::new(link.clone(), keys.digester.clone(), alone);
    for _ in 0..5 {
        assert!(limiter.admit(key("ann"), QUOTA).await.is_ok());
    }
    assert!(limiter.admit(key("ann"), QUOTA).await.is_err());
    proxy.cut();
    until("it is noticed", async || !link.is_up()).await;
    for _ in 0..5 {
        assert!(limiter.admit(key("ann"), QUOTA).await.is_ok());
    }
    assert!(limiter.admit(key("ann"), QUOTA).await.is_err(), "bounded here as well");
    proxy.mend();
    until("it is back", async || link.is_up()).await;
    assert!(limiter.admit(key("ann"), QUOTA).await.is_err(), "Redis remembers");

    let open = RedisRateLimiter::new(link, keys.digester, Arc::new(UnlimitedRateLimiter));
    assert!(open.admit(key("ann"), QUOTA).await.is_err(), "asked only where Redis is gone");
}
