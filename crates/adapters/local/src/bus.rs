//! Live events between the sockets of one process.
use application::ports::{EventBus, EventSender, Subscription, Unavailable, event_channel};
use async_trait::async_trait;
use domain::{event::ChatEvent, id::UserId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many events wait for one subscriber before it is told to resync instead. One commit of a busy
/// store publishes up to a thousand at once, before any reader had a chance; the events are shared,
/// so a full buffer costs pointers.
pub const BUFFERED_EVENTS: usize = 4_096;

/// Up to so many subscriptions nobody looks for those that were dropped.
const SWEEP_FROM: usize = 1_024;

/// Hands events from publishers to subscriptions, all within one process.
///
/// One lock orders everything. It is held for as long as it takes to put a pointer into a few
/// queues, never while anybody waits. Of dropped subscriptions it remembers no more than there are
/// live ones, or a thousand.
#[derive(Default)]
pub struct LocalEventBus {
    subscribers: Mutex<Subscribers>,
}

#[derive(Default)]
struct Subscribers {
    by_user: HashMap<UserId, Vec<EventSender>>,
    /// How many senders there are in all.
    count: usize,
    /// How many there were after the last sweep.
    swept: usize,
}

impl LocalEventBus {
    /// A bus nobody listens to yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything published for this person from now on.
    pub fn listen(&self, user: UserId) -> Subscription {
        let (sender, subscription) = event_channel(BUFFERED_EVENTS);
        self.subscribers().add(user, sender);
        subscription
    }

    /// Offers an event to every subscription of its audience.
    pub fn tell(&self, event: &Arc<ChatEvent>) {
        let mut subscribers = self.subscribers();
        for user in event.audience() {
            subscribers.offer(user, event);
        }
    }

    /// Tells every subscription of somebody's that events were lost; how many there were.
    pub fn mark_lost(&self, user: UserId) -> usize {
        let subscribers = self.subscribers();
        let senders = subscribers.by_user.get(&user).into_iter().flatten();
        senders.map(EventSender::mark_lost).count()
    }

    /// Tells every subscription that events were lost; how many there were.
    pub fn mark_all_lost(&self) -> usize {
        let subscribers = self.subscribers();
        subscribers.by_user.values().flatten().map(EventSender::mark_lost).count()
    }

    /// Whether anybody listens to what concerns this person.
    pub fn is_listening(&self, user: UserId) -> bool {
        let subscribers = self.subscribers();
        let mut senders = subscribers.by_user.get(&user).into_iter().flatten();
        senders.any(|sender| !sender.is_gone())
    }

    fn subscribers(&self) -> MutexGuard<'_, Subscribers> {
        // Nothing in here can be left half done: a panic elsewhere is no reason to go silent.
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventBus for LocalEventBus {
    fn publish(&self, event: ChatEvent) {
        self.tell(&Arc::new(event));
    }

    async fn subscribe(&self, user: UserId) -> Result<Subscription, Unavailable> {
        Ok(self.listen(user))
    }

    async fn flush(&self) {}
}

impl Subscribers {
    fn offer(&mut self, user: UserId, event: &Arc<ChatEvent>) {
        let Some(senders) = self.by_user.get_mut(&user) else {
            return;
        };
        let before = senders.len();
        senders.retain(|sender| sender.offer(event.clone()).is_ok());
        self.count -= before - senders.len();
        if senders.is_empty() {
            self.by_user.remove(&user);
        }
    }

    fn add(&mut self, user: UserId, sender: EventSender) {
        if self.count >= SWEEP_FROM.max(2 * self.swept) {
            self.sweep();
        }
        self.by_user.entry(user).or_default().push(sender);
        self.count += 1;
    }

    /// Forgets the dropped subscriptions of people to whom nothing happens.
    fn sweep(&mut self) {
        self.by_user.retain(|_, senders| {
            senders.retain(|sender| !sender.is_gone());
            !senders.is_empty()
        });
        self.count = self.by_user.values().map(Vec::len).sum();
        self.swept = self.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use application::ports::Delivery;
    use domain::{id::RoomId, room::Participants};
    use std::thread;

    fn ann() -> UserId {
        UserId::from_bytes([1; 16])
    }

    fn bob() -> UserId {
        UserId::from_bytes([2; 16])
    }

    fn eve() -> UserId {
        UserId::from_bytes([3; 16])
    }

    fn ann_and_bob() -> Participants {
        Participants::pair(ann(), bob()).expect("two people")
    }

    /// An event between Ann and Bob that bears a number.
    fn numbered(seq: u64) -> ChatEvent {
        let room = RoomId::from_bytes([7; 16]);
        ChatEvent::Read { participants: ann_and_bob(), room, user: ann(), seq, shown: true }
    }

    fn seq_of(delivery: Option<Delivery>) -> Option<u64> {
        match delivery {
            Some(Delivery::Event(event)) => match *event {
                ChatEvent::Read { seq, .. } => Some(seq),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether nothing waits to be read.
    async fn is_quiet(subscription: &mut Subscription) -> bool {
        tokio::select! {
            biased;
            _ = subscription.next() => false,
            () = std::future::ready(()) => true,
        }
    }

    #[tokio::test]
    async fn both_people_hear_of_it_in_order_and_nobody_else_does() {
        let bus = LocalEventBus::new();
        let [mut first, mut second, mut other, mut stranger] =
            [ann(), ann(), bob(), eve()].map(|user| bus.listen(user));
        for seq in 1..=100 {
            bus.publish(numbered(seq));
        }
        for subscription in [&mut first, &mut second, &mut other] {
            for seq in 1..=100 {
                assert_eq!(seq_of(subscription.next().await), Some(seq));
            }
            assert!(is_quiet(subscription).await);
        }
        assert!(is_quiet(&mut stranger).await);
    }

    #[tokio::test]
    async fn all_subscribers_hear_racing_publishers_in_one_order() {
        let bus = LocalEventBus::new();
        let [mut hers, mut his] = [ann(), bob()].map(|user| bus.listen(user));
        thread::scope(|scope| {
            for publisher in 0..4 {
                let bus = &bus;
                scope.spawn(move || {
                    for number in 0..50 {
                        bus.publish(numbered(publisher * 1_000 + number));
                    }
                });
            }
        });
        let mut next_of = [0; 4];
        for _ in 0..200 {
            let heard = seq_of(hers.next().await).expect("an event");
            assert_eq!(seq_of(his.next().await), Some(heard));
            let expected = &mut next_of[usize::try_from(heard / 1_000).expect("below 4")];
            assert_eq!(heard % 1_000, *expected);
            *expected += 1;
        }
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_to_resync_and_then_hears_what_is_new() {
        let bus = LocalEventBus::new();
        let [mut slow, mut quick] = [ann(), bob()].map(|user| bus.listen(user));
        let overflow = BUFFERED_EVENTS as u64 + 50;
        for seq in 1..=overflow {
            bus.publish(numbered(seq));
            assert_eq!(seq_of(quick.next().await), Some(seq), "the other one is not disturbed");
        }
        assert_eq!(slow.next().await, Some(Delivery::Resync));
        assert!(is_quiet(&mut slow).await);
        bus.publish(numbered(overflow + 1));
        assert_eq!(seq_of(slow.next().await), Some(overflow + 1));
        assert_eq!(seq_of(quick.next().await), Some(overflow + 1));
    }

    #[tokio::test]
    async fn nothing_from_before_it_subscribed_reaches_a_subscriber() {
        let bus = LocalEventBus::new();
        bus.publish(numbered(1));
        let mut late = bus.listen(ann());
        assert!(is_quiet(&mut late).await);
    }

    #[tokio::test]
    async fn a_dropped_subscription_is_forgotten_with_the_next_event() {
        let bus = LocalEventBus::new();
        let mut stays = bus.listen(ann());
        drop(bus.listen(ann()));
        drop(bus.listen(bob()));
        bus.publish(numbered(1));
        assert_eq!(bus.subscribers().by_user[&ann()].len(), 1);
        assert!(!bus.subscribers().by_user.contains_key(&bob()));
        assert_eq!(bus.subscribers().count, 1);
        assert_eq!(seq_of(stays.next().await), Some(1));
    }

    #[tokio::test]
    async fn a_subscription_ends_with_the_bus() {
        let bus = LocalEventBus::new();
        let mut hers = bus.listen(ann());
        drop(bus);
        assert_eq!(hers.next().await, None);
    }

    #[tokio::test]
    async fn a_loss_is_told_to_those_it_concerns_alone() {
        let bus = LocalEventBus::new();
        let [mut first, mut second, mut other] = [ann(), ann(), bob()].map(|user| bus.listen(user));
        assert_eq!(bus.mark_lost(ann()), 2);
        for subscription in [&mut first, &mut second] {
            assert_eq!(subscription.next().await, Some(Delivery::Resync));
        }
        assert!(is_quiet(&mut other).await);
        assert_eq!(bus.mark_all_lost(), 3);
        for subscription in [&mut first, &mut second, &mut other] {
            assert_eq!(subscription.next().await, Some(Delivery::Resync));
        }
    }

    #[tokio::test]
    async fn who_has_left_is_not_listening() {
        let bus = LocalEventBus::new();
        let [first, second] = [ann(), ann()].map(|user| bus.listen(user));
        assert!(!bus.is_listening(bob()));
        drop(first);
        assert!(bus.is_listening(ann()));
        drop(second);
        assert!(!bus.is_listening(ann()));
    }

    #[tokio::test]
    async fn people_who_come_and_go_without_an_event_leave_nothing_behind() {
        let bus = LocalEventBus::new();
        let mut stays = bus.listen(bob());
        for n in 0..10 * SWEEP_FROM as u128 {
            drop(bus.listen(UserId::from_bytes(n.to_be_bytes())));
        }
        assert!(bus.subscribers().count <= SWEEP_FROM);
        assert!(bus.subscribers().by_user.len() <= SWEEP_FROM);
        bus.publish(numbered(1));
        assert_eq!(seq_of(stays.next().await), Some(1));
    }
}
