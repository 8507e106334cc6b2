//! Mail: the words of each, the mailbox a developer reads them in, and delivery by SMTP.

mod mailbox;
mod outbox;
mod smtp;
mod words;

pub use {
    mailbox::MemoryMailbox,
    outbox::OutboxMailer,
    smtp::{InvalidSender, InvalidSmtpUrl, Sender, SmtpServer, SmtpTransport},
    words::{Rendered, render},
};
