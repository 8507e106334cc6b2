//! Who our mail is from.
use lettre::{Address, message::Mailbox};

/// A display name and an address. Neither can break out of its header.
#[derive(Clone)]
pub struct Sender(Mailbox);

/// The text names no sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be an address, or a short name and an address, like Sotto <no-reply@chat.example>"
)]
pub struct InvalidSender;

impl Sender {
    /// What is used where nothing is set.
    pub const DEFAULT: &str = "Sotto <no-reply@localhost>";
    const LONGEST_NAME: usize = 64;
    const LONGEST_ADDRESS: usize = 254;

    /// Reads `name <address>` or an address alone. Control characters, quoted local parts and
    /// address literals are refused.
    pub fn parse(text: &str) -> Result<Self, InvalidSender> {
        let text = text.trim_matches(' ');
        let (name, address) = match text.strip_suffix('>') {
            Some(text) => text.rsplit_once('<').ok_or(InvalidSender)?,
            None => ("", text),
        };
        Ok(Self(Mailbox::new(parse_name(name)?, parse_address(address)?)))
    }

    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.0
    }
}

fn parse_name(raw: &str) -> Result<Option<String>, InvalidSender> {
    let name = raw.trim_matches(' ');
    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let name = quoted.unwrap_or(name);
    let strange = |c: char| c.is_control() || matches!(c, '"' | '\\' | '<' | '>');
    if name.chars().any(strange) || name.chars().count() > Sender::LONGEST_NAME {
        return Err(InvalidSender);
    }
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

fn parse_address(raw: &str) -> Result<Address, InvalidSender> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'[' | b']');
    if raw.len() > Sender::LONGEST_ADDRESS || !raw.bytes().all(plain) {
        return Err(InvalidSender);
    }
    raw.parse().map_err(|_| InvalidSender)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        Sender::parse(text).map_or_else(|_| "refused".to_owned(), |sender| sender.0.to_string())
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        assert_eq!(parsed(Sender::DEFAULT), "Sotto <no-reply@localhost>");
        assert_eq!(parsed("no-reply@chat.example"), "no-reply@chat.example");
        assert_eq!(parsed("<no-reply@chat.example>"), "no-reply@chat.example");
        assert_eq!(parsed(r#""Our chat" <a@chat.example>"#), "Our chat <a@chat.example>");
    }

    #[test]
    fn whatever_could_break_a_header_is_refused() {
        for text in [
            "",
            "Sotto",
            "Sotto <>",
            "Sotto <a@chat.example",
            "a@chat.example>",
            "Sotto a@chat.example",
            "Sotto\r\nBcc: eve@example.com <a@chat.example>",
            "Sotto\n<a@chat.example>",
            "So\0tto <a@chat.example>",
            "Sotto <a@chat.example\r\n>",
            "Sotto <a@chat.example>\r\nBcc: eve@example.com",
            "Sotto <a@chat.example> <eve@example.com>",
            "Sotto <a@chat.example, eve@example.com>",
            "Sotto <\"a b\"@chat.example>",
            "Sotto <a@[127.0.0.1]>",
            "S\"otto <a@chat.example>",
            "a@chat.example, eve@example.com",
            &format!("{} <a@chat.example>", "x".repeat(65)),
            &format!("{}@chat.example", "x".repeat(250)),
        ] {
            assert_eq!(parsed(text), "refused", "{text:?}");
        }
    }
}
