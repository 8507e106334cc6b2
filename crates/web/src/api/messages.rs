//! Messages and their history.
use super::{
    Area,
    rooms::{parse_limit, parse_room},
    shapes::MessageShape,
};
use crate::{
    gate::Me,
    json::JsonBody,
    problem::{FieldError, Problem, body_code, field_error},
};
use application::chat::{AlterMessages, Draft, History, SendMessages, Sent, Wish};
use domain::{
    attachment::Attachment,
    history::Window,
    id::{AttachmentId, RoomId},
    message::{InvalidBody, MessageBody},
    reaction::Emoji,
};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};
use serde::Deserialize;
use std::collections::HashSet;

/// Messages.
pub struct MessagesApi {
    /// Sends them.
    pub send_messages: SendMessages,
    /// Changes them.
    pub alter_messages: AlterMessages,
    /// Reads them back.
    pub history: History,
}

/// A message to send.
#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// A UUID of the client's own for each message: sending it again stores nothing.
    pub client_id: String,
    /// 1 to 4,000 characters; may be empty where there are attachments.
    pub body: String,
    /// Id of a message of the same room.
    #[serde(default)]
    #[oai(nullable)]
    pub reply_to: Option<String>,
    /// Ids of up to 10 files that oneself brought to the room before and named in no other message.
    #[serde(default)]
    #[oai(default)]
    pub attachments: Vec<String>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct EditRequest {
    /// 1 to 4,000 characters.
    body: String,
}

/// A part of a room's history.
#[derive(Object)]
#[oai(rename = "Messages")]
struct MessagesShape {
    /// In `seq` order.
    messages: Vec<MessageShape>,
    /// Whether there is more in the direction asked for.
    has_more: bool,
}

/// What changed in a room.
#[derive(Object)]
#[oai(rename = "Changes")]
struct ChangesShape {
    /// Latest states, in `rev` order.
    messages: Vec<MessageShape>,
    /// The position to ask from next.
    rev: u64,
    /// Whether there are more.
    has_more: bool,
}

#[derive(ApiResponse)]
enum SentMessage {
    /// The `client_id` was known: the message as it is now.
    #[oai(status = 200)]
    Ok(Json<MessageShape>),
    /// Stored, and durable.
    #[oai(status = 201)]
    Created(Json<MessageShape>),
}

#[OpenApi(tag = "Area::Messages")]
impl MessagesApi {
    /// History
    ///
    /// The newest messages, or those before, after or around a `seq`.
    #[oai(path = "/rooms/:room/messages", method = "get", operation_id = "read_history")]
    async fn read(
        &self,
        me: Me,
        room: Path<String>,
        /// Messages just below this `seq`.
        before: Query<Option<u64>>,
        /// Messages just above this `seq`.
        after: Query<Option<u64>>,
        /// This `seq` with its neighbours.
        around: Query<Option<u64>>,
        /// 50 by default, 200 at most.
        limit: Query<Option<u64>>,
    ) -> Result<Json<MessagesShape>, Problem> {
        let window = parse_window(before.0, after.0, around.0)?;
        let page =
            self.history.read(me.user, parse_room(&room.0)?, window, parse_limit(limit.0)?).await?;
        let messages = page.messages.into_iter().map(Into::into).collect();
        Ok(Json(MessagesShape { messages, has_more: page.has_more }))
    }

    /// Changes
    ///
    /// Latest states of the messages that changed after a `rev`. Gaps are normal.
    #[oai(path = "/rooms/:room/changes", method = "get", operation_id = "read_changes")]
    async fn changes(
        &self,
        me: Me,
        room: Path<String>,
        /// One's position: the `rev` answered last; 0 at first.
        after: Query<Option<u64>>,
        /// 50 by default, 200 at most.
        limit: Query<Option<u64>>,
    ) -> Result<Json<ChangesShape>, Problem> {
        let after = after.0.unwrap_or(0);
        let changes = self
            .history
            .changes(me.user, parse_room(&room.0)?, after, parse_limit(limit.0)?)
            .await?;
        let messages = changes.messages.into_iter().map(Into::into).collect();
        Ok(Json(ChangesShape { messages, rev: changes.rev, has_more: changes.has_more }))
    }

    /// Send
    ///
    /// Answered once the message is durable. 409 `client_id_reused` if the name was used for
    /// another message.
    #[oai(path = "/rooms/:room/messages", method = "post", operation_id = "send_message")]
    async fn send(
        &self,
        me: Me,
        room: Path<String>,
        body: JsonBody<SendRequest>,
    ) -> Result<SentMessage, Problem> {
        let draft = parse_draft(parse_room(&room.0)?, &body.0)
            .map_err(|error| Problem::invalid(vec![error]))?;
        Ok(match self.send_messages.execute(me.user, draft).await? {
            Sent::New(message) => SentMessage::Created(Json(message.into())),
            Sent::Known(message) => SentMessage::Ok(Json(message.into())),
        })
    }

    /// Say it anew
    ///
    /// One's own messages only; 404 once deleted. Both are told at once.
    #[oai(path = "/rooms/:room/messages/:message", method = "patch", operation_id = "edit_message")]
    async fn edit(
        &self,
        me: Me,
        room: Path<String>,
        message: Path<String>,
        body: JsonBody<EditRequest>,
    ) -> Result<Json<MessageShape>, Problem> {
        let body = MessageBody::parse(&body.0.body)
            .map_err(|error| Problem::invalid_field("body", body_code(error), error))?;
        self.alter(&me, &room.0, &message.0, Wish::Edit(body)).await
    }

    /// Take it back
    ///
    /// One's own messages only, for both; an emptied message keeps its place. 404 once deleted.
    #[oai(
        path = "/rooms/:room/messages/:message",
        method = "delete",
        operation_id = "delete_message"
    )]
    async fn delete(
        &self,
        me: Me,
        room: Path<String>,
        message: Path<String>,
    ) -> Result<Json<MessageShape>, Problem> {
        self.alter(&me, &room.0, &message.0, Wish::Delete).await
    }

    /// React
    ///
    /// At most 20 emoji from each of the two; 409 `too_many_reactions` beyond. One that is there
    /// already stays, without a new `rev`.
    #[oai(
        path = "/rooms/:room/messages/:message/reactions/:emoji",
        method = "put",
        operation_id = "react"
    )]
    async fn react(
        &self,
        me: Me,
        room: Path<String>,
        message: Path<String>,
        /// One emoji, percent-encoded.
        emoji: Path<String>,
    ) -> Result<Json<MessageShape>, Problem> {
        let wish = Wish::React(parse_emoji(&emoji.0)?);
        self.alter(&me, &room.0, &message.0, wish).await
    }

    /// Take a reaction away
    ///
    /// One's own. One that is not there changes nothing.
    #[oai(
        path = "/rooms/:room/messages/:message/reactions/:emoji",
        method = "delete",
        operation_id = "unreact"
    )]
    async fn unreact(
        &self,
        me: Me,
        room: Path<String>,
        message: Path<String>,
        /// One emoji, percent-encoded.
        emoji: Path<String>,
    ) -> Result<Json<MessageShape>, Problem> {
        let wish = Wish::Unreact(parse_emoji(&emoji.0)?);
        self.alter(&me, &room.0, &message.0, wish).await
    }
}

impl MessagesApi {
    async fn alter(
        &self,
        me: &Me,
        room: &str,
        message: &str,
        wish: Wish,
    ) -> Result<Json<MessageShape>, Problem> {
        let message = message.parse().map_err(|_| Problem::not_found())?;
        let altered =
            self.alter_messages.execute(me.user, parse_room(room)?, message, wish).await?;
        Ok(Json(altered.into()))
    }
}

fn parse_emoji(text: &str) -> Result<Emoji, Problem> {
    Emoji::parse(text).map_err(|error| Problem::invalid_field("emoji", "invalid", error))
}

fn parse_window(
    before: Option<u64>,
    after: Option<u64>,
    around: Option<u64>,
) -> Result<Window, Problem> {
    match (before, after, around) {
        (None, None, None) => Ok(Window::Latest),
        (Some(seq), None, None) => Ok(Window::Before(seq)),
        (None, Some(seq), None) => Ok(Window::After(seq)),
        (None, None, Some(seq)) => Ok(Window::Around(seq)),
        _ => Err(Problem::invalid_field(
            "before",
            "ambiguous",
            "give one of before, after and around",
        )),
    }
}

/// Reads a message to send, from whichever way it came.
pub fn parse_draft(room: RoomId, request: &SendRequest) -> Result<Draft, FieldError> {
    let client_id = request
        .client_id
        .parse()
        .map_err(|_| field_error("client_id", "invalid", "client_id must be a UUID"))?;
    let attachments = parse_attachments(&request.attachments)?;
    let body = match MessageBody::parse(&request.body) {
        Err(InvalidBody::Empty) if !attachments.is_empty() => MessageBody::none(),
        parsed => parsed.map_err(|error| field_error("body", body_code(error), error))?,
    };
    let reply_to = match request.reply_to.as_deref() {
        None => None,
        Some(id) => Some(
            id.parse()
                .map_err(|_| field_error("reply_to", "not_found", "there is no such message"))?,
        ),
    };
    Ok(Draft { room, client_id, body, reply_to, attachments })
}

fn parse_attachments(ids: &[String]) -> Result<Vec<AttachmentId>, FieldError> {
    if ids.len() > Attachment::MOST {
        let most = format!("a message has at most {} attachments", Attachment::MOST);
        return Err(field_error("attachments", "too_many", most));
    }
    let missing = |_| field_error("attachments", "not_found", "there is no such attachment");
    let parsed: Vec<AttachmentId> =
        ids.iter().map(|id| id.parse().map_err(missing)).collect::<Result<_, _>>()?;
    let distinct: HashSet<_> = parsed.iter().collect();
    if distinct.len() < parsed.len() {
        return Err(field_error("attachments", "duplicate", "an attachment stands twice"));
    }
    Ok(parsed)
}
