//! What is kept about somebody beside what they wrote.
use super::super::SignedIn;
use crate::ports::{
    BlockRepository, Clock, KnownDeviceRepository, PasskeyRepository, PictureRepository,
    SecondFactorRepository, SessionRepository, ShownPicture, Unavailable, UserRepository,
};
use domain::{
    Timestamp,
    id::UserId,
    known_device::KnownDevice,
    passkey::Passkey,
    second_factor::{FactorKind, SecondFactor},
    session::Session,
    user::User,
};
use std::{collections::HashMap, sync::Arc};

/// Who keeps something about people. What lives for minutes alone (codes, links, what was begun on
/// the way in) is not asked for.
#[derive(Clone)]
pub struct RecordKeepers {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// How they look.
    pub pictures: Arc<dyn PictureRepository>,
    /// Where they are signed in.
    pub sessions: Arc<dyn SessionRepository>,
    /// Browsers they signed in with.
    pub known_devices: Arc<dyn KnownDeviceRepository>,
    /// What their accounts ask for beside the first factor.
    pub second_factors: Arc<dyn SecondFactorRepository>,
    /// Keys that their devices keep.
    pub passkeys: Arc<dyn PasskeyRepository>,
    /// Whom they keep away.
    pub blocks: Arc<dyn BlockRepository>,
    /// What of it still counts.
    pub clock: Arc<dyn Clock>,
}

/// What was kept about somebody at a moment.
pub struct Records {
    /// When.
    pub read_at: Timestamp,
    /// The account.
    pub user: User,
    /// How it looks.
    pub picture: Option<ShownPicture>,
    /// What it asks for beside the first factor, and since when. Neither secrets nor codes.
    pub second_factor: Option<(Timestamp, Vec<FactorKind>)>,
    /// Keys that devices keep.
    pub passkeys: Vec<Passkey>,
    /// Where they are signed in.
    pub sessions: Vec<Session>,
    /// Browsers they signed in with.
    pub known_devices: Vec<KnownDevice>,
    /// Whom they keep away, the latest first.
    pub blocks: Vec<BlockedPerson>,
}

/// Somebody who is kept away.
pub struct BlockedPerson {
    /// Their id.
    pub id: UserId,
    /// Who that is; `None` once their account is gone.
    pub user: Option<User>,
    /// Since when.
    pub since: Timestamp,
}

impl RecordKeepers {
    /// All that is kept about somebody now; `None` if the account is gone.
    pub(super) async fn read(&self, me: SignedIn) -> Result<Option<Records>, Unavailable> {
        let read_at = self.clock.now();
        let Some(user) = self.users.find(me.user).await? else { return Ok(None) };
        let passkeys = self.passkeys.list_by_user(me.user).await?;
        let factor = self.second_factors.find(me.user).await?;
        let kinds = |factor: SecondFactor| (factor.since, factor.kinds(!passkeys.is_empty()));
        let mut sessions = self.sessions.list_by_user(me.user).await?;
        sessions.retain(|session| session.is_live(read_at));
        let mut known_devices = self.known_devices.list_by_user(me.user).await?;
        known_devices.retain(|device| device.is_live(read_at));
        Ok(Some(Records {
            read_at,
            picture: self.picture(&user).await?,
            second_factor: factor.map(kinds),
            blocks: self.blocks(me.user).await?,
            user,
            passkeys,
            sessions,
            known_devices,
        }))
    }

    async fn picture(&self, user: &User) -> Result<Option<ShownPicture>, Unavailable> {
        match user.picture {
            Some(picture) => self.pictures.find(picture).await,
            None => Ok(None),
        }
    }

    async fn blocks(&self, me: UserId) -> Result<Vec<BlockedPerson>, Unavailable> {
        let blocks = self.blocks.list_by_blocker(me).await?;
        let blocked: Vec<UserId> = blocks.iter().map(|block| block.blocked).collect();
        let mut people: HashMap<UserId, User> =
            self.users.list(&blocked).await?.into_iter().map(|user| (user.id, user)).collect();
        let named = blocks.into_iter().map(|block| BlockedPerson {
            id: block.blocked,
            user: people.remove(&block.blocked),
            since: block.created_at,
        });
        Ok(named.collect())
    }
}
