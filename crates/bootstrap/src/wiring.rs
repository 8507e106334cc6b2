//! The one place that chooses adapters and builds use cases.
use crate::{commands::Inspected, keys, settings::Settings};
use adapter_crypto::{
    AesMessageSealer, Argon2PasswordHasher, HashingStrength, HmacDigester, KeyRing, OsEntropy,
};
use adapter_local::{LocalEventBus, LocalRateLimiter, SystemClock, UnlimitedRateLimiter};
use adapter_mail::MemoryMailbox;
use adapter_prometheus::PrometheusMetrics;
use adapter_sqlite::SqliteStore;
use anyhow::{Context, Result};
use application::{
    accounts::{
        AddressProof, Authenticate, CreateUser, Profile, Register, ResendOtp, Sessions, SignIn,
        SignOut, VerifyOtp,
    },
    chat::{Follow, History, MarkRead, OpenRoom, Opener, Rooms, SendMessages, Typing},
    limits::Limits,
    measured::{MeasuredBus, MeasuredHasher, MeasuredMailer, MeasuredMessages},
    operations::{AdoptKeys, Sweep},
    people::FindPeople,
    ports::{
        Clock, DevelopmentMailbox, Digester, Entropy, EventBus, KeyFingerprint, Mailer,
        MessageRepository, MessageSealer, PasswordHasher, RateLimiter,
    },
};
use std::sync::Arc;
use web::{
    AccountsApi, Assets, Caps, Cookies, Gate, Health, MeApi, MessagesApi, Networks, Observation,
    PeopleApi, PublicUrl, RoomsApi, Shutdown, Site, Sockets, TrustedProxies,
};

/// What to say when the keys are not those of the store.
pub const KEYS_REMEDY: &str = "SOTTO_ENCRYPTION_KEYS, or the file sealing-keys in the data dir, must hold every key the store was used with";

/// The adapters in use, each behind the port it fulfils.
#[derive(Clone)]
pub struct Parts {
    store: Arc<SqliteStore>,
    messages: Arc<dyn MessageRepository>,
    metrics: Arc<PrometheusMetrics>,
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    sealer: Arc<dyn MessageSealer>,
    digester: Arc<dyn Digester>,
    hasher: Arc<dyn PasswordHasher>,
    mailer: Arc<dyn Mailer>,
    mailbox: Arc<dyn DevelopmentMailbox>,
    limiter: Arc<dyn RateLimiter>,
    code_limiter: Arc<dyn RateLimiter>,
    keys: Vec<KeyFingerprint>,
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
        let found = keys::find(settings.encryption_keys.as_deref(), &settings.data_dir)?;
        let metrics = metrics();
        let bus = measured_bus(&metrics);
        let store = SqliteStore::open(&settings.data_dir, bus.clone()).with_context(|| {
            "SOTTO_DATA_DIR must be a directory that this user can write to and no other program uses"
        })?;
        let store = Arc::new(store);
        let ring = match found {
            Some(ring) => ring,
            None => new_keys(store.clone(), settings).await?,
        };
        Ok(Self::assemble(settings, store, bus, metrics, ring))
    }

    /// The same over a store and keys that vanish.
    pub fn in_memory(settings: &Settings) -> Result<Self> {
        let metrics = metrics();
        let bus = measured_bus(&metrics);
        let store = Arc::new(SqliteStore::in_memory(bus.clone())?);
        let (ring, _) = KeyRing::generate(&OsEntropy);
        Ok(Self::assemble(settings, store, bus, metrics, ring))
    }

    fn assemble(
        settings: &Settings,
        store: Arc<SqliteStore>,
        bus: Arc<dyn EventBus>,
        metrics: Arc<PrometheusMetrics>,
        ring: KeyRing,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let ring = Arc::new(ring);
        let mailbox =
            Arc::new(MemoryMailbox::new(clock.clone(), settings.public_url.origin().to_owned()));
        let code_limiter: Arc<dyn RateLimiter> = Arc::new(LocalRateLimiter::new(clock.clone()));
        let limiter = if settings.rate_limits {
            code_limiter.clone()
        } else {
            Arc::new(UnlimitedRateLimiter)
        };
        let hasher = Argon2PasswordHasher::new(HashingStrength::PRODUCTION, entropy.clone());
        Self {
            messages: Arc::new(MeasuredMessages { inner: store.clone(), metrics: metrics.clone() }),
            store,
            bus,
            clock,
            sealer: Arc::new(AesMessageSealer::new(ring.clone(), entropy.clone())),
            digester: Arc::new(HmacDigester::new(ring.clone())),
            hasher: Arc::new(MeasuredHasher { inner: Arc::new(hasher), metrics: metrics.clone() }),
            mailer: Arc::new(MeasuredMailer { inner: mailbox.clone(), metrics: metrics.clone() }),
            metrics,
            mailbox,
            limiter,
            code_limiter,
            keys: ring.fingerprints(),
            entropy,
        }
    }

    /// Checks the sealing keys against those the store was used with.
    async fn adopt_keys(&self) -> Result<()> {
        let adopting = AdoptKeys { known: self.store.clone() };
        adopting.execute(&self.keys).await.context(KEYS_REMEDY)
    }

    /// What `sotto doctor` looks at.
    pub fn inspected(&self) -> Inspected {
        Inspected {
            store: self.store.clone(),
            sessions: self.store.clone(),
            known_keys: self.store.clone(),
            keys: self.keys.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    /// Forgets what has expired.
    pub fn sweep(&self) -> Sweep {
        Sweep {
            registrations: self.store.clone(),
            sessions: self.store.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Makes accounts for the operator.
    pub fn create_user(&self) -> CreateUser {
        CreateUser {
            users: self.store.clone(),
            registrations: self.store.clone(),
            hasher: self.hasher.clone(),
            proof: self.proof(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    /// Everything that is served.
    pub fn site(&self, settings: &Settings, caps: Caps, shutdown: Shutdown) -> Site {
        let cookies = Cookies::new(&settings.public_url);
        let gate = Arc::new(Gate { authenticate: self.authenticate(), cookies: cookies.clone() });
        Site {
            accounts: self.accounts(cookies),
            me: MeApi { profile: Profile { users: self.store.clone() } },
            people: PeopleApi {
                find_people: FindPeople { users: self.store.clone(), limits: self.limits() },
            },
            rooms: RoomsApi {
                rooms: self.rooms(),
                open_room: self.open_room(),
                mark_read: self.mark_read(),
            },
            messages: MessagesApi { send_messages: self.send_messages(), history: self.history() },
            health: Health { store: self.store.clone(), going_away: shutdown.announced.clone() },
            sockets: self.sockets(&gate, &settings.public_url, caps, shutdown),
            gate,
            mailbox: Some(self.mailbox.clone()),
            assets: Arc::new(Assets::load()),
            public_url: settings.public_url.clone(),
            trusted_proxies: TrustedProxies(Networks(settings.trusted_proxies.clone().into())),
            observation: Observation {
                metrics: self.metrics.clone(),
                report: self.metrics.clone(),
                readers: Networks(settings.metrics_from.clone().into()),
                entropy: self.entropy.clone(),
            },
        }
    }

    fn accounts(&self, cookies: Cookies) -> AccountsApi {
        AccountsApi {
            register: Register {
                users: self.store.clone(),
                registrations: self.store.clone(),
                hasher: self.hasher.clone(),
                proof: self.proof(),
                limits: self.limits(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
            },
            verify_otp: VerifyOtp {
                registrations: self.store.clone(),
                users: self.store.clone(),
                proof: self.proof(),
                sessions: self.sessions(),
                mailer: self.mailer.clone(),
                limits: self.limits(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
            },
            resend_otp: ResendOtp {
                registrations: self.store.clone(),
                proof: self.proof(),
                limits: self.limits(),
                clock: self.clock.clone(),
            },
            sign_in: SignIn {
                users: self.store.clone(),
                registrations: self.store.clone(),
                hasher: self.hasher.clone(),
                sessions: self.sessions(),
                proof: self.proof(),
                limits: self.limits(),
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
            },
            sign_out: self.sign_out(),
            cookies,
        }
    }

    fn sockets(
        &self,
        gate: &Arc<Gate>,
        public_url: &PublicUrl,
        caps: Caps,
        shutdown: Shutdown,
    ) -> Sockets {
        Sockets {
            gate: gate.clone(),
            public_url: public_url.clone(),
            follow: Follow {
                bus: self.bus.clone(),
                rooms: self.rooms(),
                opener: self.opener(),
                authenticate: self.authenticate(),
            },
            send_messages: Arc::new(self.send_messages()),
            mark_read: Arc::new(self.mark_read()),
            typing: Arc::new(Typing {
                rooms: self.store.clone(),
                bus: self.bus.clone(),
                limits: self.limits(),
            }),
            caps,
            shutdown,
            open: web::Places::default(),
            metrics: self.metrics.clone(),
        }
    }

    fn proof(&self) -> AddressProof {
        AddressProof {
            users: self.store.clone(),
            mailer: self.mailer.clone(),
            digester: self.digester.clone(),
            entropy: self.entropy.clone(),
        }
    }

    fn sessions(&self) -> Sessions {
        Sessions {
            sign_out: self.sign_out(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    fn sign_out(&self) -> SignOut {
        SignOut { sessions: self.store.clone(), bus: self.bus.clone() }
    }

    fn authenticate(&self) -> Authenticate {
        Authenticate { sessions: self.store.clone(), clock: self.clock.clone() }
    }

    fn limits(&self) -> Limits {
        Limits { limiter: self.limiter.clone(), code_limiter: self.code_limiter.clone() }
    }

    fn opener(&self) -> Opener {
        Opener { sealer: self.sealer.clone() }
    }

    fn rooms(&self) -> Rooms {
        Rooms { rooms: self.store.clone(), users: self.store.clone(), opener: self.opener() }
    }

    fn open_room(&self) -> OpenRoom {
        OpenRoom {
            rooms: self.store.clone(),
            users: self.store.clone(),
            views: self.rooms(),
            bus: self.bus.clone(),
            limits: self.limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    fn mark_read(&self) -> MarkRead {
        MarkRead { rooms: self.store.clone(), bus: self.bus.clone() }
    }

    fn send_messages(&self) -> SendMessages {
        SendMessages {
            messages: self.messages.clone(),
            rooms: self.store.clone(),
            sealer: self.sealer.clone(),
            digester: self.digester.clone(),
            limits: self.limits(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            metrics: self.metrics.clone(),
        }
    }

    fn history(&self) -> History {
        History {
            messages: self.messages.clone(),
            rooms: self.store.clone(),
            opener: self.opener(),
        }
    }
}

/// Counts of this process.
fn metrics() -> Arc<PrometheusMetrics> {
    Arc::new(PrometheusMetrics::new(env!("CARGO_PKG_VERSION")))
}

fn measured_bus(metrics: &Arc<PrometheusMetrics>) -> Arc<dyn EventBus> {
    Arc::new(MeasuredBus { inner: Arc::new(LocalEventBus::new()), metrics: metrics.clone() })
}

/// Keys for a new store. One that was used before has lost its own: others would only look right.
async fn new_keys(store: Arc<SqliteStore>, settings: &Settings) -> Result<KeyRing> {
    AdoptKeys { known: store }.execute(&[]).await.context(KEYS_REMEDY)?;
    keys::generate(&settings.data_dir, &OsEntropy)
}
