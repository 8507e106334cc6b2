//! Who does what next: messages that wait share flights, changes are made one by one, and each
//! room has one of them at a time.
use super::{
    flight,
    head::Heads,
    lanes::{AlterAnswer, AppendAnswer, Ending, Lanes, Leg, Turn},
};
use application::ports::{EventBus, MessageChange};
use domain::{
    event::ChatEvent,
    id::RoomId,
    message::{NewMessage, SealedMessage},
    room::Participants,
};
use mongodb::Database;
use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;

/// The longest rest after a first setback; it doubles with each further one.
const REST: Duration = Duration::from_millis(2);
/// How often it doubles.
const DOUBLINGS: u32 = 5;
/// From so many answered callers on, a flight counts as busy.
const BUSY: usize = 2;
/// How long callers who have just been answered are given to come back and share the next flight;
/// the shortest time that the timer knows.
const PAUSE: Duration = Duration::from_millis(1);

/// Takes everything that makes histories longer or changes them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dispatcher(Arc<Shared>);

/// What the turns share.
pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) heads: Heads,
    bus: Arc<dyn EventBus>,
    lanes: Mutex<Lanes>,
    jitter: RandomState,
}

impl Dispatcher {
    /// One for a store.
    pub(crate) fn new(database: Database, bus: Arc<dyn EventBus>) -> Self {
        let (heads, lanes, jitter) = <(Heads, Mutex<Lanes>, RandomState)>::default();
        Self(Arc::new(Shared { database, heads, bus, lanes, jitter }))
    }

    /// Puts messages in line; what becomes of each comes out of its receiver.
    pub(crate) fn send(&self, batch: Vec<NewMessage>) -> Vec<oneshot::Receiver<AppendAnswer>> {
        let answers = self.0.lanes().send(batch);
        self.0.proceed();
        answers
    }

    /// Puts a change in line.
    pub(crate) fn alter(&self, change: MessageChange) -> oneshot::Receiver<AlterAnswer> {
        let answer = self.0.lanes().alter(change);
        self.0.proceed();
        answer
    }

    /// Takes note of what another instance stored.
    pub(crate) fn follow(&self, message: &SealedMessage) {
        self.0.heads.follow(message);
    }
}

impl Shared {
    /// Tells the sockets of a message that is new or changed.
    pub(crate) fn announce(&self, participants: Participants, message: SealedMessage) {
        let event = ChatEvent::Message { participants, message };
        if catch_unwind(AssertUnwindSafe(|| self.bus.publish(event))).is_err() {
            tracing::error!("the event bus panicked over an event");
        }
    }

    /// How long to rest after so many setbacks in a room, at random, so that instances that got
    /// in each other's way don't do so again.
    pub(crate) fn rest(&self, room: RoomId, setbacks: u32) -> Duration {
        let longest = REST * 2_u32.pow(setbacks.min(DOUBLINGS));
        let now = std::time::Instant::now();
        let random = self.jitter.hash_one((room, setbacks, now)) % 1024;
        longest.mul_f64(f64::from(u32::try_from(random).unwrap_or(0)) / 1024.0)
    }

    /// Begins whatever may begin.
    fn proceed(self: &Arc<Self>) {
        loop {
            let Some(turn) = self.lanes().next() else { return };
            let shared = self.clone();
            match turn {
                Turn::Fly(legs) => drop(tokio::spawn(shared.fly(legs))),
                Turn::Alter(room, altering) => {
                    let turn = AlterTurn { shared: shared.clone(), room };
                    tokio::spawn(async move {
                        super::alter::alter(&shared, altering).await;
                        drop(turn);
                    });
                }
            }
        }
    }

    async fn fly(self: Arc<Self>, legs: Vec<Leg>) {
        let mut flight = FlightTurn { shared: self.clone(), rooms: Vec::new(), answered: 0 };
        flight.rooms = legs.iter().map(|leg| leg.room).collect();
        let before: usize = legs.iter().map(|leg| leg.sends.len()).sum();
        let ends = flight::fly(&self, legs).await;
        let after: usize = ends.iter().map(|(leg, _)| leg.sends.len()).sum();
        flight.answered = before - after;
        flight.rooms.clear();
        for (leg, ending) in ends {
            self.give_back(leg, ending);
        }
        if flight.answered >= BUSY {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn give_back(self: &Arc<Self>, leg: Leg, ending: Ending) {
        let (room, setbacks) = (leg.room, leg.setbacks);
        let rests = matches!(ending, Ending::SetBack);
        self.lanes().give_back(leg, ending);
        if rests {
            let (shared, rest) = (self.clone(), self.rest(room, setbacks));
            tokio::spawn(async move {
                tokio::time::sleep(rest).await;
                shared.lanes().release(room);
                shared.proceed();
            });
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that others have their turn after a flight, also if it ends in a panic.
struct FlightTurn {
    shared: Arc<Shared>,
    /// Rooms of which nothing was given back.
    rooms: Vec<RoomId>,
    answered: usize,
}

impl Drop for FlightTurn {
    fn drop(&mut self) {
        let mut lanes = self.shared.lanes();
        lanes.landed();
        for room in self.rooms.drain(..) {
            self.shared.heads.forget(room);
            let leg = Leg { room, sends: VecDeque::new(), setbacks: 0 };
            lanes.give_back(leg, Ending::Failed("what was being stored was lost".to_owned()));
        }
        drop(lanes);
        self.shared.proceed();
    }
}

/// The same after a change.
struct AlterTurn {
    shared: Arc<Shared>,
    room: RoomId,
}

impl Drop for AlterTurn {
    fn drop(&mut self) {
        let mut lanes = self.shared.lanes();
        lanes.altered();
        lanes.release(self.room);
        drop(lanes);
        self.shared.proceed();
    }
}
