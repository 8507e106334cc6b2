//! A way to Redis that can be cut for one instance alone.
use std::sync::Arc;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections are closed, and new ones at once.
    Cut,
}

pub struct Proxy {
    port: u16,
    way: Arc<watch::Sender<Way>>,
    /// Counts how often what was connected stopped to carry anything.
    frozen: Arc<watch::Sender<u32>>,
    _accepting: AbortOnDropHandle<()>,
}

impl Proxy {
    pub async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = listener.local_addr().expect("bound").port();
        let way = Arc::new(watch::Sender::new(Way::Open));
        let frozen = Arc::new(watch::Sender::new(0));
        let accepting = accept(listener, server, way.clone(), frozen.clone());
        let accepting = AbortOnDropHandle::new(tokio::spawn(accepting));
        Self { port, way, frozen, _accepting: accepting }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    pub fn mend(&self) {
        self.way.send_replace(Way::Open);
    }

    /// What is connected carries nothing any more, and nobody is told; new connections do.
    pub fn freeze(&self) {
        self.frozen.send_modify(|times| *times += 1);
    }
}

async fn accept(
    listener: TcpListener,
    server: u16,
    way: Arc<watch::Sender<Way>>,
    frozen: Arc<watch::Sender<u32>>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if *way.borrow() == Way::Open {
            tokio::spawn(carry(client, server, way.subscribe(), frozen.subscribe()));
        }
    }
}

async fn carry(
    mut client: TcpStream,
    server: u16,
    mut way: watch::Receiver<Way>,
    mut frozen: watch::Receiver<u32>,
) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let cut = |way: &Way| *way == Way::Cut;
    let was_frozen = select! {
        _ = copy_bidirectional(&mut client, &mut server) => false,
        _ = way.wait_for(cut) => false,
        _ = frozen.changed() => true,
    };
    if was_frozen {
        // Open, and silent, until the test is over.
        let _ = way.wait_for(cut).await;
    }
}
