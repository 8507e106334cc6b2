//! Rooms.
use super::{
    Area,
    shapes::{RoomShape, read_cursor, write_cursor},
};
use crate::{gate::Me, json::JsonBody, problem::Problem};
use application::chat::{ClearRoom, MarkRead, MuteRoom, OpenRoom, Requests, Rooms};
use domain::{
    history::Limit,
    id::{RoomId, UserId},
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use serde::Deserialize;

/// Rooms.
pub struct RoomsApi {
    /// Shows them.
    pub rooms: Rooms,
    /// Opens them.
    pub open_room: OpenRoom,
    /// Accepts and declines them.
    pub requests: Requests,
    /// Moves read marks.
    pub mark_read: MarkRead,
    /// Clears them.
    pub clear_room: ClearRoom,
    /// Mutes them.
    pub mute_room: MuteRoom,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct OpenRoomRequest {
    /// Of the other person.
    username: String,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct ReadRequest {
    /// Up to where one has read.
    seq: u64,
}

/// A page of one's rooms.
#[derive(Object)]
#[oai(rename = "RoomList")]
struct RoomListShape {
    /// Latest first.
    rooms: Vec<RoomShape>,
    /// Asks for the next page; null at the end.
    #[oai(nullable)]
    cursor: Option<String>,
}

#[derive(ApiResponse)]
enum OpenedRoom {
    /// It was there.
    #[oai(status = 200)]
    Ok(Json<RoomShape>),
    /// It begins now.
    #[oai(status = 201)]
    Created(Json<RoomShape>),
}

#[derive(ApiResponse)]
enum Cleared {
    /// It is out of one's sight.
    #[oai(status = 204)]
    Cleared,
}

#[derive(ApiResponse)]
enum Declined {
    /// It is out of one's sight.
    #[oai(status = 204)]
    Declined,
}

#[OpenApi(tag = "Area::Rooms")]
impl RoomsApi {
    /// One's rooms, latest first
    #[oai(path = "/rooms", method = "get", operation_id = "list_rooms")]
    async fn list(
        &self,
        me: Me,
        /// From the page before.
        cursor: Query<Option<String>>,
        /// 50 by default, 200 at most.
        limit: Query<Option<u64>>,
    ) -> Result<Json<RoomListShape>, Problem> {
        let behind = match cursor.0.as_deref() {
            None => None,
            Some(text) => Some(read_cursor(text).ok_or_else(|| {
                Problem::invalid_field("cursor", "invalid", "this is no cursor of ours")
            })?),
        };
        let list = self.rooms.list(me.user, behind, parse_limit(limit.0)?).await?;
        let rooms = list.rooms.into_iter().map(Into::into).collect();
        Ok(Json(RoomListShape { rooms, cursor: list.next.map(write_cursor) }))
    }

    /// The one room with another person
    ///
    /// 404 if nobody has this username, 422 for oneself.
    #[oai(path = "/rooms", method = "post", operation_id = "open_room")]
    async fn open(&self, me: Me, body: JsonBody<OpenRoomRequest>) -> Result<OpenedRoom, Problem> {
        let (entry, created) = self.open_room.execute(me.user, &body.0.username).await?;
        let room = Json(entry.into());
        Ok(if created { OpenedRoom::Created(room) } else { OpenedRoom::Ok(room) })
    }

    /// A room
    #[oai(path = "/rooms/:room", method = "get", operation_id = "find_room")]
    async fn find(&self, me: Me, room: Path<String>) -> Result<Json<RoomShape>, Problem> {
        self.show(me.user, parse_room(&room.0)?).await
    }

    /// Clear a conversation
    ///
    /// For oneself and for good: all there is up to now, and the room out of one's list until
    /// something new is written. The other keeps it and is not told. What both have cleared is
    /// emptied.
    #[oai(path = "/rooms/:room", method = "delete", operation_id = "clear_room")]
    async fn clear(&self, me: Me, room: Path<String>) -> Result<Cleared, Problem> {
        self.clear_room.execute(me.user, parse_room(&room.0)?).await?;
        Ok(Cleared::Cleared)
    }

    /// Accept a request
    ///
    /// From now on the other sees that one is online, reads and writes. Changes nothing where one
    /// talks already. An answer accepts as well.
    #[oai(path = "/rooms/:room/accept", method = "post", operation_id = "accept_room")]
    async fn accept(&self, me: Me, room: Path<String>) -> Result<Json<RoomShape>, Problem> {
        let entry = self.requests.accept(me.user, parse_room(&room.0)?).await?;
        Ok(Json(entry.into()))
    }

    /// Decline a request
    ///
    /// Hides the room from oneself, whatever is written in it, until one opens it by the other's
    /// username. The other is not told. 409 `already_open` if it is none.
    #[oai(path = "/rooms/:room/decline", method = "post", operation_id = "decline_room")]
    async fn decline(&self, me: Me, room: Path<String>) -> Result<Declined, Problem> {
        self.requests.decline(me.user, parse_room(&room.0)?).await?;
        Ok(Declined::Declined)
    }

    /// Mute a room
    ///
    /// For oneself: nothing sounds or notifies, and nothing in it counts as unread elsewhere than in
    /// the list. One's other devices hear of it, the other person never does.
    #[oai(path = "/rooms/:room/mute", method = "put", operation_id = "mute_room")]
    async fn mute(&self, me: Me, room: Path<String>) -> Result<Json<RoomShape>, Problem> {
        let entry = self.mute_room.execute(me.user, parse_room(&room.0)?, true).await?;
        Ok(Json(entry.into()))
    }

    /// Let a room sound again
    #[oai(path = "/rooms/:room/mute", method = "delete", operation_id = "unmute_room")]
    async fn unmute(&self, me: Me, room: Path<String>) -> Result<Json<RoomShape>, Problem> {
        let entry = self.mute_room.execute(me.user, parse_room(&room.0)?, false).await?;
        Ok(Json(entry.into()))
    }

    /// Mark as read
    ///
    /// Never moves back, never past the head. In a request nobody else is told.
    #[oai(path = "/rooms/:room/read", method = "put", operation_id = "mark_read")]
    async fn read(
        &self,
        me: Me,
        room: Path<String>,
        body: JsonBody<ReadRequest>,
    ) -> Result<Json<RoomShape>, Problem> {
        let room = parse_room(&room.0)?;
        self.mark_read.execute(me.user, room, body.0.seq).await?;
        self.show(me.user, room).await
    }
}

impl RoomsApi {
    async fn show(&self, me: UserId, room: RoomId) -> Result<Json<RoomShape>, Problem> {
        let entry = self.rooms.find(me, room).await?.ok_or_else(Problem::not_found)?;
        Ok(Json(entry.into()))
    }
}

/// A malformed id is that of nothing.
pub fn parse_room(text: &str) -> Result<RoomId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// A limit as asked for; none is 422.
pub fn parse_limit(asked: Option<u64>) -> Result<Limit, Problem> {
    match asked {
        None => Ok(Limit::default()),
        Some(asked) => Limit::of(asked)
            .ok_or_else(|| Problem::invalid_field("limit", "invalid", "a limit is at least 1")),
    }
}
