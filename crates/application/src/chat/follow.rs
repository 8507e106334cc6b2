//! Following along live.
use super::{OpenedMessage, Opener, RoomEntry, Rooms};
use crate::{
    accounts::{Authenticate, SignedIn},
    ports::{Delivery, EventBus, Subscription, Unavailable},
};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
};
use std::sync::Arc;

/// Lets somebody follow their rooms.
#[derive(Clone)]
pub struct Follow {
    /// Carries events.
    pub bus: Arc<dyn EventBus>,
    /// Shows rooms that begin.
    pub rooms: Rooms,
    /// Opens messages.
    pub opener: Opener,
    /// Whether the session still counts.
    pub authenticate: Authenticate,
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
    /// The other person is writing.
    Typing {
        /// In which room.
        room: RoomId,
        /// Who.
        user: UserId,
    },
    /// A room began.
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
}

impl Follow {
    /// Follows from this moment on. `None` if the room to follow is not theirs.
    pub async fn execute(
        &self,
        who: SignedIn,
        scope: Scope,
    ) -> Result<Option<Following>, Unavailable> {
        // Subscribe before looking: a room that begins in between is heard of.
        let events = self.bus.subscribe(who.user).await?;
        if let Scope::Room(room) = scope
            && self.rooms.rooms.find_participants(room, who.user).await?.is_none()
        {
            return Ok(None);
        }
        Ok(Some(Following { received: None, follow: self.clone(), who, scope, events }))
    }
}

impl Following {
    /// The next event that concerns this follower. Safe to cancel.
    pub async fn next(&mut self) -> LiveEvent {
        loop {
            if self.received.is_none() {
                self.received = self.events.next().await;
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
            Some(Delivery::Resync) => self.after_loss().await,
            Some(Delivery::Event(event)) => self.show(event).await,
        };
        self.received = None;
        event
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

    async fn show(&self, event: &ChatEvent) -> Option<LiveEvent> {
        if let (Scope::Room(mine), Some(room)) = (self.scope, event.room())
            && mine != room
        {
            return None;
        }
        match event {
            ChatEvent::Message { message, .. } => {
                Some(LiveEvent::Message(Box::new(self.follow.opener.open(message.clone()))))
            }
            ChatEvent::Read { room, user, seq, .. } => {
                Some(LiveEvent::Read { room: *room, user: *user, seq: *seq })
            }
            ChatEvent::Typing { room, user, .. } => {
                (*user != self.who.user).then_some(LiveEvent::Typing { room: *room, user: *user })
            }
            ChatEvent::RoomOpened { room, .. } => {
                match self.follow.rooms.find(self.who.user, *room).await {
                    Ok(entry) => entry.map(|entry| LiveEvent::Room(Box::new(entry))),
                    Err(_) => Some(LiveEvent::Resync),
                }
            }
            ChatEvent::SessionEnded { session, .. } => {
                (*session == self.who.session).then_some(LiveEvent::SessionEnded)
            }
        }
    }
}
