//! What a client asked for and was not answered yet, in order.
//!
//! Messages of one socket keep their order. When one fails for now (as unavailable or rate limited),
//! so does every later one of its room that the client had sent before it could know: those already
//! queued, and those still on the wire. So until the failed one is sent again, or long enough for
//! nothing to be on the wire any more, later ones of that room are refused, too. They are refused as
//! unavailable, whatever the first one failed of: the client did nothing wrong in sending them.
use super::frames::Ask;
use application::chat::Draft;
use domain::id::{ClientId, RoomId};
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// How many frames wait at most; then reading stops until some are answered.
const CAPACITY: usize = 128;
/// How many messages are stored in one go.
const BATCH: usize = 64;
/// Longer than any frame is on the wire.
const ON_THE_WIRE: Duration = Duration::from_secs(2);

/// Frames in order of arrival.
#[derive(Default)]
pub struct Inbox {
    asks: VecDeque<Ask>,
    failed: HashMap<RoomId, Failed>,
}

/// The first message of a room that failed.
struct Failed {
    client_id: ClientId,
    at: Instant,
}

/// What to do next.
#[derive(Debug)]
pub enum Work {
    /// Send these, in this order.
    Send(Vec<Draft>),
    /// Mark as read.
    Read(RoomId, u64),
    /// Tell the other.
    Typing(RoomId),
}

impl Inbox {
    /// Whether one more frame may be read.
    pub fn has_room(&self) -> bool {
        self.asks.len() < CAPACITY
    }

    /// Queues what was asked for.
    pub fn push(&mut self, ask: Ask) {
        self.asks.push_back(ask);
    }

    /// Notes that a message failed for now.
    pub fn note_failure(&mut self, room: RoomId, client_id: ClientId, now: Instant) {
        self.failed.entry(room).or_insert(Failed { client_id, at: now });
    }

    /// The next thing to do, with the messages that must not be sent now because an earlier one
    /// of their room failed.
    pub fn next_work(&mut self, now: Instant) -> (Vec<Draft>, Option<Work>) {
        let mut refused = Vec::new();
        let mut batch = Vec::new();
        while let Some(ask) = self.asks.pop_front() {
            match ask {
                Ask::Send(draft) if self.is_barred(&draft, now) => refused.push(draft),
                Ask::Send(draft) => {
                    batch.push(draft);
                    if batch.len() == BATCH {
                        break;
                    }
                }
                other if !batch.is_empty() => {
                    self.asks.push_front(other);
                    break;
                }
                Ask::Read { room, seq } => return (refused, Some(Work::Read(room, seq))),
                Ask::Typing { room } => return (refused, Some(Work::Typing(room))),
            }
        }
        let work = (!batch.is_empty()).then_some(Work::Send(batch));
        (refused, work)
    }

    fn is_barred(&mut self, draft: &Draft, now: Instant) -> bool {
        let Some(failed) = self.failed.get(&draft.room) else {
            return false;
        };
        if failed.client_id == draft.client_id || now.duration_since(failed.at) >= ON_THE_WIRE {
            self.failed.remove(&draft.room);
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::message::MessageBody;

    fn room(n: u8) -> RoomId {
        RoomId::from_bytes([n; 16])
    }
    fn client(n: u8) -> ClientId {
        ClientId::from_bytes([n; 16])
    }
    fn send(r: u8, c: u8) -> Ask {
        let body = MessageBody::parse("hi").expect("valid");
        Ask::Send(Draft {
            room: room(r),
            client_id: client(c),
            body,
            reply_to: None,
            attachments: vec![],
        })
    }
    fn sent(work: Option<Work>) -> Vec<ClientId> {
        match work {
            Some(Work::Send(drafts)) => drafts.iter().map(|draft| draft.client_id).collect(),
            _ => vec![],
        }
    }

    #[test]
    fn messages_go_together_and_everything_keeps_its_order() {
        let mut inbox = Inbox::default();
        inbox.push(send(1, 1));
        inbox.push(send(2, 2));
        inbox.push(Ask::Read { room: room(1), seq: 5 });
        inbox.push(send(1, 3));
        let now = Instant::now();
        assert_eq!(sent(inbox.next_work(now).1), [client(1), client(2)]);
        assert!(matches!(inbox.next_work(now).1, Some(Work::Read(_, 5))));
        assert_eq!(sent(inbox.next_work(now).1), [client(3)]);
        assert!(inbox.next_work(now).1.is_none());
    }

    #[test]
    fn after_a_failure_the_room_waits_for_the_failed_message() {
        let mut inbox = Inbox::default();
        let now = Instant::now();
        inbox.note_failure(room(1), client(1), now);
        inbox.push(send(1, 2));
        inbox.push(send(2, 3));
        let (refused, work) = inbox.next_work(now);
        assert_eq!(refused.iter().map(|d| d.client_id).collect::<Vec<_>>(), [client(2)]);
        assert_eq!(sent(work), [client(3)], "other rooms go on");
        inbox.push(send(1, 1));
        inbox.push(send(1, 2));
        let (refused, work) = inbox.next_work(now);
        assert!(refused.is_empty());
        assert_eq!(sent(work), [client(1), client(2)]);
    }

    #[test]
    fn a_message_that_was_given_up_holds_nothing_up_for_long() {
        let mut inbox = Inbox::default();
        let now = Instant::now();
        inbox.note_failure(room(1), client(1), now);
        inbox.push(send(1, 2));
        assert_eq!(sent(inbox.next_work(now + ON_THE_WIRE).1), [client(2)]);
    }
}
