//! Live events, from whoever caused them to every open socket that may hear of them.
use domain::{event::ChatEvent, id::UserId};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::mpsc;

/// Carries events to the sockets of the people concerned. A hint: whoever misses one finds what it
/// told in the store.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait EventBus: Send + Sync {
    /// Offers an event to every subscription of its audience, at once and without waiting for
    /// anybody. Events published one after another arrive in that order.
    fn publish(&self, event: ChatEvent);

    /// Everything published for this person from now on, until the subscription is dropped. A
    /// reader too slow for its buffer gets [`Delivery::Resync`] in place of what did not fit.
    fn subscribe(&self, user: UserId) -> Subscription;
}

/// What comes out of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Something happened.
    Event(Arc<ChatEvent>),
    /// Some events were lost on the way: ask the store.
    Resync,
}

/// The receiving end of a bounded stream of events.
#[derive(Debug)]
pub struct Subscription {
    events: mpsc::Receiver<Arc<ChatEvent>>,
    lost: Arc<AtomicBool>,
}

/// The sending end; for adapters.
#[derive(Clone, Debug)]
pub struct EventSender {
    events: mpsc::Sender<Arc<ChatEvent>>,
    lost: Arc<AtomicBool>,
}

/// Nobody listens any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscription was dropped")]
pub struct SubscriberGone;

/// A bounded stream of events that says so when it overflowed.
pub fn event_channel(capacity: usize) -> (EventSender, Subscription) {
    let (sender, receiver) = mpsc::channel(capacity);
    let lost = Arc::new(AtomicBool::new(false));
    (EventSender { events: sender, lost: lost.clone() }, Subscription { events: receiver, lost })
}

impl EventSender {
    /// Hands over an event without waiting; what does not fit is noted as lost.
    pub fn offer(&self, event: Arc<ChatEvent>) -> Result<(), SubscriberGone> {
        match self.events.try_send(event) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.mark_lost();
                Ok(())
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(SubscriberGone),
        }
    }

    /// Whether nobody listens any more.
    pub fn is_gone(&self) -> bool {
        self.events.is_closed()
    }

    /// Says that events were lost before they came here. A reader that waits hears of it with the
    /// next event.
    pub fn mark_lost(&self) {
        self.lost.store(true, Ordering::Release);
    }
}

impl Subscription {
    /// The next delivery; `None` once the bus is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<Delivery> {
        let event = self.events.recv().await?;
        if self.lost.swap(false, Ordering::AcqRel) {
            // What is still queued is older than what was lost; the store knows all of it.
            while self.events.try_recv().is_ok() {}
            return Some(Delivery::Resync);
        }
        Some(Delivery::Event(event))
    }
}
