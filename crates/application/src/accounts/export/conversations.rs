//! What somebody wrote and was written, read page by page.
use super::OwnData;
use crate::{
    chat::{OpenedMessage, Opener},
    files::{Fetch, FetchError, Fetched},
    ports::{MessageRepository, RoomRepository, Unavailable, UserRepository},
};
use domain::{
    TimeDelta, Timestamp,
    attachment::FilePart,
    history::{Limit, Window},
    id::{AttachmentId, RoomId, UserId},
    room::{RoomCursor, RoomView, Standing},
    user::{Privacy, User},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Reads conversations.
#[derive(Clone)]
pub struct Conversations {
    /// Which there are.
    pub rooms: Arc<dyn RoomRepository>,
    /// Who the others are.
    pub users: Arc<dyn UserRepository>,
    /// What was written.
    pub messages: Arc<dyn MessageRepository>,
    /// Opens it.
    pub opener: Opener,
    /// The files that came with it.
    pub files: Fetch,
}

/// A conversation as it was when it was asked for. Small: somebody may have very many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its room.
    pub room: RoomId,
    /// With whom.
    pub other: UserId,
    /// How oneself stands to it.
    pub standing: Standing,
    /// When it was opened.
    pub created_at: Timestamp,
    /// How many messages it had.
    pub last_seq: u64,
    /// Up to where the one who exports has cleared it; none of that is given.
    pub cleared_seq: u64,
    /// Up to where oneself had read.
    pub read_seq: u64,
    /// Up to where the other had, as far as it shows.
    pub other_read_seq: u64,
    /// Up to where it had reached a device of one's own.
    pub delivered_seq: u64,
    /// Up to where it had reached one of the other's, as far as it shows.
    pub other_delivered_seq: u64,
    /// Whether oneself had muted it.
    pub muted: bool,
}

/// Why the rest is not given.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    /// The session ended meanwhile.
    #[error("the session has ended")]
    SignedOut,
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// How far the clocks of instances may be apart, and a write may be under way.
const SLACK: TimeDelta = TimeDelta::minutes(1);
/// A session that ends is noticed within so many pages.
const PAGES_UNCHECKED: usize = 5;

impl OwnData {
    /// This person's conversations but those they declined, latest first; none that was there at
    /// the beginning is left out, however much is written meanwhile.
    pub async fn list_conversations(&mut self) -> Result<Vec<Conversation>, Interrupted> {
        let (mut found, mut known) = (Vec::new(), HashSet::new());
        let mut oldest = None;
        // What somebody writes in moves to the front, maybe past the place where this list is being
        // read: so the front is read once more, until nothing new is there.
        while self.look_for_rooms(oldest, &mut found, &mut known).await? {
            oldest = Some(self.records.read_at - SLACK);
        }
        Ok(found)
    }

    /// Adds the rooms that are not known yet, latest first, down to those last used at `oldest`.
    /// Whether there was one.
    async fn look_for_rooms(
        &mut self,
        oldest: Option<Timestamp>,
        found: &mut Vec<Conversation>,
        known: &mut HashSet<RoomId>,
    ) -> Result<bool, Interrupted> {
        let before = found.len();
        let mut behind = None;
        loop {
            self.check().await?;
            let rooms = &self.conversations.rooms;
            let page = rooms.list_by_user(self.me.user, behind, Limit::WHOLE_PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = Some(RoomCursor::from(&last.room));
            let recent = oldest.is_none_or(|oldest| last.room.active_at >= oldest);
            let whole = page.len() >= Limit::WHOLE_PAGE.as_usize();
            let page: Vec<RoomView> =
                page.into_iter().filter(|view| known.insert(view.room.id)).collect();
            self.add_conversations(&page, found).await?;
            if !recent || !whole {
                break;
            }
        }
        Ok(found.len() > before)
    }

    async fn add_conversations(
        &self,
        views: &[RoomView],
        found: &mut Vec<Conversation>,
    ) -> Result<(), Unavailable> {
        let others: Vec<UserId> = views.iter().map(|view| view.other).collect();
        let people = self.conversations.users.list(&others).await?;
        let theirs: HashMap<UserId, Privacy> =
            people.into_iter().map(|user| (user.id, user.privacy)).collect();
        let mine = self.records.user.privacy;
        found.extend(views.iter().map(|view| {
            let theirs = theirs.get(&view.other).copied();
            Conversation::of(view, mine, theirs)
        }));
        Ok(())
    }

    /// The others in some conversations; those whose accounts are gone are missing.
    pub async fn find_others(
        &self,
        conversations: &[Conversation],
    ) -> Result<HashMap<UserId, User>, Interrupted> {
        let others: Vec<UserId> = conversations.iter().map(|one| one.other).collect();
        let people = self.conversations.users.list(&others).await?;
        Ok(people.into_iter().map(|user| (user.id, user)).collect())
    }

    /// The next page of a conversation behind a `seq`, in order and as it is now; empty at the end.
    pub async fn read_on(
        &mut self,
        conversation: &Conversation,
        after: u64,
    ) -> Result<Vec<OpenedMessage>, Interrupted> {
        let after = after.max(conversation.cleared_seq);
        if after >= conversation.last_seq {
            return Ok(Vec::new());
        }
        self.check().await?;
        let Conversations { messages, opener, .. } = &self.conversations;
        let window = Window::After(after);
        let page = messages.list_window(conversation.room, window, Limit::WHOLE_PAGE).await?;
        let was_there = page.messages.into_iter().filter(|m| m.seq <= conversation.last_seq);
        Ok(was_there.map(|message| opener.open(message)).collect())
    }

    /// A file that came with a message, to be read piece by piece; `None` if it is gone meanwhile or
    /// can't be read.
    pub async fn find_file(&mut self, id: AttachmentId) -> Result<Option<Fetched>, Interrupted> {
        self.check().await?;
        match self.conversations.files.execute(self.me.user, id, FilePart::Original).await {
            Ok(file) => Ok(Some(file)),
            Err(FetchError::NoSuchFile | FetchError::Unreadable) => Ok(None),
            Err(FetchError::Unavailable(error)) => Err(error.into()),
        }
    }

    /// A piece of it; `None` if it can't be read.
    pub async fn read_file(
        &self,
        file: &Fetched,
        piece: u32,
    ) -> Result<Option<Vec<u8>>, Interrupted> {
        match file.read(&(0..file.size()), piece).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FetchError::NoSuchFile | FetchError::Unreadable) => Ok(None),
            Err(FetchError::Unavailable(error)) => Err(error.into()),
        }
    }

    /// Whoever ends a session does not want it to go on reading.
    async fn check(&mut self) -> Result<(), Interrupted> {
        if self.unchecked == 0 && !self.authenticate.still_counts(self.me.session).await? {
            return Err(Interrupted::SignedOut);
        }
        self.unchecked = (self.unchecked + 1) % PAGES_UNCHECKED;
        Ok(())
    }
}

impl Conversation {
    fn of(view: &RoomView, mine: Privacy, theirs: Option<Privacy>) -> Self {
        Self {
            room: view.room.id,
            other: view.other,
            standing: view.standing,
            created_at: view.room.created_at,
            last_seq: view.room.last_seq,
            cleared_seq: view.cleared.seq,
            read_seq: view.read_seq,
            other_read_seq: view.other_read(Some(mine), theirs),
            delivered_seq: view.delivered_seq.max(view.read_seq),
            other_delivered_seq: view.other_delivered(),
            muted: view.muted,
        }
    }
}
