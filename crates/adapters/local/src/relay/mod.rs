//! Live events of one instance among many.
mod figures;
mod ledger;
mod repair;
mod sweep;

use crate::LocalEventBus;
use anyhow::anyhow;
use application::ports::{
    Broadcast, EventBus, MessageRepository, Received, RoomHeads, Subscription, TouchMark,
    Unavailable,
};
use async_trait::async_trait;
use domain::{event::ChatEvent, id::UserId};
pub use figures::RelayFigures;
use figures::{Counters, add};
use ledger::Ledger;
use std::{
    future::pending,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How long the store may take over any one answer.
const STORE_LIMIT: Duration = Duration::from_secs(2);
/// How many repairs read at once: few enough to leave connections to everybody else.
const READS_AT_ONCE: usize = 32;

/// Carries events between the sockets here and, where there is a broadcast, all other instances.
///
/// Whatever the broadcast loses, delays or brings in another order, the sockets here get the
/// messages of each room in `rev` order, and hear within 10 s of every change that was stored after
/// they subscribed, whoever stored it: as itself, within a later state of the same message, or by a
/// resync.
///
/// The store is built with this bus, and this bus reads the store: so the bus comes first, and
/// [`attach`](Self::attach) makes them known to each other. [`run`](Self::run) does what has to be
/// done besides, from then until the end.
pub struct RelayEventBus {
    local: LocalEventBus,
    broadcast: Option<Arc<dyn Broadcast>>,
    store: OnceLock<Store>,
    /// Events are told while this is locked, so that they are told in the order it decides.
    ledger: Mutex<Ledger>,
    /// Wakes whoever begins repairs.
    to_repair: Notify,
    reads: Semaphore,
    counters: Counters,
}

/// What is read of the store. The store holds the bus, so the bus doesn't hold the store.
struct Store {
    heads: Weak<dyn RoomHeads>,
    messages: Weak<dyn MessageRepository>,
    /// Where the first look for touched rooms begins.
    mark: TouchMark,
}

impl RelayEventBus {
    /// A bus nobody listens to yet. Without a broadcast, what other instances store is found in
    /// the store, within about a second.
    pub fn new(broadcast: Option<Arc<dyn Broadcast>>) -> Self {
        Self {
            local: LocalEventBus::new(),
            broadcast,
            store: OnceLock::new(),
            ledger: Mutex::default(),
            to_repair: Notify::new(),
            reads: Semaphore::new(READS_AT_ONCE),
            counters: Counters::default(),
        }
    }

    /// Makes the store known; until then events can be published, but nobody can subscribe. Keeps
    /// neither of the two alive. The first store stays.
    pub async fn attach(
        &self,
        heads: &Arc<dyn RoomHeads>,
        messages: &Arc<dyn MessageRepository>,
    ) -> Result<(), Unavailable> {
        let mark = answered(heads.list_touched(None)).await?.mark;
        let (heads, messages) = (Arc::downgrade(heads), Arc::downgrade(messages));
        self.store.get_or_init(|| Store { heads, messages, mark });
        Ok(())
    }

    /// Receives, repairs and looks for what was not announced, until `stop`. Without it running
    /// the promises of this bus don't hold, and those who left are not forgotten.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let work = async { tokio::join!(self.receive_all(), self.repair_all(), self.sweep()) };
        tokio::select! {
            () = stop.cancelled() => {}
            ((), (), ()) = work => {}
        }
    }

    /// What was done so far, and how much is remembered.
    pub fn figures(&self) -> RelayFigures {
        let (people, rooms) = self.ledger().size();
        self.counters.read(people, rooms)
    }

    async fn receive_all(&self) {
        let Some(broadcast) = &self.broadcast else {
            return pending().await;
        };
        loop {
            match broadcast.receive().await {
                Received::Event(event) => {
                    add(&self.counters.received, 1);
                    self.follow(&event);
                    self.hear(&Arc::from(event));
                }
                Received::LostFor(users) => users.into_iter().for_each(|user| self.resync(user)),
                Received::Lost => add(&self.counters.resyncs, self.local.mark_all_lost()),
            }
        }
    }

    /// Lets the store know what another instance stored, so that it need not find out.
    fn follow(&self, event: &ChatEvent) {
        if let (ChatEvent::Message { message, .. }, Ok(heads)) = (event, self.heads()) {
            heads.follow(message);
        }
    }

    /// Tells an event to the sockets here, in its turn.
    fn hear(&self, event: &Arc<ChatEvent>) {
        let mut ledger = self.ledger();
        match event.as_ref() {
            ChatEvent::Message { participants, message } => {
                ledger.hear_message(*participants, message, event, &mut |event| self.tell(event));
                self.wake_repairs(&ledger);
                return;
            }
            ChatEvent::RoomChanged { participants, room, .. } => {
                ledger.hear_opened(*room, *participants);
            }
            ChatEvent::Read { .. }
            | ChatEvent::Delivered { .. }
            | ChatEvent::Typing { .. }
            | ChatEvent::Presence { .. }
            | ChatEvent::PrivacyChanged { .. }
            | ChatEvent::SessionEnded { .. } => {}
        }
        self.tell(event);
    }

    fn tell(&self, event: &Arc<ChatEvent>) {
        add(&self.counters.told, 1);
        self.local.tell(event);
    }

    fn resync(&self, user: UserId) {
        add(&self.counters.resyncs, self.local.mark_lost(user));
    }

    fn wake_repairs(&self, ledger: &Ledger) {
        if ledger.needs_repair() {
            self.to_repair.notify_one();
        }
    }

    /// Reads the rooms of somebody who connects.
    async fn read_rooms(&self, user: UserId) -> Result<(), Unavailable> {
        let heads = self.heads()?.list_heads(user).await?;
        let mut ledger = self.ledger();
        ledger.complete(user, heads, &mut |event| self.tell(event));
        self.wake_repairs(&ledger);
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.broadcast.as_ref().is_some_and(|broadcast| broadcast.is_connected())
    }

    fn heads(&self) -> Result<Arc<dyn RoomHeads>, Unavailable> {
        self.store.get().and_then(|store| store.heads.upgrade()).ok_or_else(not_attached)
    }

    fn messages(&self) -> Result<Arc<dyn MessageRepository>, Unavailable> {
        self.store.get().and_then(|store| store.messages.upgrade()).ok_or_else(not_attached)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Each room is noted as told before it is: a panic costs it one event, never its order.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventBus for RelayEventBus {
    fn publish(&self, event: ChatEvent) {
        let event = Arc::new(event);
        self.hear(&event);
        if let Some(broadcast) = &self.broadcast {
            broadcast.publish(&event);
        }
    }

    async fn subscribe(&self, user: UserId) -> Result<Subscription, Unavailable> {
        self.heads()?;
        let (subscription, rooms_read) = {
            let mut ledger = self.ledger();
            // Listening first: what is told from here on reaches this subscription.
            (self.local.listen(user), ledger.join(user))
        };
        answered(rooms_read.get_or_try_init(|| self.read_rooms(user))).await?;
        Ok(subscription)
    }

    async fn flush(&self) {
        if let Some(broadcast) = &self.broadcast {
            broadcast.flush().await;
        }
    }
}

/// The store's answer, within the time it may take.
async fn answered<T>(
    question: impl Future<Output = Result<T, Unavailable>>,
) -> Result<T, Unavailable> {
    timeout(STORE_LIMIT, question).await.unwrap_or_else(|late| Err(Unavailable::of("store", late)))
}

fn not_attached() -> Unavailable {
    Unavailable::of("store", anyhow!("no store is attached to the event bus"))
}
