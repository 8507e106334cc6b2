use std::sync::atomic::{AtomicU64, Ordering};

/// What a relay did since it began, and how much it remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayFigures {
    /// Events offered to the sockets here.
    pub told: u64,
    /// Events that came from other instances.
    pub received: u64,
    /// Repairs of rooms that were begun.
    pub repairs: u64,
    /// Pages that repairs read from the store.
    pub reads: u64,
    /// Sockets told to ask for changes, for a reason other than their own slowness.
    pub resyncs: u64,
    /// Looks for unannounced changes that failed.
    pub failed_looks: u64,
    /// People who are connected here.
    pub people: usize,
    /// Their rooms.
    pub rooms: usize,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) told: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) repairs: AtomicU64,
    pub(super) reads: AtomicU64,
    pub(super) resyncs: AtomicU64,
    pub(super) failed_looks: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self, people: usize, rooms: usize) -> RelayFigures {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RelayFigures {
            told: of(&self.told),
            received: of(&self.received),
            repairs: of(&self.repairs),
            reads: of(&self.reads),
            resyncs: of(&self.resyncs),
            failed_looks: of(&self.failed_looks),
            people,
            rooms,
        }
    }
}

pub(super) fn add(counter: &AtomicU64, how_many: usize) {
    counter.fetch_add(how_many as u64, Ordering::Relaxed);
}
