//! Delivering what waits in the outbox.
//!
//! Any number of instances may do so at once: whoever claims a mail has it alone for
//! [`OutgoingMail::LEASE`]. A crash between delivering a mail and removing it delivers it again,
//! with the same id: twice is better than never.
use super::sealed_mail;
use crate::ports::{
    Clock, DeliveryError, Figure, MailStep, MailTransport, Metrics, OutboxRepository,
    PayloadSealer, RenderedMail, Unavailable,
};
use domain::{Timestamp, outbox::OutgoingMail};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinSet, time::timeout};

/// Takes mail from the outbox to a mail server.
#[derive(Clone)]
pub struct DeliverMail {
    /// Where it waits.
    pub outbox: Arc<dyn OutboxRepository>,
    /// Opens it.
    pub sealer: Arc<dyn PayloadSealer>,
    /// Where it goes.
    pub transport: Arc<dyn MailTransport>,
    /// Judges what is due and what has expired.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Arc<dyn Metrics>,
    /// Rung by [`super::AcceptMail`].
    pub wake: Arc<Notify>,
}

impl DeliverMail {
    /// How many mails are on their way at once.
    const AT_ONCE: usize = 4;
    /// How long until it looks for what became due, or was accepted by another instance.
    const LOOK_EVERY: Duration = Duration::from_secs(2);
    /// How long mails that are on their way have once it is told to stop. One that takes longer
    /// stays in the outbox.
    const STOP_WITHIN: Duration = Duration::from_secs(8);

    /// Delivers until `stop` is there, then finishes what is on its way.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut under_way = JoinSet::new();
        loop {
            self.begin_due(&mut under_way).await;
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = under_way.join_next() => note_end(ended),
                // With all hands full there is nothing to take up.
                () = self.wake.notified(), if under_way.len() < Self::AT_ONCE => {}
                () = tokio::time::sleep(Self::LOOK_EVERY) => {}
            }
        }
        let finish = async {
            while let Some(ended) = under_way.join_next().await {
                note_end(ended);
            }
        };
        if timeout(Self::STOP_WITHIN, finish).await.is_err() {
            tracing::warn!("some mail was still on its way; it waits for the next start");
        }
    }

    /// Takes up as many due mails as hands are free.
    async fn begin_due(&self, under_way: &mut JoinSet<()>) {
        let free = Self::AT_ONCE.saturating_sub(under_way.len());
        if free == 0 {
            return;
        }
        if let Ok(waiting) = self.outbox.count().await {
            self.metrics.note(Figure::MailWaiting(waiting));
        }
        let now = self.clock.now();
        match self.outbox.claim_due(now, now + OutgoingMail::LEASE, free).await {
            Ok(due) => {
                for mail in due {
                    let this = self.clone();
                    under_way.spawn(async move { this.take_on(&mail).await });
                }
            }
            Err(error) => complain(&error),
        }
    }

    /// Brings one mail a step further. Where the store fails, the lease ends and it comes up again.
    async fn take_on(&self, mail: &OutgoingMail) {
        let next = match sealed_mail::open(&*self.sealer, mail.id, &mail.sealed) {
            Ok(opened) => self.deliver(mail, &opened).await,
            // The key may come back.
            Err(_) => self.judge(
                mail,
                &DeliveryError::Temporary {
                    reason: "it can't be opened; was a sealing key taken away?".to_owned(),
                    code: None,
                },
            ),
        };
        let outcome = match next {
            Next::Done => self.outbox.remove(mail.id).await,
            Next::TryAt(retry) => {
                let postponed = self.outbox.postpone(mail.id, retry.due_at).await;
                // Told after it: whoever reads this and ends us leaves no lease behind.
                self.note_retry(mail, &retry);
                postponed
            }
        };
        if let Err(error) = outcome {
            complain(&error);
        }
    }

    async fn deliver(&self, mail: &OutgoingMail, opened: &RenderedMail) -> Next {
        let OutgoingMail { id, attempts, .. } = *mail;
        if opened.expires_at.is_some_and(|at| at <= self.clock.now()) {
            tracing::warn!(mail = %id, attempts, "a mail's code expired on its way; it is dropped");
            self.metrics.note(Figure::Mail(MailStep::GivenUp));
            return Next::Done;
        }
        match self.transport.deliver(id, mail.created_at, opened).await {
            Ok(()) => {
                tracing::debug!(mail = %id, attempts, "a mail was delivered");
                self.metrics.note(Figure::Mail(MailStep::Delivered));
                Next::Done
            }
            Err(error) => self.judge(mail, &error),
        }
    }

    /// What becomes of a mail that was not delivered. Neither its words nor its address are logged.
    fn judge(&self, mail: &OutgoingMail, error: &DeliveryError) -> Next {
        let OutgoingMail { id, attempts, .. } = *mail;
        let (code, try_at) = match error {
            DeliveryError::Permanent { code, .. } => (code, None),
            DeliveryError::Temporary { code, .. } => (code, mail.retry_at(self.clock.now())),
        };
        let reason = error.to_string();
        if let Some(due_at) = try_at {
            return Next::TryAt(Retry { due_at, code: *code, reason });
        }
        self.metrics.note(Figure::Mail(MailStep::GivenUp));
        tracing::error!(mail = %id, attempts, code, reason, "a mail is given up");
        Next::Done
    }

    fn note_retry(&self, mail: &OutgoingMail, retry: &Retry) {
        let (OutgoingMail { id, attempts, .. }, Retry { due_at, code, reason }) = (mail, retry);
        tracing::warn!(
            mail = %id, attempts, code, %due_at, reason,
            "a mail was not delivered; it is tried again"
        );
        self.metrics.note(Figure::Mail(MailStep::Retried));
    }
}

/// What becomes of a mail that was claimed.
enum Next {
    /// It is delivered, or is never going to be.
    Done,
    TryAt(Retry),
}

/// When a mail is tried again, and why it has to be.
struct Retry {
    due_at: Timestamp,
    code: Option<u16>,
    reason: String,
}

fn note_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "delivering a mail ended badly; it is tried again");
    }
}

fn complain(error: &Unavailable) {
    tracing::warn!(error = error as &dyn std::error::Error, "the outbox does not answer");
}
