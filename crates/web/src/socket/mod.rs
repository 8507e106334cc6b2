//! Live conversations over WebSockets (RFC 6455). Frames call the same use cases as the API does.
mod conversation;
mod frames;
mod inbox;
mod wire;

use crate::{
    cross_origin::refuse_foreign_socket,
    gate::Gate,
    problem::Problem,
    public_url::PublicUrl,
    server::{Caps, ConnectionPlace, Shutdown},
};
use application::{
    accounts::SignedIn,
    chat::{Follow, MarkDelivered, MarkRead, Scope, SendMessages, Typing},
    ports::Metrics,
};
use conversation::Conversation;
use domain::id::UserId;
use poem::{
    Endpoint, FromRequest, IntoResponse, Request, Response, Result,
    http::StatusCode,
    web::websocket::{WebSocket, WebSocketConfig},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{Instrument, Span};

/// Longer text frames close the socket with 1009.
pub(crate) const MAX_FRAME: usize = 64 * 1024;
/// Up to here a frame that is too long is read, so that the close code can be told; beyond it the
/// connection ends.
const MAX_READ: usize = MAX_FRAME + 1024 * 1024;
/// Small, because most sockets are idle: both buffers grow while there is traffic.
const IDLE_BUFFER: usize = 4 * 1024;
/// What a peer that does not read may hold up.
const MAX_UNSENT: usize = 256 * 1024;

/// Opens live conversations.
pub struct Sockets {
    /// Recognises people.
    pub gate: Arc<Gate>,
    /// Our own origin.
    pub public_url: PublicUrl,
    /// Follows along.
    pub follow: Follow,
    /// Sends messages.
    pub send_messages: Arc<SendMessages>,
    /// Moves read marks.
    pub mark_read: Arc<MarkRead>,
    /// Notes what reached them.
    pub mark_delivered: Arc<MarkDelivered>,
    /// Tells the other.
    pub typing: Arc<Typing>,
    /// How many sockets somebody may hold.
    pub caps: Caps,
    /// When to end.
    pub shutdown: Shutdown,
    /// Who holds how many.
    pub open: Places,
    /// Counts.
    pub metrics: Arc<dyn Metrics>,
}

/// How many sockets each person holds.
#[derive(Clone, Default)]
pub struct Places(Arc<Mutex<HashMap<UserId, usize>>>);

/// One socket's place; given back when dropped.
pub(crate) struct Place {
    places: Places,
    user: UserId,
}

impl Places {
    fn take(&self, user: UserId, most: usize) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = open.entry(user).or_default();
        if *held >= most {
            return None;
        }
        *held += 1;
        Some(Place { places: self.clone(), user })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = open.get_mut(&self.user) {
            *held -= 1;
            if *held == 0 {
                open.remove(&self.user);
            }
        }
    }
}

/// `/ws/chat/` and `/ws/chat/{room}/`.
pub struct SocketEndpoint(pub Arc<Sockets>, pub SocketPath);

/// Which of the two addresses it is.
#[derive(Clone, Copy, Debug)]
pub enum SocketPath {
    /// `/ws/chat/`.
    AllRooms,
    /// `/ws/chat/{room}/`.
    OneRoom,
}

impl Endpoint for SocketEndpoint {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let sockets = &self.0;
        if let Some(problem) = refuse_foreign_socket(&request, &sockets.public_url) {
            return Err(problem.into());
        }
        // Before anything is asked about the person: a proxy that does not pass `Upgrade` on is found
        // by whoever looks for it, signed in or not.
        let socket = WebSocket::from_request_without_body(&request).await?;
        let who = sockets.gate.recognise(&request).await.map_err(Problem::from)?;
        let who = who.ok_or_else(Problem::signed_out)?;
        let scope = self.1.scope(&request)?;
        let connection = request.data::<ConnectionPlace>().cloned();
        let conversation = sockets.begin(who, scope, connection).await?;
        // From now on: a shutdown also waits for those that are about to be sockets.
        let token = sockets.shutdown.tasks.token();
        let span = Span::current();
        let upgraded = socket.config(config()).on_upgrade(move |stream| {
            let talking = async move {
                conversation.run(stream).await;
                drop(token);
            };
            // The socket goes by the name of the request it began with.
            talking.instrument(span)
        });
        Ok(upgraded.into_response())
    }
}

impl Sockets {
    async fn begin(
        &self,
        who: SignedIn,
        scope: Scope,
        connection: Option<ConnectionPlace>,
    ) -> Result<Conversation, Problem> {
        let place = self.open.take(who.user, self.caps.sockets_per_user).ok_or_else(|| {
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "this account has too many open sockets",
            )
        })?;
        let following = self.follow.execute(who, scope).await?.ok_or_else(Problem::not_found)?;
        Ok(Conversation {
            me: who.user,
            scope,
            following,
            send_messages: self.send_messages.clone(),
            mark_read: self.mark_read.clone(),
            mark_delivered: self.mark_delivered.clone(),
            typing: self.typing.clone(),
            frames: self.caps.frames,
            shutdown: self.shutdown.begun.clone(),
            metrics: self.metrics.clone(),
            _places: (place, connection),
        })
    }
}

impl SocketPath {
    fn scope(self, request: &Request) -> Result<Scope, Problem> {
        match self {
            Self::AllRooms => Ok(Scope::AllRooms),
            Self::OneRoom => {
                // An id that can't even be decoded is that of nothing, too.
                let room = request.raw_path_param("room").and_then(|room| room.parse().ok());
                room.map(Scope::Room).ok_or_else(Problem::not_found)
            }
        }
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(IDLE_BUFFER)
        .write_buffer_size(IDLE_BUFFER)
        .max_write_buffer_size(MAX_UNSENT)
        .max_message_size(Some(MAX_READ))
        .max_frame_size(Some(MAX_READ))
}
