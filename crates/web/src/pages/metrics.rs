//! The figures, for Prometheus and for nobody else.
use crate::{
    client_address::{ClientAddress, Networks, TrustedProxies, is_forwarded, peer},
    problem::Problem,
};
use application::ports::MetricsReport;
use poem::{Endpoint, Request, Response, Result};
use std::sync::Arc;

/// `/metrics`. Both ends of the way have to be among the readers: who is connected, and whom a proxy
/// of ours speaks for. To others it does not exist.
pub struct MetricsPage {
    /// Knows the figures.
    pub report: Arc<dyn MetricsReport>,
    /// Who may read them.
    pub readers: Networks,
    /// Whose word on client addresses counts.
    pub proxies: TrustedProxies,
}

impl Endpoint for MetricsPage {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if !self.admits(&request) {
            return Err(Problem::not_found().into());
        }
        let rendered = self.report.render();
        Ok(Response::builder().content_type(rendered.content_type).body(rendered.text))
    }
}

impl MetricsPage {
    fn admits(&self, request: &Request) -> bool {
        let (peer, forwarded) = (peer(request), is_forwarded(request));
        let ClientAddress(client) = ClientAddress::of(request, &self.proxies);
        // A proxy that is not ours may speak for anybody.
        let unknown_proxy = forwarded && !self.proxies.trusts(peer);
        !unknown_proxy && self.readers.contains(peer) && self.readers.contains(client)
    }
}
