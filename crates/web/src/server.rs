//! Accepting connections. poem's own server has no deadline for a request's head and spins when
//! file descriptors run out, so hyper is driven directly.
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::{
    Endpoint, Request, Response,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a client may take over a request's head, and idle between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(8);
/// Most headers of a request.
const MAX_HEADERS: usize = 100;
/// Bytes of a request's head, and of what is buffered of its body.
const MAX_BUFFER: usize = 32 * 1024;

/// How many connections at once.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Of everybody together; more wait to be accepted.
    pub connections: usize,
    /// Sockets of one person; more are refused.
    pub sockets_per_user: usize,
}

impl Caps {
    /// Bounds for everyday use.
    pub const STANDARD: Self = Self { connections: 20_000, sockets_per_user: 100 };
    /// For load tests.
    pub const LIFTED: Self =
        Self { connections: Semaphore::MAX_PERMITS, sockets_per_user: usize::MAX };
}

/// Tells every connection to end, and knows when all have.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
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
            () = shutdown.begun.cancelled() => return Ok(()),
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((place, stream, peer)) => {
                let connection = answer(stream, site.clone(), local, peer, shutdown.begun.clone());
                shutdown.tasks.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Most likely out of file descriptors: give others time to return some.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((place, stream, peer))
}

async fn answer<E>(
    stream: TcpStream,
    site: Arc<E>,
    local: SocketAddr,
    peer: SocketAddr,
    end: CancellationToken,
) where
    E: Endpoint<Output = Response> + 'static,
{
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: poem::http::Request<Incoming>| {
        let site = site.clone();
        let from = (LocalAddr(local.into()), RemoteAddr(peer.into()), Scheme::HTTP);
        async move {
            let request = Request::from((request, from.0, from.1, from.2));
            Ok::<poem::http::Response<_>, Infallible>(site.get_response(request).await.into())
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = end.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
