//! Who waits for what: a line for each room, first in, first out, of which one turn at a time is
//! being done.
use crate::errors::unavailable;
use anyhow::anyhow;
use application::ports::{Appended, MessageChange, Unavailable};
use domain::{
    id::RoomId,
    message::{AlterationRefused, NewMessage, SealedMessage},
};
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// How long anybody waits in line and for an answer, together.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Most messages that wait, over all rooms.
const MOST_WAITING: usize = 20_000;
/// Most bytes of them.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// What a waiting message costs besides its body.
const OVERHEAD: usize = 512;
/// Most messages that share a flight.
const FLIGHT_MESSAGES: usize = 512;
/// Most bytes of them; far below what the server takes.
const FLIGHT_BYTES: usize = 4 * 1024 * 1024;
/// How many flights are in the air at once.
const FLIGHTS: usize = 2;
/// How many changes to old messages are made at once.
const ALTERATIONS: usize = 16;

/// What a caller gets for a message.
pub(crate) type AppendAnswer = Result<Appended, Unavailable>;
/// What a caller gets for a change.
pub(crate) type AlterAnswer = Result<Result<SealedMessage, AlterationRefused>, Unavailable>;

/// What is known of an earlier attempt to store a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// There was none.
    None,
    /// None of ours can have stored it; perhaps somebody else has.
    Refused,
    /// One of ours may have stored it, or may still.
    Doubtful,
}

/// A message that waits.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) message: NewMessage,
    pub(crate) past: Past,
    deadline: Instant,
    caller: oneshot::Sender<AppendAnswer>,
}

/// A change to an old message that waits.
#[derive(Debug)]
pub(crate) struct Altering {
    pub(crate) change: MessageChange,
    pub(crate) deadline: Instant,
    caller: oneshot::Sender<AlterAnswer>,
}

impl Sending {
    /// Tells the caller; one who has gone misses nothing that the store does not know.
    pub(crate) fn answer(self, answer: AppendAnswer) {
        let _ = self.caller.send(answer);
    }

    fn weight(&self) -> usize {
        OVERHEAD + self.message.body.as_bytes().len()
    }
}

impl Altering {
    /// Tells the caller.
    pub(crate) fn answer(self, answer: AlterAnswer) {
        let _ = self.caller.send(answer);
    }
}

#[derive(Debug)]
enum Work {
    Send(Sending),
    Alter(Altering),
}

impl Work {
    fn deadline(&self) -> Instant {
        match self {
            Self::Send(sending) => sending.deadline,
            Self::Alter(altering) => altering.deadline,
        }
    }

    fn refuse(self, why: &str) {
        match self {
            Self::Send(sending) => sending.answer(Err(refusal(why))),
            Self::Alter(altering) => altering.answer(Err(refusal(why))),
        }
    }
}

fn refusal(why: &str) -> Unavailable {
    unavailable(anyhow!("{why}"))
}

/// The messages of one room that share a flight with others.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) room: RoomId,
    pub(crate) sends: VecDeque<Sending>,
    /// How many attempts before this failed without getting anywhere.
    pub(crate) setbacks: u32,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Turn {
    /// These, together.
    Fly(Vec<Leg>),
    /// This, by itself.
    Alter(RoomId, Altering),
}

/// How a room's part of a flight ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Something was done, and what is left is to be done next.
    Moved,
    /// Something was in the way that passes.
    SetBack,
    /// There is no point in going on: whoever waits in this room is refused, so that nobody's
    /// later message is stored before an earlier one.
    Failed(String),
}

#[derive(Debug, Default)]
struct Lane {
    line: VecDeque<Work>,
    /// Whether it is the turn of something of this room, which may be resting.
    busy: bool,
    setbacks: u32,
}

/// All lines.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    by_room: HashMap<RoomId, Lane>,
    /// Rooms that are not busy and whose next in line is a message.
    to_send: VecDeque<RoomId>,
    /// Rooms that are not busy and whose next in line is a change.
    to_alter: VecDeque<RoomId>,
    flights: usize,
    alterations: usize,
    waiting: usize,
    bytes: usize,
}

impl Lanes {
    /// Puts messages in line, all of them or none.
    pub(crate) fn send(&mut self, batch: Vec<NewMessage>) -> Vec<oneshot::Receiver<AppendAnswer>> {
        let deadline = Instant::now() + ANSWER_WITHIN;
        let bytes: usize =
            batch.iter().map(|message| OVERHEAD + message.body.as_bytes().len()).sum();
        let fits = self.waiting + batch.len() <= MOST_WAITING && self.bytes + bytes <= MOST_BYTES;
        let enter = |message: NewMessage| {
            let (caller, answer) = oneshot::channel();
            let room = message.room;
            let sending = Sending { message, past: Past::None, deadline, caller };
            if fits {
                self.enter(room, Work::Send(sending));
            } else {
                sending.answer(Err(refusal("too many messages wait already")));
            }
            answer
        };
        batch.into_iter().map(enter).collect()
    }

    /// Puts a change in line.
    pub(crate) fn alter(&mut self, change: MessageChange) -> oneshot::Receiver<AlterAnswer> {
        let (caller, answer) = oneshot::channel();
        let room = change.room;
        let altering = Altering { change, deadline: Instant::now() + ANSWER_WITHIN, caller };
        if self.waiting < MOST_WAITING {
            self.enter(room, Work::Alter(altering));
        } else {
            altering.answer(Err(refusal("too many changes wait already")));
        }
        answer
    }

    /// What may begin now, if anything.
    pub(crate) fn next(&mut self) -> Option<Turn> {
        self.next_alteration().or_else(|| self.next_flight())
    }

    fn next_alteration(&mut self) -> Option<Turn> {
        while self.alterations < ALTERATIONS {
            let room = self.to_alter.pop_front()?;
            if self.is_late(room) {
                self.refuse(room, "it was not its turn in time");
                continue;
            }
            if let Some(Work::Alter(altering)) =
                self.take(room, |work| matches!(work, Work::Alter(_)))
            {
                self.alterations += 1;
                return Some(Turn::Alter(room, altering));
            }
        }
        None
    }

    fn next_flight(&mut self) -> Option<Turn> {
        if self.flights >= FLIGHTS {
            return None;
        }
        let (mut legs, mut messages, mut bytes) = (Vec::new(), 0, 0);
        while messages < FLIGHT_MESSAGES && bytes < FLIGHT_BYTES {
            let Some(room) = self.to_send.pop_front() else { break };
            if self.is_late(room) {
                self.refuse(room, "it was not its turn in time");
                continue;
            }
            let mut sends = VecDeque::new();
            while messages < FLIGHT_MESSAGES
                && bytes < FLIGHT_BYTES
                && let Some(Work::Send(sending)) =
                    self.take(room, |work| matches!(work, Work::Send(_)))
            {
                messages += 1;
                bytes += sending.weight();
                sends.push_back(sending);
            }
            let setbacks = self.by_room.get(&room).map_or(0, |lane| lane.setbacks);
            legs.push(Leg { room, sends, setbacks });
        }
        if legs.is_empty() {
            return None;
        }
        self.flights += 1;
        Some(Turn::Fly(legs))
    }

    /// The end of a flight: others may take off.
    pub(crate) fn landed(&mut self) {
        self.flights -= 1;
    }

    /// The end of a change: others may begin.
    pub(crate) fn altered(&mut self) {
        self.alterations -= 1;
    }

    /// Puts back in front what a room's turn left undone. After a setback the room stays busy
    /// until it [is released](Self::release).
    pub(crate) fn give_back(&mut self, leg: Leg, ending: Ending) {
        let room = leg.room;
        let lane = self.by_room.entry(room).or_default();
        for sending in leg.sends.into_iter().rev() {
            self.waiting += 1;
            self.bytes += sending.weight();
            lane.line.push_front(Work::Send(sending));
        }
        match ending {
            Ending::Moved => {
                lane.setbacks = 0;
                self.release(room);
            }
            Ending::SetBack => lane.setbacks = leg.setbacks + 1,
            Ending::Failed(why) => self.refuse(room, &why),
        }
    }

    /// Lets the next in line of a room have their turn.
    pub(crate) fn release(&mut self, room: RoomId) {
        let Some(lane) = self.by_room.get_mut(&room) else { return };
        lane.busy = false;
        match lane.line.front() {
            None => drop(self.by_room.remove(&room)),
            Some(_) => self.make_ready(room),
        }
    }

    /// Refuses everybody who waits in a room.
    fn refuse(&mut self, room: RoomId, why: &str) {
        while let Some(work) = self.take(room, |_| true) {
            work.refuse(why);
        }
        self.by_room.remove(&room);
    }

    fn enter(&mut self, room: RoomId, work: Work) {
        self.waiting += 1;
        if let Work::Send(sending) = &work {
            self.bytes += sending.weight();
        }
        let lane = self.by_room.entry(room).or_default();
        let idle = !lane.busy && lane.line.is_empty();
        lane.line.push_back(work);
        if idle {
            self.make_ready(room);
        }
    }

    fn make_ready(&mut self, room: RoomId) {
        match self.by_room.get(&room).and_then(|lane| lane.line.front()) {
            Some(Work::Send(_)) => self.to_send.push_back(room),
            Some(Work::Alter(_)) => self.to_alter.push_back(room),
            None => (),
        }
    }

    /// Takes the next in line, if they are of the kind that is wanted; the room is busy from then on.
    fn take(&mut self, room: RoomId, wanted: impl Fn(&Work) -> bool) -> Option<Work> {
        let lane = self.by_room.get_mut(&room)?;
        let work = lane.line.pop_front_if(|work| wanted(work))?;
        lane.busy = true;
        self.waiting -= 1;
        if let Work::Send(sending) = &work {
            self.bytes -= sending.weight();
        }
        Some(work)
    }

    /// Whether the next in line of a room has waited too long.
    fn is_late(&self, room: RoomId) -> bool {
        let next = self.by_room.get(&room).and_then(|lane| lane.line.front());
        next.is_some_and(|work| work.deadline() <= Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        id::{MessageId, UserId},
        message::Alteration,
    };
    use testkit::{START, a_message, a_user};

    fn a_room(n: u8) -> RoomId {
        RoomId::mint(START, [n; 10])
    }

    fn messages(room: RoomId, numbers: std::ops::Range<u32>) -> Vec<NewMessage> {
        let me: UserId = a_user(1).id;
        numbers.map(|n| a_message(room, me, n)).collect()
    }

    fn flight(lanes: &mut Lanes) -> Vec<Leg> {
        match lanes.next() {
            Some(Turn::Fly(legs)) => legs,
            other => panic!("expected a flight, got {other:?}"),
        }
    }

    #[test]
    fn a_room_is_on_one_flight_at_a_time_and_others_need_not_wait_for_it() {
        let mut lanes = Lanes::default();
        lanes.send(messages(a_room(1), 0..3));
        let mut first = flight(&mut lanes);
        lanes.send(messages(a_room(1), 3..5));
        assert!(lanes.next().is_none(), "the room is in the air");
        lanes.send(messages(a_room(2), 5..6));
        assert_eq!(flight(&mut lanes)[0].room, a_room(2));

        let mut leg = first.remove(0);
        leg.sends.pop_front();
        lanes.landed();
        lanes.give_back(leg, Ending::Moved);
        let again = flight(&mut lanes).remove(0);
        let ids: Vec<_> = again.sends.iter().map(|sending| sending.message.id).collect();
        let expected = messages(a_room(1), 1..5).into_iter().map(|message| message.id);
        assert_eq!(ids, expected.collect::<Vec<MessageId>>(), "what was left comes first");
    }

    #[test]
    fn a_room_that_fails_refuses_whoever_waits_there_and_nobody_else() {
        let mut lanes = Lanes::default();
        let mut failing = lanes.send(messages(a_room(1), 0..2));
        let mut waiting = Vec::new();
        let legs = flight(&mut lanes);
        waiting.extend(lanes.send(messages(a_room(1), 2..4)));
        let mut others = lanes.send(messages(a_room(2), 4..5));
        for leg in legs {
            lanes.give_back(leg, Ending::Failed("planted".to_owned()));
        }
        for answer in failing.iter_mut().chain(&mut waiting) {
            assert!(answer.try_recv().expect("answered").is_err());
        }
        assert!(others[0].try_recv().is_err(), "still waits");
        assert_eq!(lanes.waiting, 1);
    }

    #[test]
    fn messages_do_not_overtake_a_change_in_their_room() {
        let mut lanes = Lanes::default();
        let room = a_room(1);
        lanes.send(messages(room, 0..1));
        let me = a_user(1).id;
        let message = MessageId::mint(START, [1; 10]);
        lanes.alter(MessageChange { room, message, by: me, alteration: Alteration::Delete });
        lanes.send(messages(room, 1..2));
        let mut leg = flight(&mut lanes).remove(0);
        assert_eq!(leg.sends.len(), 1);
        assert!(lanes.next().is_none());
        leg.sends.clear();
        lanes.landed();
        lanes.give_back(leg, Ending::Moved);
        assert!(matches!(lanes.next(), Some(Turn::Alter(..))));
        assert!(lanes.next().is_none());
        lanes.altered();
        lanes.release(room);
        assert_eq!(flight(&mut lanes)[0].sends.len(), 1);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut lanes = Lanes::default();
        let most = u32::try_from(MOST_WAITING).expect("small");
        let mut fitting = lanes.send(messages(a_room(1), 0..most));
        let mut refused = lanes.send(messages(a_room(2), 0..1));
        assert!(refused[0].try_recv().expect("answered").is_err());
        assert!(fitting.iter_mut().all(|answer| answer.try_recv().is_err()), "they wait");
        let mut in_the_air = 0;
        while let Some(Turn::Fly(legs)) = lanes.next() {
            in_the_air += legs.iter().map(|leg| leg.sends.len()).sum::<usize>();
            for mut leg in legs {
                leg.sends.clear();
                lanes.give_back(leg, Ending::Moved);
            }
            lanes.landed();
        }
        assert_eq!((in_the_air, lanes.waiting, lanes.bytes), (MOST_WAITING, 0, 0));
        assert!(lanes.by_room.is_empty(), "nothing stays behind");
    }
}
