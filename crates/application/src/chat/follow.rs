//! Following along live.
use super::{Attendance, Attending, OpenedMessage, Opener, Relations, RoomEntry, Rooms};
use crate::{
    accounts::{Authenticate, SignedIn},
    ports::{Delivery, EventBus, RoomRepository, Subscription, Unavailable},
};
use domain::{
    Timestamp,
    event::ChatEvent,
    id::{RoomId, UserId},
    room::{Cleared, Standing},
};
use std::{
    collections::{HashMap, HashSet},
    future::pending,
    sync::Arc,
};
use tokio::{sync::oneshot, task::JoinHandle};

/// Lets somebody follow their rooms.
#[derive(Clone)]
pub struct Follow {
    /// Carries events.
    pub bus: Arc<dyn EventBus>,
    /// Shows rooms that begin.
    pub rooms: Rooms,
    /// Opens messages.
    pub opener: Opener,
    /// Which rooms are in sight.
    pub relations: Arc<Relations>,
    /// Whether the session still counts.
    pub authenticate: Authenticate,
    /// Knows who is online, this follower among them.
    pub attendance: Arc<Attendance>,
}

/// Which rooms somebody follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of theirs.
    AllRooms,
    /// One of theirs.
    Room(RoomId),
}

/// Something to show at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveEvent {
    /// A message is new or changed. Those of one room come in `rev` order.
    Message(Box<OpenedMessage>),
    /// Somebody read up to a place.
    Read {
        /// In which room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Up to where.
        seq: u64,
    },
    /// What this person wrote reached a device of the other's, up to a place.
    Delivered {
        /// In which room.
        room: RoomId,
        /// Whose device.
        user: UserId,
        /// Up to where.
        seq: u64,
    },
    /// The other person is writing.
    Typing {
        /// In which room.
        room: RoomId,
        /// Who.
        user: UserId,
    },
    /// Somebody this person shares a room with is online, or went offline.
    Presence {
        /// Who.
        user: UserId,
        /// When they went offline; `None` while they are online.
        left_at: Option<Timestamp>,
    },
    /// A room began, or changed in another way than by its messages.
    Room(Box<RoomEntry>),
    /// Events were lost on the way: ask for the changes.
    Resync,
    /// The session ended; nothing more will come.
    SessionEnded,
}

/// Somebody's live events.
pub struct Following {
    follow: Follow,
    who: SignedIn,
    scope: Scope,
    events: Subscription,
    /// Received but not yet shown, so that a cancelled wait loses nothing.
    received: Option<Delivery>,
    /// In a scope of one room, the other person of it.
    other: Option<UserId>,
    around: Around,
    cleared: ClearedRooms,
    _attending: Attending,
}

/// What this person cleared in each room that was heard of.
#[derive(Default)]
struct ClearedRooms {
    known: HashMap<RoomId, u64>,
    /// Asked for and not yet known. It goes on when a wait is cancelled, as a look-up that is given
    /// up costs some stores a connection.
    asking: Option<(RoomId, Asking)>,
}

type Asking = JoinHandle<Result<Option<Cleared>, Unavailable>>;

impl ClearedRooms {
    /// More are forgotten, and looked up once more.
    const MOST: usize = 10_000;

    /// Up to which message; looked up once for each room. Safe to cancel.
    async fn up_to(
        &mut self,
        rooms: &Arc<dyn RoomRepository>,
        room: RoomId,
        user: UserId,
    ) -> Result<u64, Unavailable> {
        if let Some(seq) = self.known.get(&room) {
            return Ok(*seq);
        }
        let asking = match self.asking.take() {
            Some((asked, asking)) if asked == room => asking,
            _ => {
                let rooms = rooms.clone();
                tokio::spawn(async move { rooms.find_cleared(room, user).await })
            }
        };
        let (_, asking) = self.asking.insert((room, asking));
        let found = asking.await;
        self.asking = None;
        let found = found.map_err(|error| Unavailable::of("store", error))??;
        if self.known.len() >= Self::MOST {
            self.known.clear();
        }
        let seq = found.unwrap_or_default().seq;
        self.known.insert(room, seq);
        Ok(seq)
    }

    /// It may be more by now.
    fn forget(&mut self, room: RoomId) {
        self.known.remove(&room);
        self.asking = None;
    }

    fn forget_all(&mut self) {
        *self = Self::default();
    }
}

/// Who of the others is online, as it was found by asking.
#[derive(Default)]
struct Around {
    /// Somebody is asking.
    looking: Option<oneshot::Receiver<Vec<UserId>>>,
    /// Of whom an event told since they began: it is newer than what they find.
    heard_of: HashSet<UserId>,
    /// Found but not yet shown.
    online: Vec<UserId>,
    /// Shown as online since the last loss: once is enough, whether found or told.
    shown: HashSet<UserId>,
}

/// More are forgotten, and shown once more.
const MOST_SHOWN: usize = 1_000;

impl Around {
    /// Waits until those who ask have found something; for ever if nobody asks. Safe to cancel.
    async fn find(&mut self) {
        let Some(looking) = &mut self.looking else {
            return pending().await;
        };
        let found = looking.await.unwrap_or_default();
        self.looking = None;
        let heard_of = std::mem::take(&mut self.heard_of);
        self.online.extend(found.into_iter().filter(|user| !heard_of.contains(user)));
    }

    /// Whether it is news that somebody is online.
    fn is_news(&mut self, user: UserId) -> bool {
        if self.shown.len() >= MOST_SHOWN {
            self.shown.clear();
        }
        self.shown.insert(user)
    }

    /// An event told of somebody.
    fn hear_of(&mut self, user: UserId) {
        if self.looking.is_some() {
            self.heard_of.insert(user);
        }
        self.online.retain(|online| *online != user);
    }
}

impl Follow {
    /// Follows from this moment on, and is online for as long. `None` if the room to follow is not
    /// theirs.
    pub async fn execute(
        &self,
        who: SignedIn,
        scope: Scope,
    ) -> Result<Option<Following>, Unavailable> {
        // Subscribe before looking: a room that begins in between is heard of.
        let events = self.bus.subscribe(who.user).await?;
        let other = match scope {
            Scope::AllRooms => None,
            Scope::Room(room) => {
                let participants = self.rooms.rooms.find_participants(room, who.user).await?;
                let Some(other) = participants.and_then(|pair| pair.other(who.user)) else {
                    return Ok(None);
                };
                Some(other)
            }
        };
        let mut following = Following {
            received: None,
            follow: self.clone(),
            who,
            scope,
            events,
            other,
            around: Around::default(),
            cleared: ClearedRooms::default(),
            _attending: self.attendance.attend(who.user),
        };
        following.look_around(None);
        Ok(Some(following))
    }
}

impl Following {
    /// The next event that concerns this follower. Safe to cancel.
    pub async fn next(&mut self) -> LiveEvent {
        loop {
            if let Some(user) = self.around.online.pop() {
                if self.around.is_news(user) {
                    return LiveEvent::Presence { user, left_at: None };
                }
                continue;
            }
            if self.received.is_none() {
                tokio::select! {
                    () = self.around.find() => continue,
                    received = self.events.next() => self.received = received,
                }
            }
            if self.received.is_none() {
                return LiveEvent::SessionEnded;
            }
            if let Some(event) = self.show_received().await {
                return event;
            }
        }
    }

    /// The next event of those that happened already; `None` once all of them are told.
    pub async fn next_waiting(&mut self) -> Option<LiveEvent> {
        loop {
            if self.received.is_none() {
                self.received = Some(self.events.try_next()?);
            }
            if let Some(event) = self.show_received().await {
                return Some(event);
            }
        }
    }

    async fn show_received(&mut self) -> Option<LiveEvent> {
        let event = match &self.received {
            None => None,
            Some(Delivery::Resync) => {
                self.cleared.forget_all();
                self.after_loss().await
            }
            Some(Delivery::Event(event)) => {
                let event = event.clone();
                self.show(&event).await
            }
        };
        self.received = None;
        match &event {
            Some(LiveEvent::Presence { user, left_at }) => {
                self.around.hear_of(*user);
                if left_at.is_some() {
                    self.around.shown.remove(user);
                } else if !self.around.is_news(*user) {
                    return None;
                }
            }
            Some(LiveEvent::Room(entry)) => {
                self.look_around(Some((entry.view.room.id, entry.view.other)));
            }
            // Who came or went may be among what was lost.
            Some(LiveEvent::Resync) => {
                self.around.shown.clear();
                self.look_around(None);
            }
            _ => {}
        }
        event
    }

    /// Asks who is online: of all in scope, or of one who is new among them.
    fn look_around(&mut self, newcomer: Option<(RoomId, UserId)>) {
        // Whoever is still looking for all would be cut short: all again, then.
        let newcomer = newcomer.filter(|_| self.around.looking.is_none());
        let only = match (self.scope, self.other) {
            (Scope::Room(room), Some(other)) => Some((room, other)),
            _ => newcomer,
        };
        self.around.looking = Some(self.follow.attendance.look(self.who.user, only));
        self.around.heard_of.clear();
    }

    /// Whether the session still counts; asked now and then, should its end have gone unheard.
    pub async fn still_counts(&self) -> Result<bool, Unavailable> {
        self.follow.authenticate.still_counts(self.who.session).await
    }

    /// The end of the session may be among what was lost.
    async fn after_loss(&self) -> Option<LiveEvent> {
        match self.still_counts().await {
            Ok(false) => Some(LiveEvent::SessionEnded),
            Ok(true) | Err(_) => Some(LiveEvent::Resync),
        }
    }

    async fn show(&mut self, event: &ChatEvent) -> Option<LiveEvent> {
        if let (Scope::Room(mine), Some(room)) = (self.scope, event.room())
            && mine != room
        {
            return None;
        }
        if let ChatEvent::RoomChanged { room, .. } = event {
            self.cleared.forget(*room);
        }
        if let Some(room) = event.room() {
            match self.is_in_sight(event, room).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(_) => return Some(LiveEvent::Resync),
            }
        }
        match event {
            ChatEvent::Message { message, .. } => {
                let rooms = &self.follow.rooms.rooms;
                match self.cleared.up_to(rooms, message.room, self.who.user).await {
                    Ok(cleared) if message.seq > cleared => {}
                    Ok(_) => return None,
                    Err(_) => return Some(LiveEvent::Resync),
                }
                Some(LiveEvent::Message(Box::new(self.follow.opener.open(message.clone()))))
            }
            ChatEvent::Read { room, user, seq, .. } => {
                Some(LiveEvent::Read { room: *room, user: *user, seq: *seq })
            }
            ChatEvent::Delivered { room, user, seq, .. } => {
                Some(LiveEvent::Delivered { room: *room, user: *user, seq: *seq })
            }
            ChatEvent::Typing { room, user, .. } => {
                (*user != self.who.user).then_some(LiveEvent::Typing { room: *room, user: *user })
            }
            ChatEvent::Presence { user, left_at, .. } => {
                let concerns = self.other.is_none_or(|other| other == *user);
                concerns.then_some(LiveEvent::Presence { user: *user, left_at: *left_at })
            }
            ChatEvent::RoomChanged { room, .. } => {
                match self.follow.rooms.find_in_any_standing(self.who.user, *room).await {
                    Ok(entry) => entry.map(|entry| LiveEvent::Room(Box::new(entry))),
                    Err(_) => Some(LiveEvent::Resync),
                }
            }
            ChatEvent::SessionEnded { session, .. } => {
                (*session == self.who.session).then_some(LiveEvent::SessionEnded)
            }
        }
    }

    /// Nothing is heard of a room that was declined, unless it is that one did so, or that it came
    /// back.
    async fn is_in_sight(&self, event: &ChatEvent, room: RoomId) -> Result<bool, Unavailable> {
        let relations = &self.follow.relations;
        if let ChatEvent::RoomChanged { only, .. } = event {
            relations.forget_room(room, self.who.user);
            if only.is_some() {
                return Ok(true);
            }
        }
        Ok(relations.standing(room, self.who.user).await? != Some(Standing::Declined))
    }
}
