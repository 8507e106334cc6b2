//! The session cache.
use crate::{
    Keys, a_prefix, broadcast::ann, broadcast::contains, link, patient_link, proxy::Proxy, raw,
    server::OwnServer, until,
};
use adapter_redis::{CachedSessionRepository, RedisLink};
use adapter_sqlite::SqliteStore;
use application::ports::{SessionRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    TimeDelta, Timestamp,
    id::{SessionId, UserId},
    session::Session,
    token::TokenDigest,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};
use testkit::{FixedClock, RecordingBus, StoreUnderTest, a_session, later};
use tokio::{sync::Notify, task::JoinSet};

fn a_store() -> Arc<SqliteStore> {
    Arc::new(SqliteStore::in_memory(Arc::new(RecordingBus::default())).expect("opens"))
}

fn session(n: u32) -> Session {
    a_session(n, ann())
}

fn cache(
    store: Arc<dyn SessionRepository>,
    link: RedisLink,
    keys: &Keys,
    clock: &Arc<FixedClock>,
) -> Arc<CachedSessionRepository> {
    let sealer = keys.sealer.clone();
    Arc::new(CachedSessionRepository::new(store, link, sealer, clock.clone()))
}

async fn found(cache: &CachedSessionRepository, n: u32) -> Option<Session> {
    cache.find_by_token(&session(n).token).await.expect("answers")
}

/// Knows every session, removes none, and counts how often it is asked by token.
#[derive(Default)]
struct CountingStore {
    asked: AtomicU32,
}

impl CountingStore {
    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl SessionRepository for CountingStore {
    async fn insert(&self, _session: &Session) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn find(&self, _id: SessionId) -> Result<Option<Session>, Unavailable> {
        Ok(Some(session(1)))
    }

    async fn find_by_token(&self, _token: &TokenDigest) -> Result<Option<Session>, Unavailable> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(Some(session(1)))
    }

    async fn touch(&self, _id: SessionId, _used_at: Timestamp) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn remove(&self, _id: SessionId) -> Result<(), Unavailable> {
        Err(Unavailable::of("store", std::fmt::Error))
    }

    async fn list_by_user(&self, _user: UserId) -> Result<Vec<Session>, Unavailable> {
        Ok(vec![session(1)])
    }

    async fn remove_by_user(
        &self,
        _user: UserId,
        _keep: Option<SessionId>,
    ) -> Result<Vec<SessionId>, Unavailable> {
        Ok(Vec::new())
    }

    async fn remove_stale(
        &self,
        _used_before: Timestamp,
        _begun_before: Timestamp,
    ) -> Result<(), Unavailable> {
        Ok(())
    }
}

/// Reads another store, and keeps what it read to itself until it may go on.
struct HesitantStore {
    store: Arc<SqliteStore>,
    has_read: Notify,
    may_go_on: Notify,
}

#[async_trait]
impl SessionRepository for HesitantStore {
    async fn insert(&self, session: &Session) -> Result<(), Unavailable> {
        self.store.insert(session).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, Unavailable> {
        self.store.find(id).await
    }

    async fn find_by_token(&self, token: &TokenDigest) -> Result<Option<Session>, Unavailable> {
        let found = self.store.find_by_token(token).await;
        self.has_read.notify_one();
        self.may_go_on.notified().await;
        found
    }

    async fn touch(&self, id: SessionId, used_at: Timestamp) -> Result<(), Unavailable> {
        self.store.touch(id, used_at).await
    }

    async fn remove(&self, id: SessionId) -> Result<(), Unavailable> {
        self.store.remove(id).await
    }

    async fn list_by_user(&self, user: UserId) -> Result<Vec<Session>, Unavailable> {
        self.store.list_by_user(user).await
    }

    async fn remove_by_user(
        &self,
        user: UserId,
        keep: Option<SessionId>,
    ) -> Result<Vec<SessionId>, Unavailable> {
        self.store.remove_by_user(user, keep).await
    }

    async fn remove_stale(
        &self,
        used_before: Timestamp,
        begun_before: Timestamp,
    ) -> Result<(), Unavailable> {
        self.store.remove_stale(used_before, begun_before).await
    }
}

async fn open() -> StoreUnderTest {
    let bus = Arc::new(RecordingBus::default());
    let store = Arc::new(SqliteStore::in_memory(bus.clone()).expect("opens"));
    let link = patient_link(&servers::redis().await, &a_prefix()).await;
    let cached = cache(store.clone(), link, &Keys::new(), &Arc::default());
    let mut under_test = StoreUnderTest::new(store, bus, ());
    under_test.sessions = cached;
    under_test
}

testkit::contract_cases! { open().await;
    sessions {
        a_session_is_found_by_id_and_token
        use_is_noted
        touching_never_brings_back_a_session
        touching_and_removing_may_race
        a_removed_session_is_gone
        stale_sessions_are_forgotten
        sessions_of_a_person_are_listed_with_the_one_used_last_first
        all_sessions_of_a_person_end_but_the_one_to_keep
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_asked_once_in_a_while() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let (store, clock) = (Arc::new(CountingStore::default()), Arc::default());
    let one = cache(store.clone(), patient_link(&url, &prefix).await, &keys, &clock);
    let two = cache(store.clone(), patient_link(&url, &prefix).await, &keys, &clock);
    for _ in 0..10 {
        assert_eq!(found(&one, 1).await, Some(session(1)));
        assert_eq!(found(&two, 1).await, Some(session(1)));
    }
    assert_eq!(store.asked(), 1);
    clock.advance(TimeDelta::seconds(20));
    assert_eq!(found(&two, 1).await, Some(session(1)));
    assert_eq!(found(&one, 1).await, Some(session(1)));
    assert_eq!(store.asked(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_who_reads_meanwhile_brings_a_removed_session_back() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let (store, clock) = (a_store(), Arc::default());
    let one = cache(store.clone(), patient_link(&url, &prefix).await, &keys, &clock);
    let two = cache(store.clone(), patient_link(&url, &prefix).await, &keys, &clock);
    for n in 0..150 {
        store.insert(&session(n)).await.expect("stores");
        let (over, mut readers) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for reader in 0..4 {
            let (cache, over) = ([&one, &two][reader % 2].clone(), over.clone());
            readers.spawn(async move {
                while !over.load(Ordering::Acquire) {
                    found(&cache, n).await;
                }
            });
        }
        if n % 3 == 0 {
            tokio::task::yield_now().await;
        } else {
            found(&two, n).await;
        }
        one.remove(session(n).id).await.expect("removes");
        for _ in 0..3 {
            assert_eq!(found(&one, n).await, None, "round {n}");
            assert_eq!(found(&two, n).await, None, "round {n}");
        }
        over.store(true, Ordering::Release);
        readers.join_all().await;
        assert_eq!(found(&two, n).await, None, "round {n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_the_store_before_a_removal_does_not_undo_it_after() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let (store, clock) = (a_store(), Arc::default());
    let (has_read, may_go_on) = (Notify::new(), Notify::new());
    let slow = Arc::new(HesitantStore { store: store.clone(), has_read, may_go_on });
    let hesitant = cache(slow.clone(), patient_link(&url, &prefix).await, &keys, &clock);
    let other = cache(store.clone(), patient_link(&url, &prefix).await, &keys, &clock);
    store.insert(&session(1)).await.expect("stores");

    let reading = tokio::spawn(async move { found(&hesitant, 1).await });
    slow.has_read.notified().await;
    other.remove(session(1).id).await.expect("removes");
    other.touch(session(1).id, later(1)).await.expect("changes nothing");
    slow.may_go_on.notify_one();
    assert_eq!(reading.await.expect("reads"), Some(session(1)), "as it was");
    assert_eq!(found(&other, 1).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_redis_does_not_hear_of_counts_elsewhere_after_twenty_seconds() {
    let server = OwnServer::start();
    let proxy = Proxy::to(server.port()).await;
    let (prefix, keys) = (a_prefix(), Keys::new());
    let (store, clock) = (a_store(), Arc::default());
    let cut_off_link = link(&proxy.url(), &prefix).await;
    let cut_off = cache(store.clone(), cut_off_link.clone(), &keys, &clock);
    let other = cache(store.clone(), patient_link(&server.url(), &prefix).await, &keys, &clock);
    store.insert(&session(1)).await.expect("stores");
    assert_eq!(found(&other, 1).await, Some(session(1)));
    proxy.cut();
    until("it is noticed", async || !cut_off_link.is_up()).await;
    assert_eq!(found(&cut_off, 1).await, Some(session(1)), "still signed in");
    cut_off.remove(session(1).id).await.expect("needs no Redis");
    assert_eq!(found(&cut_off, 1).await, None);
    clock.advance(TimeDelta::seconds(20));
    assert_eq!(found(&other, 1).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_counts_only_where_clocks_agree() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let (store, clock, behind) = (a_store(), Arc::default(), Arc::new(FixedClock::default()));
    behind.advance(TimeDelta::seconds(-6));
    let one = cache(store.clone(), patient_link(&url, &prefix).await, &keys, &clock);
    let two = cache(store.clone(), patient_link(&url, &prefix).await, &keys, &behind);
    store.insert(&session(1)).await.expect("stores");
    assert_eq!(found(&one, 1).await, Some(session(1)));
    store.remove(session(1).id).await.expect("removes");
    assert_eq!(found(&one, 1).await, Some(session(1)), "behind the cache's back");
    assert_eq!(found(&two, 1).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_to_redis_signs_nobody_in() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let (store, clock) = (a_store(), Arc::default());
    let cache = cache(store.clone(), patient_link(&url, &prefix).await, &keys, &clock);
    store.insert(&session(1)).await.expect("stores");
    assert_eq!(found(&cache, 1).await, Some(session(1)));

    let mut raw = raw(&url).await;
    let key_of = |n: u32| {
        let digest = session(n).token.0.map(|byte| format!("{byte:02x}")).concat();
        format!("{prefix}token:{digest}")
    };
    redis::cmd("COPY")
        .arg(key_of(1))
        .arg(key_of(2))
        .query_async::<()>(&mut raw)
        .await
        .expect("copies");
    assert_eq!(found(&cache, 2).await, None, "an entry is of its own token alone");
    let id: String =
        redis::cmd("GET").arg(key_of(1)).query_async(&mut raw).await.expect("is there");
    let entry = format!("{prefix}session:{id}");
    let sealed: Vec<u8> =
        redis::cmd("GET").arg(&entry).query_async(&mut raw).await.expect("is there");
    assert!(!contains(&sealed, ann().as_bytes()) && !contains(&sealed, b"user"));
    redis::cmd("SET")
        .arg(&entry)
        .arg("{\"user\":\"eve\"}")
        .query_async::<()>(&mut raw)
        .await
        .expect("sets");
    assert_eq!(found(&cache, 1).await, Some(session(1)), "the store knows better");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touched_session_is_read_anew_and_a_store_that_fails_is_heard() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let store = Arc::new(CountingStore::default());
    let cache = cache(store.clone(), patient_link(&url, &prefix).await, &keys, &Arc::default());
    for _ in 0..3 {
        found(&cache, 1).await;
    }
    cache.touch(session(1).id, later(300)).await.expect("notes");
    for _ in 0..3 {
        found(&cache, 1).await;
    }
    assert_eq!(store.asked(), 2);
    assert!(cache.remove(session(1).id).await.is_err());
}
