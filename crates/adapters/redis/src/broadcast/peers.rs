//! How far this instance has heard each of the others.
use super::{InstanceId, frame::Frame};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Who was heard of last this long ago is gone: everybody says something every two seconds.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);
/// As long after the beginning, whoever is there has been heard of.
const ALL_HEARD_AFTER: Duration = Duration::from_secs(6);

/// The other instances, by the last number heard of each.
pub(super) struct Peers {
    heard: HashMap<InstanceId, Heard>,
    began: Instant,
    swept: Instant,
}

struct Heard {
    /// `None` when its last frame was illegible.
    number: Option<u64>,
    at: Instant,
}

/// What a frame's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// It is the next.
    Next,
    /// It is new, and something before it is missing.
    AfterGap,
    /// It was heard before.
    Again,
}

impl Peers {
    /// Nobody was heard yet, and nothing is missed that went before.
    pub fn new(now: Instant) -> Self {
        Self { heard: HashMap::new(), began: now, swept: now }
    }

    /// Judges a frame and remembers its number.
    pub fn hear(&mut self, from: InstanceId, frame: &Frame, now: Instant) -> Order {
        self.sweep(now);
        let order = match self.heard.get(&from) {
            Some(Heard { number: Some(last), .. }) if frame.number <= *last => return Order::Again,
            Some(Heard { number: Some(last), .. }) if *last < frame.previous => Order::AfterGap,
            // A stranger who has said much before: here already, but cut off, or never heard.
            None if frame.previous > 0 && now > self.began + ALL_HEARD_AFTER => Order::AfterGap,
            _ => Order::Next,
        };
        self.heard.insert(from, Heard { number: Some(frame.number), at: now });
        order
    }

    /// A frame nobody can read: whatever number it has, it is told to be lost already.
    pub fn hear_illegible(&mut self, from: InstanceId) {
        // Anybody can put any name on what can't be opened: it is no reason to remember it.
        if let Some(heard) = self.heard.get_mut(&from) {
            heard.number = None;
        }
    }

    fn sweep(&mut self, now: Instant) {
        if now > self.swept + FORGOTTEN_AFTER {
            self.heard.retain(|_, heard| now <= heard.at + FORGOTTEN_AFTER);
            self.swept = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broadcast::outgoing::Lost;

    const ONE: InstanceId = [1; 16];
    const OTHER: InstanceId = [2; 16];

    fn frame(number: u64, previous: u64) -> Frame {
        Frame { number, previous, lost: Lost::default(), events: Vec::new() }
    }

    #[test]
    fn each_instance_is_counted_by_itself() {
        let now = Instant::now();
        let mut peers = Peers::new(now);
        assert_eq!(peers.hear(ONE, &frame(41, 40), now), Order::Next);
        assert_eq!(peers.hear(OTHER, &frame(7, 6), now), Order::Next);
        assert_eq!(peers.hear(ONE, &frame(42, 41), now), Order::Next);
        assert_eq!(peers.hear(OTHER, &frame(9, 8), now), Order::AfterGap);
        assert_eq!(peers.hear(ONE, &frame(42, 41), now), Order::Again);
        assert_eq!(peers.hear(ONE, &frame(43, 42), now), Order::Next);
    }

    #[test]
    fn frames_that_were_given_up_are_no_gap() {
        let now = Instant::now();
        let mut peers = Peers::new(now);
        peers.hear(ONE, &frame(5, 4), now);
        assert_eq!(peers.hear(ONE, &frame(9, 5), now), Order::Next);
        assert_eq!(peers.hear(ONE, &frame(8, 5), now), Order::Again);
    }

    #[test]
    fn a_stranger_who_has_spoken_before_is_a_gap_once_all_were_heard() {
        let now = Instant::now();
        let later = now + 2 * ALL_HEARD_AFTER;
        let mut peers = Peers::new(now);
        assert_eq!(peers.hear(ONE, &frame(1, 0), later), Order::Next);
        assert_eq!(peers.hear(OTHER, &frame(9, 8), later), Order::AfterGap);
        assert_eq!(peers.hear(OTHER, &frame(10, 9), later), Order::Next);
    }

    #[test]
    fn after_an_illegible_frame_the_next_number_counts() {
        let now = Instant::now();
        let mut peers = Peers::new(now);
        peers.hear(ONE, &frame(1, 0), now);
        peers.hear_illegible(ONE);
        peers.hear_illegible(OTHER);
        assert_eq!(peers.hear(ONE, &frame(3, 2), now), Order::Next);
        assert_eq!(peers.hear(ONE, &frame(5, 4), now), Order::AfterGap);
        assert_eq!(peers.heard.len(), 1);
    }

    #[test]
    fn whoever_fell_silent_is_forgotten() {
        let now = Instant::now();
        let mut peers = Peers::new(now);
        for n in 0..100 {
            peers.hear([n; 16], &frame(1, 0), now);
        }
        peers.hear(ONE, &frame(2, 1), now + FORGOTTEN_AFTER + Duration::from_secs(1));
        assert_eq!(peers.heard.len(), 1);
    }
}
