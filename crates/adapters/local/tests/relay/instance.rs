//! One of several instances, and its end of the wire between them.
use crate::history::SharedHistory;
use adapter_local::RelayEventBus;
use application::ports::{
    Broadcast, Delivery, EventBus, MessageRepository, Received, RoomHeads, Subscription,
};
use async_trait::async_trait;
use domain::{event::ChatEvent, id::UserId};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// An instance that runs until it is dropped.
pub struct Instance {
    /// What is tested.
    pub bus: Arc<RelayEventBus>,
    /// How it is connected with the others.
    pub wire: Arc<Wire>,
    _running: DropGuard,
}

/// A broadcast by hand: the test sees what is sent, and delivers what it likes.
pub struct Wire {
    sent: Mutex<Vec<ChatEvent>>,
    sender: UnboundedSender<Received>,
    arrived: tokio::sync::Mutex<UnboundedReceiver<Received>>,
    connected: AtomicBool,
}

impl Instance {
    /// An instance on a history, with a wire.
    pub async fn on(history: &Arc<SharedHistory>) -> Self {
        let (sender, receiver) = unbounded_channel();
        let wire = Arc::new(Wire {
            sent: Mutex::default(),
            sender,
            arrived: tokio::sync::Mutex::new(receiver),
            connected: AtomicBool::new(true),
        });
        let bus = Arc::new(RelayEventBus::new(Some(wire.clone())));
        let heads: Arc<dyn RoomHeads> = history.clone();
        let messages: Arc<dyn MessageRepository> = history.clone();
        bus.attach(&heads, &messages).await.expect("the store answers");
        let stop = CancellationToken::new();
        tokio::spawn(bus.clone().run(stop.clone()));
        // Looks are made at whole seconds from here on, and the first is made.
        settle().await;
        Self { bus, wire, _running: stop.drop_guard() }
    }

    /// Subscribes.
    pub async fn join(&self, user: UserId) -> Subscription {
        self.bus.subscribe(user).await.expect("the store answers")
    }
}

impl Wire {
    /// Lets something arrive at this instance.
    pub fn deliver(&self, received: Received) {
        self.sender.send(received).expect("the wire is there");
    }

    /// Lets an event arrive at this instance.
    pub fn deliver_event(&self, event: ChatEvent) {
        self.deliver(Received::Event(Box::new(event)));
    }

    /// What the instance has sent since it was last asked.
    pub fn take_sent(&self) -> Vec<ChatEvent> {
        std::mem::take(&mut self.sent.lock().expect("no panic"))
    }

    /// Sets whether the instance knows itself connected.
    pub fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
    }
}

#[async_trait]
impl Broadcast for Wire {
    fn publish(&self, event: &ChatEvent) {
        self.sent.lock().expect("no panic").push(event.clone());
    }

    async fn flush(&self) {}

    async fn receive(&self) -> Received {
        self.arrived.lock().await.recv().await.expect("the wire is there")
    }

    fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }
}

/// Lets everything happen that needs no time but the millisecond it takes.
pub async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

/// What somebody was told up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A message, by its `rev`.
    Rev(u64),
    /// A room began.
    Opened,
    /// Anything else that happened.
    Other,
    /// Events were lost.
    Resync,
}

/// What somebody was told up to now and did not read yet.
pub fn told(subscription: &mut Subscription) -> Vec<Told> {
    std::iter::from_fn(|| subscription.try_next())
        .map(|delivery| match delivery {
            Delivery::Resync => Told::Resync,
            Delivery::Event(event) => match event.as_ref() {
                ChatEvent::Message { message, .. } => Told::Rev(message.rev),
                ChatEvent::RoomChanged { .. } => Told::Opened,
                _ => Told::Other,
            },
        })
        .collect()
}

/// Messages with these numbers.
pub fn revs(revs: impl IntoIterator<Item = u64>) -> Vec<Told> {
    revs.into_iter().map(Told::Rev).collect()
}
