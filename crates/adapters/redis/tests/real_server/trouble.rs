//! Redis going, hanging, forgetting and coming back, under everything at once.
use crate::{
    Keys, a_prefix,
    broadcast::{ann, bob, ended, received, typing},
    link, next,
    proxy::Proxy,
    raw,
    server::OwnServer,
    until,
};
use adapter_local::{LocalRateLimiter, SystemClock};
use adapter_redis::{
    CachedSessionRepository, RedisBroadcast, RedisLink, RedisPresence, RedisRateLimiter,
};
use adapter_sqlite::SqliteStore;
use application::ports::{Broadcast, LimitKey, Presence, RateLimiter, Received, SessionRepository};
use domain::{TimeDelta, event::ChatEvent, id::UserId, throttle::Quota};
use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::{RecordingBus, a_session, a_user};

/// Hears whatever comes until an event of this number: there may be any number of losses before it.
async fn losses_before(broadcast: &RedisBroadcast, last: u32) -> Vec<Received> {
    let mut losses = Vec::new();
    loop {
        match next(broadcast).await {
            Received::Event(event) if *event == ended(last) => return losses,
            Received::Event(event) => panic!("late by now: {event:?}"),
            loss => losses.push(loss),
        }
    }
}

/// Publishes one event after another until the other hears one: whether it was told of a loss
/// before.
async fn is_told_of_a_loss(from: &RedisBroadcast, to: &RedisBroadcast) -> bool {
    until("both are connected", async || from.is_connected() && to.is_connected()).await;
    let mut told = false;
    loop {
        from.publish(&ended(99));
        match next(to).await {
            Received::Event(event) if *event == ended(99) => return told,
            // Redis had taken it before it was given up.
            Received::Event(_) => {}
            Received::Lost | Received::LostFor(_) => told = true,
        }
    }
}

async fn pair(url: &str) -> (RedisBroadcast, RedisBroadcast) {
    let (prefix, keys) = (a_prefix(), Keys::new());
    let one = keys.broadcast(link(url, &prefix).await).await;
    let two = keys.broadcast(link(url, &prefix).await).await;
    (one, two)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_redis_cuts_is_a_loss_and_is_made_again() {
    let server = OwnServer::start();
    let (one, two) = pair(&server.url()).await;
    let mut raw = raw(&server.url()).await;
    for _ in 0..3 {
        let mut kill = redis::cmd("CLIENT");
        let killed: u32 =
            kill.arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut raw).await.expect("kills");
        assert_eq!(killed, 2);
        assert_eq!(next(&two).await, Received::Lost);
        assert_eq!(next(&one).await, Received::Lost);
        one.publish(&ended(7));
        assert_eq!(losses_before(&two, 7).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_started_again_costs_a_loss_and_nothing_else() {
    let mut server = OwnServer::start();
    let (one, two) = pair(&server.url()).await;
    one.publish(&ended(1));
    assert_eq!(next(&two).await, received(&ended(1)));
    server.kill();
    until("it is noticed", async || !one.is_connected() && !two.is_connected()).await;
    let began = Instant::now();
    for n in 0..20_000 {
        one.publish(&ended(n));
    }
    eprintln!("20,000 events offered to no Redis: {:?}", began.elapsed());
    server.start_again();
    assert!(is_told_of_a_loss(&one, &two).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_what_can_not_leave_ends_by_itself() {
    let server = OwnServer::start();
    let proxy = Proxy::to(server.port()).await;
    let cut_off = Keys::new().broadcast(link(&proxy.url(), &a_prefix()).await).await;
    proxy.cut();
    until("it is noticed", async || !cut_off.is_connected()).await;
    cut_off.publish(&ended(1));
    tokio::time::timeout(crate::PATIENCE, cut_off.flush()).await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_instance_alone_could_not_send_is_told_to_the_others_by_its_people() {
    let server = OwnServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (prefix, keys) = (a_prefix(), Keys::new());
    let cut_off = keys.broadcast(link(&proxy.url(), &prefix).await).await;
    let other = keys.broadcast(link(&server.url(), &prefix).await).await;
    let third = keys.broadcast(link(&server.url(), &prefix).await).await;
    cut_off.publish(&ended(1));
    assert_eq!(next(&other).await, received(&ended(1)));
    assert_eq!(next(&third).await, received(&ended(1)));

    proxy.cut();
    until("it is noticed", async || !cut_off.is_connected()).await;
    cut_off.publish(&ended(3));
    cut_off.publish(&typing());
    cut_off.publish(&ended(4));
    other.publish(&ended(5));
    assert_eq!(next(&third).await, received(&ended(5)), "the others go on");
    proxy.mend();

    assert_eq!(lost_for(next(&third).await), people([3, 4]));
    assert_eq!(lost_for(next(&other).await), people([3, 4]));
    assert_eq!(next(&cut_off).await, Received::Lost);
    until("all is well", async || cut_off.is_connected()).await;
    cut_off.publish(&ended(6));
    assert_eq!(next(&other).await, received(&ended(6)));
    other.publish(&ended(7));
    assert_eq!(next(&cut_off).await, received(&ended(7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_when_it_was_given_up_is_told_by_its_people_alone() {
    let server = OwnServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (prefix, keys) = (a_prefix(), Keys::new());
    let one = keys.broadcast(link(&proxy.url(), &prefix).await).await;
    let other = keys.broadcast(link(&server.url(), &prefix).await).await;
    one.publish(&ended(1));
    assert_eq!(next(&other).await, received(&ended(1)));
    proxy.freeze();
    one.publish(&ended(2));
    assert_eq!(lost_for(next(&other).await), people([2]));
    one.publish(&ended(3));
    assert_eq!(next(&other).await, received(&ended(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_falls_silent_is_made_again() {
    let server = OwnServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (prefix, keys) = (a_prefix(), Keys::new());
    let one = keys.broadcast(link(&proxy.url(), &prefix).await).await;
    let two = keys.broadcast(link(&server.url(), &prefix).await).await;
    two.publish(&ended(1));
    assert_eq!(next(&one).await, received(&ended(1)));
    let began = Instant::now();
    proxy.freeze();
    two.publish(&ended(2));
    assert_eq!(next(&one).await, Received::Lost);
    eprintln!("a silent subscription was noticed after {:?}", began.elapsed());
    two.publish(&ended(3));
    assert_eq!(losses_before(&one, 3).await, []);
}

fn people<const N: usize>(numbers: [u32; N]) -> HashSet<UserId> {
    numbers.map(|n| a_user(n).id).into()
}

fn lost_for(received: Received) -> HashSet<UserId> {
    match received {
        Received::LostFor(users) => users.into_iter().collect(),
        other => panic!("for some people: {other:?}"),
    }
}

/// Everything that stands on one link.
struct Everything {
    link: RedisLink,
    broadcast: RedisBroadcast,
    limiter: RedisRateLimiter,
    sessions: CachedSessionRepository,
    presence: RedisPresence,
}

impl Everything {
    async fn on(url: &str) -> Self {
        let (link, keys) = (link(url, &a_prefix()).await, Keys::new());
        let clock = Arc::new(SystemClock);
        let alone = Arc::new(LocalRateLimiter::new(clock.clone()));
        let store = SqliteStore::in_memory(Arc::new(RecordingBus::default())).expect("opens");
        let session = a_session(1, ann());
        store.insert(&session).await.expect("stores");
        let sealer = keys.sealer.clone();
        Self {
            broadcast: keys.broadcast(link.clone()).await,
            limiter: RedisRateLimiter::new(link.clone(), keys.digester, alone),
            sessions: CachedSessionRepository::new(Arc::new(store), link.clone(), sealer, clock),
            presence: RedisPresence::start(link.clone(), &adapter_crypto::OsEntropy),
            link,
        }
    }

    /// Does each thing once; how long the longest took.
    async fn longest_call(&self, n: u32) -> Duration {
        let key = LimitKey { name: "test", subject: n.to_string() };
        let quota = Quota::new(1_000, TimeDelta::seconds(1));
        let limit = timed(self.limiter.admit(key, quota)).await;
        assert!(limit.1.is_ok());
        let session = timed(self.sessions.find_by_token(&a_session(1, ann()).token)).await;
        assert!(session.1.expect("answers").is_some(), "still signed in");
        let arrive = timed(self.presence.arrive(bob())).await;
        let leave = timed(self.presence.leave(bob())).await;
        let event: ChatEvent = ended(n);
        let publish = timed(async { self.broadcast.publish(&event) }).await;
        let ping = timed(self.link.ping()).await;
        let all = [limit.0, session.0, arrive.0, leave.0, publish.0, ping.0];
        all.into_iter().max().expect("some")
    }
}

async fn timed<T>(call: impl Future<Output = T>) -> (Duration, T) {
    let began = Instant::now();
    let result = call.await;
    (began.elapsed(), result)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_keeps_nobody_waiting_and_is_taken_up_again() {
    let server = OwnServer::start();
    let all = Everything::on(&server.url()).await;
    all.longest_call(0).await;
    server.stop();
    let began = Instant::now();
    let (mut longest, mut calls, mut slow) = (Duration::ZERO, 0, 0);
    while began.elapsed() < Duration::from_secs(5) {
        let took = all.longest_call(calls).await;
        slow += u32::from(took > Duration::from_millis(50));
        longest = longest.max(took);
        calls += 6;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    eprintln!("{calls} calls while Redis hung, {slow} rounds over 50 ms, the longest {longest:?}");
    // 300 ms is the limit; the rest is for a machine with much else to do.
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert!(!all.link.is_up());
    server.go_on();
    until("Redis is taken up again", async || all.link.ping().await.is_ok()).await;
    all.longest_call(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_lived_through_a_hang_hears_each_other_again() {
    let server = OwnServer::start();
    let (one, two) = pair(&server.url()).await;
    server.stop();
    one.publish(&ended(1));
    until("it is noticed", async || !one.is_connected()).await;
    one.publish(&ended(2));
    server.go_on();
    assert!(is_told_of_a_loss(&one, &two).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_forgets_everything_harms_nobody() {
    let server = OwnServer::start();
    let all = Everything::on(&server.url()).await;
    let mut raw = raw(&server.url()).await;
    for n in 0..20 {
        all.longest_call(n).await;
        redis::cmd("FLUSHALL").query_async::<()>(&mut raw).await.expect("flushes");
    }
    redis::cmd("SCRIPT").arg("FLUSH").query_async::<()>(&mut raw).await.expect("flushes");
    all.longest_call(20).await;
    assert!(all.link.is_up());
}
