//! Live events, from whoever caused them to every open socket that may hear of them.
use super::Unavailable;
use async_trait::async_trait;
use domain::{event::ChatEvent, id::UserId};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use tokio::sync::{Notify, mpsc};

/// Carries events to the sockets of the people concerned. A hint: whoever misses one finds what it
/// told in the store.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Offers an event to every subscription of its audience, at once and without waiting for
    /// anybody. Events published one after another arrive in that order.
    fn publish(&self, event: ChatEvent);

    /// Everything published for this person from now on, until the subscription is dropped: what
    /// happens after this has returned is delivered or, within 10 s, covered by a resync. A
    /// reader too slow for its buffer gets [`Delivery::Resync`] in place of what did not fit;
    /// ephemeral events that did not fit are left out without a word.
    async fn subscribe(&self, user: UserId) -> Result<Subscription, Unavailable>;

    /// Waits until what was published has left for the other instances, or for a moment only: for
    /// whoever ends right after.
    async fn flush(&self);
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
    loss: Arc<Loss>,
}

/// The sending end; for adapters.
#[derive(Clone, Debug)]
pub struct EventSender {
    events: mpsc::Sender<Arc<ChatEvent>>,
    loss: Arc<Loss>,
}

/// Most bytes of events that wait for one subscriber.
const MAX_WAITING_BYTES: usize = 2 * 1024 * 1024;

/// Whether events were lost; wakes a reader that waits.
#[derive(Debug, Default)]
struct Loss {
    noted: AtomicBool,
    wake: Notify,
    /// How much waits.
    waiting_bytes: AtomicUsize,
}

/// Nobody listens any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subscription was dropped")]
pub struct SubscriberGone;

/// A stream of events, bounded in number and in bytes, that says so when it overflowed.
pub fn event_channel(capacity: usize) -> (EventSender, Subscription) {
    let (sender, receiver) = mpsc::channel(capacity);
    let loss = Arc::new(Loss::default());
    (EventSender { events: sender, loss: loss.clone() }, Subscription { events: receiver, loss })
}

impl EventSender {
    /// Hands over an event without waiting; what does not fit is noted as lost, unless it is
    /// ephemeral: a flood of those must not cost anybody what is queued before them.
    pub fn offer(&self, event: Arc<ChatEvent>) -> Result<(), SubscriberGone> {
        if self.is_gone() {
            return Err(SubscriberGone);
        }
        let (weight, ephemeral) = (event.weight(), event.is_ephemeral());
        let waiting = self.loss.waiting_bytes.fetch_add(weight, Ordering::AcqRel);
        if waiting + weight <= MAX_WAITING_BYTES && self.events.try_send(event).is_ok() {
            return Ok(());
        }
        self.loss.waiting_bytes.fetch_sub(weight, Ordering::AcqRel);
        if !ephemeral {
            self.mark_lost();
        }
        Ok(())
    }

    /// Whether nobody listens any more.
    pub fn is_gone(&self) -> bool {
        self.events.is_closed()
    }

    /// Says that events were lost; a reader that waits hears of it at once.
    pub fn mark_lost(&self) {
        self.loss.noted.store(true, Ordering::Release);
        self.loss.wake.notify_one();
    }
}

impl Subscription {
    /// The next delivery; `None` once the bus is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            if let Some(resync) = self.take_loss() {
                return Some(resync);
            }
            let event = tokio::select! {
                event = self.events.recv() => event?,
                () = self.loss.wake.notified() => continue,
            };
            self.took(&event);
            // What was lost meanwhile is newer than this event, and the store knows both.
            return Some(self.take_loss().unwrap_or(Delivery::Event(event)));
        }
    }

    /// The next delivery of those that wait already.
    pub fn try_next(&mut self) -> Option<Delivery> {
        if let Some(resync) = self.take_loss() {
            return Some(resync);
        }
        let event = self.events.try_recv().ok()?;
        self.took(&event);
        Some(self.take_loss().unwrap_or(Delivery::Event(event)))
    }

    /// After a loss what is still queued is of no use: the store knows all of it.
    fn take_loss(&mut self) -> Option<Delivery> {
        if !self.loss.noted.swap(false, Ordering::AcqRel) {
            return None;
        }
        while let Ok(event) = self.events.try_recv() {
            self.took(&event);
        }
        Some(Delivery::Resync)
    }

    fn took(&self, event: &ChatEvent) {
        self.loss.waiting_bytes.fetch_sub(event.weight(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        id::{RoomId, SessionId},
        room::Participants,
    };

    fn event() -> Arc<ChatEvent> {
        let (user, session) = (UserId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        Arc::new(ChatEvent::SessionEnded { user, session })
    }

    #[tokio::test]
    async fn a_reader_that_waits_hears_of_a_loss_without_another_event() {
        let (sender, mut subscription) = event_channel(1);
        let reading = tokio::spawn(async move { subscription.next().await });
        tokio::task::yield_now().await;
        sender.mark_lost();
        assert_eq!(reading.await.expect("reads"), Some(Delivery::Resync));
    }

    #[tokio::test]
    async fn after_a_loss_the_stream_goes_on_with_what_is_new() {
        let (sender, mut subscription) = event_channel(1);
        for _ in 0..3 {
            sender.offer(event()).expect("somebody listens");
        }
        assert_eq!(subscription.next().await, Some(Delivery::Resync));
        sender.offer(event()).expect("somebody listens");
        assert_eq!(subscription.next().await, Some(Delivery::Event(event())));
    }

    #[tokio::test]
    async fn what_waits_already_is_read_without_waiting() {
        let (sender, mut subscription) = event_channel(1);
        assert_eq!(subscription.try_next(), None);
        sender.offer(event()).expect("somebody listens");
        assert_eq!(subscription.try_next(), Some(Delivery::Event(event())));
        sender.mark_lost();
        assert_eq!(subscription.try_next(), Some(Delivery::Resync));
        assert_eq!(subscription.try_next(), None);
    }

    #[tokio::test]
    async fn an_ephemeral_event_that_does_not_fit_is_left_out_without_a_word() {
        let (sender, mut subscription) = event_channel(1);
        let user = UserId::from_bytes([1; 16]);
        let participants =
            Participants::pair(user, UserId::from_bytes([3; 16])).expect("two people");
        let room = RoomId::from_bytes([7; 16]);
        let typing = Arc::new(ChatEvent::Typing { participants, room, user });
        sender.offer(event()).expect("somebody listens");
        for _ in 0..3 {
            sender.offer(typing.clone()).expect("somebody listens");
        }
        assert_eq!(subscription.next().await, Some(Delivery::Event(event())));
        sender.offer(typing.clone()).expect("somebody listens");
        assert_eq!(subscription.next().await, Some(Delivery::Event(typing)));
    }

    #[tokio::test]
    async fn a_dropped_subscription_is_noticed_on_both_ways() {
        let (sender, subscription) = event_channel(1);
        drop(subscription);
        assert!(sender.is_gone());
        assert_eq!(sender.offer(event()), Err(SubscriberGone));
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_bytes_and_there_is_room_again_once_it_is_read() {
        let (sender, mut subscription) = event_channel(1_000_000);
        let fitting = MAX_WAITING_BYTES / event().weight();
        for _ in 0..2 {
            for _ in 0..fitting {
                sender.offer(event()).expect("somebody listens");
            }
            for _ in 0..fitting {
                assert_eq!(subscription.next().await, Some(Delivery::Event(event())));
            }
        }
        for _ in 0..=fitting {
            sender.offer(event()).expect("somebody listens");
        }
        assert_eq!(subscription.next().await, Some(Delivery::Resync));
        assert_eq!(subscription.loss.waiting_bytes.load(Ordering::Relaxed), 0);
    }
}
