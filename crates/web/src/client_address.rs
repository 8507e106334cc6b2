//! Where a request comes from. What a proxy says about it counts only if the proxy is ours.
use ipnet::IpNet;
use poem::{FromRequest, Request, RequestBody, Result};
use std::{net::IpAddr, sync::Arc};

/// Some networks.
#[derive(Clone, Debug, Default)]
pub struct Networks(pub Arc<[IpNet]>);

impl Networks {
    /// Whether an address is in one of them.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The networks whose word on a client's address is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Networks);

impl TrustedProxies {
    /// Whether somebody's word is believed.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.contains(address)
    }

    /// The right-most address that is not one of our proxies: all that stands left of it could
    /// have been made up by the client.
    fn client(&self, peer: IpAddr, forwarded_for: &[&str]) -> IpAddr {
        let mut client = peer;
        let hops = forwarded_for.iter().rev().flat_map(|line| line.rsplit(','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            let Ok(address) = hop.trim().parse::<IpAddr>() else {
                break;
            };
            client = address.to_canonical();
        }
        client
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Reads it from the connection and, if a proxy of ours is at its other end, `X-Forwarded-For`.
    pub fn of(request: &Request, proxies: &TrustedProxies) -> Self {
        let lines = request.headers().get_all("x-forwarded-for");
        let lines: Vec<&str> = lines.into_iter().filter_map(|line| line.to_str().ok()).collect();
        Self(proxies.client(peer(request), &lines))
    }
}

/// Who is at the other end of the connection.
pub(crate) fn peer(request: &Request) -> IpAddr {
    let peer = request.remote_addr().as_socket_addr().map(|address| address.ip().to_canonical());
    peer.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
}

/// Whether a proxy, ours or not, says that it passes the request on.
pub(crate) fn is_forwarded(request: &Request) -> bool {
    let headers = request.headers();
    ["x-forwarded-for", "forwarded", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

impl<'a> FromRequest<'a> for ClientAddress {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let proxies = request.data::<TrustedProxies>().cloned().unwrap_or_default();
        Ok(Self::of(request, &proxies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded_for: &[&str]) -> String {
        let ours = TrustedProxies(Networks(["10.0.0.0/8".parse().expect("a network")].into()));
        ours.client(peer.parse().expect("an address"), forwarded_for).to_string()
    }

    #[test]
    fn strangers_are_not_believed() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn the_right_most_stranger_counts() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.3"]), "10.0.0.3");
        assert_eq!(client("10.0.0.1", &["nonsense"]), "10.0.0.1");
    }
}
