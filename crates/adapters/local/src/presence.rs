//! Who is here, counted in memory.
use application::ports::Presence;
use async_trait::async_trait;
use domain::id::UserId;
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Counts the open sockets of each person in this process. Remembers nobody who has none.
#[derive(Debug, Default)]
pub struct LocalPresence {
    sockets: Mutex<HashMap<UserId, usize>>,
}

impl LocalPresence {
    fn sockets(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Presence for LocalPresence {
    async fn arrive(&self, user: UserId) -> bool {
        let mut sockets = self.sockets();
        let count = sockets.entry(user).or_default();
        *count += 1;
        *count == 1
    }

    async fn leave(&self, user: UserId) -> bool {
        let mut sockets = self.sockets();
        let Entry::Occupied(mut count) = sockets.entry(user) else {
            return false;
        };
        *count.get_mut() -= 1;
        let was_last = *count.get() == 0;
        if was_last {
            count.remove();
        }
        was_last
    }

    async fn list_online(&self, users: &[UserId]) -> HashSet<UserId> {
        let sockets = self.sockets();
        users.iter().copied().filter(|user| sockets.contains_key(user)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use testkit::PresenceUnderTest;

    fn open() -> PresenceUnderTest {
        PresenceUnderTest::new(Arc::new(LocalPresence::default()))
    }

    testkit::presence_contract!(open());

    #[tokio::test]
    async fn nobody_is_remembered_who_left() {
        let here = LocalPresence::default();
        for n in 0..100 {
            here.arrive(testkit::a_user(n).id).await;
            here.leave(testkit::a_user(n).id).await;
        }
        assert!(here.sockets().is_empty());
    }
}
