//! Ports for servers that come back to them.
use std::net::TcpListener;

/// A port of 127.0.0.1 on which nobody listens, and which the system gives to no outgoing connection:
/// those start at 32,768.
pub fn free_port() -> u16 {
    loop {
        let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
        let port = 10_000 + u16::try_from(random % 22_000).expect("small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
