//! What this instance tells the others.
use super::{
    frame::{Envelope, Frame},
    incoming::Inbox,
};
use crate::{RedisLink, link::NoAnswer};
use domain::{event::ChatEvent, id::UserId};
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};

/// Most events that wait to be sent.
const MAX_WAITING: usize = 10_000;
/// Most bytes of them, roughly.
const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;
/// About as much as one frame carries.
const FRAME_BYTES: usize = 256 * 1024;
/// Most people who are remembered one by one to have lost something.
const MAX_LOSERS: usize = 10_000;
/// Who has nothing to say says so this often, so that a last frame that was lost is missed.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long to leave a Redis alone that answers and refuses.
const AFTER_REFUSAL: Duration = Duration::from_millis(500);

/// Whose events were lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Of these people.
    For(HashSet<UserId>),
    /// Of more than can be listed.
    ForAnybody,
}

impl Default for Lost {
    fn default() -> Self {
        Self::For(HashSet::new())
    }
}

impl Lost {
    /// Of these, or of anybody if they are too many.
    pub fn of(users: impl IntoIterator<Item = UserId>) -> Self {
        let mut lost = Self::default();
        lost.add(users);
        lost
    }

    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::For(users) if users.is_empty())
    }

    fn add(&mut self, users: impl IntoIterator<Item = UserId>) {
        if let Self::For(known) = self {
            known.extend(users);
            if known.len() > MAX_LOSERS {
                *self = Self::ForAnybody;
            }
        }
    }

    /// What nobody can ask for later is not missed.
    fn add_audience(&mut self, event: &ChatEvent) {
        if !event.is_ephemeral() {
            self.add(event.audience());
        }
    }

    fn merge(&mut self, other: Self) {
        match other {
            Self::For(users) => self.add(users),
            Self::ForAnybody => *self = Self::ForAnybody,
        }
    }
}

/// What waits to be sent, and what can't be sent any more. Bounded.
#[derive(Default)]
pub(super) struct Outgoing {
    queue: Mutex<Queue>,
    wake: Notify,
    idle: Notify,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<ChatEvent>,
    bytes: usize,
    lost: Lost,
    /// Whether a frame is under way.
    sending: bool,
}

/// What the next frame carries.
#[derive(Default)]
struct Load {
    lost: Lost,
    events: Vec<ChatEvent>,
}

impl Outgoing {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an event in line or, where there is no room, remembers for whom it was.
    pub fn push(&self, event: &ChatEvent) {
        let mut queue = self.queue();
        let bytes = queue.bytes + event.weight();
        if queue.events.len() < MAX_WAITING && bytes <= MAX_WAITING_BYTES {
            queue.bytes = bytes;
            queue.events.push_back(event.clone());
        } else {
            queue.lost.add_audience(event);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Remembers for whom an event was that can't be sent.
    pub fn lose(&self, event: &ChatEvent) {
        self.queue().lost.add_audience(event);
        self.wake.notify_one();
    }

    /// A load that did not get through: the events are late by now, so their people are told.
    fn give_up(&self, load: Load) {
        let mut queue = self.queue();
        queue.lost.merge(load.lost);
        for event in &load.events {
            queue.lost.add_audience(event);
        }
    }

    fn take(&self) -> Load {
        let mut queue = self.queue();
        let mut load = Load { lost: std::mem::take(&mut queue.lost), events: Vec::new() };
        let mut bytes = 0;
        while bytes < FRAME_BYTES
            && let Some(event) = queue.events.pop_front()
        {
            bytes += event.weight();
            load.events.push(event);
        }
        queue.bytes -= bytes;
        queue.sending = !load.is_empty();
        load
    }

    /// The frame that was taken last is under way no more.
    fn note_sent(&self) {
        self.queue().sending = false;
        self.idle.notify_waiters();
    }

    /// Waits until nothing waits or is under way.
    pub async fn sent(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if self.queue().is_idle() {
                return;
            }
            idle.await;
        }
    }
}

impl Queue {
    fn is_idle(&self) -> bool {
        !self.sending && self.events.is_empty() && self.lost.is_nothing()
    }
}

impl Load {
    fn is_empty(&self) -> bool {
        self.lost.is_nothing() && self.events.is_empty()
    }
}

/// Sends what waits, one frame after another: what comes while one is under way goes together in the
/// next.
pub(super) async fn keep_sending(
    link: RedisLink,
    channel: String,
    outgoing: Arc<Outgoing>,
    inbox: Arc<Inbox>,
    envelope: Envelope,
) {
    let mut sender = Sender { link, channel, outgoing, inbox, envelope, sent: 0, confirmed: 0 };
    let mut up = sender.link.watch();
    let mut heartbeat_at = Instant::now();
    // The link lives as long as this does.
    while up.wait_for(|up| *up).await.is_ok() {
        let load = sender.outgoing.take();
        if load.is_empty() && Instant::now() < heartbeat_at {
            // Either way there is something to send.
            let _ = timeout_at(heartbeat_at, sender.outgoing.wake.notified()).await;
            continue;
        }
        let sent = sender.send(load).await;
        sender.outgoing.note_sent();
        heartbeat_at = Instant::now();
        if sent.is_ok() {
            heartbeat_at += HEARTBEAT;
        } else if sender.link.is_up() {
            sleep(AFTER_REFUSAL).await;
        }
    }
}

struct Sender {
    link: RedisLink,
    channel: String,
    outgoing: Arc<Outgoing>,
    inbox: Arc<Inbox>,
    envelope: Envelope,
    /// The number of the last frame that was tried.
    sent: u64,
    /// The number of the last frame that Redis took.
    confirmed: u64,
}

impl Sender {
    async fn send(&mut self, load: Load) -> Result<(), NoAnswer> {
        self.sent += 1;
        let Load { lost, events } = load;
        let frame = Frame { number: self.sent, previous: self.confirmed, lost, events };
        let bytes = self.envelope.seal(&frame);
        let began = Instant::now();
        let publish = redis::Cmd::publish(&self.channel, bytes);
        let answer: Result<(), NoAnswer> = self.link.command(&publish).await;
        match answer {
            Ok(()) => {
                self.confirmed = self.sent;
                self.inbox.expect_echo(began);
            }
            // It may have arrived all the same. Then its people hear of a loss that was none.
            Err(_) => self.outgoing.give_up(Load { lost: frame.lost, events: frame.events }),
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        id::{RoomId, SessionId},
        room::Participants,
    };

    fn user(n: usize) -> UserId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        UserId::from_bytes(id)
    }

    fn ended(n: usize) -> ChatEvent {
        ChatEvent::SessionEnded { user: user(n), session: SessionId::from_bytes([1; 16]) }
    }

    fn typing() -> ChatEvent {
        let participants = Participants::pair(user(1), user(2)).expect("two people");
        ChatEvent::Typing { participants, room: RoomId::from_bytes([3; 16]), user: user(1) }
    }

    #[test]
    fn what_finds_no_room_is_remembered_by_its_people() {
        let outgoing = Outgoing::default();
        for n in 0..MAX_WAITING + 2 {
            outgoing.push(&ended(n));
        }
        assert_eq!(outgoing.take().lost, Lost::of([user(MAX_WAITING), user(MAX_WAITING + 1)]));
        assert_eq!(outgoing.take().lost, Lost::default());
    }

    #[test]
    fn of_too_many_people_everybody_is_told() {
        let outgoing = Outgoing::default();
        for n in 0..MAX_LOSERS {
            outgoing.lose(&ended(n));
        }
        assert!(matches!(outgoing.queue().lost, Lost::For(_)));
        outgoing.lose(&ended(MAX_LOSERS));
        assert_eq!(outgoing.take().lost, Lost::ForAnybody);
    }

    #[test]
    fn what_nobody_can_ask_for_later_is_not_remembered() {
        let outgoing = Outgoing::default();
        outgoing.lose(&typing());
        outgoing.push(&typing());
        let load = outgoing.take();
        assert_eq!((load.events.len(), &load.lost), (1, &Lost::default()));
        outgoing.give_up(load);
        assert!(outgoing.take().is_empty());
    }

    #[test]
    fn what_was_given_up_is_told_with_what_was_lost_since() {
        let outgoing = Outgoing::default();
        outgoing.push(&ended(1));
        let load = outgoing.take();
        outgoing.lose(&ended(2));
        outgoing.give_up(load);
        assert_eq!(outgoing.take().lost, Lost::of([user(1), user(2)]));
    }

    #[test]
    fn a_frame_takes_so_much_and_leaves_the_rest_in_order() {
        let outgoing = Outgoing::default();
        for n in 0..MAX_WAITING {
            outgoing.push(&ended(n));
        }
        let (mut taken, mut frames) = (Vec::new(), 0);
        loop {
            let load = outgoing.take();
            if load.is_empty() {
                break;
            }
            taken.extend(load.events);
            frames += 1;
        }
        assert!(frames > 1);
        assert_eq!(taken, (0..MAX_WAITING).map(ended).collect::<Vec<_>>());
        assert_eq!(outgoing.queue().bytes, 0);
    }
}
