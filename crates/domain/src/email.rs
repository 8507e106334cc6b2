//! Addresses that mail can be sent to.
use email_address::{EmailAddress, Options};

/// An email address (RFC 5321), ASCII, in lower case, at most 254 bytes. Quoted local parts,
/// address literals and display names are refused: nothing in it can alter a mail's headers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

/// The text is not an address mail can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an email address")]
pub struct InvalidEmail;

impl Email {
    const MAX: usize = 254;

    /// Reads an address as somebody typed it; white space around it is cut.
    pub fn parse(raw: &str) -> Result<Self, InvalidEmail> {
        let address = raw.trim().to_ascii_lowercase();
        if !address.is_ascii() || address.len() > Self::MAX || address.contains('"') {
            return Err(InvalidEmail);
        }
        let options =
            Options::default().with_required_tld().without_domain_literal().without_display_text();
        EmailAddress::parse_with_options(&address, options).map_err(|_| InvalidEmail)?;
        Ok(Self(address))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_case() {
        assert_eq!(Email::parse(" Ann@Example.COM "), Email::parse("ann@example.com"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for raw in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "ann@example",
            "a b@example.com",
            "ann@example.com\r\nbcc: x@y.zz",
            "Ann <ann@example.com>",
            "\"a b\"@example.com",
            "ann@[127.0.0.1]",
            "änn@example.com",
            "ann@example..com",
        ] {
            assert_eq!(Email::parse(raw), Err(InvalidEmail), "{raw:?}");
        }
        assert!(Email::parse(&format!("a@{}.com", "x.".repeat(200))).is_err());
    }
}
