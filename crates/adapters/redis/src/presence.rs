//! Who is online on any instance.
//!
//! Each person has a sorted set of the instances that hold sockets of theirs, each with the moment
//! (by Redis' clock) until which it counts. An instance tells Redis of a person's first socket here
//! and of the last; in between it renews all of its people every 15 s. What an instance that died
//! leaves behind no longer counts after 45 s.
use crate::RedisLink;
use application::ports::{Entropy, EntropyExt, Presence};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::id::UserId;
use redis::Script;
use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasher,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, timeout},
};
use tokio_util::task::AbortOnDropHandle;

/// How long an instance counts after it last said so.
const COUNTS_FOR: Duration = Duration::from_secs(45);
const RENEW_EVERY: Duration = Duration::from_secs(15);
/// Most people in one call: a call of so many takes Redis less than a millisecond.
const AT_ONCE: usize = 500;
const SHARDS: usize = 64;

const ARRIVE: &str = concat!(
    now!(),
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
     redis.call('ZREM', KEYS[1], ARGV[1]) -- left behind by a leave that was not heard
     local others = redis.call('ZCARD', KEYS[1])
     redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
     redis.call('PEXPIRE', KEYS[1], ARGV[2])
     return others == 0"
);

const LEAVE: &str = concat!(
    now!(),
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
     local was_there = redis.call('ZREM', KEYS[1], ARGV[1]) == 1
     return was_there and redis.call('ZCARD', KEYS[1]) == 0"
);

const RENEW: &str = concat!(
    now!(),
    "for _, key in ipairs(KEYS) do
         redis.call('ZADD', key, now + ARGV[2], ARGV[1])
         redis.call('PEXPIRE', key, ARGV[2])
     end
     return #KEYS"
);

const LIST: &str = concat!(
    now!(),
    "local counts = {}
     for n, key in ipairs(KEYS) do
         counts[n] = redis.call('ZCOUNT', key, '(' .. now, '+inf')
     end
     return counts"
);

/// The [`Presence`] of all instances together.
///
/// While Redis is gone each instance knows its own people only. What it did not tell meanwhile, it
/// tells as soon as Redis is back.
pub struct RedisPresence {
    here: Arc<Here>,
    _renewing: AbortOnDropHandle<()>,
}

struct Here {
    link: RedisLink,
    /// Names this instance among the others.
    instance: String,
    scripts: Scripts,
    /// Held while Redis is told, so that it hears of one person's changes in their order. Nobody
    /// holds one longer than a command may take.
    shards: [Mutex<Shard>; SHARDS],
    shard_of: RandomState,
}

type Shard = HashMap<UserId, Sockets>;

struct Scripts {
    arrive: Script,
    leave: Script,
    renew: Script,
    list: Script,
}

/// One person's sockets on this instance.
struct Sockets {
    open: usize,
    /// When the last one closed, if Redis was not told so.
    untold_since: Option<Instant>,
}

impl RedisPresence {
    /// Begins with nobody here.
    pub fn start(link: RedisLink, entropy: &dyn Entropy) -> Self {
        let here = Arc::new(Here {
            link,
            instance: BASE64.encode(entropy.bytes::<16>()),
            scripts: Scripts {
                arrive: Script::new(ARRIVE),
                leave: Script::new(LEAVE),
                renew: Script::new(RENEW),
                list: Script::new(LIST),
            },
            shards: std::array::from_fn(|_| Mutex::default()),
            shard_of: RandomState::new(),
        });
        let renewing = AbortOnDropHandle::new(tokio::spawn(keep_renewing(here.clone())));
        Self { here, _renewing: renewing }
    }
}

#[async_trait]
impl Presence for RedisPresence {
    async fn arrive(&self, user: UserId) -> bool {
        let mut shard = self.here.shard(user).await;
        let sockets = shard.entry(user).or_insert(Sockets { open: 0, untold_since: None });
        sockets.open += 1;
        if sockets.open > 1 {
            return false;
        }
        sockets.untold_since = None;
        self.here.tell(&self.here.scripts.arrive, user).await.unwrap_or(true)
    }

    async fn leave(&self, user: UserId) -> bool {
        let mut shard = self.here.shard(user).await;
        let Some(sockets) = shard.get_mut(&user).filter(|sockets| sockets.open > 0) else {
            return false;
        };
        sockets.open -= 1;
        if sockets.open > 0 {
            return false;
        }
        // Should nobody wait for the answer any more, this is what is known.
        sockets.untold_since = Some(Instant::now());
        let Some(was_last) = self.here.tell(&self.here.scripts.leave, user).await else {
            return true;
        };
        shard.remove(&user);
        was_last
    }

    async fn list_online(&self, users: &[UserId]) -> HashSet<UserId> {
        let mut online = HashSet::new();
        for some in users.chunks(AT_ONCE) {
            if let Some(counts) = self.here.count(some).await {
                let counted = some.iter().zip(counts).filter(|(_, count)| *count > 0);
                online.extend(counted.map(|(user, _)| *user));
            } else {
                self.here.add_own(some, &mut online).await;
            }
        }
        online
    }
}

impl Here {
    async fn shard(&self, user: UserId) -> MutexGuard<'_, Shard> {
        let hash = self.shard_of.hash_one(user);
        // A remainder of 64 fits.
        self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)].lock().await
    }

    fn key(&self, user: UserId) -> String {
        self.link.name(format_args!("online:{user}"))
    }

    /// Tells Redis of one person's change; `None` if it does not listen.
    async fn tell(&self, script: &Script, user: UserId) -> Option<bool> {
        let mut call = script.key(self.key(user));
        call.arg(&self.instance).arg(COUNTS_FOR.as_millis().to_string());
        self.link.script(&call).await.ok()
    }

    async fn count(&self, users: &[UserId]) -> Option<Vec<u64>> {
        let mut call = self.scripts.list.prepare_invoke();
        for user in users {
            call.key(self.key(*user));
        }
        self.link.script(&call).await.ok()
    }

    async fn add_own(&self, users: &[UserId], online: &mut HashSet<UserId>) {
        for user in users {
            let shard = self.shard(*user).await;
            if shard.get(user).is_some_and(|sockets| sockets.open > 0) {
                online.insert(*user);
            }
        }
    }

    /// Says again who is here, and says who left without its having been heard.
    async fn renew(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().await;
            // Longer ago, Redis has forgotten them by itself.
            shard.retain(|_, sockets| {
                sockets.untold_since.is_none_or(|since| since.elapsed() < COUNTS_FOR)
            });
            self.renew_open(&shard).await;
            self.tell_closed(&mut shard).await;
        }
    }

    async fn renew_open(&self, shard: &Shard) {
        let open: Vec<UserId> =
            shard.iter().filter(|(_, sockets)| sockets.open > 0).map(|(user, _)| *user).collect();
        for some in open.chunks(AT_ONCE) {
            let mut call = self.scripts.renew.arg(&self.instance);
            call.arg(COUNTS_FOR.as_millis().to_string());
            for user in some {
                call.key(self.key(*user));
            }
            // Whoever could not be renewed is at the next turn.
            let _ = self.link.script::<i64>(&call).await;
        }
    }

    async fn tell_closed(&self, shard: &mut Shard) {
        let closed: Vec<UserId> =
            shard.iter().filter(|(_, sockets)| sockets.open == 0).map(|(user, _)| *user).collect();
        for user in closed {
            if self.tell(&self.scripts.leave, user).await.is_some() {
                shard.remove(&user);
            }
        }
    }
}

/// Renews at its time, and whenever Redis is back: it may have lost everything.
async fn keep_renewing(here: Arc<Here>) {
    let mut up = here.link.watch();
    loop {
        up.mark_unchanged();
        here.renew().await;
        // The link lives as long as this does: either it changed or the time is up.
        let _ = timeout(RENEW_EVERY, up.changed()).await;
    }
}
