//! Accepting connections. poem's own server has no deadline for a request's head and spins when
//! file descriptors run out, so hyper is driven directly.
mod patient;

use domain::{TimeDelta, throttle::Quota};
use futures_util::FutureExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use patient::Patient;
use poem::{
    Endpoint, Request, Response,
    http::{HeaderValue, StatusCode, header, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use socket2::SockRef;
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a client may take over a request's head, and idle between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a client may read nothing of an answer.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that the system takes beyond what is on its way. Left alone it takes megabytes, and more only
/// once a third of them is gone: a slow client would look like one that reads nothing.
const UNSENT: u32 = 128 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 100;
/// Bytes of a request's head, and of what is buffered of its body.
const MAX_BUFFER: usize = 32 * 1024;

/// How many connections at once.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Of everybody together, sockets among them; more wait to be accepted.
    pub connections: usize,
    /// Sockets of one person; more are refused.
    pub sockets_per_user: usize,
    /// Frames that one socket may send; more close it.
    pub frames: Option<Quota>,
}

impl Caps {
    /// Bounds for everyday use.
    pub const STANDARD: Self = Self {
        connections: 20_000,
        sockets_per_user: 100,
        // An outbox of a long day offline is sent in one go.
        frames: Some(Quota::new(1_200, TimeDelta::milliseconds(10))),
    };
    /// For load tests.
    pub const LIFTED: Self =
        Self { connections: Semaphore::MAX_PERMITS, sockets_per_user: usize::MAX, frames: None };
}

/// One connection's place among all; given back when the last clone is dropped. Requests carry it,
/// because hyper is done with a connection that becomes a socket.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionPlace(#[expect(dead_code, reason = "held")] Arc<OwnedSemaphorePermit>);

/// Tells every connection to end, and knows when all have.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Cancelled before that: nobody new should come. Everything is still answered, and whoever
    /// asks how we are is told.
    pub announced: CancellationToken,
    /// Cancelled once: end now.
    pub begun: CancellationToken,
    /// Everything that must end before the program does.
    pub tasks: TaskTracker,
}

/// Answers requests until the shutdown begins; then connections finish what they are answering.
pub async fn serve<E>(
    listener: TcpListener,
    site: E,
    caps: Caps,
    shutdown: Shutdown,
) -> io::Result<()>
where
    E: Endpoint<Output = Response> + 'static,
{
    let site = Arc::new(site);
    let local = listener.local_addr()?;
    let places = Arc::new(Semaphore::new(caps.connections));
    loop {
        let accepted = tokio::select! {
            () = shutdown.begun.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((place, stream, peer)) => {
                let connection = Connection { stream, place, local, peer };
                shutdown.tasks.spawn(answer(connection, site.clone(), shutdown.clone()));
            }
            Err(error) => {
                // Most likely out of file descriptors: give others time to return some.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Whoever is connected already, as far as the system is concerned, still gets an answer.
    while let Some(Ok((place, stream, peer))) = accept(&listener, &places).now_or_never() {
        let connection = Connection { stream, place, local, peer };
        shutdown.tasks.spawn(answer(connection, site.clone(), shutdown.clone()));
    }
    Ok(())
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(ConnectionPlace, TcpStream, SocketAddr)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((ConnectionPlace(Arc::new(place)), stream, peer))
}

/// A connection that was accepted.
struct Connection {
    stream: TcpStream,
    place: ConnectionPlace,
    local: SocketAddr,
    peer: SocketAddr,
}

async fn answer<E>(connection: Connection, site: Arc<E>, shutdown: Shutdown)
where
    E: Endpoint<Output = Response> + 'static,
{
    let Connection { stream, place, local, peer } = connection;
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
    let Shutdown { announced, begun, .. } = shutdown;
    let service = service_fn(move |request: poem::http::Request<Incoming>| {
        let (site, place, announced) = (site.clone(), place.clone(), announced.clone());
        let from = (LocalAddr(local.into()), RemoteAddr(peer.into()), Scheme::HTTP);
        async move {
            let mut request = Request::from((request, from.0, from.1, from.2));
            request.set_data(place);
            let mut response = site.get_response(request).await;
            if announced.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                // A proxy that keeps connections is to use another for its next request.
                let headers = response.headers_mut();
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<poem::http::Response<_>, Infallible>(response.into())
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(Patient::new(stream, WRITE_PATIENCE)), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = begun.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::endpoint::make_sync;
    use std::sync::{Mutex, PoisonError};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::timeout,
    };

    /// Asks for something on a connection of its own, until that ends.
    async fn ask(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.expect("listens");
        let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("accepts");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[tokio::test]
    async fn a_place_is_taken_for_as_long_as_somebody_holds_it() {
        // Keeps the place of the first request, as a socket does.
        let held = Arc::new(Mutex::new(None));
        let keeper = held.clone();
        let site = make_sync(move |request| {
            let place = request.data::<ConnectionPlace>().cloned();
            *keeper.lock().unwrap_or_else(PoisonError::into_inner) = place;
            Response::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let caps = Caps { connections: 1, ..Caps::STANDARD };
        let shutdown = Shutdown::default();
        let serving = tokio::spawn(serve(listener, site, caps, shutdown.clone()));
        assert!(ask(address).await.starts_with("HTTP/1.1 200"));

        let mut next = tokio::spawn(ask(address));
        let early = timeout(Duration::from_millis(200), &mut next).await;
        assert!(early.is_err(), "the connection has ended, its place is still held");
        drop(held.lock().unwrap_or_else(PoisonError::into_inner).take());
        assert!(next.await.expect("answers").starts_with("HTTP/1.1 200"));
        shutdown.begun.cancel();
        serving.await.expect("ends").expect("no error");
    }
}
