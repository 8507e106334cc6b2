//! The one place that chooses adapters and builds use cases.
use crate::{keys, settings::Settings};
use adapter_crypto::{
    AesMessageSealer, AesPayloadSealer, Argon2PasswordHasher, HashingStrength, HmacDigester,
    KeyRing, OsEntropy,
};
use adapter_local::{LocalEventBus, LocalRateLimiter, SystemClock, UnlimitedRateLimiter};
use adapter_mail::{MemoryMailbox, OutboxMailer, SmtpServer, SmtpTransport};
use adapter_sqlite::SqliteStore;
use anyhow::{Context, Result};
use application::{
    accounts::{
        AddressProof, Authenticate, CreateUser, Profile, Register, ResendOtp, Sessions, SignIn,
        SignOut, VerifyOtp,
    },
    chat::{Follow, History, MarkRead, OpenRoom, Opener, Rooms, SendMessages, Typing},
    limits::Limits,
    operations::{AcceptMail, AdoptKeys, DeliverMail, Sweep},
    people::FindPeople,
    ports::{
        Clock, DevelopmentMailbox, Digester, Entropy, EventBus, KeyFingerprint,
        KeyFingerprintRepository, Mailer, MessageRepository, MessageSealer, OutboxRepository,
        PasswordHasher, RateLimiter, RegistrationRepository, RoomRepository, SessionRepository,
        StoreProbe, UserRepository,
    },
};
use std::sync::Arc;
use web::{
    AccountsApi, Assets, Caps, Cookies, Gate, Health, MeApi, MessagesApi, PeopleApi, PublicUrl,
    RoomsApi, Shutdown, Site, Sockets, TrustedProxies,
};

/// What to say when the keys are not those of the store.
const KEYS_REMEDY: &str = "SOTTO_ENCRYPTION_KEYS, or the file sealing-keys in the data dir, must hold every key the store was used with";

/// All that is kept, whichever store keeps it.
pub trait Store:
    UserRepository
    + RegistrationRepository
    + SessionRepository
    + RoomRepository
    + MessageRepository
    + KeyFingerprintRepository
    + OutboxRepository
    + StoreProbe
{
}

impl<S> Store for S where
    S: UserRepository
        + RegistrationRepository
        + SessionRepository
        + RoomRepository
        + MessageRepository
        + KeyFingerprintRepository
        + OutboxRepository
        + StoreProbe
{
}

/// The adapters in use, each behind the port it fulfils.
#[derive(Clone)]
pub struct Parts {
    store: Arc<dyn Store>,
    sessions: Arc<dyn SessionRepository>,
    messages: Arc<dyn MessageRepository>,
    bus: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    sealer: Arc<dyn MessageSealer>,
    digester: Arc<dyn Digester>,
    hasher: Arc<dyn PasswordHasher>,
    mailer: Arc<dyn Mailer>,
    mailbox: Option<Arc<dyn DevelopmentMailbox>>,
    deliver_mail: Option<DeliverMail>,
    limiter: Arc<dyn RateLimiter>,
    code_limiter: Arc<dyn RateLimiter>,
    keys: Vec<KeyFingerprint>,
}

impl Parts {
    /// Chooses and opens the adapters as set.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let found = keys::find(settings.encryption_keys.as_deref(), &settings.data_dir)?;
        let bus: Arc<dyn EventBus> = Arc::new(LocalEventBus::new());
        let store = SqliteStore::open(&settings.data_dir, bus.clone()).with_context(|| {
            "SOTTO_DATA_DIR must be a directory that this user can write to and no other program uses"
        })?;
        let store: Arc<dyn Store> = Arc::new(store);
        let ring = match found {
            Some(ring) => ring,
            None => new_keys(store.clone(), settings).await?,
        };
        let parts = Self::assemble(settings, store, bus, ring)?;
        parts.adopt_keys().await?;
        Ok(parts)
    }

    /// The same over a store and keys that vanish.
    pub fn in_memory(settings: &Settings) -> Result<Self> {
        let bus: Arc<dyn EventBus> = Arc::new(LocalEventBus::new());
        let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory(bus.clone())?);
        let (ring, _) = KeyRing::generate(&OsEntropy);
        Self::assemble(settings, store, bus, ring)
    }

    fn assemble(
        settings: &Settings,
        store: Arc<dyn Store>,
        bus: Arc<dyn EventBus>,
        ring: KeyRing,
    ) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let ring = Arc::new(ring);
        let post = match &settings.smtp {
            Some(server) => {
                Post::by_smtp(server, settings, store.clone(), &clock, &entropy, ring.clone())?
            }
            None => Post::into_mailbox(settings, clock.clone()),
        };
        let code_limiter: Arc<dyn RateLimiter> = Arc::new(LocalRateLimiter::new(clock.clone()));
        let limiter = if settings.rate_limits {
            code_limiter.clone()
        } else {
            Arc::new(UnlimitedRateLimiter)
        };
        Ok(Self {
            sessions: store.clone(),
            messages: store.clone(),
            store,
            bus,
            clock,
            sealer: Arc::new(AesMessageSealer::new(ring.clone(), entropy.clone())),
            digester: Arc::new(HmacDigester::new(ring.clone())),
            hasher: Arc::new(Argon2PasswordHasher::new(
                HashingStrength::PRODUCTION,
                entropy.clone(),
            )),
            mailer: post.mailer,
            mailbox: post.mailbox,
            deliver_mail: post.deliver_mail,
            limiter,
            code_limiter,
            keys: ring.fingerprints(),
            entropy,
        })
    }

    /// Checks the sealing keys against those the store was used with.
    async fn adopt_keys(&self) -> Result<()> {
        let adopting = AdoptKeys { known: self.store.clone() };
        adopting.execute(&self.keys).await.context(KEYS_REMEDY)
    }

    /// Forgets what has expired.
    pub fn sweep(&self) -> Sweep {
        Sweep {
            registrations: self.store.clone(),
            sessions: self.sessions.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Takes mail to the mail server, where there is one.
    pub fn deliver_mail(&self) -> Option<DeliverMail> {
        self.deliver_mail.clone()
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
            sockets: self.sockets(&gate, &settings.public_url, caps, shutdown),
            gate,
            health: Health { store: self.store.clone() },
            mailbox: self.mailbox.clone(),
            assets: Arc::new(Assets::load()),
            public_url: settings.public_url.clone(),
            trusted_proxies: TrustedProxies(settings.trusted_proxies.clone().into()),
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
        SignOut { sessions: self.sessions.clone(), bus: self.bus.clone() }
    }

    fn authenticate(&self) -> Authenticate {
        Authenticate { sessions: self.sessions.clone(), clock: self.clock.clone() }
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

/// Where mail goes.
struct Post {
    mailer: Arc<dyn Mailer>,
    mailbox: Option<Arc<dyn DevelopmentMailbox>>,
    deliver_mail: Option<DeliverMail>,
}

impl Post {
    fn into_mailbox(settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let mailbox = Arc::new(MemoryMailbox::new(clock, settings.public_url.origin().to_owned()));
        Self { mailer: mailbox.clone(), mailbox: Some(mailbox), deliver_mail: None }
    }

    fn by_smtp(
        server: &SmtpServer,
        settings: &Settings,
        outbox: Arc<dyn OutboxRepository>,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
        ring: Arc<KeyRing>,
    ) -> Result<Self> {
        let public_url = settings.public_url.origin();
        let transport = SmtpTransport::new(server.clone(), settings.mail_from.clone(), public_url)?;
        let sealer = Arc::new(AesPayloadSealer::new(ring, entropy.clone()));
        let deliver_mail = DeliverMail {
            outbox: outbox.clone(),
            sealer: sealer.clone(),
            transport: Arc::new(transport),
            clock: clock.clone(),
            wake: Arc::default(),
        };
        let accept_mail = AcceptMail {
            outbox,
            sealer,
            clock: clock.clone(),
            entropy: entropy.clone(),
            wake: deliver_mail.wake.clone(),
        };
        let mailer = Arc::new(OutboxMailer { accept_mail, public_url: public_url.to_owned() });
        Ok(Self { mailer, mailbox: None, deliver_mail: Some(deliver_mail) })
    }
}

/// Keys for a new store. One that was used before has lost its own: others would only look right.
async fn new_keys(store: Arc<dyn Store>, settings: &Settings) -> Result<KeyRing> {
    AdoptKeys { known: store }.execute(&[]).await.context(KEYS_REMEDY)?;
    keys::generate(&settings.data_dir, &OsEntropy)
}
