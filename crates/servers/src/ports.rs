//! Ports for servers that come back to them.
use std::net::TcpListener;

/// Nobody listens here, and the system gives it to no outgoing connection: those start at 32,768.
pub fn free_port() -> u16 {
    loop {
        let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
        let port = 10_000 + u16::try_from(random % 22_000).expect("small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
