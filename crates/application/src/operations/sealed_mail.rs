//! A mail as bytes, sealed and opened: what accepting and delivering have in common.
//!
//! A version, when it expires (milliseconds since 1970, zero for never), then recipient, subject,
//! text and HTML, each behind its length.
use crate::ports::{PayloadPurpose, PayloadSealer, RenderedMail, Unavailable};
use domain::{
    Timestamp,
    email::Email,
    outbox::MailId,
    sealing::{SealedPayload, Unreadable},
};

/// The form of the bytes, so that a later one can be told from it.
const VERSION: u8 = 1;
/// The longest mail in bytes; several times what our own words take.
const LONGEST: usize = 64 * 1024;

/// Seals a mail under its id. One that is too long is refused.
pub(super) fn seal(
    sealer: &dyn PayloadSealer,
    id: MailId,
    mail: &RenderedMail,
) -> Result<SealedPayload, Unavailable> {
    let bytes = encode(mail);
    if bytes.len() > LONGEST {
        let length = bytes.len();
        return Err(Unavailable::of("mail", anyhow::anyhow!("a mail of {length} bytes")));
    }
    Ok(sealer.seal(PayloadPurpose::Mail, id.as_bytes(), &bytes))
}

/// Opens what was sealed under this id.
pub(super) fn open(
    sealer: &dyn PayloadSealer,
    id: MailId,
    payload: &SealedPayload,
) -> Result<RenderedMail, Unreadable> {
    let bytes = sealer.open(PayloadPurpose::Mail, id.as_bytes(), payload)?;
    decode(&bytes).ok_or(Unreadable)
}

fn encode(mail: &RenderedMail) -> Vec<u8> {
    let expires_at = mail.expires_at.map_or(0, |at| at.timestamp_millis());
    let mut bytes = vec![VERSION];
    bytes.extend(expires_at.to_be_bytes());
    for part in [mail.to.as_str(), &mail.subject, &mail.text, &mail.html] {
        bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<RenderedMail> {
    let mut rest = bytes.strip_prefix(&[VERSION])?;
    let expires_at = i64::from_be_bytes(*take_array(&mut rest)?);
    let mail = RenderedMail {
        to: Email::parse(take_part(&mut rest)?).ok()?,
        subject: take_part(&mut rest)?.to_owned(),
        text: take_part(&mut rest)?.to_owned(),
        html: take_part(&mut rest)?.to_owned(),
        expires_at: match expires_at {
            0 => None,
            millis => Some(Timestamp::from_timestamp_millis(millis)?),
        },
    };
    rest.is_empty().then_some(mail)
}

fn take_array<'b, const N: usize>(rest: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(taken)
}

fn take_part<'b>(rest: &mut &'b [u8]) -> Option<&'b str> {
    let length = usize::try_from(u64::from_be_bytes(*take_array(rest)?)).ok()?;
    let (part, left) = rest.split_at_checked(length)?;
    *rest = left;
    std::str::from_utf8(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> RenderedMail {
        RenderedMail {
            to: Email::parse("ann@example.com").expect("an address"),
            subject: "482913 is your Sotto code".to_owned(),
            text: "Grüße\n".to_owned(),
            html: String::new(),
            expires_at: Timestamp::from_timestamp_millis(1_000),
        }
    }

    #[test]
    fn a_mail_reads_back_from_its_bytes() {
        for expires_at in [mail().expires_at, None] {
            let mail = RenderedMail { expires_at, ..mail() };
            assert!(decode(&encode(&mail)) == Some(mail));
        }
    }

    #[test]
    fn bytes_that_are_cut_short_too_long_or_of_another_version_are_no_mail() {
        let bytes = encode(&mail());
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_none(), "{length}");
        }
        assert!(decode(&[&bytes[..], &[0]].concat()).is_none());
        assert!(decode(&[&[VERSION + 1], &bytes[1..]].concat()).is_none());
    }
}
