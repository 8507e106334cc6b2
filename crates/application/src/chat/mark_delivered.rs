//! Noting what reached people's devices, beside everything else: nobody who sends waits for it.
use super::Relations;
use crate::ports::{EventBus, RoomRepository, Unavailable};
use domain::{
    event::ChatEvent,
    history::Limit,
    id::{RoomId, UserId},
    room::{DeliveredMark, Reached},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Most rooms in which something is to be noted; what is beyond them is found when its person comes
/// the next time.
const MOST: usize = 65_536;
/// Most that are noted in one go.
const AT_ONCE: usize = 500;
/// Most of those who come whose rooms are looked through at the same time.
const LOOKS: usize = 8;
/// After a failure that many pauses are made.
const PATIENCE: u32 = 8;

/// Moves people's marks of what reached them, and tells those who wrote it.
///
/// What reaches sockets is gathered, for all of them together, and noted after a pause: twice a second
/// at the most, however many they are and however much it is. Should that fail it is noted with what
/// comes next; should this instance end, or the other never hear of it, the next socket of whoever
/// has it and the next look at the rooms make it good. That somebody came shows to nobody with whom
/// there is a block.
pub struct MarkDelivered {
    /// Where the marks are.
    pub rooms: Arc<dyn RoomRepository>,
    /// Between whom there is a block.
    pub relations: Arc<Relations>,
    /// Tells those who wrote.
    pub bus: Arc<dyn EventBus>,
    /// Where a shutdown waits for what is to be noted.
    pub tasks: TaskTracker,
    /// How long it is gathered at least; [`Self::PAUSE`].
    pub pause: Duration,
    /// From when on there are no pauses.
    pub ending: CancellationToken,
    /// What is to be noted.
    pub outstanding: Outstanding,
}

/// What reached devices and is not noted yet.
pub struct Outstanding {
    gathered: Mutex<Gathered>,
    looks: Semaphore,
}

#[derive(Default)]
struct Gathered {
    reached: HashMap<(UserId, RoomId), u64>,
    /// Whether somebody is about to note it.
    noting: bool,
}

impl Default for Outstanding {
    fn default() -> Self {
        Self { gathered: Mutex::default(), looks: Semaphore::new(LOOKS) }
    }
}

impl Outstanding {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, Reached { user, room, seq }: Reached) {
        let mut gathered = self.gathered();
        if gathered.reached.len() < MOST || gathered.reached.contains_key(&(user, room)) {
            let furthest = gathered.reached.entry((user, room)).or_default();
            *furthest = seq.max(*furthest);
        }
    }

    /// Whether nobody was about to note what there is; from now on somebody is.
    fn claim(&self) -> bool {
        let mut gathered = self.gathered();
        !gathered.reached.is_empty() && !std::mem::replace(&mut gathered.noting, true)
    }

    /// Whether there is nothing left; then nobody is about to note it any more.
    fn rest(&self) -> bool {
        let mut gathered = self.gathered();
        gathered.noting = !gathered.reached.is_empty();
        !gathered.noting
    }

    /// Some of it.
    fn take(&self) -> Vec<Reached> {
        let mut gathered = self.gathered();
        let some: Vec<_> = gathered.reached.keys().take(AT_ONCE).copied().collect();
        let taken = some.into_iter().filter_map(|(user, room)| {
            let seq = gathered.reached.remove(&(user, room))?;
            Some(Reached { user, room, seq })
        });
        taken.collect()
    }
}

/// Somebody is about to note what there is; should they die of it, the next one is.
struct Noting<'a>(&'a Outstanding);

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        self.0.gathered().noting = false;
    }
}

impl MarkDelivered {
    /// Long enough to spare the store, short enough for a tick to be live. Reading shortens nothing:
    /// whoever hides it would show it by that.
    pub const PAUSE: Duration = Duration::from_millis(500);

    /// What the other wrote was handed to a device of somebody's. Waits for nothing.
    pub fn reached(self: &Arc<Self>, reached: impl IntoIterator<Item = Reached>) {
        for reached in reached {
            self.outstanding.add(reached);
        }
        if self.outstanding.claim() {
            let noting = self.clone();
            self.tasks.spawn(async move { noting.note_all().await });
        }
    }

    /// A device of somebody's is there and gets what it has not, of all rooms or of one. Waits for
    /// nothing.
    pub fn arrived(self: &Arc<Self>, user: UserId, only: Option<RoomId>) {
        let looking = self.clone();
        self.tasks.spawn(async move {
            match looking.look_for(user, only).await {
                Ok(waiting) => looking.reached(waiting),
                Err(cause) => tracing::debug!(
                    error = &cause as &dyn std::error::Error,
                    "what waited for somebody could not be looked for"
                ),
            }
        });
    }

    async fn look_for(
        &self,
        user: UserId,
        only: Option<RoomId>,
    ) -> Result<Vec<Reached>, Unavailable> {
        let place = tokio::select! {
            () = self.ending.cancelled() => return Ok(Vec::new()),
            place = self.outstanding.looks.acquire() => place,
        };
        let waiting = self.rooms.list_undelivered(user, only, Limit::WHOLE_PAGE).await?;
        let waiting = self.without_blocks(user, waiting).await;
        drop(place);
        waiting
    }

    async fn without_blocks(
        &self,
        user: UserId,
        waiting: Vec<Reached>,
    ) -> Result<Vec<Reached>, Unavailable> {
        let mut others = HashMap::new();
        for Reached { room, .. } in &waiting {
            let participants = self.rooms.find_participants(*room, user).await?;
            others
                .extend(participants.and_then(|pair| pair.other(user)).map(|other| (*room, other)));
        }
        let free = self.relations.without_blocks(user, others.values().copied().collect()).await?;
        let free: HashSet<UserId> = free.into_iter().collect();
        let shows = |Reached { room, .. }: &Reached| {
            others.get(room).is_some_and(|other| free.contains(other))
        };
        Ok(waiting.into_iter().filter(shows).collect())
    }

    async fn note_all(&self) {
        let noting = Noting(&self.outstanding);
        // What comes first after a while of quiet is noted sooner.
        let mut pause = self.pause / 2;
        loop {
            tokio::select! {
                () = self.ending.cancelled() => {}
                () = sleep(pause) => {}
            }
            match self.note_gathered().await {
                Ok(true) => pause = self.pause,
                Ok(false) if self.outstanding.rest() => return std::mem::forget(noting),
                Ok(false) => {}
                Err(cause) => {
                    tracing::warn!(
                        error = &cause as &dyn std::error::Error,
                        "what was delivered could not be noted yet"
                    );
                    if self.ending.is_cancelled() {
                        return;
                    }
                    pause = self.pause * PATIENCE;
                }
            }
        }
    }

    /// Whether there was anything.
    async fn note_gathered(&self) -> Result<bool, Unavailable> {
        let mut some = false;
        loop {
            let taken = self.outstanding.take();
            if taken.is_empty() {
                return Ok(some);
            }
            some = true;
            match self.rooms.mark_delivered(&taken).await {
                Ok(moved) => moved.into_iter().for_each(|mark| self.tell(mark)),
                Err(cause) => {
                    for reached in taken {
                        self.outstanding.add(reached);
                    }
                    return Err(cause);
                }
            }
            if taken.len() < AT_ONCE {
                return Ok(some);
            }
        }
    }

    /// Nothing shows of those who have not accepted to talk.
    fn tell(&self, DeliveredMark { reached, participants, standing }: DeliveredMark) {
        let Reached { user, room, seq } = reached;
        if standing.shows() {
            self.bus.publish(ChatEvent::Delivered { participants, room, user, seq });
        }
    }
}
