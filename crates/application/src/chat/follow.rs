//! Following along live.
use super::{Attendance, Attending, OpenedMessage, Opener, Relations, RoomEntry, Rooms};
use crate::{
    accounts::{Authenticate, SignedIn},
    ports::{Delivery, EventBus, Subscription, Unavailable},
};
use domain::{
    event::{ChatEvent, Sight},
    id::{RoomId, UserId},
    message::SealedMessage,
    room::Standing,
    user::Privacy,
};
use std::{
    collections::{HashMap, HashSet},
    future::{pending, ready},
    sync::Arc,
};
use tokio::{
    sync::oneshot,
    task::{JoinError, JoinHandle},
};

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
    /// Somebody this person shares a room with is online, went offline, or can no longer be seen.
    Presence {
        /// Who.
        user: UserId,
        /// Which of it.
        sight: Sight,
    },
    /// A room began, or changed in another way than by its messages.
    Room(Box<RoomEntry>),
    /// Events were lost on the way, or what was shown holds no longer: ask for the changes.
    Resync,
    /// The session ended; nothing more will come.
    SessionEnded,
}

/// Somebody's live events.
pub struct Following {
    follow: Arc<Follow>,
    who: SignedIn,
    scope: Scope,
    events: Subscription,
    /// Received but not yet shown, so that a cancelled wait loses nothing.
    received: Option<Delivery>,
    /// What becomes of it, where the store has to be asked.
    looking: Option<JoinHandle<Looked>>,
    /// In a scope of one room, the other person of it.
    other: Option<UserId>,
    around: Around,
    cleared: ClearedRooms,
    /// What this person lets others see; `None` until it matters, and once it may have changed.
    own: Option<Privacy>,
    _attending: Attending,
}

/// Up to which message this person cleared each room that was heard of.
#[derive(Default)]
struct ClearedRooms(HashMap<RoomId, u64>);

impl ClearedRooms {
    /// More are forgotten, and looked up once more.
    const MOST: usize = 10_000;

    fn note(&mut self, room: RoomId, seq: u64) {
        if self.0.len() >= Self::MOST {
            self.0.clear();
        }
        self.0.insert(room, seq);
    }
}

/// A look at what was received, as somebody may see it: all that the store is asked for on the way.
///
/// It goes on when a wait for it is cancelled, and is waited for again: what is given up costs some
/// stores a connection, and would be asked once more.
struct Look {
    follow: Arc<Follow>,
    who: SignedIn,
    /// Up to which message the room in question is cleared, if that is known.
    cleared: Option<u64>,
    /// As [`Following`] knows it.
    own: Option<Privacy>,
}

/// What came of a look: what is shown, and what was learned.
struct Looked {
    event: Option<LiveEvent>,
    cleared: Option<u64>,
    own: Option<Privacy>,
}

impl Look {
    async fn at(mut self, received: Delivery) -> Looked {
        let event = match received {
            Delivery::Resync => self.after_loss().await,
            // Whatever the store can't tell is to be asked for.
            Delivery::Event(event) => self.show(&event).await.unwrap_or(Some(LiveEvent::Resync)),
        };
        Looked { event, cleared: self.cleared, own: self.own }
    }

    /// The end of the session may be among what was lost.
    async fn after_loss(&self) -> Option<LiveEvent> {
        match self.follow.authenticate.still_counts(self.who.session).await {
            Ok(false) => Some(LiveEvent::SessionEnded),
            Ok(true) | Err(_) => Some(LiveEvent::Resync),
        }
    }

    async fn show(&mut self, event: &ChatEvent) -> Result<Option<LiveEvent>, Unavailable> {
        let me = self.who.user;
        self.forget_what_changed(event);
        if let Some(room) = event.room()
            && !self.is_in_sight(event, room).await?
        {
            return Ok(None);
        }
        Ok(match event {
            ChatEvent::Message { message, .. } => self.show_message(message).await?,
            ChatEvent::Read { room, user, seq, .. } => {
                let shown = *user == me || self.sees_reading_of(*user).await?;
                shown.then_some(LiveEvent::Read { room: *room, user: *user, seq: *seq })
            }
            ChatEvent::Delivered { room, user, seq, .. } => {
                Some(LiveEvent::Delivered { room: *room, user: *user, seq: *seq })
            }
            ChatEvent::Typing { room, user, .. } => {
                (*user != me).then_some(LiveEvent::Typing { room: *room, user: *user })
            }
            ChatEvent::Presence { user, sight, .. } => {
                // That somebody hides is told to whoever may have seen them before.
                let shown = *sight == Sight::Hidden || self.own().await?.presence;
                shown.then_some(LiveEvent::Presence { user: *user, sight: *sight })
            }
            ChatEvent::PrivacyChanged { .. } => Some(LiveEvent::Resync),
            ChatEvent::RoomChanged { room, .. } => {
                let entry = self.follow.rooms.find_in_any_standing(me, *room).await?;
                entry.map(|entry| LiveEvent::Room(Box::new(entry)))
            }
            ChatEvent::SessionEnded { session, .. } => {
                (*session == self.who.session).then_some(LiveEvent::SessionEnded)
            }
        })
    }

    /// What was remembered of whoever this is about counts no more.
    fn forget_what_changed(&self, event: &ChatEvent) {
        let relations = &self.follow.relations;
        match event {
            ChatEvent::RoomChanged { room, participants, .. } => {
                relations.forget_room(*room, self.who.user);
                for user in participants.both() {
                    relations.forget_privacy(user);
                }
            }
            ChatEvent::Presence { user, sight: Sight::Hidden, .. }
            | ChatEvent::PrivacyChanged { user } => relations.forget_privacy(*user),
            _ => {}
        }
    }

    /// Nothing is heard of a room that was declined, unless it is that one did so, or that it came
    /// back.
    async fn is_in_sight(&self, event: &ChatEvent, room: RoomId) -> Result<bool, Unavailable> {
        if let ChatEvent::RoomChanged { only: Some(_), .. } = event {
            return Ok(true);
        }
        let standing = self.follow.relations.standing(room, self.who.user).await?;
        Ok(standing != Some(Standing::Declined))
    }

    async fn show_message(
        &mut self,
        message: &SealedMessage,
    ) -> Result<Option<LiveEvent>, Unavailable> {
        let shown = message.seq > self.cleared(message.room).await?;
        let opened = shown.then(|| self.follow.opener.open(message.clone()));
        Ok(opened.map(|opened| LiveEvent::Message(Box::new(opened))))
    }

    async fn cleared(&mut self, room: RoomId) -> Result<u64, Unavailable> {
        if let Some(seq) = self.cleared {
            return Ok(seq);
        }
        let found = self.follow.rooms.rooms.find_cleared(room, self.who.user).await?;
        Ok(*self.cleared.insert(found.unwrap_or_default().seq))
    }

    async fn sees_reading_of(&mut self, other: UserId) -> Result<bool, Unavailable> {
        if !self.own().await?.receipts {
            return Ok(false);
        }
        let theirs = self.follow.relations.privacy(other).await?;
        Ok(theirs.is_some_and(|privacy| privacy.receipts))
    }

    /// Asked of the store, never of a memory: it is kept for as long as nothing is heard of a change.
    async fn own(&mut self) -> Result<Privacy, Unavailable> {
        if let Some(own) = self.own {
            return Ok(own);
        }
        let found = self.follow.relations.find_privacy(self.who.user).await?;
        Ok(*self.own.insert(found.unwrap_or_default()))
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
            looking: None,
            follow: Arc::new(self.clone()),
            who,
            scope,
            events,
            other,
            around: Around::default(),
            cleared: ClearedRooms::default(),
            own: None,
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
                    return LiveEvent::Presence { user, sight: Sight::Online };
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
        let received = self.received.clone()?;
        let shown = match &received {
            Delivery::Event(event) if !self.concerns(event) => None,
            _ => self.look_at(&received).await,
        };
        self.received = None;
        self.settle(shown)
    }

    /// Whether something that happened is for this follower to see, as far as that shows from it.
    fn concerns(&self, event: &ChatEvent) -> bool {
        let in_scope = match self.scope {
            Scope::Room(mine) => event.room().is_none_or(|room| room == mine),
            Scope::AllRooms => true,
        };
        let about_another = match event {
            ChatEvent::Presence { user, .. } => self.other.is_some_and(|other| other != *user),
            _ => false,
        };
        in_scope && !about_another
    }

    /// What becomes of something received. Safe to cancel: asked for again, it goes on.
    async fn look_at(&mut self, received: &Delivery) -> Option<LiveEvent> {
        let room = match received {
            Delivery::Event(event) => event.room(),
            Delivery::Resync => None,
        };
        self.forget_what_changed(received);
        let looked = match &mut self.looking {
            Some(looking) => looking.await,
            None => self.begin_to_look(received.clone(), room).await,
        };
        self.looking = None;
        // It is broken off when all is, or breaks by itself: whatever it was is to be asked for.
        let looked =
            looked.unwrap_or(Looked { event: Some(LiveEvent::Resync), cleared: None, own: None });
        if let Some((room, seq)) = room.zip(looked.cleared) {
            self.cleared.note(room, seq);
        }
        self.own = looked.own;
        looked.event
    }

    async fn begin_to_look(
        &mut self,
        received: Delivery,
        room: Option<RoomId>,
    ) -> Result<Looked, JoinError> {
        let cleared = room.and_then(|room| self.cleared.0.get(&room).copied());
        let look = Look { follow: self.follow.clone(), who: self.who, cleared, own: self.own };
        let mut looked = Box::pin(look.at(received));
        // Mostly all is known, and no task is needed.
        tokio::select! {
            biased;
            looked = &mut looked => return Ok(looked),
            () = ready(()) => {}
        }
        self.looking.insert(tokio::spawn(looked)).await
    }

    /// What this follower knew may be otherwise by now.
    fn forget_what_changed(&mut self, received: &Delivery) {
        match received {
            Delivery::Resync => {
                self.cleared = ClearedRooms::default();
                self.own = None;
            }
            Delivery::Event(event) => match **event {
                ChatEvent::RoomChanged { room, .. } => {
                    self.cleared.0.remove(&room);
                }
                ChatEvent::PrivacyChanged { .. } => self.own = None,
                _ => {}
            },
        }
    }

    /// Notes what is shown of who is online, and asks where something new is to be known of it.
    fn settle(&mut self, event: Option<LiveEvent>) -> Option<LiveEvent> {
        match &event {
            Some(LiveEvent::Presence { user, sight }) => {
                self.around.hear_of(*user);
                if *sight != Sight::Online {
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
                self.around.online.clear();
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
}
