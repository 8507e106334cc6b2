//! What instances share: MongoDB, and Redis where it is set.
use super::{Opened, Tools};
use crate::settings::Settings;
use adapter_crypto::{AesPayloadSealer, KeyRing};
use adapter_local::RelayEventBus;
use adapter_mongodb::{MongoStore, database_name};
use adapter_prometheus::Watched;
use adapter_redis::{RedisBroadcast, RedisLink, RedisOptions};
use anyhow::{Context, Result};
use application::{
    measured::{MeasuredBroadcast, MeasuredBus},
    ports::{Broadcast, Entropy, EventBus, MessageRepository, PayloadSealer, RoomHeads},
};
use std::sync::Arc;

/// The connection to Redis, if one is set. Wrong at the start, it stops the start; later on Redis
/// may come and go.
pub async fn open_redis(settings: &Settings) -> Result<Option<RedisLink>> {
    let Some(url) = &settings.redis_url else {
        return Ok(None);
    };
    let options = RedisOptions { prefix: prefix(settings)?, ..RedisOptions::new(url) };
    Ok(Some(RedisLink::open(options).await.context("SOTTO_REDIS_URL")?))
}

/// Deployments with databases of different names can share a Redis. All instances of one have the
/// same name of it, also while their keys or passwords are being changed.
fn prefix(settings: &Settings) -> Result<String> {
    Ok(match &settings.mongodb_uri {
        Some(uri) => format!("sotto:{}:", database_name(uri).context("SOTTO_MONGODB_URI")?),
        None => "sotto:".to_owned(),
    })
}

/// The store on MongoDB, whose changes are told to all instances: over Redis at once, without it
/// by what each finds in the store.
pub async fn open(
    uri: &str,
    redis: Option<&RedisLink>,
    ring: &Arc<KeyRing>,
    tools: &Tools,
) -> Result<Opened> {
    let broadcast = match redis {
        Some(link) => Some(open_broadcast(link, ring, tools).await),
        None => None,
    };
    let relay = Arc::new(RelayEventBus::new(broadcast));
    let bus: Arc<dyn EventBus> =
        Arc::new(MeasuredBus { inner: relay.clone(), metrics: tools.metrics.clone() });
    let store = MongoStore::open(uri, bus.clone()).await.context("SOTTO_MONGODB_URI")?;
    let store = Arc::new(store);
    let (heads, messages): (Arc<dyn RoomHeads>, Arc<dyn MessageRepository>) =
        (store.clone(), store.clone());
    relay.attach(&heads, &messages).await.context("SOTTO_MONGODB_URI")?;
    Ok(Opened { store, bus, relay: Some(relay) })
}

async fn open_broadcast(
    link: &RedisLink,
    ring: &Arc<KeyRing>,
    tools: &Tools,
) -> Arc<dyn Broadcast> {
    let sealer = payload_sealer(ring, &tools.entropy);
    let inner = RedisBroadcast::start(link.clone(), sealer, &*tools.entropy).await;
    let metrics = tools.metrics.clone();
    let broadcast: Arc<dyn Broadcast> =
        Arc::new(MeasuredBroadcast { inner: Arc::new(inner), metrics });
    let watched = broadcast.clone();
    let connected = move || i64::from(watched.is_connected());
    tools.metrics.watch(Watched::BroadcastConnected, connected);
    broadcast
}

/// Seals what leaves this process and is no message.
pub fn payload_sealer(ring: &Arc<KeyRing>, entropy: &Arc<dyn Entropy>) -> Arc<dyn PayloadSealer> {
    Arc::new(AesPayloadSealer::new(ring.clone(), entropy.clone()))
}
