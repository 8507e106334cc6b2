//! Where mail goes.
use super::{Store, Tools};
use crate::settings::Settings;
use adapter_mail::{MemoryMailbox, OutboxMailer, SmtpServer, SmtpTransport};
use anyhow::Result;
use application::{
    operations::{AcceptMail, DeliverMail},
    ports::{Clock, DevelopmentMailbox, Mailer, PayloadSealer},
};
use std::sync::Arc;

/// The way out for mail.
pub struct Post {
    pub(super) mailer: Arc<dyn Mailer>,
    /// Where it stays without a mail server.
    pub(super) mailbox: Option<Arc<dyn DevelopmentMailbox>>,
    /// What takes it to one.
    pub(super) deliver_mail: Option<DeliverMail>,
    /// The mail server.
    pub(super) transport: Option<Arc<SmtpTransport>>,
}

impl Post {
    /// Into a mailbox that whoever runs Sotto on their own machine reads.
    pub fn into_mailbox(settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let mailbox = Arc::new(MemoryMailbox::new(clock, settings.public_url.origin().to_owned()));
        Self {
            mailer: mailbox.clone(),
            mailbox: Some(mailbox),
            deliver_mail: None,
            transport: None,
        }
    }

    /// By a mail server, from the outbox in the store.
    pub fn by_smtp(
        server: &SmtpServer,
        settings: &Settings,
        store: Arc<dyn Store>,
        sealer: Arc<dyn PayloadSealer>,
        tools: &Tools,
    ) -> Result<Self> {
        let public_url = settings.public_url.origin();
        let sender = settings.mail_from.clone();
        let transport = Arc::new(SmtpTransport::new(server.clone(), sender, public_url)?);
        let deliver_mail = DeliverMail {
            outbox: store.clone(),
            sealer: sealer.clone(),
            transport: transport.clone(),
            clock: tools.clock.clone(),
            metrics: tools.metrics.clone(),
            wake: Arc::default(),
        };
        let accept_mail = AcceptMail {
            outbox: store,
            sealer,
            clock: tools.clock.clone(),
            entropy: tools.entropy.clone(),
            wake: deliver_mail.wake.clone(),
        };
        let mailer = Arc::new(OutboxMailer { accept_mail, public_url: public_url.to_owned() });
        let (deliver_mail, transport) = (Some(deliver_mail), Some(transport));
        Ok(Self { mailer, mailbox: None, deliver_mail, transport })
    }
}
