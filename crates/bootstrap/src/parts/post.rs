//! Where mail goes.
use super::Store;
use crate::settings::Settings;
use adapter_mail::{MemoryMailbox, OutboxMailer, SmtpServer, SmtpTransport};
use anyhow::Result;
use application::{
    operations::{AcceptMail, DeliverMail},
    ports::{Clock, DevelopmentMailbox, Entropy, Mailer, Metrics, PayloadSealer},
};
use std::sync::Arc;

/// The way out for mail.
pub struct Post {
    pub(super) mailer: Arc<dyn Mailer>,
    /// Where it stays without a mail server.
    pub(super) mailbox: Option<Arc<dyn DevelopmentMailbox>>,
    /// What takes it to one.
    pub(super) deliver_mail: Option<DeliverMail>,
}

impl Post {
    /// By the mail server that is set, else into the development mailbox.
    pub fn choose(
        settings: &Settings,
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
        sealer: Arc<dyn PayloadSealer>,
        metrics: Arc<dyn Metrics>,
    ) -> Result<Self> {
        let public_url = settings.public_url.origin();
        let Some(server) = &settings.smtp else {
            let mailbox = Arc::new(MemoryMailbox::new(clock.clone(), public_url.to_owned()));
            return Ok(Self { mailer: mailbox.clone(), mailbox: Some(mailbox), deliver_mail: None });
        };
        let deliver_mail =
            deliver_mail(server, settings, store, clock, sealer.clone(), metrics.clone())?;
        let accept_mail = AcceptMail {
            outbox: store.clone(),
            sealer,
            clock: clock.clone(),
            entropy: entropy.clone(),
            wake: deliver_mail.wake.clone(),
        };
        let mailer = Arc::new(OutboxMailer { accept_mail, public_url: public_url.to_owned() });
        Ok(Self { mailer, mailbox: None, deliver_mail: Some(deliver_mail) })
    }
}

fn deliver_mail(
    server: &SmtpServer,
    settings: &Settings,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    sealer: Arc<dyn PayloadSealer>,
    metrics: Arc<dyn Metrics>,
) -> Result<DeliverMail> {
    let public_url = settings.public_url.origin();
    let transport = SmtpTransport::new(server.clone(), settings.mail_from.clone(), public_url)?;
    Ok(DeliverMail {
        outbox: store.clone(),
        sealer,
        transport: Arc::new(transport),
        clock: clock.clone(),
        metrics,
        wake: Arc::default(),
    })
}
