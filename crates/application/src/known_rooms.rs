//! Who is in which room, remembered: it never changes, and every message asks.
use domain::{id::RoomId, room::Participants};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// More are forgotten and looked up again; this many take some four megabytes.
const MOST: usize = 65_536;

/// A bounded memory of rooms, for stores whose looks cost something.
#[derive(Default)]
pub struct KnownRooms(Mutex<HashMap<RoomId, Participants>>);

impl KnownRooms {
    /// Who is in a room, if that is remembered.
    pub fn find(&self, room: RoomId) -> Option<Participants> {
        self.rooms().get(&room).copied()
    }

    /// Remembers who is in a room.
    pub fn note(&self, room: RoomId, participants: Participants) {
        let mut rooms = self.rooms();
        if rooms.len() >= MOST {
            rooms.clear();
        }
        rooms.insert(room, participants);
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Participants>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::UserId;

    #[test]
    fn memory_is_bounded() {
        let known = KnownRooms::default();
        let [ann, bob] = [1, 2].map(|n| UserId::from_bytes([n; 16]));
        let pair = Participants::pair(ann, bob).expect("two people");
        for n in 0..=MOST as u128 {
            known.note(RoomId::from_bytes(n.to_be_bytes()), pair);
        }
        assert!(known.rooms().len() <= MOST);
        assert_eq!(known.find(RoomId::from_bytes((MOST as u128).to_be_bytes())), Some(pair));
    }
}
