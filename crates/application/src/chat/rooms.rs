//! One's rooms.
use super::{OpenedMessage, Opener};
use crate::ports::{RoomRepository, Unavailable, UserRepository};
use domain::{
    history::Limit,
    id::{RoomId, UserId},
    room::{RoomCursor, RoomView, Standing},
    user::User,
};
use std::{collections::HashMap, sync::Arc};

/// Shows somebody their rooms.
#[derive(Clone)]
pub struct Rooms {
    /// Where rooms are.
    pub rooms: Arc<dyn RoomRepository>,
    /// Who the others are.
    pub users: Arc<dyn UserRepository>,
    /// Opens the newest messages.
    pub opener: Opener,
}

/// A room as one of its people sees it in their list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomEntry {
    /// The room.
    pub view: RoomView,
    /// The other person; `None` once their account is gone.
    pub other: Option<User>,
    /// The newest message.
    pub last_message: Option<OpenedMessage>,
}

/// A page of somebody's rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomList {
    /// Latest first.
    pub rooms: Vec<RoomEntry>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<RoomCursor>,
}

impl Rooms {
    /// A page of this person's rooms, in a bounded number of look-ups.
    pub async fn list(
        &self,
        me: UserId,
        behind: Option<RoomCursor>,
        limit: Limit,
    ) -> Result<RoomList, Unavailable> {
        let views = self.rooms.list_by_user(me, behind, limit).await?;
        let next = self.find_next(me, &views, limit).await?;
        let others: Vec<UserId> = views.iter().map(|view| view.other).collect();
        let mut people: HashMap<UserId, User> =
            self.users.list(&others).await?.into_iter().map(|user| (user.id, user)).collect();
        let rooms = views
            .into_iter()
            .map(|view| {
                let other = people.remove(&view.other);
                self.entry(view, other)
            })
            .collect();
        Ok(RoomList { rooms, next })
    }

    /// A room of this person's, unless they declined it.
    pub async fn find(&self, me: UserId, room: RoomId) -> Result<Option<RoomEntry>, Unavailable> {
        let found = self.rooms.find(room, me).await?;
        let Some(view) = found.filter(|view| view.standing != Standing::Declined) else {
            return Ok(None);
        };
        let other = self.users.find(view.other).await?;
        Ok(Some(self.entry(view, other)))
    }

    /// A full page may be the last one: only a look behind it tells.
    async fn find_next(
        &self,
        me: UserId,
        page: &[RoomView],
        limit: Limit,
    ) -> Result<Option<RoomCursor>, Unavailable> {
        let Some(last) = page.last().filter(|_| page.len() >= limit.as_usize()) else {
            return Ok(None);
        };
        let cursor = RoomCursor::from(&last.room);
        let one = Limit::of(1).unwrap_or_default();
        let behind = self.rooms.list_by_user(me, Some(cursor), one).await?;
        Ok((!behind.is_empty()).then_some(cursor))
    }

    fn entry(&self, mut view: RoomView, other: Option<User>) -> RoomEntry {
        let last_message = view.last_message.take().map(|message| self.opener.open(message));
        if !view.other_standing.shows() {
            view.other_read_seq = 0;
        }
        RoomEntry { view, other, last_message }
    }
}
