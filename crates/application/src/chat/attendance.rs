//! Who is online, and who hears of it: the people somebody talks with, and nobody else.
use super::Relations;
use crate::ports::{Clock, EventBus, Presence, Unavailable};
use domain::{
    Timestamp,
    event::{ChatEvent, Sight},
    history::Limit,
    id::{RoomId, UserId},
    room::{Partner, Standing},
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, oneshot},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Most sockets that count although they closed; beyond it, they leave at once.
const MOST_LINGERING: usize = 16_384;

/// Notes who comes and goes, and tells those who may know.
///
/// At most the partners of somebody's 200 latest rooms are told of and listed. Should two
/// instances tell of one person at the same moment, the order in which others hear of it is not
/// certain; a new socket learns what is so. Of who hides, and to who does, nothing is told.
pub struct Attendance {
    /// Who is online.
    pub presence: Arc<dyn Presence>,
    /// Who shares rooms with whom, and wants to hear of them.
    pub relations: Arc<Relations>,
    /// Tells the others.
    pub bus: Arc<dyn EventBus>,
    /// When somebody left.
    pub clock: Arc<dyn Clock>,
    /// Where a shutdown waits for those who leave.
    pub tasks: TaskTracker,
    /// How long a socket still counts after it closed; [`Self::GRACE`].
    pub grace: Duration,
    /// From when on nobody who closed a socket still counts.
    pub ending: CancellationToken,
    /// Those who closed a socket and still count.
    pub lingering: Lingering,
}

/// Places for sockets that closed and still count.
pub struct Lingering(Semaphore);

impl Default for Lingering {
    fn default() -> Self {
        Self(Semaphore::new(MOST_LINGERING))
    }
}

/// A socket that counts until this is dropped, and for a short while after.
#[derive(Debug)]
pub struct Attending {
    _open: oneshot::Sender<()>,
}

impl Attendance {
    /// Enough for a page to load anew, or for a phone to change its network.
    pub const GRACE: Duration = Duration::from_secs(8);

    /// A socket of somebody's opened. Waits for nothing.
    pub fn attend(self: &Arc<Self>, user: UserId) -> Attending {
        let (open, closed) = oneshot::channel();
        let attendance = self.clone();
        self.tasks.spawn(async move { attendance.count(user, closed).await });
        Attending { _open: open }
    }

    /// Finds out which of somebody's partners are online, or whether that of one room is, as far as
    /// both let each other know. Nobody, if that can't be found out.
    pub fn look(
        self: &Arc<Self>,
        user: UserId,
        only: Option<(RoomId, UserId)>,
    ) -> oneshot::Receiver<Vec<UserId>> {
        let (found, looking) = oneshot::channel();
        let attendance = self.clone();
        self.tasks.spawn(async move {
            let online = attendance.online_to(user, only).await.unwrap_or_else(nothing);
            // Whoever asked may have gone.
            let _ = found.send(online);
        });
        looking
    }

    /// The whole life of a socket: it arrives once and leaves once, however it ends.
    async fn count(&self, user: UserId, closed: oneshot::Receiver<()>) {
        if self.presence.arrive(user).await {
            self.tell(user, None).await;
        }
        // Nothing is ever sent: this is the end of the other side.
        let _ = closed.await;
        let left_at = self.clock.now();
        self.linger().await;
        if self.presence.leave(user).await {
            self.tell(user, Some(left_at)).await;
        }
    }

    async fn linger(&self) {
        let Ok(_place) = self.lingering.0.try_acquire() else {
            return;
        };
        tokio::select! {
            () = self.ending.cancelled() => {}
            () = sleep(self.grace) => {}
        }
    }

    async fn tell(&self, user: UserId, left_at: Option<Timestamp>) {
        let audience = self.audience_of(user).await.unwrap_or_else(nothing);
        if audience.is_empty() {
            return;
        }
        // Meanwhile they may have come back, or left, and whoever noted that may have been quicker.
        let online = self.presence.list_online(&[user]).await.contains(&user);
        if online != left_at.is_none() {
            return;
        }
        // Asked last of all, and anew: who hides at this moment is told of as hidden after it.
        if let Some(sight) = self.sight_of(user, left_at).await.unwrap_or_else(nothing) {
            self.bus.publish(ChatEvent::Presence { audience, user, sight });
        }
    }

    /// What others see of somebody who came, or left; `None` while they hide. Whether somebody hid
    /// whose account is gone, nobody knows any more.
    async fn sight_of(
        &self,
        user: UserId,
        left_at: Option<Timestamp>,
    ) -> Result<Option<Sight>, Unavailable> {
        let sight = left_at.map_or(Sight::Online, Sight::Left);
        Ok(match self.relations.find_privacy(user).await? {
            Some(privacy) => privacy.presence.then_some(sight),
            None => left_at.map(|_| Sight::Hidden),
        })
    }

    /// Tells two people that each of them is out of the other's sight: one blocks the other.
    pub async fn part(&self, one: UserId, other: UserId) {
        let now = self.clock.now();
        let seen = self.showing(&[one, other]).await.unwrap_or_else(nothing);
        if seen.len() < 2 {
            return;
        }
        let online = self.presence.list_online(&[one, other]).await;
        for (user, audience) in [(one, other), (other, one)] {
            if online.contains(&user) {
                let audience = vec![audience];
                let sight = Sight::Left(now);
                self.bus.publish(ChatEvent::Presence { audience, user, sight });
            }
        }
    }

    /// Somebody shows again that they are there, if they are.
    pub async fn appear(&self, user: UserId) {
        self.tell(user, None).await;
    }

    /// Takes somebody who no longer wants to be seen out of the sight of some of their partners, and
    /// those out of theirs.
    pub async fn hide(&self, user: UserId, partners: &[Partner]) -> Result<(), Unavailable> {
        let others = partners.iter().map(|partner| partner.user).collect();
        let others = self.relations.without_blocks(user, others).await?;
        let showing = self.showing(&others).await?;
        // They may have thought better of it meanwhile.
        if self.relations.find_privacy(user).await?.is_some_and(|privacy| privacy.presence) {
            return Ok(());
        }
        let seen = || partners.iter().filter(|partner| showing.contains(&partner.user));
        let hidden = |user, audience| {
            let sight = Sight::Hidden;
            self.bus.publish(ChatEvent::Presence { audience, user, sight });
        };
        let audience = seen().filter(|partner| partner.mine.shows()).map(|partner| partner.user);
        hidden(user, audience.collect());
        for partner in seen().filter(|partner| partner.theirs.shows()) {
            hidden(partner.user, vec![user]);
        }
        Ok(())
    }

    /// Those who may know of somebody: they stand in a room together, and neither blocks the other.
    async fn audience_of(&self, user: UserId) -> Result<Vec<UserId>, Unavailable> {
        self.partners(user, |partner| partner.mine.shows()).await
    }

    /// Those of whom somebody may know.
    async fn visible_to(
        &self,
        user: UserId,
        only: Option<(RoomId, UserId)>,
    ) -> Result<Vec<UserId>, Unavailable> {
        let Some((room, other)) = only else {
            return self.partners(user, |partner| partner.theirs.shows()).await;
        };
        let shows = self.relations.standing(room, other).await?.is_some_and(Standing::shows);
        let others = if shows { vec![other] } else { Vec::new() };
        self.relations.without_blocks(user, others).await
    }

    async fn online_to(
        &self,
        user: UserId,
        only: Option<(RoomId, UserId)>,
    ) -> Result<Vec<UserId>, Unavailable> {
        let partners = self.visible_to(user, only).await?;
        let online = self.presence.list_online(&partners).await;
        let mut there: Vec<UserId> =
            partners.into_iter().filter(|partner| online.contains(partner)).collect();
        if there.is_empty() {
            return Ok(there);
        }
        let mut asked = there.clone();
        asked.push(user);
        let showing = self.showing(&asked).await?;
        there.retain(|partner| showing.contains(&user) && showing.contains(partner));
        Ok(there)
    }

    /// Those of these people who let it be known whether they are there.
    async fn showing(&self, users: &[UserId]) -> Result<HashSet<UserId>, Unavailable> {
        let privacies = self.relations.list_privacies(users).await?;
        let showing = privacies.into_iter().filter(|(_, privacy)| privacy.presence);
        Ok(showing.map(|(user, _)| user).collect())
    }

    async fn partners(
        &self,
        user: UserId,
        shows: impl Fn(&Partner) -> bool,
    ) -> Result<Vec<UserId>, Unavailable> {
        let listed = self.relations.rooms.list_partners(user, Limit::WHOLE_PAGE).await?;
        let others = listed.iter().filter(|partner| shows(partner)).map(|partner| partner.user);
        self.relations.without_blocks(user, others.collect()).await
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands where a failed look ends")]
fn nothing<T: Default>(cause: Unavailable) -> T {
    tracing::warn!(
        error = &cause as &dyn std::error::Error,
        "who is online could not be told, or not to everybody"
    );
    T::default()
}
