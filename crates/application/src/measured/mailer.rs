use crate::ports::{Figure, Mail, MailStep, Mailer, Metrics, Unavailable};
use async_trait::async_trait;
use domain::email::Email;
use std::sync::Arc;

/// A mailer whose accepted mails are counted. What becomes of them its adapter knows.
pub struct MeasuredMailer {
    /// Does the work.
    pub inner: Arc<dyn Mailer>,
    /// Counts.
    pub metrics: Arc<dyn Metrics>,
}

#[async_trait]
impl Mailer for MeasuredMailer {
    async fn send(&self, to: &Email, mail: Mail) -> Result<(), Unavailable> {
        self.inner.send(to, mail).await?;
        self.metrics.note(Figure::Mail(MailStep::Accepted));
        Ok(())
    }
}
