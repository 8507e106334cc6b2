//! Delivery by SMTP (RFC 5321), with TLS (RFC 3207, RFC 8314) and a user and password (RFC 4954).
mod letter;
mod sender;
mod server;

pub use {
    sender::{InvalidSender, Sender},
    server::{InvalidSmtpUrl, SmtpServer},
};

use application::ports::{DeliveryError, MailTransport, RenderedMail, Unavailable};
use domain::{Timestamp, outbox::MailId};
use letter::Letter;
use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, TlsParameters},
    commands::{Data, Mail, Rcpt},
    extension::ClientId,
};
use server::Encryption;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};
use url::{Host, Url};

/// To connect, encrypt and sign in.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// To deliver one mail, from the first packet to the last reply.
const DELIVER_WITHIN: Duration = Duration::from_secs(30);
/// To find out whether an open connection still is one, and to say goodbye.
const SHORT: Duration = Duration::from_secs(2);
/// How long an open connection waits for the next mail.
const IDLE: Duration = Duration::from_secs(15);
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// Delivers to one mail server.
///
/// A connection that is done with a mail takes the next; one on which anything went wrong or took
/// too long is closed. What the mail server says is never logged: it may repeat an address.
pub struct SmtpTransport {
    server: SmtpServer,
    tls: TlsParameters,
    sender: Sender,
    /// The public URL's host: it ends each Message-ID.
    host: String,
    /// The same as we introduce ourselves.
    hello: ClientId,
    idle: Arc<Mutex<Vec<Idle>>>,
}

struct Idle {
    since: Instant,
    connection: AsyncSmtpConnection,
}

impl SmtpTransport {
    /// Delivers for the site at `public_url`. Trusts what the system trusts.
    pub fn new(server: SmtpServer, sender: Sender, public_url: &str) -> Result<Self, Unavailable> {
        let tls = TlsParameters::new(server.host.clone());
        let tls = tls.map_err(|error| Unavailable::of("mail", error))?;
        let (host, hello) = names(public_url);
        Ok(Self { server, tls, sender, host, hello, idle: Arc::default() })
    }

    /// Introduces us to the mail server, encrypts and signs in as for a mail, and leaves. Says in
    /// one sentence what is wrong.
    pub async fn greet(&self) -> Result<(), DeliveryError> {
        say_goodbye(self.open().await?).await;
        Ok(())
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, DeliveryError> {
        timeout(OPEN_WITHIN, self.connect()).await.unwrap_or_else(|_| {
            let seconds = OPEN_WITHIN.as_secs();
            Err(self.not_now(&format!(
                "did not greet us within {seconds} s; is the port right, and smtps:// for a port \
                 that speaks TLS from the start?"
            )))
        })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, DeliveryError> {
        let SmtpServer { host, port, encryption, credentials } = &self.server;
        let wrapped = (*encryption == Encryption::Wrapped).then(|| self.tls.clone());
        let address = (host.as_str(), *port);
        let limit = Some(OPEN_WITHIN);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, limit, &self.hello, wrapped, None)
                .await
                .map_err(|error| self.failed(&error, "to talk to us", Refusal::OfUs))?;
        let offered = connection.can_starttls();
        match encryption {
            Encryption::Required if !offered => {
                return Err(self
                    .not_now("offers no STARTTLS; use smtps:// if it speaks TLS from the start"));
            }
            Encryption::Required | Encryption::WhereOffered if offered => {
                connection
                    .starttls(self.tls.clone(), &self.hello)
                    .await
                    .map_err(|error| self.failed(&error, "STARTTLS", Refusal::OfUs))?;
            }
            _ => {}
        }
        if let Some(credentials) = credentials {
            self.sign_in(&mut connection, credentials).await?;
        }
        Ok(connection)
    }

    async fn sign_in(
        &self,
        connection: &mut AsyncSmtpConnection,
        credentials: &Credentials,
    ) -> Result<(), DeliveryError> {
        if connection.server_info().get_auth_mechanism(&MECHANISMS).is_none() {
            return Err(self.not_now("takes no user and password here; is TLS required for that?"));
        }
        let signed_in = connection.auth(&MECHANISMS, credentials).await;
        signed_in.map_err(|error| self.failed(&error, "our user and password", Refusal::OfUs))?;
        Ok(())
    }

    async fn hand_over(&self, letter: &Letter) -> Result<(), DeliveryError> {
        let mut connection = match self.idle_connection().await {
            Some(connection) => connection,
            None => self.open().await?,
        };
        let taken = self.say(&mut connection, letter).await;
        if taken.is_ok() {
            self.keep(connection);
        } else {
            say_goodbye(connection).await;
        }
        taken
    }

    async fn say(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: &Letter,
    ) -> Result<(), DeliveryError> {
        let Letter { from, to, bytes } = letter;
        let replied = connection.command(Mail::new(Some(from.clone()), vec![])).await;
        replied.map_err(|error| self.failed(&error, "the sender that is set", Refusal::OfUs))?;
        let replied = connection.command(Rcpt::new(to.clone(), vec![])).await;
        replied.map_err(|error| self.failed(&error, "the recipient", Refusal::OfThisMail))?;
        let replied = connection.command(Data).await;
        replied.map_err(|error| self.failed(&error, "the mail", Refusal::OfThisMail))?;
        let replied = connection.message(bytes).await;
        replied.map_err(|error| self.failed(&error, "the mail", Refusal::OfThisMail))?;
        Ok(())
    }

    async fn idle_connection(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let Idle { since, mut connection } = lock(&self.idle).pop()?;
            let usable = since.elapsed() < IDLE
                && timeout(SHORT, connection.test_connected()).await.unwrap_or(false);
            if usable {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next mail, for a while.
    fn keep(&self, connection: AsyncSmtpConnection) {
        lock(&self.idle).push(Idle { since: Instant::now(), connection });
        let idle = self.idle.clone();
        tokio::spawn(async move {
            sleep(IDLE).await;
            let over = |kept: &mut Idle| kept.since.elapsed() >= IDLE;
            let kept_long: Vec<Idle> = lock(&idle).extract_if(.., over).collect();
            for Idle { connection, .. } in kept_long {
                say_goodbye(connection).await;
            }
        });
    }

    /// What a failure means. The texts of replies are left out: they may repeat an address.
    fn failed(&self, error: &Error, refused: &str, refusal: Refusal) -> DeliveryError {
        if let Some(code) = error.status() {
            let reason = format!("{} refuses {refused}", self.name());
            let last_word = error.is_permanent() && refusal == Refusal::OfThisMail;
            let code = Some(code.into());
            return if last_word {
                DeliveryError::Permanent { reason, code }
            } else {
                DeliveryError::Temporary { reason, code }
            };
        }
        if error.is_response() || error.is_client() {
            return self.not_now("broke off, or does not speak SMTP");
        }
        // What remains is of the network and of TLS, and holds nothing that was said.
        if error.is_tls() || is_of_tls(error) {
            return self.not_now(&format!(
                "and we do not agree on TLS ({error}); its certificate must be one that this \
                 system trusts, for this name"
            ));
        }
        self.not_now(&format!("can't be reached ({error})"))
    }

    fn not_now(&self, what: &str) -> DeliveryError {
        DeliveryError::Temporary { reason: format!("{} {what}", self.name()), code: None }
    }

    fn name(&self) -> String {
        format!("the mail server {}", self.server)
    }
}

#[async_trait::async_trait]
impl MailTransport for SmtpTransport {
    async fn deliver(
        &self,
        id: MailId,
        accepted_at: Timestamp,
        mail: &RenderedMail,
    ) -> Result<(), DeliveryError> {
        let letter = letter::write(&self.sender, &self.host, id, accepted_at, mail)?;
        // Given up half-way, a connection is dropped, not kept: nobody knows what it would say next.
        timeout(DELIVER_WITHIN, self.hand_over(&letter)).await.unwrap_or_else(|_| {
            let seconds = DELIVER_WITHIN.as_secs();
            Err(self.not_now(&format!("did not take the mail within {seconds} s")))
        })
    }
}

/// What a refusal for good is about. Of us (our address, our password) it can be mended, so the
/// mail waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    OfUs,
    OfThisMail,
}

/// A handshake that fails comes as an error of the connection.
fn is_of_tls(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| source.kind() == io::ErrorKind::InvalidData)
}

async fn say_goodbye(mut connection: AsyncSmtpConnection) {
    // Whether the server hears it makes no difference.
    let _ = timeout(SHORT, connection.abort()).await;
}

/// What ends a Message-ID, and how we introduce ourselves: the name of the site, not of this
/// machine, which nobody outside may know.
fn names(public_url: &str) -> (String, ClientId) {
    let url = Url::parse(public_url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => (name.to_owned(), ClientId::Domain(name.to_owned())),
        Some(Host::Ipv4(address)) => (address.to_string(), ClientId::Ipv4(address)),
        Some(Host::Ipv6(address)) => (format!("[{address}]"), ClientId::Ipv6(address)),
        None => ("localhost".to_owned(), ClientId::Domain("localhost".to_owned())),
    }
}

fn lock(idle: &Mutex<Vec<Idle>>) -> MutexGuard<'_, Vec<Idle>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_named_after_the_public_url() {
        for (url, host, hello) in [
            ("https://chat.example", "chat.example", "chat.example"),
            ("https://chat.example:8443", "chat.example", "chat.example"),
            ("http://127.0.0.1:8000", "127.0.0.1", "[127.0.0.1]"),
            ("http://[::1]:8000", "[::1]", "[IPv6:::1]"),
            ("nonsense", "localhost", "localhost"),
        ] {
            let names = names(url);
            assert_eq!((names.0.as_str(), names.1.to_string().as_str()), (host, hello), "{url}");
        }
    }
}
