//! How people stand to rooms and to each other, asked with every message and so remembered for a
//! moment.
use crate::ports::{BlockRepository, Clock, RoomRepository, Unavailable, UserRepository};
use domain::{
    TimeDelta, Timestamp,
    id::{RoomId, UserId},
    room::Standing,
    user::Privacy,
};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Knows who may reach whom, and see what of them.
///
/// What changed through this instance counts at once; what changed through another one, within
/// [`Relations::STALE_AFTER`].
pub struct Relations {
    /// How people stand to their rooms.
    pub rooms: Arc<dyn RoomRepository>,
    /// Who keeps whom away.
    pub blocks: Arc<dyn BlockRepository>,
    /// Who is still there.
    pub users: Arc<dyn UserRepository>,
    /// How long something is remembered.
    pub clock: Arc<dyn Clock>,
    /// What is remembered.
    pub memory: Memory,
}

/// What was found a moment ago.
#[derive(Default)]
pub struct Memory {
    standings: Recent<(RoomId, UserId), Standing>,
    free: Recent<(UserId, UserId), ()>,
    privacies: Recent<UserId, Privacy>,
}

/// What lies between one person and another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// Nothing.
    Free,
    /// The one blocks the other.
    Blocking,
    /// The other is out of reach: they block the one, or their account is gone.
    OutOfReach,
}

impl Relations {
    /// How long what another instance changed may go unnoticed.
    pub const STALE_AFTER: TimeDelta = TimeDelta::seconds(1);

    /// How somebody stands to a room of theirs; `None` if it is not theirs.
    pub async fn standing(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Standing>, Unavailable> {
        let now = self.clock.now();
        let standings = &self.memory.standings;
        // Who stands in a room never leaves it.
        let lasts = |standing: &Standing| *standing == Standing::Open;
        if let Some(known) = standings.find(&(room, user), now, lasts) {
            return Ok(Some(known));
        }
        let found = self.rooms.find_standing(room, user).await?;
        if let Some(standing) = found {
            standings.note((room, user), standing, now);
        }
        Ok(found)
    }

    /// Gives somebody another standing to a room, provided that they have one of these. Whether it
    /// did.
    pub async fn change_standing(
        &self,
        room: RoomId,
        user: UserId,
        from: &[Standing],
        to: Standing,
    ) -> Result<bool, Unavailable> {
        let changed = self.rooms.change_standing(room, user, from, to).await;
        self.memory.standings.forget(&(room, user));
        changed
    }

    /// A room changed somewhere: how this person stands to it is looked up anew.
    pub fn forget_room(&self, room: RoomId, user: UserId) {
        self.memory.standings.forget(&(room, user));
    }

    /// What lies between `from` and `to`.
    pub async fn tie(&self, from: UserId, to: UserId) -> Result<Tie, Unavailable> {
        let now = self.clock.now();
        if self.memory.free.find(&(from, to), now, |()| false).is_some() {
            return Ok(Tie::Free);
        }
        let tie = self.look_up_tie(from, to).await?;
        // Only what is the rule: a block that is lifted counts at once.
        if tie == Tie::Free {
            self.memory.free.note((from, to), (), now);
        }
        Ok(tie)
    }

    /// A block between two people was put.
    pub fn forget_tie(&self, one: UserId, other: UserId) {
        self.memory.free.forget(&(one, other));
        self.memory.free.forget(&(other, one));
    }

    /// Those of these people between whom and somebody there is no block, in their order.
    pub async fn without_blocks(
        &self,
        user: UserId,
        others: Vec<UserId>,
    ) -> Result<Vec<UserId>, Unavailable> {
        if others.is_empty() {
            return Ok(others);
        }
        let blocks = self.blocks.list_between(user, &others).await?;
        let apart: HashSet<UserId> =
            blocks.iter().flat_map(|block| [block.blocker, block.blocked]).collect();
        Ok(others.into_iter().filter(|other| !apart.contains(other)).collect())
    }

    /// What somebody lets others see; `None` once their account is gone.
    pub async fn privacy(&self, user: UserId) -> Result<Option<Privacy>, Unavailable> {
        let now = self.clock.now();
        match self.memory.privacies.find(&user, now, |_| false) {
            Some(known) => Ok(Some(known)),
            None => self.find_privacy(user).await,
        }
    }

    /// The same as it is at this moment, for what is not asked again a moment later.
    pub async fn find_privacy(&self, user: UserId) -> Result<Option<Privacy>, Unavailable> {
        let found = self.users.find(user).await?.map(|user| user.privacy);
        if let Some(privacy) = found {
            self.memory.privacies.note(user, privacy, self.clock.now());
        }
        Ok(found)
    }

    /// What each of these people lets others see at this moment, in one round trip. Those whose
    /// accounts are gone are missing.
    pub async fn list_privacies(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Privacy>, Unavailable> {
        if users.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.users.list(users).await?;
        Ok(found.into_iter().map(|user| (user.id, user.privacy)).collect())
    }

    /// Somebody may let others see more or less by now.
    pub fn forget_privacy(&self, user: UserId) {
        self.memory.privacies.forget(&user);
    }

    async fn look_up_tie(&self, from: UserId, to: UserId) -> Result<Tie, Unavailable> {
        let blocks = self.blocks.list_between(from, &[to]).await?;
        if blocks.iter().any(|block| block.blocker == from) {
            return Ok(Tie::Blocking);
        }
        if !blocks.is_empty() || self.users.find(to).await?.is_none() {
            return Ok(Tie::OutOfReach);
        }
        Ok(Tie::Free)
    }
}

/// More are forgotten and looked up again.
const MOST: usize = 65_536;

/// A bounded memory of what was found, and when.
struct Recent<K, V>(Mutex<HashMap<K, (V, Timestamp)>>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Copy> Recent<K, V> {
    fn find(&self, key: &K, now: Timestamp, lasts: impl Fn(&V) -> bool) -> Option<V> {
        let (value, found_at) = self.entries().get(key).copied()?;
        let age = now - found_at;
        // A clock that was set back makes nothing young again.
        let fresh = age >= TimeDelta::zero() && age < Relations::STALE_AFTER;
        (fresh || lasts(&value)).then_some(value)
    }

    fn note(&self, key: K, value: V, now: Timestamp) {
        let mut entries = self.entries();
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(key, (value, now));
    }

    fn forget(&self, key: &K) {
        self.entries().remove(key);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, (V, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_short() {
        let recent = Recent::default();
        let now = Timestamp::UNIX_EPOCH;
        for n in 0..=MOST {
            recent.note(n, n, now);
        }
        assert!(recent.entries().len() <= MOST);
        assert_eq!(recent.find(&MOST, now, |_| false), Some(MOST));
        let later = now + Relations::STALE_AFTER;
        assert_eq!(recent.find(&MOST, later, |_| false), None);
        assert_eq!(recent.find(&MOST, now - TimeDelta::milliseconds(1), |_| false), None);
        assert_eq!(recent.find(&MOST, later, |_| true), Some(MOST));
        recent.forget(&MOST);
        assert_eq!(recent.find(&MOST, now, |_| true), None);
    }
}
