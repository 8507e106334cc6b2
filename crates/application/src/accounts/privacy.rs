//! What people let others see of what they do.
use crate::{
    chat::Attendance,
    limits::Limits,
    ports::{Unavailable, UserRepository},
};
use domain::{
    event::ChatEvent,
    history::Limit,
    id::UserId,
    room::{Partner, RoomCursor, RoomView, Standing},
    throttle::Throttled,
    user::{Privacy, PrivacyChange},
};
use std::{collections::HashMap, sync::Arc};

/// Shows and changes what somebody lets others see. It works both ways, and counts for open sockets
/// at once: theirs, and those of the people they talk with.
#[derive(Clone)]
pub struct OwnPrivacy {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Takes people out of each other's sight, and back into it.
    pub attendance: Arc<Attendance>,
    /// Bounds how often: each change is told in every room.
    pub limits: Limits,
}

/// Why nothing is changed.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// The account is gone.
    #[error("this account no longer exists")]
    Gone,
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl OwnPrivacy {
    /// What somebody lets others see; `None` if the account is gone.
    pub async fn find(&self, me: UserId) -> Result<Option<Privacy>, Unavailable> {
        Ok(self.users.find(me).await?.map(|user| user.privacy))
    }

    /// Changes what is given and leaves the rest; how it is now. Whoever asks may go away meanwhile:
    /// what is stored is told all the same.
    pub async fn change(&self, me: UserId, change: PrivacyChange) -> Result<Privacy, PrivacyError> {
        self.limits.privacy(me).await?;
        let this = self.clone();
        let changing =
            self.attendance.tasks.spawn(async move { this.change_and_tell(me, change).await });
        changing.await.map_err(|error| Unavailable::of("store", error))?
    }

    async fn change_and_tell(
        self,
        me: UserId,
        change: PrivacyChange,
    ) -> Result<Privacy, PrivacyError> {
        let before = self.users.change_privacy(me, change).await?.ok_or(PrivacyError::Gone)?;
        let now = before.changed(change);
        if now != before {
            self.attendance.relations.forget_privacy(me);
            self.attendance.bus.publish(ChatEvent::PrivacyChanged { user: me });
            let tasks = self.attendance.tasks.clone();
            tasks.spawn(async move { self.tell_others(me, before, now).await });
        }
        Ok(now)
    }

    /// Those who are not told see it when they next read their rooms.
    async fn tell_others(self, me: UserId, before: Privacy, now: Privacy) {
        if let Err(error) = self.try_to_tell(me, before, now).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user = %me, error, "not everybody was told what somebody shows now");
        }
    }

    async fn try_to_tell(
        &self,
        me: UserId,
        before: Privacy,
        now: Privacy,
    ) -> Result<(), Unavailable> {
        let relations = &self.attendance.relations;
        let mut behind = None;
        loop {
            let page = relations.rooms.list_by_user(me, behind, Limit::WHOLE_PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = Some(RoomCursor::from(&last.room));
            if now.receipts != before.receipts {
                let others: Vec<UserId> = page.iter().map(|view| view.other).collect();
                let theirs = relations.list_privacies(&others).await?;
                page.iter().filter(|view| sees_reading(view, &theirs)).for_each(|view| {
                    self.tell_room(view);
                });
            }
            if before.presence && !now.presence {
                let partners: Vec<Partner> = page.iter().map(Partner::from).collect();
                self.attendance.hide(me, &partners).await?;
            }
            if page.len() < Limit::WHOLE_PAGE.as_usize() {
                break;
            }
        }
        if now.presence && !before.presence {
            self.attendance.appear(me).await;
        }
        Ok(())
    }

    fn tell_room(&self, view: &RoomView) {
        let (room, participants) = (view.room.id, view.room.participants);
        let only = Some(view.other);
        self.attendance.bus.publish(ChatEvent::RoomChanged { participants, room, only });
    }
}

/// Whether the other of a room sees there how far one has read, or would.
fn sees_reading(view: &RoomView, theirs: &HashMap<UserId, Privacy>) -> bool {
    view.standing.shows()
        && view.other_standing != Standing::Declined
        && theirs.get(&view.other).is_some_and(|theirs| theirs.receipts)
}
