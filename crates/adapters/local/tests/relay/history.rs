//! A store that several instances share, as far as an event bus reads of it.
use application::ports::{
    Appended, MessageChange, MessageRepository, RoomHeads, TouchMark, TouchedRoom, TouchedRooms,
    Unavailable,
};
use async_trait::async_trait;
use domain::{
    event::ChatEvent,
    history::{ChangePage, HistoryPage, Limit, Window},
    id::{ClientId, MessageId, RoomId, UserId},
    message::{Alteration, AlterationRefused, NewMessage, SealedMessage},
    room::{Participants, RoomHead},
    sealing::SealedBody,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use testkit::{a_message, later};
use tokio::time::sleep;

/// Stores without announcing: what becomes of the events is the test's affair.
#[derive(Default)]
pub struct SharedHistory {
    rooms: Mutex<BTreeMap<RoomId, Room>>,
    touches: AtomicU64,
    /// How long reading the changes of a room takes.
    pub slow: Mutex<HashMap<RoomId, Duration>>,
    /// How long reading somebody's rooms takes.
    pub slow_heads: Mutex<Duration>,
    /// Whether reading changes fails.
    pub changes_fail: AtomicBool,
    /// Whether reading the heads of rooms fails.
    pub heads_fail: AtomicBool,
    /// Whether looking for touched rooms fails.
    pub looks_fail: AtomicBool,
    /// By how much too great the bounds are.
    pub bound_ahead: AtomicU64,
    /// How often somebody's rooms were read.
    pub heads_read: AtomicUsize,
    /// How often changes were read.
    pub changes_read: AtomicUsize,
    /// What it was told to follow.
    pub followed: Mutex<Vec<u64>>,
}

struct Room {
    participants: Participants,
    messages: Vec<SealedMessage>,
    rev: u64,
    touched: u64,
}

impl SharedHistory {
    /// Begins a room.
    pub fn open(&self, one: UserId, other: UserId) -> RoomId {
        let participants = Participants::pair(one, other).expect("two people");
        let mut rooms = self.rooms();
        let number = u128::try_from(rooms.len()).expect("few") + 1;
        let room = RoomId::from_bytes(number.to_be_bytes());
        let touched = self.touch();
        rooms.insert(room, Room { participants, messages: Vec::new(), rev: 0, touched });
        room
    }

    /// Stores a message at the end of a room.
    pub fn send(&self, room: RoomId) -> ChatEvent {
        let mut rooms = self.rooms();
        let place = rooms.get_mut(&room).expect("a room");
        place.rev += 1;
        place.touched = self.touch();
        let seq = u32::try_from(place.messages.len()).expect("few") + 1;
        let [sender, _] = place.participants.both();
        let message = a_message(room, sender, seq).numbered(seq.into(), place.rev);
        place.messages.push(message.clone());
        ChatEvent::Message { participants: place.participants, message }
    }

    /// Stores a new text for a message.
    pub fn edit(&self, room: RoomId, seq: u64) -> ChatEvent {
        let mut rooms = self.rooms();
        let place = rooms.get_mut(&room).expect("a room");
        place.rev += 1;
        place.touched = self.touch();
        let message = &mut place.messages[usize::try_from(seq - 1).expect("few")];
        let body = SealedBody::new(format!("edited at {}", place.rev).into_bytes());
        let alteration = Alteration::Edit { body, at: later(1) };
        let altered = message.altered(message.sender, &alteration);
        *message = altered.expect("allowed").expect("a change");
        message.rev = place.rev;
        ChatEvent::Message { participants: place.participants, message: message.clone() }
    }

    /// The event of a room's beginning.
    pub fn opened(&self, room: RoomId) -> ChatEvent {
        let participants = self.rooms()[&room].participants;
        ChatEvent::RoomChanged { participants, room, only: None }
    }

    /// All messages of a room.
    pub fn messages(&self, room: RoomId) -> Vec<SealedMessage> {
        self.rooms()[&room].messages.clone()
    }

    /// The rooms of somebody.
    pub fn rooms_of(&self, user: UserId) -> Vec<RoomId> {
        let rooms = self.rooms();
        rooms.iter().filter(|(_, r)| r.participants.includes(user)).map(|(id, _)| *id).collect()
    }

    fn touch(&self) -> u64 {
        self.touches.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn rooms(&self) -> MutexGuard<'_, BTreeMap<RoomId, Room>> {
        self.rooms.lock().expect("no panic")
    }
}

fn answer(fails: &AtomicBool) -> Result<(), Unavailable> {
    if fails.load(Ordering::Relaxed) {
        return Err(Unavailable::of("store", std::io::Error::other("as the test wants it")));
    }
    Ok(())
}

#[async_trait]
impl RoomHeads for SharedHistory {
    async fn list_heads(&self, user: UserId) -> Result<Vec<RoomHead>, Unavailable> {
        self.heads_read.fetch_add(1, Ordering::Relaxed);
        answer(&self.heads_fail)?;
        let heads = self
            .rooms()
            .iter()
            .filter(|(_, place)| place.participants.includes(user))
            .map(|(id, place)| RoomHead {
                room: *id,
                participants: place.participants,
                rev: place.rev,
            })
            .collect();
        let delay = *self.slow_heads.lock().expect("no panic");
        sleep(delay).await;
        Ok(heads)
    }

    async fn list_touched(&self, since: Option<TouchMark>) -> Result<TouchedRooms, Unavailable> {
        answer(&self.looks_fail)?;
        let rooms = self.rooms();
        let mark = i64::try_from(self.touches.load(Ordering::Relaxed)).expect("few");
        let TouchMark(since) = since.unwrap_or(TouchMark(mark));
        let touched = rooms
            .iter()
            .filter(|(_, place)| i64::try_from(place.touched).expect("few") > since)
            .map(|(id, place)| TouchedRoom {
                room: *id,
                participants: place.participants,
                rev_bound: place.rev + self.bound_ahead.load(Ordering::Relaxed),
            });
        Ok(TouchedRooms { rooms: touched.collect(), mark: TouchMark(mark) })
    }

    fn follow(&self, message: &SealedMessage) {
        self.followed.lock().expect("no panic").push(message.rev);
    }
}

/// For reading alone: a bus stores nothing.
#[async_trait]
impl MessageRepository for SharedHistory {
    async fn append(&self, batch: Vec<NewMessage>) -> Vec<Result<Appended, Unavailable>> {
        batch.iter().map(|_| Err(read_only())).collect()
    }

    async fn alter(
        &self,
        _change: MessageChange,
    ) -> Result<Result<SealedMessage, AlterationRefused>, Unavailable> {
        Err(read_only())
    }

    async fn find_in_room(
        &self,
        _: RoomId,
        _: MessageId,
    ) -> Result<Option<SealedMessage>, Unavailable> {
        Err(read_only())
    }

    async fn find_by_client_id(
        &self,
        _sender: UserId,
        _client_id: ClientId,
    ) -> Result<Option<SealedMessage>, Unavailable> {
        Err(read_only())
    }

    async fn list_window(
        &self,
        _room: RoomId,
        _window: Window,
        _limit: Limit,
    ) -> Result<HistoryPage, Unavailable> {
        Err(read_only())
    }

    async fn list_changes(
        &self,
        room: RoomId,
        after_rev: u64,
        limit: Limit,
    ) -> Result<ChangePage, Unavailable> {
        self.changes_read.fetch_add(1, Ordering::Relaxed);
        answer(&self.changes_fail)?;
        let mut messages = self.messages(room);
        messages.retain(|message| message.rev > after_rev);
        messages.sort_unstable_by_key(|message| message.rev);
        let has_more = messages.len() > limit.as_usize();
        messages.truncate(limit.as_usize());
        let delay = self.slow.lock().expect("no panic").get(&room).copied();
        sleep(delay.unwrap_or_default()).await;
        Ok(ChangePage { messages, has_more })
    }
}

fn read_only() -> Unavailable {
    Unavailable::of("store", std::io::Error::other("a bus has no business here"))
}
