//! The browsers that accounts know: those somebody signed in with before. Guessing from elsewhere
//! never keeps them out, and a new one is told of by mail.
use super::Browser;
use crate::ports::{Clock, KnownDeviceRepository, Mail, Mailer, SessionRepository, Unavailable};
use domain::{
    id::UserId,
    known_device::{Familiarity, KnownDevice},
    network::Network,
    user::User,
};
use std::{sync::Arc, time::Duration};

/// Signing in waits no longer than this for what it can do without.
const PATIENCE: Duration = Duration::from_secs(1);

/// Knows browsers.
#[derive(Clone)]
pub struct Acquaintance {
    /// Those that accounts know.
    pub devices: Arc<dyn KnownDeviceRepository>,
    /// To tell an account's first sign-in from a later one.
    pub sessions: Arc<dyn SessionRepository>,
    /// Tells of new ones.
    pub mailer: Arc<dyn Mailer>,
    /// When they were used.
    pub clock: Arc<dyn Clock>,
}

/// What is to be made of a browser that signs in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The account's owner wants to know.
    Tell,
    /// The account knows it, or had nobody signed in before.
    Nothing,
}

impl Acquaintance {
    /// How well an account knows a browser. Nobody's account knows none, and is asked all the same:
    /// the time tells nobody who exists.
    pub(super) async fn familiarity(
        &self,
        user: Option<UserId>,
        browser: &Browser,
    ) -> Result<Familiarity, Unavailable> {
        let nobody = || UserId::from_bytes([0; 16]);
        let known = self.devices.list_by_user(user.unwrap_or_else(nobody)).await?;
        let network = Network::of(browser.device.address);
        Ok(Familiarity::judge(&known, browser.token.as_ref(), &network, self.clock.now()))
    }

    /// Whether a browser that is about to be signed in is worth a mail. What can't be found out
    /// stops nobody.
    pub(super) async fn look(&self, user: &User, browser: &Browser) -> News {
        in_time(user.id, self.is_news(user, browser)).await.unwrap_or(News::Nothing)
    }

    /// Keeps the browser, and mails what is worth it. It is signed in by now, whatever fails here.
    pub(super) async fn deepen(&self, news: News, user: &User, browser: &Browser) {
        let keeping = async {
            if let Some(device) = self.known(user, browser) {
                self.devices.keep(&device).await?;
            }
            if news == News::Tell {
                self.mailer.send(&user.email, self.mail(user, browser)).await?;
            }
            Ok(())
        };
        in_time(user.id, keeping).await;
    }

    /// Knows no browser but this one any more: the others may be those of whoever had the password
    /// before. Nothing here undoes what went before.
    pub(super) async fn begin_anew(&self, user: &User, browser: &Browser) {
        let beginning = async {
            self.devices.remove_by_user(user.id).await?;
            match self.known(user, browser) {
                Some(device) => self.devices.keep(&device).await,
                None => Ok(()),
            }
        };
        in_time(user.id, beginning).await;
    }

    async fn is_news(&self, user: &User, browser: &Browser) -> Result<News, Unavailable> {
        let known = self.devices.list_by_user(user.id).await?;
        if known.is_empty() && self.is_first(user).await? {
            return Ok(News::Nothing);
        }
        let network = Network::of(browser.device.address);
        let now = self.clock.now();
        Ok(match Familiarity::judge(&known, browser.token.as_ref(), &network, now) {
            Familiarity::Device => News::Nothing,
            Familiarity::Network | Familiarity::Stranger => News::Tell,
        })
    }

    /// Of an account that is older than the memory of its devices nobody can tell.
    async fn is_first(&self, user: &User) -> Result<bool, Unavailable> {
        let young = self.clock.now() - user.joined_at < KnownDevice::LIFETIME;
        Ok(young && self.sessions.list_by_user(user.id).await?.is_empty())
    }

    fn known(&self, user: &User, browser: &Browser) -> Option<KnownDevice> {
        let token = browser.token.as_ref()?;
        Some(KnownDevice {
            user: user.id,
            device: token.digest_for(user.id),
            network: Network::of(browser.device.address),
            last_used_at: self.clock.now(),
        })
    }

    fn mail(&self, user: &User, browser: &Browser) -> Mail {
        Mail::NewSignIn {
            username: user.username.clone(),
            device: browser.device.clone(),
            at: self.clock.now(),
        }
    }
}

async fn in_time<T>(user: UserId, work: impl Future<Output = Result<T, Unavailable>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(%user, error, "what an account knows of its devices is not up to date");
            None
        }
        Err(_) => {
            tracing::warn!(%user, "what an account knows of its devices took too long to note");
            None
        }
    }
}
