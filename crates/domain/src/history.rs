//! Reading a room: pages by `seq`, changes by `rev`.
use crate::message::SealedMessage;

/// How many items a page holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(usize);

impl Limit {
    /// The most a page ever holds.
    pub const MAX: u64 = 200;

    /// As many as a page ever holds.
    pub const WHOLE_PAGE: Self = Self(200);

    /// As many as are read at once to go through a whole history; no page that is asked for.
    pub const SWEEP: Self = Self(1_000);

    /// A limit as asked for: above the maximum it is the maximum, below 1 it is none (`None`).
    pub fn of(asked: u64) -> Option<Self> {
        let limit = usize::try_from(asked.min(Self::MAX)).ok()?;
        (limit > 0).then_some(Self(limit))
    }

    /// What each of several readers gets of it, so that together they hold little more than one;
    /// at least 100.
    #[must_use]
    pub fn shared_by(self, readers: usize) -> Self {
        Self((self.0 / readers.max(1)).max(100))
    }

    /// The number.
    pub fn as_usize(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// Which part of a room's history is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The newest messages.
    Latest,
    /// Those just below a `seq`.
    Before(u64),
    /// Those just above a `seq`.
    After(u64),
    /// A `seq` with its neighbours on both sides, half of the page each.
    Around(u64),
}

impl Window {
    /// The part of it for somebody to whom a history begins behind a `seq`: what is asked for from
    /// below that is asked for from there.
    #[must_use]
    pub fn above(self, start: u64) -> Self {
        match self {
            Self::After(seq) => Self::After(seq.max(start)),
            Self::Around(seq) => Self::Around(seq.max(start.saturating_add(1))),
            Self::Latest | Self::Before(_) => self,
        }
    }

    /// Whether more of it is newer.
    pub fn goes_up(self) -> bool {
        matches!(self, Self::After(_) | Self::Around(_))
    }
}

/// A part of a room's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// In `seq` order.
    pub messages: Vec<SealedMessage>,
    /// Whether the history goes on in the direction asked for (for [`Window::Around`]: in either).
    pub has_more: bool,
}

/// The latest states of what changed in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// In `rev` order.
    pub messages: Vec<SealedMessage>,
    /// Whether there are more.
    pub has_more: bool,
}

impl ChangePage {
    /// The reader's new position: the last change given, or where they were.
    pub fn position(&self, before: u64) -> u64 {
        self.messages.last().map_or(before, |message| message.rev)
    }
}
