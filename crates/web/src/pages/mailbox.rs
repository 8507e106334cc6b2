//! The development mailbox: mail on a machine without a mail server, for its developer to read.
//! A site that made its name point at this machine must not read the codes in it, so only requests
//! that came by a loopback name are answered.
use application::ports::{DevelopmentMailbox, SentMail};
use domain::rfc3339;
use poem::{Endpoint, Request, Response, Result, http::header};
use serde::Serialize;
use std::sync::Arc;

use super::assets::Assets;
use crate::{problem::Problem, public_url::is_loopback_host};

/// `/dev/mailbox.json`.
pub struct MailboxJson(pub Arc<dyn DevelopmentMailbox>);

/// `/dev/mailbox/`.
pub struct MailboxPage(pub Arc<Assets>);

#[derive(Serialize)]
struct MailShape {
    to: String,
    subject: String,
    text: String,
    html: String,
    sent_at: String,
}

impl From<SentMail> for MailShape {
    fn from(mail: SentMail) -> Self {
        Self {
            to: mail.to.as_str().to_owned(),
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            sent_at: rfc3339(mail.sent_at),
        }
    }
}

impl Endpoint for MailboxJson {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        refuse_foreign_names(&request)?;
        let mails: Vec<MailShape> = self.0.list_mails().into_iter().map(Into::into).collect();
        let json = serde_json::to_vec(&mails).unwrap_or_default();
        Ok(Response::builder().content_type("application/json").body(json))
    }
}

impl Endpoint for MailboxPage {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        refuse_foreign_names(&request)?;
        Ok(self.0.page("mailbox.html").ok_or_else(Problem::not_found)?.answer(&request, "no-cache"))
    }
}

fn refuse_foreign_names(request: &Request) -> Result<(), Problem> {
    let host =
        request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_loopback_host(host) { Ok(()) } else { Err(Problem::not_found()) }
}
