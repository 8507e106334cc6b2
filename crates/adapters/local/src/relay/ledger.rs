//! Up to where each room was told here, and what may be told next.
//!
//! Plain bookkeeping without waiting; whoever holds the lock on it tells what it says at once.
use application::ports::TouchedRoom;
use domain::{
    event::ChatEvent,
    history::ChangePage,
    id::{RoomId, UserId},
    message::SealedMessage,
    room::{Participants, RoomHead},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};
use tokio::sync::OnceCell;

/// Most bytes of events that wait, in all rooms together, for those before them. What is beyond
/// that is read from the store.
const MAX_HELD_BYTES: usize = 32 * 1024 * 1024;

/// Maps of up to this capacity are never made smaller.
const KEPT_CAPACITY: usize = 1_024;

/// The people who are connected here and their rooms.
///
/// A room is tracked from the moment at which its `rev` was read for the first of its people, for
/// as long as one of them is known. So a room that is not tracked though the rooms of one of its
/// people were read must have begun later, and nothing of it was told yet.
#[derive(Default)]
pub(super) struct Ledger {
    people: HashMap<UserId, Person>,
    rooms: HashMap<RoomId, Track>,
    held_bytes: usize,
    /// Rooms that need the store, and why; whoever takes them out has to begin a repair of each.
    to_repair: Vec<(RoomId, Cause)>,
}

/// Somebody who is connected here.
#[derive(Default)]
struct Person {
    /// Set by whoever reads their rooms; the others wait for it.
    rooms_read: Arc<OnceCell<()>>,
    /// Whether all rooms that they had when they came are tracked.
    complete: bool,
    rooms: HashSet<RoomId>,
}

/// A room of somebody's who is connected here.
struct Track {
    participants: Participants,
    /// The greatest `rev` that is told, or was stored before anybody here wanted to know.
    last: u64,
    /// There while a repair is under way.
    gap: Option<Box<Gap>>,
}

/// What is not told yet.
#[derive(Default)]
struct Gap {
    /// Events that wait for those before them, by `rev`.
    held: BTreeMap<u64, Arc<ChatEvent>>,
    /// The greatest `rev` that was heard of; it is stored.
    wanted: u64,
    /// Whether the store is to be read even if nothing is wanted.
    asked: bool,
}

/// Why a room needs the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// An event came before one that precedes it; that may be on its way.
    Gap,
    /// Something was stored that nobody may ever announce.
    Unannounced,
}

/// What a repair reads next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// From behind this `rev`.
    pub(super) after: u64,
    /// At least up to this one.
    pub(super) wanted: u64,
}

/// The store did not show what it had announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store does not show what it announced")]
pub(super) struct NotShown;

impl Ledger {
    /// Somebody connects. The cell is set once their rooms are read.
    pub(super) fn join(&mut self, user: UserId) -> Arc<OnceCell<()>> {
        self.people.entry(user).or_default().rooms_read.clone()
    }

    /// Tracks the rooms of somebody who connects: what they hold by now is found by reading them.
    pub(super) fn complete(
        &mut self,
        user: UserId,
        heads: Vec<RoomHead>,
        tell: &mut impl FnMut(&Arc<ChatEvent>),
    ) {
        for head in heads {
            if self.rooms.contains_key(&head.room) {
                self.person_has(user, head.room);
            } else if self.is_owed(head.participants) {
                let RoomHead { room, participants, rev } = head;
                self.hear_touched(&TouchedRoom { room, participants, rev_bound: rev }, tell);
            } else {
                self.track(head.room, head.participants, head.rev);
            }
        }
        if let Some(person) = self.people.get_mut(&user) {
            person.complete = true;
        }
    }

    /// A room began.
    pub(super) fn hear_opened(&mut self, room: RoomId, participants: Participants) {
        if !self.rooms.contains_key(&room) && self.is_owed(participants) {
            self.track(room, participants, 0);
        }
    }

    /// A message event came: it is told, held, or dropped as told already.
    pub(super) fn hear_message(
        &mut self,
        participants: Participants,
        message: &SealedMessage,
        event: &Arc<ChatEvent>,
        tell: &mut impl FnMut(&Arc<ChatEvent>),
    ) {
        let room = message.room;
        if !self.rooms.contains_key(&room) {
            if !self.is_owed(participants) {
                return;
            }
            self.begin_unheard(room, participants, tell);
        }
        let Some(track) = self.rooms.get_mut(&room) else {
            return;
        };
        if message.rev <= track.last {
            return;
        }
        if message.rev == track.last + 1 {
            track.last = message.rev;
            tell(event);
            track.tell_held(&mut self.held_bytes, tell);
            return;
        }
        let gap = track.gap(room, Cause::Gap, &mut self.to_repair);
        gap.wanted = gap.wanted.max(message.rev);
        if self.held_bytes + event.weight() <= MAX_HELD_BYTES
            && gap.held.insert(message.rev, event.clone()).is_none()
        {
            self.held_bytes += event.weight();
        }
    }

    /// Something was stored in a room of late.
    pub(super) fn hear_touched(
        &mut self,
        touched: &TouchedRoom,
        tell: &mut impl FnMut(&Arc<ChatEvent>),
    ) {
        if !self.rooms.contains_key(&touched.room) {
            if !self.is_owed(touched.participants) {
                return;
            }
            self.begin_unheard(touched.room, touched.participants, tell);
        }
        let Some(track) = self.rooms.get_mut(&touched.room) else {
            return;
        };
        if touched.rev_bound > track.last {
            track.gap(touched.room, Cause::Unannounced, &mut self.to_repair).asked = true;
        }
    }

    /// The rooms in which a repair has to begin.
    pub(super) fn take_to_repair(&mut self) -> Vec<(RoomId, Cause)> {
        std::mem::take(&mut self.to_repair)
    }

    /// Whether a repair has to begin somewhere.
    pub(super) fn needs_repair(&self) -> bool {
        !self.to_repair.is_empty()
    }

    /// What the repair of a room reads next; `None` ends it.
    pub(super) fn next_step(&mut self, room: RoomId) -> Option<Step> {
        let track = self.rooms.get_mut(&room)?;
        let gap = track.gap.as_mut()?;
        if std::mem::take(&mut gap.asked) || gap.wanted > track.last {
            return Some(Step { after: track.last, wanted: gap.wanted });
        }
        track.gap = None;
        None
    }

    /// Tells what a repair has read.
    pub(super) fn tell_page(
        &mut self,
        room: RoomId,
        step: Step,
        page: ChangePage,
        tell: &mut impl FnMut(&Arc<ChatEvent>),
    ) -> Result<(), NotShown> {
        let Some(track) = self.rooms.get_mut(&room) else {
            return Ok(());
        };
        // Nobody was here for a while, and the room is tracked anew from an earlier place.
        if step.after > track.last {
            return Ok(());
        }
        let (participants, position) = (track.participants, page.position(step.after));
        for message in page.messages {
            if message.rev > track.last {
                track.last = message.rev;
                tell(&Arc::new(ChatEvent::Message { participants, message }));
            }
        }
        track.tell_held(&mut self.held_bytes, tell);
        let stuck = position == step.after;
        if (page.has_more && stuck) || (!page.has_more && track.last < step.wanted) {
            return Err(NotShown);
        }
        if let Some(gap) = track.gap.as_mut() {
            gap.asked |= page.has_more;
        }
        Ok(())
    }

    /// Ends a repair that failed. Its people are to be told that events were lost: that covers
    /// everything heard of so far, and nothing of it is told any more.
    pub(super) fn give_up(&mut self, room: RoomId) -> Option<Participants> {
        let track = self.rooms.get_mut(&room)?;
        let gap = track.gap.take()?;
        track.last = track.last.max(gap.wanted);
        self.held_bytes -= gap.held_bytes();
        Some(track.participants)
    }

    /// Forgets those who have left, and the rooms in which nobody is left.
    pub(super) fn forget_unless(&mut self, is_here: impl Fn(UserId) -> bool) {
        let gone: Vec<UserId> =
            self.people.keys().copied().filter(|user| !is_here(*user)).collect();
        for user in gone {
            self.forget(user);
        }
        give_back(&mut self.people);
        give_back(&mut self.rooms);
    }

    /// How many people and rooms are known.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.people.len(), self.rooms.len())
    }

    fn forget(&mut self, user: UserId) {
        let Some(person) = self.people.remove(&user) else {
            return;
        };
        for room in person.rooms {
            let Some(track) = self.rooms.get(&room) else {
                continue;
            };
            match track.participants.other(user) {
                // Whose rooms are still being read may not know yet that this is one of them.
                Some(other) if self.people.contains_key(&other) => self.person_has(other, room),
                _ => self.untrack(room),
            }
        }
    }

    fn untrack(&mut self, room: RoomId) {
        let gap = self.rooms.remove(&room).and_then(|track| track.gap);
        self.held_bytes -= gap.map_or(0, |gap| gap.held_bytes());
    }

    /// Whether somebody here is to hear of everything in a room of these two, should it be new.
    fn is_owed(&self, participants: Participants) -> bool {
        participants
            .both()
            .iter()
            .any(|user| self.people.get(user).is_some_and(|person| person.complete))
    }

    /// Tracks a room that began without a word of it having come here.
    fn begin_unheard(
        &mut self,
        room: RoomId,
        participants: Participants,
        tell: &mut impl FnMut(&Arc<ChatEvent>),
    ) {
        self.track(room, participants, 0);
        tell(&Arc::new(ChatEvent::RoomChanged { participants, room, only: None }));
    }

    fn track(&mut self, room: RoomId, participants: Participants, last: u64) {
        self.rooms.insert(room, Track { participants, last, gap: None });
        for user in participants.both() {
            self.person_has(user, room);
        }
    }

    fn person_has(&mut self, user: UserId, room: RoomId) {
        if let Some(person) = self.people.get_mut(&user) {
            person.rooms.insert(room);
        }
    }
}

/// Gives memory back once most of it is unused.
fn give_back<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > KEPT_CAPACITY.max(4 * map.len()) {
        map.shrink_to(2 * map.len());
    }
}

impl Track {
    /// What is not told yet; where there was nothing of the kind, a repair has to begin.
    fn gap(
        &mut self,
        room: RoomId,
        cause: Cause,
        to_repair: &mut Vec<(RoomId, Cause)>,
    ) -> &mut Gap {
        self.gap.get_or_insert_with(|| {
            to_repair.push((room, cause));
            Box::default()
        })
    }

    /// Tells what waited and is next now; drops what is told already.
    fn tell_held(&mut self, held_bytes: &mut usize, tell: &mut impl FnMut(&Arc<ChatEvent>)) {
        let Some(gap) = self.gap.as_mut() else {
            return;
        };
        while let Some(first) = gap.held.first_entry() {
            let rev = *first.key();
            if rev > self.last + 1 {
                return;
            }
            let event = first.remove();
            *held_bytes -= event.weight();
            if rev > self.last {
                self.last = rev;
                tell(&event);
            }
        }
    }
}

impl Gap {
    fn held_bytes(&self) -> usize {
        self.held.values().map(|event| event.weight()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::a_message;

    fn person(n: u8) -> UserId {
        UserId::from_bytes([n; 16])
    }

    fn room() -> RoomId {
        RoomId::from_bytes([7; 16])
    }

    fn participants() -> Participants {
        Participants::pair(person(1), person(2)).expect("two people")
    }

    fn message(rev: u64) -> SealedMessage {
        a_message(room(), person(1), 1).numbered(rev, rev)
    }

    fn page(revs: impl IntoIterator<Item = u64>, has_more: bool) -> ChangePage {
        ChangePage { messages: revs.into_iter().map(message).collect(), has_more }
    }

    /// A ledger, and what it had told.
    #[derive(Default)]
    struct Told {
        ledger: Ledger,
        revs: Vec<u64>,
    }

    impl Told {
        /// Person 1 is here, and the room has come so far.
        fn up_to(rev: u64) -> Self {
            let mut told = Self::default();
            told.come(1, rev);
            told
        }

        fn come(&mut self, user: u8, rev: u64) {
            let head = RoomHead { room: room(), participants: participants(), rev };
            self.ledger.join(person(user));
            self.ledger.complete(person(user), vec![head], &mut |_| {});
        }

        fn hear(&mut self, rev: u64) {
            let (participants, message) = (participants(), message(rev));
            let event = Arc::new(ChatEvent::Message { participants, message: message.clone() });
            let tell = &mut note(&mut self.revs);
            self.ledger.hear_message(participants, &message, &event, tell);
        }

        fn tell_page(&mut self, step: Step, page: ChangePage) -> Result<(), NotShown> {
            self.ledger.tell_page(room(), step, page, &mut note(&mut self.revs))
        }

        fn next_step(&mut self) -> Step {
            self.ledger.next_step(room()).expect("something is missing")
        }

        /// What the events that wait come to, counted anew.
        fn held_bytes(&self) -> usize {
            let gaps = self.ledger.rooms.values().filter_map(|track| track.gap.as_ref());
            gaps.map(|gap| gap.held_bytes()).sum()
        }
    }

    fn note(revs: &mut Vec<u64>) -> impl FnMut(&Arc<ChatEvent>) {
        |event| {
            if let ChatEvent::Message { message, .. } = event.as_ref() {
                revs.push(message.rev);
            }
        }
    }

    #[test]
    fn a_room_has_one_repair_at_a_time_and_the_next_once_it_is_over() {
        let mut told = Told::up_to(0);
        told.hear(2);
        told.hear(4);
        assert_eq!(told.ledger.take_to_repair(), [(room(), Cause::Gap)]);
        told.hear(6);
        assert!(!told.ledger.needs_repair());
        let step = told.next_step();
        assert_eq!(step, Step { after: 0, wanted: 6 });
        assert_eq!(told.tell_page(step, page(1..=6, false)), Ok(()));
        assert_eq!(told.ledger.next_step(room()), None);
        assert_eq!(told.revs, [1, 2, 3, 4, 5, 6]);
        told.hear(8);
        assert_eq!(told.ledger.take_to_repair(), [(room(), Cause::Gap)]);
    }

    #[test]
    fn what_comes_while_the_store_is_read_is_told_once_and_in_order() {
        let mut told = Told::up_to(0);
        told.hear(3);
        let step = told.next_step();
        told.hear(1);
        told.hear(2);
        told.hear(4);
        told.hear(6);
        assert_eq!(told.tell_page(step, page(1..=3, false)), Ok(()));
        assert_eq!(told.revs, [1, 2, 3, 4]);
        assert_eq!(told.next_step(), Step { after: 4, wanted: 6 });
        assert_eq!(told.ledger.held_bytes, told.held_bytes());
        assert!(told.ledger.held_bytes > 0);
    }

    #[test]
    fn a_store_that_does_not_show_what_it_announced_is_not_believed() {
        let mut told = Told::up_to(0);
        told.hear(3);
        let step = told.next_step();
        assert_eq!(told.tell_page(step, page([1], false)), Err(NotShown));
        assert_eq!(told.tell_page(step, page([], true)), Err(NotShown));
        assert_eq!(told.ledger.give_up(room()), Some(participants()));
        told.hear(2);
        told.hear(4);
        assert_eq!(told.revs, [1, 4]);
        assert_eq!(told.ledger.held_bytes, 0);
    }

    #[test]
    fn what_was_read_for_those_who_left_skips_nothing_for_those_who_came() {
        let mut told = Told::up_to(5);
        told.hear(7);
        let step = told.next_step();
        told.ledger.forget_unless(|_| false);
        assert_eq!((told.ledger.size(), told.ledger.held_bytes), ((0, 0), 0));
        told.come(1, 3);
        assert_eq!(told.tell_page(step, page(6..=7, false)), Ok(()));
        assert_eq!(told.revs, []);
        told.hear(4);
        assert_eq!(told.revs, [4]);
    }

    #[test]
    fn events_beyond_what_may_be_held_are_left_to_the_store() {
        let mut told = Told::up_to(0);
        told.ledger.held_bytes = MAX_HELD_BYTES;
        told.hear(2);
        assert_eq!(told.ledger.held_bytes, MAX_HELD_BYTES);
        let step = told.next_step();
        assert_eq!(told.tell_page(step, page(1..=2, false)), Ok(()));
        assert_eq!(told.revs, [1, 2]);
    }
}
