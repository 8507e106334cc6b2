//! Accepting a mail for sending: it is stored, sealed, before anybody talks to a mail server. So
//! one that is away neither fails nor slows whoever sends, and no restart loses a mail.
use super::sealed_mail;
use crate::ports::{
    Clock, Entropy, EntropyExt, OutboxRepository, PayloadSealer, RenderedMail, Unavailable,
};
use domain::outbox::{MailId, OutgoingMail};
use std::sync::Arc;
use tokio::sync::Notify;

/// Puts mail into the outbox.
pub struct AcceptMail {
    /// Where it waits.
    pub outbox: Arc<dyn OutboxRepository>,
    /// Seals it: a mail carries a code or a link.
    pub sealer: Arc<dyn PayloadSealer>,
    /// When it is accepted.
    pub clock: Arc<dyn Clock>,
    /// Names it.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes [`super::DeliverMail`] in this process.
    pub wake: Arc<Notify>,
}

impl AcceptMail {
    /// Returns once the mail is stored; it is due at once.
    pub async fn execute(&self, mail: &RenderedMail) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let id = MailId::mint(now, self.entropy.bytes());
        let sealed = sealed_mail::seal(&*self.sealer, id, mail)?;
        let mail = OutgoingMail { id, sealed, created_at: now, due_at: now, attempts: 0 };
        self.outbox.insert(&mail).await?;
        self.wake.notify_one();
        Ok(())
    }
}
