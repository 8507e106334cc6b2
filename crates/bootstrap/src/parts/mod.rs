//! The one place that chooses adapters.
mod post;
mod shared;
mod store;

use crate::{commands::Inspected, keys, settings::Settings};
use adapter_crypto::{
    AesMessageSealer, AesPieceSealer, Argon2PasswordHasher, HashingStrength, HmacDigester, KeyRing,
    OsEntropy,
};
use adapter_google::OpenIdProvider;
use adapter_images::ImageProcessor;
use adapter_local::{
    LocalPresence, LocalRateLimiter, RelayEventBus, SystemClock, UnlimitedRateLimiter,
};
use adapter_mail::SmtpTransport;
use adapter_prometheus::PrometheusMetrics;
use adapter_redis::{CachedSessionRepository, RedisLink, RedisPresence, RedisRateLimiter};
use adapter_sqlite::SqliteStore;
use adapter_webauthn::WebauthnVerifier;
use anyhow::{Context, Result};
use application::{
    measured::{MeasuredHasher, MeasuredMailer, MeasuredMessages},
    operations::{AdoptKeys, AdoptKeysError, DeliverMail},
    ports::{
        Clock, DevelopmentMailbox, Digester, Entropy, EventBus, KeyFingerprint, Mailer,
        MessageRepository, MessageSealer, PasskeyVerifier, PasswordHasher, PayloadSealer,
        PictureProcessor, PieceSealer, Presence, RateLimiter, SessionRepository,
    },
};
use post::Post;
pub use shared::open_redis;
use std::{path::PathBuf, sync::Arc};
pub use store::{Opened, Store};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The adapters in use, each behind the port it fulfils.
#[derive(Clone)]
pub struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sessions: Arc<dyn SessionRepository>,
    pub(crate) messages: Arc<dyn MessageRepository>,
    pub(crate) metrics: Arc<PrometheusMetrics>,
    pub(crate) bus: Arc<dyn EventBus>,
    pub(crate) presence: Arc<dyn Presence>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sealer: Arc<dyn MessageSealer>,
    pub(crate) piece_sealer: Arc<dyn PieceSealer>,
    pub(crate) digester: Arc<dyn Digester>,
    pub(crate) hasher: Arc<dyn PasswordHasher>,
    pub(crate) express_hasher: Arc<dyn PasswordHasher>,
    pub(crate) picture_processor: Arc<dyn PictureProcessor>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) mailbox: Option<Arc<dyn DevelopmentMailbox>>,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) code_limiter: Arc<dyn RateLimiter>,
    pub(crate) payloads: Arc<dyn PayloadSealer>,
    pub(crate) passkey_verifier: Option<Arc<dyn PasskeyVerifier>>,
    /// Who else signs people in, if anybody.
    pub(crate) google: Option<Arc<OpenIdProvider>>,
    deliver_mail: Option<DeliverMail>,
    relay: Option<Arc<RelayEventBus>>,
    redis: Option<RedisLink>,
    mail: Option<Arc<SmtpTransport>>,
    keys: Vec<KeyFingerprint>,
}

/// What everything else is built with.
#[derive(Clone)]
pub struct Tools {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    metrics: Arc<PrometheusMetrics>,
}

impl Tools {
    fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            metrics: Arc::new(PrometheusMetrics::new(env!("CARGO_PKG_VERSION"))),
        }
    }
}

/// This program, even if it was replaced meanwhile, where the system can tell.
fn program() -> Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        return Ok(running);
    }
    std::env::current_exe().context("where this program is cannot be told")
}

impl Parts {
    /// Chooses and opens the adapters as set.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let parts = Self::open_unadopted(settings).await?;
        parts.adopt_keys().await?;
        Ok(parts)
    }

    /// The same without noting new keys as used: for whoever only wants to look.
    pub async fn open_unadopted(settings: &Settings) -> Result<Self> {
        let tools = Tools::new();
        let redis = open_redis(settings).await?;
        let (opened, ring) = match &settings.mongodb_uri {
            Some(uri) => {
                let ring = keys::given(settings.encryption_keys.as_deref())?;
                (shared::open(uri, redis.as_ref(), &ring, &tools).await?, ring)
            }
            None => store::open_embedded(settings, &tools).await?,
        };
        Self::assemble(settings, opened, redis, &ring, &tools)
    }

    /// The same over a store and keys that vanish.
    pub fn in_memory(settings: &Settings) -> Result<Self> {
        let tools = Tools::new();
        let opened = Opened::alone(&tools, SqliteStore::in_memory)?;
        let (ring, _) = KeyRing::generate(&OsEntropy);
        Self::assemble(settings, opened, None, &Arc::new(ring), &tools)
    }

    fn assemble(
        settings: &Settings,
        Opened { store, bus, relay }: Opened,
        redis: Option<RedisLink>,
        ring: &Arc<KeyRing>,
        tools: &Tools,
    ) -> Result<Self> {
        let Tools { clock, entropy, metrics } = tools.clone();
        let payloads = shared::payload_sealer(ring, &entropy);
        let digester: Arc<dyn Digester> = Arc::new(HmacDigester::new(ring.clone()));
        let post = match &settings.smtp {
            Some(server) => {
                Post::by_smtp(server, settings, store.clone(), payloads.clone(), tools)?
            }
            None => Post::into_mailbox(settings, clock.clone()),
        };
        let code_limiter = choose_limiter(redis.as_ref(), &digester, &clock);
        let limiter = if settings.rate_limits {
            code_limiter.clone()
        } else {
            Arc::new(UnlimitedRateLimiter)
        };
        let google = choose_provider(settings, &clock)?;
        let hasher = Argon2PasswordHasher::new(HashingStrength::PRODUCTION, entropy.clone());
        Ok(Self {
            sessions: choose_sessions(
                store.clone(),
                redis.as_ref(),
                payloads.clone(),
                clock.clone(),
            ),
            payloads,
            passkey_verifier: choose_passkey_verifier(settings)?,
            messages: Arc::new(MeasuredMessages { inner: store.clone(), metrics: metrics.clone() }),
            store,
            bus,
            relay,
            presence: choose_presence(redis.as_ref(), &*entropy),
            redis,
            clock,
            sealer: Arc::new(AesMessageSealer::new(ring.clone(), entropy.clone())),
            piece_sealer: Arc::new(AesPieceSealer::new(ring.clone(), entropy.clone())),
            digester,
            express_hasher: Arc::new(MeasuredHasher {
                inner: Arc::new(hasher.express()),
                metrics: metrics.clone(),
            }),
            hasher: Arc::new(MeasuredHasher { inner: Arc::new(hasher), metrics: metrics.clone() }),
            picture_processor: Arc::new(ImageProcessor::new(program()?)),
            mailer: Arc::new(MeasuredMailer { inner: post.mailer, metrics: metrics.clone() }),
            metrics,
            mailbox: post.mailbox,
            deliver_mail: post.deliver_mail,
            mail: post.transport,
            limiter,
            code_limiter,
            google,
            keys: ring.fingerprints(),
            entropy,
        })
    }

    /// Checks the sealing keys against those the store was used with.
    async fn adopt_keys(&self) -> Result<()> {
        let adopting = AdoptKeys { known: self.store.clone() };
        match adopting.execute(&self.keys).await {
            Err(AdoptKeysError::Unavailable(error)) => {
                Err(error).context("the store went away at the start; try again once it is back")
            }
            adopted => adopted.context(keys::REMEDY),
        }
    }

    /// Begins what goes on beside serving: the delivery of mail, until the instance begins to end,
    /// and what holds the instances together, until its connections have ended.
    pub fn run(&self, tasks: &TaskTracker, ending: CancellationToken, ended: CancellationToken) {
        if let Some(deliver_mail) = self.deliver_mail.clone() {
            tasks.spawn(async move { deliver_mail.run(ending.cancelled()).await });
        }
        if let Some(relay) = self.relay.clone() {
            tasks.spawn(relay.run(ended));
        }
    }

    /// What `sotto doctor` looks at.
    pub fn inspected(&self) -> Inspected {
        Inspected {
            store: self.store.clone(),
            sessions: self.store.clone(),
            known_keys: self.store.clone(),
            keys: self.keys.clone(),
            bus: self.bus.clone(),
            payloads: self.payloads.clone(),
            redis: self.redis.clone(),
            mail: self.mail.clone(),
            google: self.google.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }
}

/// Who signs people in beside us, as set. Nobody is asked anything yet.
fn choose_provider(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<OpenIdProvider>>> {
    let Some(google) = &settings.google else { return Ok(None) };
    let client = google.client(settings.public_url.origin());
    let provider = OpenIdProvider::new(google.issuer.clone(), client, clock.clone())
        .context("no certificates were found to know Google by; install ca-certificates")?;
    Ok(Some(Arc::new(provider)))
}

/// Counted together with the other instances where Redis is, else alone.
fn choose_limiter(
    redis: Option<&RedisLink>,
    digester: &Arc<dyn Digester>,
    clock: &Arc<dyn Clock>,
) -> Arc<dyn RateLimiter> {
    let alone = Arc::new(LocalRateLimiter::new(clock.clone()));
    match redis {
        Some(link) => Arc::new(RedisRateLimiter::new(link.clone(), digester.clone(), alone)),
        None => alone,
    }
}

/// Browsers make passkeys for names alone: under an IP address there are none.
fn choose_passkey_verifier(settings: &Settings) -> Result<Option<Arc<dyn PasskeyVerifier>>> {
    let verifier = WebauthnVerifier::new(settings.public_url.origin());
    let verifier = verifier.context("SOTTO_PUBLIC_URL can't be used for passkeys")?;
    Ok(verifier.map(|verifier| Arc::new(verifier) as Arc<dyn PasskeyVerifier>))
}

/// Known of all instances where Redis is, else of this one.
fn choose_presence(redis: Option<&RedisLink>, entropy: &dyn Entropy) -> Arc<dyn Presence> {
    match redis {
        Some(link) => Arc::new(RedisPresence::start(link.clone(), entropy)),
        None => Arc::new(LocalPresence::default()),
    }
}

fn choose_sessions(
    store: Arc<dyn Store>,
    redis: Option<&RedisLink>,
    sealer: Arc<dyn PayloadSealer>,
    clock: Arc<dyn Clock>,
) -> Arc<dyn SessionRepository> {
    match redis {
        Some(link) => Arc::new(CachedSessionRepository::new(store, link.clone(), sealer, clock)),
        None => store,
    }
}
