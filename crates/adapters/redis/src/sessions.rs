//! A session cache before the store.
//!
//! Each request asks for a session by its token. The cache answers most of them, for at most
//! [`FRESH`] after the store was read; it never knows better than the store did at that moment.
//!
//! Two keys a session: `token:<digest of the token>` holds the session's id, `session:<id>` holds
//! the sealed entry, or [`GONE`] in its place. Removing a session writes `GONE` over its entry, for
//! longer than any reader may still hold what it read before: such a reader finds `GONE` and puts
//! nothing back. `GONE` only means "ask the store", so it is harmless wherever it stands.
use crate::RedisLink;
use application::ports::{Clock, PayloadPurpose, PayloadSealer, SessionRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    TimeDelta, Timestamp,
    device::Device,
    id::{SessionId, UserId},
    sealing::SealedPayload,
    session::Session,
    token::TokenDigest,
};
use redis::Script;
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// How long after the store was read its answer counts. A sign-out that could not be told to Redis
/// counts everywhere after this, plus [`CLOCKS_APART`].
const FRESH: TimeDelta = TimeDelta::seconds(20);
/// How far the clocks of two instances may be apart for one to believe what the other cached.
const CLOCKS_APART: TimeDelta = TimeDelta::seconds(5);
/// Outlives every entry that was read before it was written.
const GONE_FOR: TimeDelta = TimeDelta::seconds(60);

/// Stands where the entry of a removed session stood. No seal is so short.
const GONE: &[u8] = b"-";

const FIND: &str = "
    local id = redis.call('GET', KEYS[1])
    if not id then return false end
    return redis.call('GET', ARGV[1] .. id)";

const KEEP: &str = "
    if redis.call('GET', KEYS[2]) == ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
    redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
    return 1";

const DROP: &str = "
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then redis.call('DEL', KEYS[1]) end
    return 1";

/// A [`SessionRepository`] that spares another one most of the reading.
///
/// What it answers by token, the store knew at most 20 s before (25 s where the clocks of instances
/// differ); what was removed through any instance, both it and Redis being there, it does not answer
/// from then on. Entries are sealed: whoever writes to Redis can make nobody signed in.
pub struct CachedSessionRepository {
    store: Arc<dyn SessionRepository>,
    link: RedisLink,
    sealer: Arc<dyn PayloadSealer>,
    clock: Arc<dyn Clock>,
    scripts: Scripts,
    stale: Stale,
}

struct Scripts {
    find: Script,
    keep: Script,
    drop: Script,
}

/// What was last said to be stale, in milliseconds: entries of such sessions don't count.
struct Stale {
    used_before: AtomicI64,
    begun_before: AtomicI64,
}

/// What the cache says.
enum Cached {
    Known(Session),
    /// Ask the store and keep what it says.
    Unknown,
    /// Ask the store and keep nothing.
    Gone,
}

#[derive(Serialize, Deserialize)]
struct EntryRecord {
    id: [u8; 16],
    user: [u8; 16],
    created_at: i64,
    last_used_at: i64,
    browser: String,
    system: String,
    address: IpAddr,
    /// When the store said so, by the clock of the instance that asked.
    read_at: i64,
}

impl CachedSessionRepository {
    /// Puts a cache before a store.
    pub fn new(
        store: Arc<dyn SessionRepository>,
        link: RedisLink,
        sealer: Arc<dyn PayloadSealer>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let scripts =
            Scripts { find: Script::new(FIND), keep: Script::new(KEEP), drop: Script::new(DROP) };
        let stale =
            Stale { used_before: AtomicI64::new(i64::MIN), begun_before: AtomicI64::new(i64::MIN) };
        Self { store, link, sealer, clock, scripts, stale }
    }

    fn token_key(&self, token: &TokenDigest) -> String {
        self.link.name(format_args!("token:{}", hex(&token.0)))
    }

    fn session_key(&self, id: SessionId) -> String {
        self.link.name(format_args!("session:{}", hex(id.as_bytes())))
    }

    async fn cached(&self, token: &TokenDigest) -> Cached {
        let mut call = self.scripts.find.key(self.token_key(token));
        let answer = self.link.script::<Option<Vec<u8>>>(call.arg(self.link.name("session:")));
        match answer.await {
            Ok(Some(entry)) if entry == GONE => Cached::Gone,
            Ok(Some(entry)) => self.opened(token, entry).map_or(Cached::Unknown, Cached::Known),
            Ok(None) => Cached::Unknown,
            // Who did not answer just now won't be asked to remember.
            Err(_) => Cached::Gone,
        }
    }

    fn opened(&self, token: &TokenDigest, entry: Vec<u8>) -> Option<Session> {
        let sealed = SealedPayload::new(entry);
        let plain = self.sealer.open(PayloadPurpose::Session, &token.0, &sealed).ok()?;
        let record: EntryRecord = serde_json::from_slice(&plain).ok()?;
        let age = self.clock.now() - Timestamp::from_timestamp_millis(record.read_at)?;
        let counts = (-CLOCKS_APART..FRESH).contains(&age) && !self.stale.has(&record);
        counts.then(|| record.session(token)).flatten()
    }

    async fn keep(&self, session: &Session, read_at: Timestamp) {
        let record = EntryRecord::of(session, read_at);
        let plain = serde_json::to_vec(&record).expect("numbers become JSON");
        let sealed = self.sealer.seal(PayloadPurpose::Session, &session.token.0, &plain);
        let mut call = self.scripts.keep.key(self.token_key(&session.token));
        call.key(self.session_key(session.id))
            .arg(GONE)
            .arg(hex(session.id.as_bytes()))
            .arg(sealed.as_bytes())
            .arg(FRESH.num_milliseconds());
        // Whatever comes of it, the store was asked.
        let _ = self.link.script::<i64>(&call).await;
    }

    /// Lets no entry of a session count any more.
    async fn bury(&self, id: SessionId) {
        let mut command = redis::cmd("SET");
        command.arg(self.session_key(id)).arg(GONE).arg("PX").arg(GONE_FOR.num_milliseconds());
        let _ = self.link.command::<()>(&command).await;
    }
}

#[async_trait]
impl SessionRepository for CachedSessionRepository {
    async fn insert(&self, session: &Session) -> Result<(), Unavailable> {
        self.store.insert(session).await
    }

    async fn find(&self, id: SessionId) -> Result<Option<Session>, Unavailable> {
        self.store.find(id).await
    }

    async fn find_by_token(&self, token: &TokenDigest) -> Result<Option<Session>, Unavailable> {
        let cached = self.cached(token).await;
        if let Cached::Known(session) = cached {
            return Ok(Some(session));
        }
        // Before the store is asked: it may change its mind while it answers.
        let read_at = self.clock.now();
        let found = self.store.find_by_token(token).await?;
        if let (Cached::Unknown, Some(session)) = (cached, &found) {
            self.keep(session, read_at).await;
        }
        Ok(found)
    }

    async fn touch(&self, id: SessionId, used_at: Timestamp) -> Result<(), Unavailable> {
        let touched = self.store.touch(id, used_at).await;
        let mut call = self.scripts.drop.key(self.session_key(id));
        let _ = self.link.script::<i64>(call.arg(GONE)).await;
        touched
    }

    async fn remove(&self, id: SessionId) -> Result<(), Unavailable> {
        let removed = self.store.remove(id).await;
        // Also if the store did not say whether it did.
        self.bury(id).await;
        removed
    }

    async fn list_by_user(&self, user: UserId) -> Result<Vec<Session>, Unavailable> {
        self.store.list_by_user(user).await
    }

    async fn remove_by_user(
        &self,
        user: UserId,
        keep: Option<SessionId>,
    ) -> Result<Vec<SessionId>, Unavailable> {
        let removed = self.store.remove_by_user(user, keep).await?;
        for session in &removed {
            self.bury(*session).await;
        }
        Ok(removed)
    }

    async fn remove_stale(
        &self,
        used_before: Timestamp,
        begun_before: Timestamp,
    ) -> Result<(), Unavailable> {
        self.store.remove_stale(used_before, begun_before).await?;
        self.stale.note(used_before, begun_before);
        Ok(())
    }
}

impl Stale {
    fn note(&self, used_before: Timestamp, begun_before: Timestamp) {
        self.used_before.fetch_max(used_before.timestamp_millis(), Ordering::Relaxed);
        self.begun_before.fetch_max(begun_before.timestamp_millis(), Ordering::Relaxed);
    }

    fn has(&self, record: &EntryRecord) -> bool {
        record.last_used_at < self.used_before.load(Ordering::Relaxed)
            || record.created_at < self.begun_before.load(Ordering::Relaxed)
    }
}

impl EntryRecord {
    fn of(session: &Session, read_at: Timestamp) -> Self {
        Self {
            id: *session.id.as_bytes(),
            user: *session.user.as_bytes(),
            created_at: session.created_at.timestamp_millis(),
            last_used_at: session.last_used_at.timestamp_millis(),
            browser: session.device.browser.clone(),
            system: session.device.system.clone(),
            address: session.device.address,
            read_at: read_at.timestamp_millis(),
        }
    }

    fn session(self, token: &TokenDigest) -> Option<Session> {
        Some(Session {
            id: SessionId::from_bytes(self.id),
            user: UserId::from_bytes(self.user),
            token: *token,
            created_at: Timestamp::from_timestamp_millis(self.created_at)?,
            last_used_at: Timestamp::from_timestamp_millis(self.last_used_at)?,
            device: Device { browser: self.browser, system: self.system, address: self.address },
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
