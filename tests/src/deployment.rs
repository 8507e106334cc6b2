//! Many instances on one MongoDB and one Redis behind one nginx: how Sotto runs where it grows.
use crate::{Entrance, Person, Recorder, Server, nginx::Nginx};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use servers::{Mongod, Redis};
use sha2::{Digest, Sha256};

/// Every part is this deployment's own and can be killed and started again.
pub struct Deployment {
    /// The instances, alike in all but their ports.
    pub instances: Vec<Server>,
    /// In front of them.
    pub nginx: Nginx,
    /// What one instance tells the others by.
    pub redis: Redis,
    /// What they all keep everything in.
    pub mongod: Mongod,
}

impl Deployment {
    /// Starts everything, and so many instances.
    pub async fn start(instances: usize) -> Self {
        Self::start_with(instances, &[]).await
    }

    /// The same with more settings for each instance.
    pub async fn start_with(instances: usize, settings: &[(&str, &str)]) -> Self {
        Self::start_on(Mongod::start().await, instances, settings).await
    }

    /// The same on a mongod that is there already.
    pub async fn start_on(mongod: Mongod, instances: usize, settings: &[(&str, &str)]) -> Self {
        let redis = Redis::start().await;
        let ways = [mongod.uri(), redis.url()];
        Self::assemble(mongod, redis, &ways, instances, settings)
    }

    /// The same where each word with MongoDB and with Redis is recorded, and where both write it
    /// to their files as they get it.
    pub async fn start_recorded(
        instances: usize,
        settings: &[(&str, &str)],
    ) -> (Self, Recorder, Recorder) {
        let plain =
            ["--wiredTigerCollectionBlockCompressor=none", "--wiredTigerJournalCompressor=none"];
        let every_word = ["--appendonly", "yes", "--rdbcompression", "no"];
        let (mongod, redis) =
            tokio::join!(Mongod::start_with(&plain), Redis::start_with(&every_word));
        let to_mongod = Recorder::start(mongod.address()).await;
        let to_redis = Recorder::start(redis.address()).await;
        // Or the driver would ask the replica set for its address, and go there.
        let uri = format!("mongodb://{}/?directConnection=true", to_mongod.address());
        let ways = [uri, format!("redis://{}/", to_redis.address())];
        (Self::assemble(mongod, redis, &ways, instances, settings), to_mongod, to_redis)
    }

    fn assemble(
        mongod: Mongod,
        redis: Redis,
        [mongodb_uri, redis_url]: &[String; 2],
        instances: usize,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut nginx = Nginx::prepare();
        let (origin, keys) = (nginx.origin(), sealing_keys());
        let shared = [
            ("SOTTO_MONGODB_URI", mongodb_uri.as_str()),
            ("SOTTO_REDIS_URL", redis_url.as_str()),
            ("SOTTO_PUBLIC_URL", origin.as_str()),
            ("SOTTO_ENCRYPTION_KEYS", keys.as_str()),
            ("SOTTO_TRUSTED_PROXIES", "127.0.0.1/32"),
            ("SOTTO_RATE_LIMITS", "off"),
        ];
        // What a test gives comes last, and so wins.
        let settings = [&shared[..], settings].concat();
        let instances: Vec<Server> =
            (0..instances).map(|_| Server::start_with(&settings)).collect();
        let addresses: Vec<String> = instances.iter().map(Server::address).collect();
        nginx.start_before(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
        Self { instances, nginx, redis, mongod }
    }

    /// Two people and their room. Both come in through nginx.
    pub async fn pair(&self) -> (Person, Person, String) {
        let entrance = self.nginx.entrance();
        let ann = Person::created_at(&self.instances[0], &entrance, "ann").await;
        let bob = Person::created_at(&self.instances[0], &entrance, "bob").await;
        let room = ann.open_room_with(&bob).await;
        (ann, bob, room)
    }

    /// The door of one instance, past nginx.
    pub fn instance(&self, number: usize) -> Entrance {
        Entrance::from(&self.instances[number])
    }
}

/// Keys for a deployment that vanishes with its data.
pub fn sealing_keys() -> String {
    let key = Sha256::digest(crate::random().to_be_bytes());
    format!("test:{}", BASE64.encode(key))
}
