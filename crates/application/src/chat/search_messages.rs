//! Looking for words in one's own history, although nothing rests in clear: what there is, is read
//! from its end to its beginning, opened and compared. Each call does a bounded part of that.
use super::{Content, OpenedMessage, Opener};
use crate::{
    limits::Limits,
    ports::{Clock, MessageRepository, RoomRepository, Unavailable},
};
use domain::{
    TimeDelta, Timestamp,
    history::{Limit, Window},
    id::{RoomId, UserId},
    message::SealedMessage,
    room::{Cleared, RoomCursor},
    search::SearchTerm,
    throttle::Throttled,
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Searches messages.
pub struct SearchMessages {
    /// Whose rooms there are.
    pub rooms: Arc<dyn RoomRepository>,
    /// What is in them.
    pub messages: Arc<dyn MessageRepository>,
    /// Opens it.
    pub opener: Opener,
    /// Bounds how often somebody searches.
    pub limits: Limits,
    /// How long it takes.
    pub clock: Arc<dyn Clock>,
    /// How many search at once: they would leave no time for those who write.
    pub places: Arc<Semaphore>,
}

/// Where a search goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchCursor {
    /// The rooms it is in the middle of, at most [`SearchMessages::ROOMS_AT_ONCE`].
    pub lanes: Vec<LaneCursor>,
    /// The rooms behind which further ones follow; `None` if there are no others.
    pub behind: Option<RoomCursor>,
}

/// How far a search has come in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneCursor {
    /// Which room.
    pub room: RoomId,
    /// The messages below this `seq` are still to be looked at.
    pub before: u64,
}

/// A part of what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Newest first.
    pub messages: Vec<OpenedMessage>,
    /// Asks for the next part, which may be empty as well; `None` once everything was looked at.
    pub next: Option<SearchCursor>,
}

/// Where a search begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchFrom {
    /// In all of one's rooms.
    AllRooms,
    /// In one of them.
    Room(RoomId),
    /// Where an earlier part ended.
    Cursor(SearchCursor),
}

/// Why nothing is searched.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Somebody has no such room.
    #[error("there is no such room")]
    NoSuchRoom,
    /// Too often, or too many search at this moment.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl SearchMessages {
    /// Rooms that are searched side by side, so that what was found in them comes newest first.
    pub const ROOMS_AT_ONCE: usize = 32;
    /// Most messages found by one call.
    pub const MOST_HITS: usize = 50;
    /// Most messages looked at by one call.
    pub const MOST_MESSAGES: usize = 50_000;
    /// Searches at once.
    pub const PLACES: usize = 2;
    /// After so long a call ends with what it has.
    const TIME: TimeDelta = TimeDelta::milliseconds(500);
    /// Who gets no place for so long is told to come back.
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
    /// Others get a turn after so many messages.
    const TURN: usize = 256;

    /// The next part of what somebody's rooms have of a term. Rooms are taken in groups, latest
    /// first, and in each group messages newest first.
    pub async fn execute(
        &self,
        me: UserId,
        term: &SearchTerm,
        from: SearchFrom,
    ) -> Result<Found, SearchError> {
        self.limits.search_messages(me).await?;
        let _place = self.place().await?;
        let mut search = self.begin(me, from).await?;
        let start = self.clock.now();
        let mut folded = String::new();
        let mut hits = Vec::new();
        for looked_at in 1..=Self::MOST_MESSAGES {
            let Some(message) = self.next(me, &mut search).await? else { break };
            let opened = self.opener.open(message);
            if matches!(&opened.content, Content::Text(body) if term.is_in(body, &mut folded)) {
                hits.push(opened);
            }
            if hits.len() == Self::MOST_HITS {
                break;
            }
            if looked_at % Self::TURN == 0 {
                tokio::task::yield_now().await;
                if self.clock.now() - start > Self::TIME {
                    break;
                }
            }
        }
        Ok(Found { messages: hits, next: search.cursor() })
    }

    async fn place(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Throttled> {
        let busy = Throttled { retry_after: TimeDelta::seconds(2) };
        let place = tokio::time::timeout(Self::PATIENCE, self.places.clone().acquire_owned());
        place.await.map_err(|_| busy)?.map_err(|_| busy)
    }

    async fn begin(&self, me: UserId, from: SearchFrom) -> Result<Search, SearchError> {
        match from {
            SearchFrom::AllRooms => Ok(self.group(me, None).await?),
            SearchFrom::Room(room) => {
                let start = LaneCursor { room, before: u64::MAX };
                let lanes = vec![self.lane(me, start, Limit::SWEEP).await?];
                Ok(Search { lanes, behind: None })
            }
            SearchFrom::Cursor(SearchCursor { lanes, behind }) => {
                let size = Limit::SWEEP.shared_by(lanes.len());
                let mut opened = Vec::with_capacity(lanes.len());
                for lane in lanes {
                    opened.push(self.lane(me, lane, size).await?);
                }
                Ok(Search { lanes: opened, behind })
            }
        }
    }

    async fn lane(&self, me: UserId, start: LaneCursor, size: Limit) -> Result<Lane, SearchError> {
        let cleared = self.rooms.find_cleared(start.room, me).await?;
        let cleared = cleared.ok_or(SearchError::NoSuchRoom)?;
        Ok(Lane::at(start, cleared, size))
    }

    /// The next rooms of somebody.
    async fn group(&self, me: UserId, behind: Option<RoomCursor>) -> Result<Search, Unavailable> {
        let at_once = Limit::of(Self::ROOMS_AT_ONCE as u64).unwrap_or_default();
        let views = self.rooms.list_by_user(me, behind, at_once).await?;
        let full = views.len() >= Self::ROOMS_AT_ONCE;
        let behind = views.last().filter(|_| full).map(|view| RoomCursor::from(&view.room));
        let size = Limit::SWEEP.shared_by(views.len());
        let lanes = views.iter().map(|view| {
            let start = LaneCursor { room: view.room.id, before: u64::MAX };
            Lane::at(start, view.cleared, size)
        });
        Ok(Search { lanes: lanes.collect(), behind })
    }

    /// The newest message that was not looked at, over all rooms of the group; `None` at the end
    /// of the last group.
    async fn next(
        &self,
        me: UserId,
        search: &mut Search,
    ) -> Result<Option<SealedMessage>, Unavailable> {
        loop {
            for lane in &mut search.lanes {
                self.fill(lane).await?;
            }
            search.lanes.retain(|lane| !lane.page.is_empty());
            if let Some(lane) = search.lanes.iter_mut().max_by_key(|lane| lane.newest()) {
                return Ok(lane.take());
            }
            let Some(behind) = search.behind.take() else { return Ok(None) };
            *search = self.group(me, Some(behind)).await?;
        }
    }

    async fn fill(&self, lane: &mut Lane) -> Result<(), Unavailable> {
        if !lane.page.is_empty() || lane.before <= lane.floor {
            return Ok(());
        }
        let window = Window::Before(lane.before);
        let page = self.messages.list_window(lane.room, window, lane.size).await?;
        lane.before = page.messages.first().map_or(lane.floor, |message| message.seq);
        lane.page = page.messages;
        lane.page.retain(|message| message.seq >= lane.floor);
        Ok(())
    }
}

/// A search under way.
struct Search {
    lanes: Vec<Lane>,
    behind: Option<RoomCursor>,
}

/// A room that is searched.
struct Lane {
    room: RoomId,
    /// What was read and not looked at, in `seq` order.
    page: Vec<SealedMessage>,
    /// What is below this `seq` was not read.
    before: u64,
    /// What is below this `seq` is not there for whoever searches.
    floor: u64,
    /// How much is read at once.
    size: Limit,
}

impl Lane {
    fn at(start: LaneCursor, cleared: Cleared, size: Limit) -> Self {
        let LaneCursor { room, before } = start;
        Self { room, page: Vec::new(), before, floor: cleared.seq.saturating_add(1), size }
    }

    fn newest(&self) -> Option<(Timestamp, RoomId)> {
        self.page.last().map(|message| (message.sent_at, self.room))
    }

    fn take(&mut self) -> Option<SealedMessage> {
        self.page.pop()
    }

    /// Where what is left of it begins.
    fn cursor(&self) -> Option<LaneCursor> {
        let before = self.page.last().map_or(self.before, |message| message.seq.saturating_add(1));
        (before > self.floor).then_some(LaneCursor { room: self.room, before })
    }
}

impl Search {
    /// Where it goes on; `None` if everything was looked at.
    fn cursor(&self) -> Option<SearchCursor> {
        let lanes: Vec<_> = self.lanes.iter().filter_map(Lane::cursor).collect();
        let more = !lanes.is_empty() || self.behind.is_some();
        more.then_some(SearchCursor { lanes, behind: self.behind })
    }
}
