//! The development mailbox: where mail lands on a machine without a mail server.
use crate::words::render;
use application::ports::{Clock, DevelopmentMailbox, Mail, Mailer, SentMail, Unavailable};
use domain::email::Email;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Most mails kept.
const CAPACITY: usize = 200;

/// Keeps the latest 200 mails in memory, and nowhere else: they hold codes.
pub struct MemoryMailbox {
    clock: Arc<dyn Clock>,
    public_url: String,
    /// Newest first.
    mails: Mutex<VecDeque<SentMail>>,
}

impl MemoryMailbox {
    /// An empty mailbox, whose mails link to pages under `public_url`.
    pub fn new(clock: Arc<dyn Clock>, public_url: String) -> Self {
        Self { clock, public_url, mails: Mutex::default() }
    }

    fn mails(&self) -> MutexGuard<'_, VecDeque<SentMail>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Mailer for MemoryMailbox {
    async fn send(&self, to: &Email, mail: Mail) -> Result<(), Unavailable> {
        let words = render(&mail, &self.public_url);
        let mut mails = self.mails();
        mails.push_front(SentMail {
            to: to.clone(),
            subject: words.subject,
            text: words.text,
            html: words.html,
            sent_at: self.clock.now(),
        });
        mails.truncate(CAPACITY);
        Ok(())
    }
}

impl DevelopmentMailbox for MemoryMailbox {
    fn list_mails(&self) -> Vec<SentMail> {
        self.mails().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::otp::OtpCode;
    use testkit::{FixedClock, START};

    fn mailbox() -> MemoryMailbox {
        MemoryMailbox::new(Arc::new(FixedClock::default()), "http://127.0.0.1:8000".to_owned())
    }

    async fn send_code(mailbox: &MemoryMailbox, code: usize) {
        let to = Email::parse("ann@example.com").expect("valid");
        let mail = Mail::ConfirmAddress { code: OtpCode::typed(&format!("{code:06}")) };
        assert!(mailbox.send(&to, mail).await.is_ok());
    }

    #[tokio::test]
    async fn a_mail_is_kept_with_all_it_says() {
        let mailbox = mailbox();
        send_code(&mailbox, 482_913).await;
        let mail = mailbox.list_mails().pop().expect("one");
        assert_eq!(mail.to.as_str(), "ann@example.com");
        assert_eq!(mail.sent_at, START);
        assert_eq!(mail.subject, "482913 is your Sotto code");
        assert!(mail.text.contains("http://127.0.0.1:8000/verify-otp/"));
        assert!(mail.html.contains("482913"));
    }

    #[tokio::test]
    async fn the_newest_two_hundred_are_kept_newest_first() {
        let mailbox = mailbox();
        for code in 0..CAPACITY + 50 {
            send_code(&mailbox, code).await;
        }
        let mails = mailbox.list_mails();
        assert_eq!(mails.len(), CAPACITY);
        assert!(mails[0].subject.starts_with("000249"), "{}", mails[0].subject);
        assert!(mails[199].subject.starts_with("000050"), "{}", mails[199].subject);
    }
}
