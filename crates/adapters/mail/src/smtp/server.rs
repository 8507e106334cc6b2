//! Where the mail server is and how to talk to it, from one URL.
use lettre::transport::smtp::authentication::Credentials;
use std::net::IpAddr;
use url::{Host, Url};

/// A mail server. Holds a password: no `Debug`.
#[derive(Clone)]
pub struct SmtpServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) credentials: Option<Credentials>,
}

impl std::fmt::Display for SmtpServer {
    /// `host:port`, nothing of the credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How the way to the mail server is protected. A certificate is always checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// TLS from the first byte.
    Wrapped,
    /// STARTTLS, or no mail.
    Required,
    /// STARTTLS where the server offers it.
    WhereOffered,
    /// None: nothing leaves this machine.
    None,
}

/// The text names no mail server. Never repeats any of it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSmtpUrl {
    /// Not such a URL.
    #[error(
        "it must be smtp://user:password@host:port or smtps://user:password@host:port, \
         with / ? # % @ and : in user and password written as %2F %3F %23 %25 %40 and %3A"
    )]
    Form,
    /// Something else behind the host.
    #[error("nothing may follow the host and port but ?tls=required")]
    Option,
    /// One without the other.
    #[error("it must hold a user and a password, or neither")]
    HalfCredentials,
}

impl SmtpServer {
    /// Reads `smtps://user:password@host:port` (TLS from the first byte, port 465) or
    /// `smtp://user:password@host:port` (port 587, or 25 without a user).
    ///
    /// By `smtp://` STARTTLS is required wherever a password would travel, and with
    /// `?tls=required`; without a password it is used where it is offered. To loopback nothing is
    /// encrypted unless `?tls=required` asks for it.
    pub fn parse(text: &str) -> Result<Self, InvalidSmtpUrl> {
        let url = Url::parse(text).map_err(|_| InvalidSmtpUrl::Form)?;
        let wrapped = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(InvalidSmtpUrl::Form),
        };
        let (host, loopback) = host(&url)?;
        let tls_required = tls_required(&url)?;
        let credentials = credentials(&url)?;
        let encryption = match (wrapped, tls_required) {
            (true, _) => Encryption::Wrapped,
            (false, true) => Encryption::Required,
            (false, false) if loopback => Encryption::None,
            (false, false) if credentials.is_some() => Encryption::Required,
            (false, false) => Encryption::WhereOffered,
        };
        let default_port = match (wrapped, &credentials) {
            (true, _) => 465,
            (false, Some(_)) => 587,
            (false, None) => 25,
        };
        let port = url.port().unwrap_or(default_port);
        Ok(Self { host, port, encryption, credentials })
    }
}

/// The host's name or address, and whether it is this machine.
fn host(url: &Url) -> Result<(String, bool), InvalidSmtpUrl> {
    let name = match url.host() {
        Some(Host::Domain(name)) => name.to_ascii_lowercase(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(InvalidSmtpUrl::Form),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(InvalidSmtpUrl::Form);
    }
    let address = name.parse::<IpAddr>();
    let loopback = name == "localhost" || address.is_ok_and(|address| address.is_loopback());
    Ok((name, loopback))
}

fn tls_required(url: &Url) -> Result<bool, InvalidSmtpUrl> {
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(InvalidSmtpUrl::Option);
    }
    match url.query() {
        None => Ok(false),
        Some("tls=required") => Ok(true),
        Some(_) => Err(InvalidSmtpUrl::Option),
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, InvalidSmtpUrl> {
    let user = percent_decoded(url.username())?;
    let password = percent_decoded(url.password().unwrap_or_default())?;
    match (user.is_empty(), password.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(Credentials::new(user, password))),
        _ => Err(InvalidSmtpUrl::HalfCredentials),
    }
}

/// Text without control characters: a zero byte would end a password early.
fn percent_decoded(text: &str) -> Result<String, InvalidSmtpUrl> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2).ok_or(InvalidSmtpUrl::Form)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let (Some(high), Some(low)) = (digit(digits[0]), digit(digits[1])) else {
            return Err(InvalidSmtpUrl::Form);
        };
        bytes.push(high << 4 | low);
        rest = behind;
    }
    let decoded = String::from_utf8(bytes).map_err(|_| InvalidSmtpUrl::Form)?;
    if decoded.chars().any(char::is_control) { Err(InvalidSmtpUrl::Form) } else { Ok(decoded) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Encryption::{None as Plain, Required, WhereOffered, Wrapped};

    fn parsed(text: &str) -> (String, u16, Encryption, Option<Credentials>) {
        let server = SmtpServer::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (server.host, server.port, server.encryption, server.credentials)
    }
    fn refused(text: &str) -> InvalidSmtpUrl {
        SmtpServer::parse(text).err().unwrap_or_else(|| panic!("{text} was taken"))
    }

    #[test]
    fn ports_and_encryption_follow_from_scheme_and_credentials() {
        for (text, port, encryption) in [
            ("smtps://u:p@mail.example", 465, Wrapped),
            ("smtps://mail.example:2465/?tls=required", 2465, Wrapped),
            ("smtp://u:p@mail.example", 587, Required),
            ("smtp://u:p@mail.example:2525?tls=required", 2525, Required),
            ("smtp://mail.example", 25, WhereOffered),
            ("smtp://mail.example/?tls=required", 25, Required),
            ("smtp://u:p@10.0.0.7", 587, Required),
            ("smtp://localhost:1025", 1025, Plain),
            ("smtp://u:p@127.0.0.1:1025", 1025, Plain),
            ("smtp://[::1]:1025", 1025, Plain),
            ("smtp://u:p@localhost:1025?tls=required", 1025, Required),
            ("smtp://127.0.0.1.example.com", 25, WhereOffered),
        ] {
            let parsed = parsed(text);
            assert_eq!((parsed.1, parsed.2), (port, encryption), "{text}");
        }
        assert_eq!(parsed("smtp://[::1]").0, "::1");
        let shown = SmtpServer::parse("smtp://u:hunter2@[::1]").expect("valid").to_string();
        assert_eq!(shown, "[::1]:587");
        assert_eq!(parsed("SMTP://Mail.Example").0, "mail.example");
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let expected = Credentials::new("ann@mail.example".to_owned(), "a/b:c%d+é ".to_owned());
        let credentials = parsed("smtps://ann%40mail.example:a%2fb%3Ac%25d+%C3%A9%20@mail.example");
        assert!(credentials.3 == Some(expected));
        assert!(parsed("smtps://mail.example").3.is_none());
    }

    #[test]
    fn each_mistake_has_a_sentence_that_repeats_nothing_of_the_text() {
        for (text, error) in [
            ("", InvalidSmtpUrl::Form),
            ("mail.example:25", InvalidSmtpUrl::Form),
            ("https://u:hunter2@mail.example", InvalidSmtpUrl::Form),
            ("smtp://", InvalidSmtpUrl::Form),
            ("smtp:mail.example", InvalidSmtpUrl::Form),
            ("smtp://u:hunter2@mail example", InvalidSmtpUrl::Form),
            ("smtp://u:hunter2@mail.example:99999", InvalidSmtpUrl::Form),
            ("smtp://u:hunter2/x@mail.example", InvalidSmtpUrl::Form),
            ("smtp://u:hunter2%zz@mail.example", InvalidSmtpUrl::Form),
            ("smtp://u:hunter2%0@mail.example", InvalidSmtpUrl::Form),
            ("smtp://u:hunter2%00x@mail.example", InvalidSmtpUrl::Form),
            ("smtp://u:hunter2%0d%0aQUIT@mail.example", InvalidSmtpUrl::Form),
            ("smtp://u:hunter2%ff@mail.example", InvalidSmtpUrl::Form),
            ("smtp://u:12/hunter2@mail.example", InvalidSmtpUrl::Option),
            ("smtp://u:hunter2@mail.example/inbox", InvalidSmtpUrl::Option),
            ("smtp://u:hunter2@mail.example?tls=none", InvalidSmtpUrl::Option),
            ("smtp://u:hunter2@mail.example#x", InvalidSmtpUrl::Option),
            ("smtp://hunter2@mail.example", InvalidSmtpUrl::HalfCredentials),
            ("smtp://:hunter2@mail.example", InvalidSmtpUrl::HalfCredentials),
        ] {
            assert_eq!(refused(text), error, "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
