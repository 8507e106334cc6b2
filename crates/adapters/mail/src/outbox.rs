//! Mail that goes out: in words and into the outbox, from where it is delivered.
use crate::words::{Rendered, render};
use application::{
    operations::AcceptMail,
    ports::{Mail, Mailer, RenderedMail, Unavailable},
};
use domain::{Timestamp, email::Email, otp::Otp, password_reset::PasswordReset};

/// Accepts mail for the outbox. Takes as long for each kind of mail, and never as long as a mail
/// server.
pub struct OutboxMailer {
    /// Stores what is accepted.
    pub accept_mail: AcceptMail,
    /// What links begin with.
    pub public_url: String,
}

#[async_trait::async_trait]
impl Mailer for OutboxMailer {
    async fn send(&self, to: &Email, mail: Mail) -> Result<(), Unavailable> {
        let Rendered { subject, text, html } = render(&mail, &self.public_url);
        let expires_at = expires_at(&mail, self.accept_mail.clock.now());
        let to = to.clone();
        self.accept_mail.execute(&RenderedMail { to, subject, text, html, expires_at }).await
    }
}

/// When a mail that is sent now is no longer of use.
fn expires_at(mail: &Mail, now: Timestamp) -> Option<Timestamp> {
    match mail {
        Mail::ConfirmAddress { .. }
        | Mail::ConfirmAction { .. }
        | Mail::ConfirmNewAddress { .. }
        | Mail::ConfirmLink { .. } => Some(now + Otp::LIFETIME),
        Mail::ResetPassword { .. } => Some(now + PasswordReset::LIFETIME),
        Mail::Welcome { .. }
        | Mail::AlreadyRegistered { .. }
        | Mail::NewSignIn { .. }
        | Mail::DataExported { .. }
        | Mail::SecondFactor { .. }
        | Mail::PasswordChanged { .. }
        | Mail::EmailChanged { .. }
        | Mail::GoogleChanged { .. }
        | Mail::AccountDeleted { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use application::ports::{MockOutboxRepository, PayloadPurpose, PayloadSealer};
    use domain::{otp::OtpCode, outbox::OutgoingMail, username::Username};
    use std::sync::{Arc, Mutex};
    use testkit::{CountingEntropy, FixedClock, PlainPayloadSealer, START};

    /// A mailer, and what it put into the outbox.
    fn mailer() -> (OutboxMailer, Arc<Mutex<Vec<OutgoingMail>>>) {
        let kept = Arc::<Mutex<Vec<OutgoingMail>>>::default();
        let mut outbox = MockOutboxRepository::new();
        outbox.expect_insert().returning({
            let kept = kept.clone();
            move |mail| {
                kept.lock().expect("sound").push(mail.clone());
                Ok(())
            }
        });
        let accept_mail = AcceptMail {
            outbox: Arc::new(outbox),
            sealer: Arc::new(PlainPayloadSealer),
            clock: Arc::new(FixedClock::default()),
            entropy: Arc::new(CountingEntropy::default()),
            wake: Arc::default(),
        };
        (OutboxMailer { accept_mail, public_url: "https://chat.example".to_owned() }, kept)
    }

    #[tokio::test]
    async fn a_mail_is_accepted_in_words_and_sealed() {
        let (mailer, kept) = mailer();
        let to = Email::parse("ann@example.com").expect("an address");
        let code = OtpCode::typed("482913");
        mailer.send(&to, Mail::ConfirmAddress { code }).await.expect("accepts");
        let kept = kept.lock().expect("sound").pop().expect("one");
        assert_eq!((kept.created_at, kept.due_at, kept.attempts), (START, START, 0));
        for clear in ["482913", "ann@example.com", "https://chat.example"] {
            let clear = clear.as_bytes();
            assert!(!kept.sealed.as_bytes().windows(clear.len()).any(|window| window == clear));
        }
        let opened =
            PlainPayloadSealer.open(PayloadPurpose::Mail, kept.id.as_bytes(), &kept.sealed);
        let opened = String::from_utf8_lossy(&opened.expect("opens")).into_owned();
        for word in ["ann@example.com", "482913 is your Sotto code", "https://chat.example/verify"]
        {
            assert!(opened.contains(word), "{word}");
        }
    }

    #[test]
    fn a_mail_with_a_code_expires_with_it_and_others_do_not() {
        let username = Username::parse("ann").expect("a username");
        let code = OtpCode::typed("482913");
        assert_eq!(expires_at(&Mail::ConfirmAddress { code }, START), Some(START + Otp::LIFETIME));
        for mail in
            [Mail::Welcome { username: username.clone() }, Mail::AlreadyRegistered { username }]
        {
            assert_eq!(expires_at(&mail, START), None);
        }
    }
}
