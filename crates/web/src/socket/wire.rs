//! A socket's stream: text in and out, with deadlines.
use super::MAX_FRAME;
use application::ports::SocketEnd;
use futures_util::{SinkExt, StreamExt};
use poem::web::websocket::{CloseCode, Message, WebSocketStream};
use std::time::Duration;

/// A peer that takes longer to accept a frame is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a peer has to answer our closing.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a conversation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The session ended (4401).
    SessionEnded,
    /// We are shutting down (1001): come back in a moment.
    GoingAway,
    /// The client misbehaves (1008).
    Abuse,
    /// A frame was too long (1009).
    TooLong,
    /// The peer left, or does not answer.
    Gone,
}

/// What came in.
pub enum Incoming {
    /// A text frame.
    Text(String),
    /// A binary frame; we have no use for one.
    Binary,
    /// A sign of life.
    Pong,
}

/// The stream of one socket.
pub struct Wire(WebSocketStream);

impl Wire {
    /// Over an upgraded connection.
    pub fn new(stream: WebSocketStream) -> Self {
        Self(stream)
    }

    /// The next frame. Safe to cancel.
    pub async fn receive(&mut self) -> Result<Incoming, Ending> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) if text.len() > MAX_FRAME => Err(Ending::TooLong),
            Some(Ok(Message::Binary(bytes))) if bytes.len() > MAX_FRAME => Err(Ending::TooLong),
            Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text)),
            Some(Ok(Message::Binary(_))) => Ok(Incoming::Binary),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Incoming::Pong),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Ending::Gone),
        }
    }

    /// Writes a frame into the buffer.
    pub async fn feed(&mut self, text: String) -> Result<(), Ending> {
        self.within_time(|stream| Box::pin(stream.feed(Message::Text(text)))).await
    }

    /// Sends what is in the buffer.
    pub async fn flush(&mut self) -> Result<(), Ending> {
        self.within_time(|stream| Box::pin(stream.flush())).await
    }

    /// Asks for a sign of life.
    pub async fn ping(&mut self) -> Result<(), Ending> {
        self.within_time(|stream| Box::pin(stream.send(Message::Ping(vec![])))).await
    }

    async fn within_time<'a, F>(&'a mut self, write: F) -> Result<(), Ending>
    where
        F: FnOnce(
            &'a mut WebSocketStream,
        )
            -> std::pin::Pin<Box<dyn Future<Output = std::io::Result<()>> + Send + 'a>>,
    {
        match tokio::time::timeout(WRITE_TIMEOUT, write(&mut self.0)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ending::Gone),
        }
    }

    /// Says why it ends, and waits a moment for the peer to agree: closed at once, the connection
    /// would be reset and the reason lost. To a peer that said goodbye first, ours is the answer
    /// (RFC 6455 §5.5.1).
    pub async fn close(mut self, ending: Ending) {
        let Some((code, reason)) = ending.close_code() else {
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.0.close()).await;
            return;
        };
        let closing = async {
            self.0.send(Message::Close(Some((code, reason.to_owned())))).await?;
            while let Some(Ok(_)) = self.0.next().await {}
            self.0.close().await
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
    }
}

impl Ending {
    /// What counts of it.
    pub fn figure(self) -> SocketEnd {
        match self {
            Self::SessionEnded => SocketEnd::SessionEnded,
            Self::GoingAway => SocketEnd::GoingAway,
            Self::Abuse => SocketEnd::Abuse,
            Self::TooLong => SocketEnd::TooLong,
            Self::Gone => SocketEnd::PeerGone,
        }
    }

    fn close_code(self) -> Option<(CloseCode, &'static str)> {
        match self {
            Self::SessionEnded => Some((CloseCode::from(4401), "session ended")),
            Self::GoingAway => Some((CloseCode::from(1001), "going away")),
            Self::Abuse => Some((CloseCode::from(1008), "too many frames or errors")),
            Self::TooLong => Some((CloseCode::from(1009), "frame too long")),
            Self::Gone => None,
        }
    }
}
