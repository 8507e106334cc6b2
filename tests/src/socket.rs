//! Sockets as a client holds them.
use crate::{Browser, PATIENCE};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::VecDeque, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpSocket,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        handshake::client::{Request, generate_key},
        protocol::Role,
    },
};

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<Box<dyn Connection>>,
    /// Who came and went, and what reached whom, comes in between everything else, at any time: each
    /// is kept apart.
    presence: VecDeque<Value>,
    delivered: VecDeque<Value>,
}

/// Whatever carries a socket.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin> Connection for C {}

/// The answer to a socket that was refused.
#[derive(Debug)]
pub struct Refused {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Value,
}

/// What came over a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A frame.
    Frame(Value),
    /// The end, with its code if one was said.
    End(Option<u16>),
}

/// A frame that sends a message.
pub fn send_frame(room: &str, client_id: &str, body: &str) -> Value {
    json!({"type": "send", "room": room, "client_id": client_id, "body": body})
}

impl Socket {
    /// Opens a socket with a browser's cookies, from our own origin.
    pub async fn open(browser: &Browser, path: &str) -> Result<Self, Refused> {
        Self::open_from(browser, path, Some(&browser.entrance().origin)).await
    }

    /// The same where nobody may be there to answer, or a proxy that answers for nobody.
    pub async fn try_open(browser: &Browser, path: &str) -> Option<Self> {
        let request = browser
            .request(Method::GET, path)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", generate_key())
            .header("origin", &browser.entrance().origin);
        let answer = request.send().await.ok()?;
        if answer.status() != 101 {
            return None;
        }
        let carrier: Box<dyn Connection> = Box::new(answer.upgrade().await.ok()?);
        Some(Self::over(WebSocketStream::from_raw_socket(carrier, Role::Client, None).await))
    }

    /// The same from any origin.
    pub async fn open_from(
        browser: &Browser,
        path: &str,
        origin: Option<&str>,
    ) -> Result<Self, Refused> {
        Self::connect(browser, path, origin, None).await
    }

    /// A socket whose client has room for little that it does not read.
    pub async fn open_narrow(browser: &Browser, path: &str) -> Self {
        let opened =
            Self::connect(browser, path, Some(&browser.entrance().origin), Some(4096)).await;
        opened.expect("a socket")
    }

    async fn connect(
        browser: &Browser,
        path: &str,
        origin: Option<&str>,
        receive_buffer: Option<u32>,
    ) -> Result<Self, Refused> {
        let address = browser.entrance().address.strip_prefix("http://").expect("plain http");
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).expect("a size");
        }
        let stream = socket.connect(address.parse().expect("an address")).await;
        let stream: Box<dyn Connection> = Box::new(stream.expect("a connection"));
        let request = request(address, path, &browser.cookies(), origin);
        match timeout(PATIENCE, client_async(request, stream)).await.expect("an answer") {
            Ok((stream, _)) => Ok(Self::over(stream)),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let body = serde_json::from_slice(body).unwrap_or_default();
                Err(Refused { status: response.status().as_u16(), body })
            }
            Err(error) => panic!("no socket: {error}"),
        }
    }

    fn over(stream: WebSocketStream<Box<dyn Connection>>) -> Self {
        Self { stream, presence: VecDeque::new(), delivered: VecDeque::new() }
    }

    /// Sends a frame of JSON.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends a text frame.
    pub async fn send_text(&mut self, text: &str) {
        self.try_send(Message::text(text)).await.expect("an open socket");
    }

    /// Sends any frame, which fails once the other side is gone.
    pub async fn try_send(&mut self, message: Message) -> Result<(), Error> {
        timeout(PATIENCE, self.stream.send(message)).await.expect("a peer that reads")
    }

    /// Says goodbye, and returns the code of the other's goodbye.
    pub async fn close(mut self) -> Option<u16> {
        self.try_send(Message::Close(None)).await.expect("an open socket");
        self.end().await
    }

    /// What comes next. Signs of life are not waited on any longer than silence.
    pub async fn next(&mut self) -> Heard {
        timeout(PATIENCE, self.hear()).await.expect("a frame in time")
    }

    async fn hear(&mut self) -> Heard {
        loop {
            match self.hear_all().await {
                Heard::Frame(frame) => match self.apart(&frame) {
                    Some(apart) => apart.push_back(frame),
                    None => return Heard::Frame(frame),
                },
                end @ Heard::End(_) => return end,
            }
        }
    }

    /// Where a frame is kept that comes at any time.
    fn apart(&mut self, frame: &Value) -> Option<&mut VecDeque<Value>> {
        match frame["type"].as_str() {
            Some("presence") => Some(&mut self.presence),
            Some("delivered") => Some(&mut self.delivered),
            _ => None,
        }
    }

    /// Who came or went next, if anybody does within this time. Other frames are passed over.
    pub async fn next_presence(&mut self, within: Duration) -> Option<Value> {
        match self.presence.pop_front() {
            Some(frame) => Some(frame),
            None => self.next_among_all("presence", within).await,
        }
    }

    /// What reached whom next, if anything does within this time. Other frames are passed over.
    pub async fn next_delivered(&mut self, within: Duration) -> Option<Value> {
        match self.delivered.pop_front() {
            Some(frame) => Some(frame),
            None => self.next_among_all("delivered", within).await,
        }
    }

    async fn next_among_all(&mut self, kind: &str, within: Duration) -> Option<Value> {
        let hearing = async {
            loop {
                match self.hear_all().await {
                    Heard::Frame(frame) if frame["type"] == kind => return frame,
                    Heard::Frame(_) => {}
                    Heard::End(code) => panic!("the socket ended with {code:?}"),
                }
            }
        };
        timeout(within, hearing).await.ok()
    }

    async fn hear_all(&mut self) -> Heard {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Frame(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    return Heard::End(frame.map(|frame| frame.code.into()));
                }
                Some(Ok(other)) => panic!("{other:?} from the server"),
                Some(Err(_)) | None => return Heard::End(None),
            }
        }
    }

    /// The next frame.
    pub async fn next_frame(&mut self) -> Value {
        match self.next().await {
            Heard::Frame(frame) => frame,
            Heard::End(code) => panic!("the socket ended with {code:?}"),
        }
    }

    /// The next frame of a type, past those of others.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next_frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Past all frames to the end, and its code.
    pub async fn end(&mut self) -> Option<u16> {
        loop {
            if let Heard::End(code) = self.next().await {
                return code;
            }
        }
    }

    /// Sends what is refused and gives the refusal's code.
    pub async fn refusal(&mut self, text: &str) -> Value {
        self.send_text(text).await;
        self.next_of("error").await
    }
}

fn request(address: &str, path: &str, cookies: &str, origin: Option<&str>) -> Request {
    let mut request = format!("ws://{address}{path}").into_client_request().expect("a request");
    let headers = request.headers_mut();
    if !cookies.is_empty() {
        headers.insert("cookie", cookies.parse().expect("a header"));
    }
    if let Some(origin) = origin {
        headers.insert("origin", origin.parse().expect("a header"));
    }
    request
}
