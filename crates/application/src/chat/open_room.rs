//! Beginning to talk.
use super::{RoomEntry, Rooms};
use crate::{
    limits::Limits,
    ports::{Clock, Entropy, EntropyExt, EventBus, RoomRepository, Unavailable, UserRepository},
};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
    room::{Participants, SamePerson},
    throttle::Throttled,
    username::Username,
};
use std::sync::Arc;

/// Opens the one room of two people.
pub struct OpenRoom {
    /// Where rooms are.
    pub rooms: Arc<dyn RoomRepository>,
    /// Who the other is.
    pub users: Arc<dyn UserRepository>,
    /// Shows the room.
    pub views: Rooms,
    /// Tells open sockets.
    pub bus: Arc<dyn EventBus>,
    /// Bounds how many rooms somebody opens.
    pub limits: Limits,
    /// When it begins.
    pub clock: Arc<dyn Clock>,
    /// Names it.
    pub entropy: Arc<dyn Entropy>,
}

/// Why no room is opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenRoomError {
    /// Nobody has this name.
    #[error("nobody has this username")]
    NobodyThere,
    /// It is oneself.
    #[error(transparent)]
    SamePerson(#[from] SamePerson),
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl OpenRoom {
    /// The room of these two, and whether it began just now. The same however often and from
    /// whichever side it is asked for.
    pub async fn execute(
        &self,
        me: UserId,
        username: &str,
    ) -> Result<(RoomEntry, bool), OpenRoomError> {
        let username = Username::parse(username).map_err(|_| OpenRoomError::NobodyThere)?;
        let other =
            self.users.find_by_username(&username).await?.ok_or(OpenRoomError::NobodyThere)?;
        let participants = Participants::pair(me, other.id)?;
        self.limits.open_room(me).await?;
        let now = self.clock.now();
        let opened =
            self.rooms.open(participants, RoomId::mint(now, self.entropy.bytes()), now).await?;
        let room = opened.room.id;
        if opened.created {
            self.bus.publish(ChatEvent::RoomOpened { participants, room });
        }
        let entry = self.views.find(me, room).await?.ok_or(OpenRoomError::NobodyThere)?;
        Ok((entry, opened.created))
    }
}
