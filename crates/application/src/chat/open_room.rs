//! Beginning to talk.
use super::{Relations, RoomEntry, Rooms, Tie};
use crate::{
    limits::Limits,
    ports::{Clock, Entropy, EntropyExt, EventBus, RoomRepository, Unavailable, UserRepository},
};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
    room::{NewRoom, Participants, Room, SamePerson, Standing},
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
    /// Whether the other wants to hear of them.
    pub relations: Arc<Relations>,
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
        let opened = self.rooms.open(self.new_room(me, participants, other.id).await?).await?;
        let room = opened.room.id;
        if opened.created || self.come_back(me, &opened.room).await? {
            self.bus.publish(ChatEvent::RoomChanged { participants, room, only: None });
        }
        let mut entry = self.views.find(me, room).await?.ok_or(OpenRoomError::NobodyThere)?;
        if !entry.view.is_listed() {
            self.rooms.bring_back(room, me).await?;
            entry.view.put_away_at = None;
            self.bus.publish(ChatEvent::RoomChanged { participants, room, only: Some(me) });
        }
        Ok((entry, opened.created))
    }

    /// The room as it begins, if there is none: out of sight for somebody who blocks its opener.
    async fn new_room(
        &self,
        me: UserId,
        participants: Participants,
        other: UserId,
    ) -> Result<NewRoom, Unavailable> {
        let created_at = self.clock.now();
        let id = RoomId::mint(created_at, self.entropy.bytes());
        let other = match self.relations.tie(me, other).await? {
            Tie::Free | Tie::Blocking => Standing::Request,
            Tie::OutOfReach => Standing::Declined,
        };
        Ok(NewRoom { id, participants, opener: me, other, created_at })
    }

    /// Somebody asks for a room that the other began. Where nothing was written yet, both want to
    /// talk; else it is theirs to accept or to answer, also if they declined it before.
    async fn come_back(&self, me: UserId, room: &Room) -> Result<bool, Unavailable> {
        if self.relations.standing(room.id, me).await? == Some(Standing::Open) {
            return Ok(false);
        }
        let (from, to) = match room.last_seq {
            0 => (&[Standing::Request, Standing::Declined][..], Standing::Open),
            _ => (&[Standing::Declined][..], Standing::Request),
        };
        self.relations.change_standing(room.id, me, from, to).await
    }
}
