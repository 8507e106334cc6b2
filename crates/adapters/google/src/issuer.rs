//! Which provider: its address, as it names itself in what it signs.
use url::{Host, Url};

/// The address of a provider: https, or http on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    plain: bool,
}

/// The text is no provider's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// Not `https://host[:port][/path]`.
    #[error("it must be an address like https://accounts.google.com")]
    Form,
    /// Plain http to another machine.
    #[error("plain http is for this machine alone; use https")]
    PlainHttp,
}

impl Issuer {
    /// Google.
    pub const DEFAULT: &str = "https://accounts.google.com";

    /// Reads an address. It is kept to the letter: the provider names itself so.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let url = Url::parse(text).map_err(|_| InvalidIssuer::Form)?;
        let bare = url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !bare || !anonymous {
            return Err(InvalidIssuer::Form);
        }
        let plain = url.scheme() == "http";
        if plain && !is_loopback(&url) {
            return Err(InvalidIssuer::PlainHttp);
        }
        Ok(Self { text: text.to_owned(), plain })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether something of the provider's may be at an address: what is on this machine may be
    /// without TLS if the provider itself is.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        url.scheme() == "https" || self.is_plain() && url.scheme() == "http" && is_loopback(url)
    }

    /// Whether it is spoken to without TLS.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_reached_by_tls_or_on_this_machine() {
        for text in [
            Issuer::DEFAULT,
            "https://login.example/realms/a/",
            "http://127.0.0.1:9000",
            "http://[::1]:9000/x",
            "http://localhost",
        ] {
            assert_eq!(Issuer::parse(text).expect(text).as_str(), text);
        }
        for text in ["http://login.example", "http://127.0.0.1.example", "http://10.0.0.1"] {
            assert_eq!(Issuer::parse(text), Err(InvalidIssuer::PlainHttp), "{text}");
        }
        for text in [
            "",
            "accounts.google.com",
            "ftp://x",
            "https://x/?a=b",
            "https://a:b@x",
            "https://x/#a",
        ] {
            assert_eq!(Issuer::parse(text), Err(InvalidIssuer::Form), "{text}");
        }
    }

    #[test]
    fn what_a_provider_points_to_is_no_less_safe_than_itself() {
        let allows = |issuer: &str, url: &str| {
            let issuer = Issuer::parse(issuer).expect("an issuer");
            issuer.allows(&Url::parse(url).expect("an address"))
        };
        assert!(allows("https://login.example", "https://keys.example/jwks"));
        assert!(!allows("https://login.example", "http://127.0.0.1/jwks"));
        assert!(!allows("https://login.example", "file:///etc/passwd"));
        assert!(allows("http://127.0.0.1:1", "http://127.0.0.1:2/jwks"));
        assert!(!allows("http://127.0.0.1:1", "http://keys.example/jwks"));
    }
}
