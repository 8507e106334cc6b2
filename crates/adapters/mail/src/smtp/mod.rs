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
        let cause = io_error(error);
        let words = cause.map_or_else(|| error.to_string(), io::Error::to_string);
        // A handshake that fails comes as an error of the connection.
        if error.is_tls() || cause.is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData) {
            return self.not_now(&format!(
                "and we do not agree on TLS ({words}); its certificate must be one that this \
                 system trusts, for this name"
            ));
        }
        self.not_now(&format!("can't be reached ({words})"))
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

/// What the system says of a failure.
fn io_error(error: &Error) -> Option<&io::Error> {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source())
        .find_map(|error| error.downcast_ref::<io::Error>())
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
    use domain::email::Email;
    use testkit::START;
    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        net::{TcpListener, TcpStream},
    };

    /// A mail server that replies by the first word of each line it hears; to what is not listed,
    /// well. Gives its port and everything it hears.
    async fn server(replies: &'static [(&str, &str)]) -> (u16, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        tokio::spawn({
            let heard = heard.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(converse(stream, replies, heard.clone()));
                }
            }
        });
        (port, heard)
    }

    async fn converse(
        mut stream: TcpStream,
        replies: &[(&str, &str)],
        heard: Arc<Mutex<Vec<String>>>,
    ) -> io::Result<()> {
        let (reading, mut writing) = stream.split();
        let mut lines = BufReader::new(reading).lines();
        writing.write_all(b"220 mail.test\r\n").await?;
        let mut in_mail = false;
        while let Some(line) = lines.next_line().await? {
            heard.lock().expect("sound").push(line.clone());
            let word = line.split(' ').next().unwrap_or_default();
            in_mail = if in_mail { line != "." } else { word == "DATA" };
            if in_mail && word != "DATA" {
                continue;
            }
            let reply = replies.iter().find(|(to, _)| *to == word).map(|(_, reply)| *reply);
            let well = match word {
                "DATA" => "354 go on",
                "EHLO" => "250-mail.test\r\n250 AUTH PLAIN LOGIN",
                "AUTH" => "235 welcome",
                _ => "250 OK",
            };
            let reply = reply.unwrap_or(well);
            in_mail &= reply.starts_with("354");
            writing.write_all(format!("{reply}\r\n").as_bytes()).await?;
        }
        Ok(())
    }

    fn transport(port: u16) -> SmtpTransport {
        let url = format!("smtp://ann:hunter2@127.0.0.1:{port}");
        let server = SmtpServer::parse(&url).expect("valid");
        let sender = Sender::parse(Sender::DEFAULT).expect("valid");
        SmtpTransport::new(server, sender, "https://chat.example").expect("made")
    }

    async fn deliver(transport: &SmtpTransport) -> Result<(), DeliveryError> {
        let mail = RenderedMail {
            to: Email::parse("ann@example.com").expect("an address"),
            subject: "Hello".to_owned(),
            text: "one\n.\ntwo\n".to_owned(),
            html: "<p>one</p>".to_owned(),
            expires_at: None,
        };
        transport.deliver(MailId::from_bytes([7; 16]), START, &mail).await
    }

    #[tokio::test]
    async fn a_greeting_signs_in_and_sends_nothing() {
        let (port, heard) = server(&[]).await;
        assert_eq!(transport(port).greet().await, Ok(()));
        let heard = heard.lock().expect("sound");
        let words: Vec<&str> = heard.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(words, ["EHLO", "AUTH", "QUIT"]);
        assert_eq!(heard[0], "EHLO chat.example");
    }

    #[tokio::test]
    async fn a_greeting_says_what_is_wrong_and_never_the_password() {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let nobody = free.local_addr().expect("an address").port();
        drop(free);
        let (refuses, _) = server(&[("AUTH", "535 no, hunter2 is wrong")]).await;
        let (has_no_auth, _) = server(&[("EHLO", "250 mail.test")]).await;
        let (babbles, _) = server(&[("EHLO", "HTTP/1.1 400 Bad Request")]).await;
        for (port, words) in [
            (nobody, "can't be reached"),
            (refuses, "refuses our user and password"),
            (has_no_auth, "takes no user and password"),
            (babbles, "does not speak SMTP"),
        ] {
            let sentence =
                transport(port).greet().await.expect_err("something is wrong").to_string();
            assert!(sentence.contains(words) && !sentence.contains("hunter2"), "{sentence}");
            assert!(sentence.contains(&format!("127.0.0.1:{port}")), "{sentence}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_done_with_a_mail_takes_the_next() {
        let (port, heard) = server(&[]).await;
        let transport = transport(port);
        for _ in 0..3 {
            assert_eq!(deliver(&transport).await, Ok(()));
        }
        let heard = heard.lock().expect("sound");
        let times = |word: &str| heard.iter().filter(|line| line.starts_with(word)).count();
        assert_eq!(
            (times("EHLO"), times("AUTH"), times("MAIL FROM:<no-reply@localhost>")),
            (1, 1, 3)
        );
        assert_eq!((times("RCPT TO:<ann@example.com>"), times("..")), (3, 3), "a dot is doubled");
    }

    #[tokio::test]
    async fn only_what_is_refused_of_the_mail_itself_is_refused_for_good() {
        for (replies, for_good) in [
            (&[("MAIL", "550 <ann@example.com> said: Hello")], false),
            (&[("RCPT", "550 <ann@example.com> said: Hello")], true),
            (&[("DATA", "550 <ann@example.com> said: Hello")], true),
            (&[(".", "550 <ann@example.com> said: Hello")], true),
            (&[("AUTH", "550 <ann@example.com> said: Hello")], false),
            (&[("RCPT", "450 <ann@example.com> said: Hello")], false),
            (&[(".", "450 <ann@example.com> said: Hello")], false),
        ] {
            let (port, _) = server(replies).await;
            let error = deliver(&transport(port)).await.expect_err("it is refused");
            let (code, permanent) = match &error {
                DeliveryError::Permanent { code, .. } => (code, true),
                DeliveryError::Temporary { code, .. } => (code, false),
            };
            assert_eq!(permanent, for_good, "{replies:?}");
            assert!(code.is_some_and(|code| code == 550 || code == 450), "{replies:?}");
            let sentence = error.to_string();
            assert!(!sentence.contains("ann@") && !sentence.contains("Hello"), "{sentence}");
        }
    }

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
