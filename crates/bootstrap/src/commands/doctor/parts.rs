//! What is behind the ports: the store, its keys, the bus.
use super::verdict::Verdict;
use crate::keys;
use adapter_google::OpenIdProvider;
use adapter_mail::SmtpTransport;
use adapter_redis::{RedisBroadcast, RedisLink};
use application::{
    operations::{AdoptKeys, AdoptKeysError},
    ports::{
        Broadcast, Clock, Delivery, Entropy, EntropyExt, EventBus, KeyFingerprint,
        KeyFingerprintRepository, PayloadSealer, Received, SessionRepository, StoreProbe,
        Unavailable,
    },
};
use domain::{
    device::Device,
    event::ChatEvent,
    id::{SessionId, UserId},
    session::Session,
    token::TokenDigest,
};
use std::{error::Error, net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long an event may take from one end of the bus to the other.
const ROUND_TRIP: Duration = Duration::from_secs(5);

/// The opened parts, each behind its port.
pub struct Inspected {
    /// Looks at the store.
    pub store: Arc<dyn StoreProbe>,
    /// Where a session of nobody is written and read back.
    pub sessions: Arc<dyn SessionRepository>,
    /// Which keys the store knows.
    pub known_keys: Arc<dyn KeyFingerprintRepository>,
    /// The keys in force.
    pub keys: Vec<KeyFingerprint>,
    /// What carries events.
    pub bus: Arc<dyn EventBus>,
    /// Seals what goes over Redis.
    pub payloads: Arc<dyn PayloadSealer>,
    /// The connection to Redis, where there is one.
    pub redis: Option<RedisLink>,
    /// The mail server, where there is one.
    pub mail: Option<Arc<SmtpTransport>>,
    /// Who else signs people in, if anybody.
    pub google: Option<Arc<OpenIdProvider>>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Names what is written.
    pub entropy: Arc<dyn Entropy>,
}

/// Whether an event gets from one instance to another by Redis. It is about nobody's session.
pub async fn check_redis(
    link: RedisLink,
    sealer: Arc<dyn PayloadSealer>,
    entropy: Arc<dyn Entropy>,
) -> Verdict {
    let (here, there) = tokio::join!(
        RedisBroadcast::start(link.clone(), sealer.clone(), &*entropy),
        RedisBroadcast::start(link.clone(), sealer, &*entropy),
    );
    let user = UserId::from_bytes(entropy.bytes());
    let event = ChatEvent::SessionEnded { user, session: SessionId::from_bytes(entropy.bytes()) };
    here.publish(&event);
    let sent = Received::Event(Box::new(event));
    let arrived = async { while there.receive().await != sent {} };
    match timeout(ROUND_TRIP, arrived).await {
        Ok(()) => Verdict::fine("an event went from instance to instance"),
        Err(_) => Verdict::failed(
            "an event did not arrive",
            "see that Redis runs and SOTTO_REDIS_URL is right; until then instances hear of one \
             another late",
        ),
    }
}

/// Whether the mail server greets us, and lets us in.
pub async fn check_mail(transport: Arc<SmtpTransport>) -> Verdict {
    match transport.greet().await {
        Ok(()) => Verdict::fine("the mail server greets us"),
        Err(error) => Verdict::failed(
            error.to_string(),
            "correct SOTTO_SMTP_URL, or the mail server; until then mail waits in the outbox",
        ),
    }
}

/// Whether the provider says where people are to be sent. That it knows our id and secret shows only
/// when somebody signs in.
pub async fn check_google(provider: Arc<OpenIdProvider>) -> Verdict {
    match provider.greet().await {
        Ok(()) => Verdict::fine("the provider answers as one does"),
        Err(error) => Verdict::failed(
            error.to_string(),
            "correct SOTTO_GOOGLE_ISSUER, or let Sotto reach it; until then nobody signs in with Google",
        ),
    }
}

/// Whether the keys in force are those of the store.
pub async fn check_keys(
    known: Arc<dyn KeyFingerprintRepository>,
    keys: Vec<KeyFingerprint>,
) -> Verdict {
    match (AdoptKeys { known }).check(&keys).await {
        Ok(new) if new.is_empty() => Verdict::fine(format!("all {} are the store's", keys.len())),
        Ok(new) => {
            let what = format!("{} of {} are new to the store", new.len(), keys.len());
            Verdict::warning(what, "from the next start on they belong to it for good")
        }
        Err(AdoptKeysError::Unavailable(error)) => gone(&error),
        Err(error) => Verdict::failed(error.to_string(), keys::REMEDY),
    }
}

/// Whether what is written is read back, and gone once it is removed. What is written belongs to
/// nobody: its token was never made, so nobody can sign in by it.
pub async fn check_store(
    store: Arc<dyn StoreProbe>,
    sessions: Arc<dyn SessionRepository>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Verdict {
    let now = clock.now();
    let user = UserId::mint(now, entropy.bytes());
    let id = SessionId::mint(now, entropy.bytes());
    let device = Device::of("", Ipv4Addr::LOCALHOST.into());
    let session = Session::begin(id, user, TokenDigest(entropy.bytes()), device, now);
    match try_store(&*store, &*sessions, &session).await {
        Ok(true) => Verdict::fine("written, read back and removed"),
        Ok(false) => {
            let remedy = "restore a backup into a new store, and keep this one to look into";
            Verdict::failed("what was written is not what is read", remedy)
        }
        Err(error) => gone(&error),
    }
}

async fn try_store(
    store: &dyn StoreProbe,
    sessions: &dyn SessionRepository,
    session: &Session,
) -> Result<bool, Unavailable> {
    store.check().await?;
    sessions.insert(session).await?;
    let read = sessions.find(session.id).await;
    sessions.remove(session.id).await?;
    Ok(read?.as_ref() == Some(session) && sessions.find(session.id).await?.is_none())
}

fn gone(error: &Unavailable) -> Verdict {
    let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
    Verdict::failed(format!("{error}{cause}"), "see that it runs, is reachable and has room")
}

/// Whether an event that concerns nobody comes out where it should.
pub async fn check_bus(
    bus: Arc<dyn EventBus>,
    // Read by the bus, which does not keep it alive.
    _store: Arc<dyn StoreProbe>,
    entropy: Arc<dyn Entropy>,
) -> Verdict {
    let user = UserId::from_bytes(entropy.bytes());
    let session = SessionId::from_bytes(entropy.bytes());
    let mut subscription = match bus.subscribe(user).await {
        Ok(subscription) => subscription,
        Err(error) => return gone(&error),
    };
    bus.publish(ChatEvent::SessionEnded { user, session });
    let delivered = timeout(ROUND_TRIP, async {
        while let Some(delivery) = subscription.next().await {
            if let Delivery::Event(_) = delivery {
                return true;
            }
        }
        false
    });
    if delivered.await.unwrap_or(false) {
        return Verdict::fine("an event went round");
    }
    let remedy = "messages still arrive, but late: see what carries events";
    Verdict::failed("an event did not arrive", remedy)
}
