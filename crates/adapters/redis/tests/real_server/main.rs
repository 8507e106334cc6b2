//! Everything against real Redis servers: the one that tests share, and some of their own to
//! mistreat.

mod broadcast;
mod limiter;
mod opening;
mod presence;
mod proxy;
mod server;
mod sessions;
mod trouble;

use adapter_crypto::{AesPayloadSealer, HmacDigester, KeyRing, OsEntropy};
use adapter_redis::{RedisBroadcast, RedisLink, RedisOptions};
use application::ports::{Broadcast, Received};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// Longer than anything takes that happens at all, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys and channels that no other test uses.
fn a_prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let started = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos();
    format!("test:{}:{started}:{count}:", std::process::id())
}

/// As in production.
fn options(url: &str, prefix: &str) -> RedisOptions {
    RedisOptions { prefix: prefix.to_owned(), ..RedisOptions::new(url) }
}

/// A link on which no command is given up because the machine is busy.
async fn patient_link(url: &str, prefix: &str) -> RedisLink {
    let options = RedisOptions { response_limit: PATIENCE, ..options(url, prefix) };
    RedisLink::open(options).await.expect("opens")
}

async fn link(url: &str, prefix: &str) -> RedisLink {
    RedisLink::open(options(url, prefix)).await.expect("opens")
}

/// The keys of one deployment.
#[derive(Clone)]
struct Keys {
    sealer: Arc<AesPayloadSealer>,
    digester: Arc<HmacDigester>,
}

impl Keys {
    fn new() -> Self {
        let ring = Arc::new(KeyRing::generate(&OsEntropy).0);
        Self {
            sealer: Arc::new(AesPayloadSealer::new(ring.clone(), Arc::new(OsEntropy))),
            digester: Arc::new(HmacDigester::new(ring)),
        }
    }

    async fn broadcast(&self, link: RedisLink) -> RedisBroadcast {
        RedisBroadcast::start(link, self.sealer.clone(), &OsEntropy).await
    }
}

async fn next(broadcast: &RedisBroadcast) -> Received {
    timeout(PATIENCE, broadcast.receive()).await.expect("something comes")
}

/// Waits for something to become so.
async fn until(what: &str, so: impl AsyncFn() -> bool) {
    timeout(PATIENCE, async {
        while !so().await {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{what}"));
}

/// A connection of the test's own.
async fn raw(url: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(url).expect("a URL");
    client.get_multiplexed_async_connection().await.expect("connects")
}
