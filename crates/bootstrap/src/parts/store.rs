//! Everything that is kept, whichever store keeps it.
use super::Tools;
use crate::{keys, settings::Settings};
use adapter_crypto::{KeyRing, OsEntropy};
use adapter_local::{LocalEventBus, RelayEventBus};
use adapter_sqlite::SqliteStore;
use anyhow::{Context, Result};
use application::{
    measured::MeasuredBus,
    operations::AdoptKeys,
    ports::{
        AttachmentRepository, BlockRepository, CeremonyRepository, ChallengeRepository, EventBus,
        ExternalSignInRepository, KeyFingerprintRepository, KnownDeviceRepository,
        MessageRepository, OutboxRepository, PasskeyRepository, PasswordResetRepository,
        PictureRepository, RegistrationRepository, RoomRepository, SecondFactorRepository,
        SessionRepository, StoreProbe, UserRepository,
    },
};
use std::sync::Arc;

/// All repositories in one.
pub trait Store:
    UserRepository
    + RegistrationRepository
    + SessionRepository
    + RoomRepository
    + MessageRepository
    + KeyFingerprintRepository
    + KnownDeviceRepository
    + OutboxRepository
    + ChallengeRepository
    + PasswordResetRepository
    + SecondFactorRepository
    + CeremonyRepository
    + PasskeyRepository
    + ExternalSignInRepository
    + PictureRepository
    + BlockRepository
    + AttachmentRepository
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
        + KnownDeviceRepository
        + OutboxRepository
        + ChallengeRepository
        + PasswordResetRepository
        + SecondFactorRepository
        + CeremonyRepository
        + PasskeyRepository
        + ExternalSignInRepository
        + PictureRepository
        + BlockRepository
        + AttachmentRepository
        + StoreProbe
{
}

/// A store, and the bus it announces on.
pub struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) bus: Arc<dyn EventBus>,
    /// What has to run beside it, where there are other instances.
    pub(super) relay: Option<Arc<RelayEventBus>>,
}

impl Opened {
    /// The store of an instance that has it for itself.
    pub fn alone(
        tools: &Tools,
        open: impl FnOnce(Arc<dyn EventBus>) -> Result<SqliteStore>,
    ) -> Result<Self> {
        let inner = Arc::new(LocalEventBus::new());
        let bus: Arc<dyn EventBus> =
            Arc::new(MeasuredBus { inner, metrics: tools.metrics.clone() });
        Ok(Self { store: Arc::new(open(bus.clone())?), bus, relay: None })
    }
}

/// The embedded store in the data dir, and its keys: those that are set, those that lie there, or
/// new ones.
pub async fn open_embedded(settings: &Settings, tools: &Tools) -> Result<(Opened, Arc<KeyRing>)> {
    let found = keys::find(settings.encryption_keys.as_deref(), &settings.data_dir)?;
    let opened = Opened::alone(tools, |bus| {
        SqliteStore::open(&settings.data_dir, bus).context(
            "SOTTO_DATA_DIR must be a directory that this user can write to and no other program uses",
        )
    })?;
    let ring = match found {
        Some(ring) => ring,
        None => new_keys(opened.store.clone(), settings).await?,
    };
    Ok((opened, Arc::new(ring)))
}

/// Keys for a new store. One that was used before has lost its own: others would only look right.
async fn new_keys(store: Arc<dyn Store>, settings: &Settings) -> Result<KeyRing> {
    AdoptKeys { known: store }.execute(&[]).await.context(keys::REMEDY)?;
    keys::generate(&settings.data_dir, &OsEntropy)
}
