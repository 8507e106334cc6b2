//! The ports: what the use cases need of the outside, as traits that adapters fulfil.
//!
//! To add one: write the trait in a file of its own, with a doc on each method that says what an
//! adapter must *guarantee* (atomicity, uniqueness, order), not what the name already says; put
//! `#[cfg_attr(feature = "mocks", mockall::automock)]` on it; give it a contract suite in
//! `testkit`, its concurrent cases included; run that suite against each adapter.
//!
//! Absence is `Option`. Verbs are fixed (`find`, `find_by_x`, `insert`, `list_x`, `remove`); a verb
//! that carries atomicity has a name of its own (`begin_attempt`, `append`, `mark_read_up_to`).
//! A method is the atomic unit: a use case that makes two calls orders them so that a crash in
//! between leaves something harmless. The store counts, the domain judges: expiry, tries and
//! membership are domain functions, never hidden in a query.

mod attachments;
mod blocks;
mod broadcast;
mod ceremonies;
mod challenges;
mod clock;
mod crypto;
mod events;
mod external_sign_ins;
mod heads;
mod identity_provider;
mod keys;
mod known_devices;
mod limits;
mod mail;
mod messages;
mod metrics;
mod outbox;
mod passkeys;
mod password_resets;
mod pictures;
mod presence;
mod probe;
mod registrations;
mod rooms;
mod second_factors;
mod sessions;
mod users;

pub use {
    attachments::{AttachmentRepository, PieceSealer},
    blocks::BlockRepository,
    broadcast::{Broadcast, Received},
    ceremonies::CeremonyRepository,
    challenges::ChallengeRepository,
    clock::{Clock, Entropy, EntropyExt},
    crypto::{
        Digester, HashingBusy, MessageSealer, PasswordHasher, PayloadPurpose, PayloadSealer,
        Purpose,
    },
    events::{Delivery, EventBus, EventSender, SubscriberGone, Subscription, event_channel},
    external_sign_ins::ExternalSignInRepository,
    heads::{RoomHeads, TouchMark, TouchedRoom, TouchedRooms},
    identity_provider::{GrantedCode, IdentityProvider, ProviderError, SignInSecrets},
    keys::{KeyFingerprint, KeyFingerprintRepository},
    known_devices::KnownDeviceRepository,
    limits::{LimitKey, RateLimiter},
    mail::{
        DeliveryError, DevelopmentMailbox, Mail, MailTransport, Mailer, RenderedMail,
        SecondFactorNews, SentMail,
    },
    messages::{Appended, MessageChange, MessageRepository},
    metrics::{
        AnsweredRequest, BroadcastNews, CallOutcome, Figure, FrameIn, FrameOut, MailStep,
        MessageOutcome, Metrics, MetricsReport, NoMetrics, RenderedMetrics, RequestMethod,
        SocketEnd, StatusClass, StoreOperation,
    },
    outbox::OutboxRepository,
    passkeys::{BegunCeremony, NewCredential, PasskeyRefused, PasskeyRepository, PasskeyVerifier},
    password_resets::PasswordResetRepository,
    pictures::{
        NewPicture, PictureProcessor, PictureRefused, PictureRepository, Preview, ShownPicture,
    },
    presence::Presence,
    probe::StoreProbe,
    registrations::RegistrationRepository,
    rooms::{OpenedRoom, RoomRepository},
    second_factors::SecondFactorRepository,
    sessions::SessionRepository,
    users::UserRepository,
};
#[cfg(feature = "mocks")]
pub use {
    attachments::{MockAttachmentRepository, MockPieceSealer},
    blocks::MockBlockRepository,
    broadcast::MockBroadcast,
    ceremonies::MockCeremonyRepository,
    challenges::MockChallengeRepository,
    clock::{MockClock, MockEntropy},
    crypto::{MockDigester, MockMessageSealer, MockPasswordHasher, MockPayloadSealer},
    events::MockEventBus,
    external_sign_ins::MockExternalSignInRepository,
    heads::MockRoomHeads,
    identity_provider::MockIdentityProvider,
    keys::MockKeyFingerprintRepository,
    known_devices::MockKnownDeviceRepository,
    limits::MockRateLimiter,
    mail::{MockDevelopmentMailbox, MockMailTransport, MockMailer},
    messages::MockMessageRepository,
    metrics::{MockMetrics, MockMetricsReport},
    outbox::MockOutboxRepository,
    passkeys::{MockPasskeyRepository, MockPasskeyVerifier},
    password_resets::MockPasswordResetRepository,
    pictures::{MockPictureProcessor, MockPictureRepository},
    presence::MockPresence,
    probe::MockStoreProbe,
    registrations::MockRegistrationRepository,
    rooms::MockRoomRepository,
    second_factors::MockSecondFactorRepository,
    sessions::MockSessionRepository,
    users::MockUserRepository,
};

/// A port could not do its work, for a reason no caller can act on. Whether what was asked for
/// happened is unknown.
#[derive(Debug, thiserror::Error)]
#[error("{port} is unavailable")]
pub struct Unavailable {
    port: &'static str,
    source: anyhow::Error,
}

impl Unavailable {
    /// Names the port that failed and keeps the cause for the log.
    pub fn of(port: &'static str, source: impl Into<anyhow::Error>) -> Self {
        Self { port, source: source.into() }
    }

    /// Which port failed: `store`, `mail` …
    pub fn port(&self) -> &'static str {
        self.port
    }
}
