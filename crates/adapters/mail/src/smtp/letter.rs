//! A mail as it travels: headers, and two parts that say the same.
use super::Sender;
use application::ports::{DeliveryError, RenderedMail};
use domain::{Timestamp, outbox::MailId};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use std::time::SystemTime;

/// What is handed to a mail server: ASCII in lines of bounded length.
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) bytes: Vec<u8>,
}

/// Writes a mail down. Everything but the MIME boundary follows from what is given, so that a mail
/// that is delivered twice is recognised by its Message-ID, which ends with `host`.
pub(super) fn write(
    sender: &Sender,
    host: &str,
    id: MailId,
    accepted_at: Timestamp,
    mail: &RenderedMail,
) -> Result<Letter, DeliveryError> {
    let to: Address =
        mail.to.as_str().parse().map_err(|_| unwritable("its address can't be written"))?;
    if mail.subject.chars().any(char::is_control) {
        return Err(unwritable("its subject is more than one line"));
    }
    let auto_submitted = HeaderName::new_from_ascii_str("Auto-Submitted");
    let message = Message::builder()
        .from(sender.mailbox().clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(mail.subject.clone())
        .date(SystemTime::from(accepted_at))
        .message_id(Some(format!("<{id}@{host}>")))
        // RFC 3834: no answering machine answers.
        .raw_header(HeaderValue::new(auto_submitted, "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|_| unwritable("it can't be written as a mail"))?;
    Ok(Letter { from: sender.mailbox().email.clone(), to, bytes: message.formatted() })
}

fn unwritable(reason: &str) -> DeliveryError {
    DeliveryError::Permanent { reason: reason.to_owned(), code: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Rendered, render};
    use application::ports::Mail;
    use domain::{email::Email, otp::OtpCode};
    use testkit::START;

    fn mail() -> RenderedMail {
        let code = OtpCode::typed("482913");
        let Rendered { subject, text, html } =
            render(&Mail::ConfirmAddress { code }, "https://chat.example");
        let to = Email::parse("ann@example.com").expect("an address");
        RenderedMail { to, subject, text, html, expires_at: None }
    }

    fn written(sender: &str, mail: &RenderedMail) -> Result<String, DeliveryError> {
        let sender = Sender::parse(sender).expect("a sender");
        let id = MailId::from_bytes([7; 16]);
        let letter = write(&sender, "chat.example", id, START, mail)?;
        Ok(String::from_utf8(letter.bytes).expect("ASCII"))
    }

    #[test]
    fn the_headers_are_these_and_no_others() {
        let letter = written(Sender::DEFAULT, &mail()).expect("written");
        let (headers, body) = letter.split_once("\r\n\r\n").expect("headers");
        let headers: Vec<&str> = headers.split("\r\n").filter(|l| !l.starts_with(' ')).collect();
        let names: Vec<&str> = headers.iter().filter_map(|l| Some(l.split_once(": ")?.0)).collect();
        let expected = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, expected);
        for line in [
            "From: Sotto <no-reply@localhost>",
            "To: ann@example.com",
            "Subject: 482913 is your Sotto code",
            "Message-ID: <07070707-0707-0707-0707-070707070707@chat.example>",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(headers.contains(&line), "{line}: {headers:#?}");
        }
        let date = format!("Date: {}", START.format("%a, %d %b %Y %H:%M:%S +0000"));
        assert!(headers.contains(&date.as_str()), "{headers:#?}");
        assert!(body.contains("text/plain; charset=utf-8"), "{body}");
        assert!(body.contains("text/html; charset=utf-8"), "{body}");
    }

    #[test]
    fn letters_are_ascii_in_lines_that_every_server_takes() {
        let text = format!("Grüße\n{}\n", "ü".repeat(2000));
        let mail = RenderedMail { html: format!("<p>{}</p>", "x".repeat(5000)), text, ..mail() };
        let letter = written("Größe <no-reply@chat.example>", &mail).expect("written");
        assert!(letter.is_ascii());
        assert!(letter.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    }

    #[test]
    fn nothing_in_a_mail_becomes_a_header() {
        let hostile = "\r\nBcc: eve@example.com\r\n\r\n.\r\nMAIL FROM:<eve@example.com>\r\n";
        let subjects =
            ["x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com", "x\r", "\0", "x\u{85}y"];
        for subject in subjects {
            let mail = RenderedMail { subject: subject.to_owned(), ..mail() };
            let refused = written(Sender::DEFAULT, &mail);
            assert!(matches!(refused, Err(DeliveryError::Permanent { .. })), "{subject:?}");
        }
        let mail = RenderedMail { text: hostile.to_owned(), html: hostile.to_owned(), ..mail() };
        let letter = written(Sender::DEFAULT, &mail).expect("written");
        let (headers, _) = letter.split_once("\r\n\r\n").expect("headers");
        assert!(!headers.contains("eve@example.com"), "{headers}");
    }
}
