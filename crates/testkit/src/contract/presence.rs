//! The contract of `Presence`.
use super::at_once;
use crate::a_user;
use application::ports::Presence;
use domain::id::UserId;
use std::sync::Arc;

/// An empty presence, as two instances see it; for one that knows of no others, twice the same.
#[derive(Clone)]
pub struct PresenceUnderTest {
    /// As one instance sees it.
    pub one: Arc<dyn Presence>,
    /// As another sees it.
    pub other: Arc<dyn Presence>,
}

impl PresenceUnderTest {
    /// Of a single instance.
    pub fn new(presence: Arc<dyn Presence>) -> Self {
        Self { one: presence.clone(), other: presence }
    }

    /// Of two instances that know of each other.
    pub fn shared(one: Arc<dyn Presence>, other: Arc<dyn Presence>) -> Self {
        Self { one, other }
    }

    async fn online(&self, users: &[UserId]) -> Vec<UserId> {
        let seen = self.one.list_online(users).await;
        assert_eq!(seen, self.other.list_online(users).await, "both see the same");
        users.iter().copied().filter(|user| seen.contains(user)).collect()
    }
}

fn ann() -> UserId {
    a_user(1).id
}

fn bob() -> UserId {
    a_user(2).id
}

pub async fn the_first_socket_brings_somebody_online_and_the_last_takes_them_off(
    presence: &PresenceUnderTest,
) {
    assert_eq!(presence.online(&[ann()]).await, []);
    assert!(presence.one.arrive(ann()).await);
    assert!(!presence.one.arrive(ann()).await);
    assert!(!presence.other.arrive(ann()).await);
    assert_eq!(presence.online(&[ann()]).await, [ann()]);
    assert!(!presence.one.leave(ann()).await);
    assert!(!presence.one.leave(ann()).await);
    assert_eq!(presence.online(&[ann()]).await, [ann()]);
    assert!(presence.other.leave(ann()).await);
    assert_eq!(presence.online(&[ann()]).await, []);
    assert!(presence.other.arrive(ann()).await, "and so again");
}

pub async fn one_person_says_nothing_of_another(presence: &PresenceUnderTest) {
    assert!(presence.one.arrive(ann()).await);
    assert!(presence.other.arrive(bob()).await);
    assert_eq!(presence.online(&[bob(), ann(), a_user(3).id]).await, [bob(), ann()]);
    assert_eq!(presence.online(&[a_user(3).id]).await, []);
    assert_eq!(presence.online(&[]).await, []);
    assert!(presence.one.leave(ann()).await);
    assert_eq!(presence.online(&[ann(), bob()]).await, [bob()]);
}

pub async fn who_leaves_without_having_come_changes_nothing(presence: &PresenceUnderTest) {
    assert!(!presence.one.leave(ann()).await);
    assert!(presence.one.arrive(ann()).await);
    assert_eq!(presence.online(&[ann()]).await, [ann()]);
}

pub async fn of_sockets_that_race_one_brings_online_and_one_takes_off(
    presence: &PresenceUnderTest,
) {
    for _ in 0..10 {
        let each = |n: u32| if n.is_multiple_of(2) { &presence.one } else { &presence.other };
        let came = at_once(16, |n| {
            let presence = each(n).clone();
            async move { presence.arrive(ann()).await }
        });
        assert_eq!(came.await.into_iter().filter(|came| *came).count(), 1);
        let went = at_once(16, |n| {
            let presence = each(n).clone();
            async move { presence.leave(ann()).await }
        });
        assert_eq!(went.await.into_iter().filter(|went| *went).count(), 1);
        assert_eq!(presence.online(&[ann()]).await, []);
    }
}

pub async fn coming_and_going_at_once_leaves_the_truth(presence: &PresenceUnderTest) {
    let turns = at_once(20, |n| {
        let each = if n.is_multiple_of(2) { &presence.one } else { &presence.other }.clone();
        async move {
            for _ in 0..10 {
                each.arrive(ann()).await;
                each.leave(ann()).await;
            }
            if n == 7 {
                each.arrive(ann()).await;
            }
        }
    });
    turns.await;
    assert_eq!(presence.online(&[ann()]).await, [ann()]);
    assert!(presence.other.leave(ann()).await);
}
