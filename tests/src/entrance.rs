//! Where a browser comes in.
use crate::Server;
use reqwest::Certificate;

/// An address that a browser talks to, and the origin that its pages come from. They differ where
/// one of several instances is spoken to directly.
#[derive(Clone)]
pub struct Entrance {
    /// Scheme, host and port to connect to.
    pub address: String,
    /// The public URL: what a page says it comes from.
    pub origin: String,
    /// The authority that a browser trusts here, where nobody else does.
    pub authority: Option<Certificate>,
}

impl Entrance {
    /// An address that is the public URL, too.
    pub fn at(origin: String) -> Self {
        Self { address: origin.clone(), origin, authority: None }
    }

    /// Where TLS is spoken with a certificate of our own.
    pub fn trusting(origin: String, pem: &[u8]) -> Self {
        let authority = Certificate::from_pem(pem).expect("a certificate");
        Self { authority: Some(authority), ..Self::at(origin) }
    }
}

impl From<&Server> for Entrance {
    fn from(server: &Server) -> Self {
        Self { address: server.origin(), origin: server.public_url(), authority: None }
    }
}

impl From<&Entrance> for Entrance {
    fn from(entrance: &Entrance) -> Self {
        entrance.clone()
    }
}
