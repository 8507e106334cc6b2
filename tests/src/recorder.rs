//! Between Sotto and a server it talks to, to write down what goes over the wire.
use std::sync::{Arc, Mutex, PoisonError};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Hands on whatever comes, both ways, and keeps every byte. Ends when it is dropped.
pub struct Recorder {
    address: String,
    tape: Tape,
    task: JoinHandle<()>,
}

/// What was said one way over one connection, for each of them.
type Tape = Arc<Mutex<Vec<Vec<u8>>>>;

impl Recorder {
    /// Starts in front of what listens on an address.
    pub async fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let tape = Tape::default();
        let task = tokio::spawn(accept(listener, upstream, tape.clone()));
        Self { address, tape, task }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// All that was said so far: one connection and way after the other, so that nothing that was
    /// said in one piece is torn apart.
    pub fn heard(&self) -> Vec<u8> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner).concat()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, upstream: String, tape: Tape) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(&upstream).await else { continue };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        connections.spawn(hand_on(from_client, to_server, tape.clone()));
        connections.spawn(hand_on(from_server, to_client, tape.clone()));
    }
}

async fn hand_on(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, tape: Tape) {
    let track = {
        let mut tape = tape.lock().unwrap_or_else(PoisonError::into_inner);
        tape.push(Vec::new());
        tape.len() - 1
    };
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let piece = &piece[..length];
        tape.lock().unwrap_or_else(PoisonError::into_inner)[track].extend_from_slice(piece);
        if to.write_all(piece).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
