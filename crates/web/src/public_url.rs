//! The address people reach us under. Links, cookies and the Origin check build on it, never on
//! what a request says about its host.
use url::{Host, Url};

/// An `http` or `https` origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    socket_origin: String,
    https: bool,
    loopback: bool,
}

/// The text is no address people could reach us under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicUrl {
    /// Not `http(s)://host[:port]`.
    #[error("it must be http://host or https://host, with a port if needed and nothing behind it")]
    Form,
    /// Plain http to other machines.
    #[error("plain http is for this machine alone; use https")]
    PlainHttp,
}

impl PublicUrl {
    /// Reads an origin. Plain http is for loopback alone.
    pub fn parse(text: &str) -> Result<Self, InvalidPublicUrl> {
        let url = Url::parse(text).map_err(|_| InvalidPublicUrl::Form)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !bare || !anonymous {
            return Err(InvalidPublicUrl::Form);
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(InvalidPublicUrl::Form),
        };
        let https = url.scheme() == "https";
        if !https && !loopback {
            return Err(InvalidPublicUrl::PlainHttp);
        }
        let origin = url.origin().ascii_serialization();
        let socket_origin = origin.replacen("http", "ws", 1);
        Ok(Self { origin, socket_origin, https, loopback })
    }

    /// `https://host[:port]`, without a slash behind it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `wss://host[:port]`.
    pub fn socket_origin(&self) -> &str {
        &self.socket_origin
    }

    /// Whether a `Host` header names this machine by another of its names, on the same port. The
    /// browser takes that for another site, whose sockets would be refused.
    pub fn is_alias(&self, host: &str) -> bool {
        let ours = self.origin.split_once("://").map_or("", |(_, authority)| authority);
        let same_port = split_port(host).1 == split_port(ours).1;
        self.loopback && host != ours && same_port && is_loopback_host(host)
    }

    /// Whether people come by https.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// Whether a `Host` header names this machine by one of its loopback names.
pub fn is_loopback_host(host: &str) -> bool {
    matches!(split_port(host).0, "localhost" | "127.0.0.1" | "[::1]")
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_mean_this_machine() {
        for host in ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example:80"]
        {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn another_name_of_this_machine_leads_to_the_one_that_is_set() {
        let url = PublicUrl::parse("http://127.0.0.1:8000").expect("valid");
        assert!(url.is_alias("localhost:8000") && url.is_alias("[::1]:8000"));
        for host in ["127.0.0.1:8000", "localhost:8001", "localhost", "evil.example:8000"] {
            assert!(!url.is_alias(host), "{host}");
        }
        let public = PublicUrl::parse("https://chat.example").expect("valid");
        assert!(!public.is_alias("localhost"), "behind a proxy the name is the proxy's business");
    }

    #[test]
    fn an_origin_is_kept_without_its_default_port() {
        let url = PublicUrl::parse("https://Chat.Example:443/").expect("valid");
        assert_eq!(
            (url.origin(), url.socket_origin()),
            ("https://chat.example", "wss://chat.example")
        );
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for text in ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:9"] {
            assert!(PublicUrl::parse(text).expect("valid").is_loopback(), "{text}");
        }
        assert_eq!(PublicUrl::parse("http://chat.example"), Err(InvalidPublicUrl::PlainHttp));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "chat.example",
            "ftp://chat.example",
            "https://chat.example/x",
            "https://a@chat.example",
            "https://x/?q",
        ] {
            assert_eq!(PublicUrl::parse(text), Err(InvalidPublicUrl::Form), "{text}");
        }
    }
}
