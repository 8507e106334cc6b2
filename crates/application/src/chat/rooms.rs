//! One's rooms.
use super::{OpenedMessage, Opener};
use crate::ports::{RoomRepository, Unavailable, UserRepository};
use domain::{
    history::Limit,
    id::{RoomId, UserId},
    room::{RoomCursor, RoomView, Standing},
    user::{Privacy, User},
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
    /// The newest message, unless it is cleared.
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
    /// A page of this person's rooms but those they declined or put away, in a bounded number of
    /// look-ups, one more for each page of those they put away.
    pub async fn list(
        &self,
        me: UserId,
        behind: Option<RoomCursor>,
        limit: Limit,
    ) -> Result<RoomList, Unavailable> {
        let (mut views, mut at_the_end) = self.listed(me, behind, limit, limit.as_usize()).await?;
        if views.len() > limit.as_usize() {
            views.truncate(limit.as_usize());
            at_the_end = false;
        }
        let last = views.last().filter(|_| !at_the_end).map(|view| RoomCursor::from(&view.room));
        let next = match last {
            Some(cursor) => self.has_more(me, cursor).await?.then_some(cursor),
            None => None,
        };
        let rooms = self.entries(me, views).await?;
        Ok(RoomList { rooms, next })
    }

    /// At least so many rooms in this person's list, if there are as many, and whether there are
    /// no others.
    async fn listed(
        &self,
        me: UserId,
        mut behind: Option<RoomCursor>,
        page: Limit,
        wanted: usize,
    ) -> Result<(Vec<RoomView>, bool), Unavailable> {
        let mut listed = Vec::new();
        loop {
            let views = self.rooms.list_by_user(me, behind, page).await?;
            let at_the_end = views.len() < page.as_usize();
            behind = views.last().map(|view| RoomCursor::from(&view.room));
            listed.extend(views.into_iter().filter(RoomView::is_listed));
            if at_the_end || listed.len() >= wanted {
                return Ok((listed, at_the_end));
            }
        }
    }

    /// A room of this person's, unless they declined it.
    pub async fn find(&self, me: UserId, room: RoomId) -> Result<Option<RoomEntry>, Unavailable> {
        let found = self.find_in_any_standing(me, room).await?;
        Ok(found.filter(|entry| entry.view.standing != Standing::Declined))
    }

    /// A room of this person's, also if they declined it.
    pub async fn find_in_any_standing(
        &self,
        me: UserId,
        room: RoomId,
    ) -> Result<Option<RoomEntry>, Unavailable> {
        let Some(view) = self.rooms.find(room, me).await? else {
            return Ok(None);
        };
        Ok(self.entries(me, vec![view]).await?.pop())
    }

    /// A full page may be the last one: only a look behind it tells.
    async fn has_more(&self, me: UserId, cursor: RoomCursor) -> Result<bool, Unavailable> {
        let one = Limit::of(1).unwrap_or_default();
        Ok(!self.listed(me, Some(cursor), one, 1).await?.0.is_empty())
    }

    /// Rooms with the other person of each.
    async fn entries(
        &self,
        me: UserId,
        views: Vec<RoomView>,
    ) -> Result<Vec<RoomEntry>, Unavailable> {
        if views.is_empty() {
            return Ok(Vec::new());
        }
        let people: Vec<UserId> = views.iter().map(|view| view.other).chain([me]).collect();
        let mut people: HashMap<UserId, User> =
            self.users.list(&people).await?.into_iter().map(|user| (user.id, user)).collect();
        let mine = people.get(&me).map(|user| user.privacy);
        let entries = views.into_iter().map(|view| {
            let other = people.remove(&view.other);
            self.entry(view, mine, other)
        });
        Ok(entries.collect())
    }

    fn entry(&self, mut view: RoomView, mine: Option<Privacy>, other: Option<User>) -> RoomEntry {
        let cleared = view.is_cleared();
        let last_message = view.last_message.take().filter(|_| !cleared);
        let last_message = last_message.map(|message| self.opener.open(message));
        view.other_delivered_seq = view.other_delivered();
        view.other_read_seq = view.other_read(mine, other.as_ref().map(|other| other.privacy));
        RoomEntry { view, other, last_message }
    }
}
