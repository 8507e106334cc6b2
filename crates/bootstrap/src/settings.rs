//! Settings from the environment. Whatever is wrong with one stops the start with one sentence
//! that names it and its remedy.
use adapter_google::{Client, Issuer};
use adapter_mail::{Sender, SmtpServer};
use anyhow::{Context, Result, anyhow, bail, ensure};
use ipnet::IpNet;
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};
use tracing_subscriber::EnvFilter;
use web::PublicUrl;

/// What `--help` says of the settings.
pub const HELP: &str = "\
Settings (environment variables; each secret also as NAME_FILE, the path of a file that holds it):
  SOTTO_LISTEN           address to listen on [127.0.0.1:8000]
  SOTTO_PUBLIC_URL       address people come by; links, cookies and the Origin check build on it
                         [http://127.0.0.1:8000]
  SOTTO_DATA_DIR         embedded store and generated keys [./data]
  SOTTO_MONGODB_URI      MongoDB 6 or newer, a replica set, for many instances [the embedded store]
  SOTTO_REDIS_URL        Redis 7 or newer: what makes many instances quick together [in-process]
  SOTTO_SMTP_URL         mail server: smtps://user:password@host:port, or smtp://… for STARTTLS, which
                         ?tls=required demands also without a password and on loopback
                         [none: mail is shown in the development mailbox]
  SOTTO_MAIL_FROM        whom mail is from [Sotto <no-reply@localhost>]
  SOTTO_ENCRYPTION_KEYS  id:base64(32 bytes)[,id:…]; the first seals, all open
                         [generated into the data dir; must be set with MongoDB]
  SOTTO_GOOGLE_CLIENT_ID, SOTTO_GOOGLE_CLIENT_SECRET
                         what Google knows this Sotto as; people may then sign in with Google
                         [none: no such button]
  SOTTO_GOOGLE_ISSUER    another OpenID provider in Google's place, for tests and private set-ups
                         [https://accounts.google.com]
  SOTTO_TRUSTED_PROXIES  networks whose X-Forwarded-For is believed, as CIDRs with commas [none]
  SOTTO_METRICS_FROM     networks that may read /metrics, as CIDRs with commas [this machine]
  SOTTO_DRAIN            seconds to go on serving after SIGTERM while /health/ says 503, for a load
                         balancer that asks there [0]
  SOTTO_RATE_LIMITS      on, or off to lift all rate and connection caps for load tests [on]
  SOTTO_LOG              what to log, as a tracing filter: info, debug, web=debug,info … [info]
  SOTTO_LOG_FORMAT       text or json [text]";

const NAMES: [&str; 17] = [
    "SOTTO_LISTEN",
    "SOTTO_PUBLIC_URL",
    "SOTTO_DATA_DIR",
    "SOTTO_MONGODB_URI",
    "SOTTO_REDIS_URL",
    "SOTTO_SMTP_URL",
    "SOTTO_MAIL_FROM",
    "SOTTO_ENCRYPTION_KEYS",
    "SOTTO_GOOGLE_CLIENT_ID",
    "SOTTO_GOOGLE_CLIENT_SECRET",
    "SOTTO_GOOGLE_ISSUER",
    "SOTTO_TRUSTED_PROXIES",
    "SOTTO_METRICS_FROM",
    "SOTTO_DRAIN",
    "SOTTO_RATE_LIMITS",
    "SOTTO_LOG",
    "SOTTO_LOG_FORMAT",
];
const SECRETS: [&str; 6] = [
    "SOTTO_ENCRYPTION_KEYS",
    "SOTTO_GOOGLE_CLIENT_ID",
    "SOTTO_GOOGLE_CLIENT_SECRET",
    "SOTTO_MONGODB_URI",
    "SOTTO_REDIS_URL",
    "SOTTO_SMTP_URL",
];
/// This machine.
const LOOPBACK: &str = "127.0.0.0/8,::1/128";
/// Longer, and whatever supervises Sotto would have killed it.
const MAX_DRAIN: u64 = 300;

/// Everything that can be set.
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where people come.
    pub public_url: PublicUrl,
    /// Where data lies.
    pub data_dir: PathBuf,
    /// The mail server; without one there is the development mailbox.
    pub smtp: Option<SmtpServer>,
    /// Whom mail is from.
    pub mail_from: Sender,
    /// The store of many instances, instead of the embedded one.
    pub mongodb_uri: Option<String>,
    /// What makes many instances quick together.
    pub redis_url: Option<String>,
    /// The sealing keys, where they are not generated.
    pub encryption_keys: Option<String>,
    /// Who else signs people in.
    pub google: Option<Google>,
    /// Whose word on client addresses counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Who may read the figures.
    pub metrics_from: Vec<IpNet>,
    /// How long to go on serving once it is known that the end is near.
    pub drain: Duration,
    /// Whether rates and connections are bounded.
    pub rate_limits: bool,
    /// What to log.
    pub log: String,
    /// How to log.
    pub log_format: LogFormat,
}

/// A provider that signs people in, and what it knows us as.
pub struct Google {
    /// Which one.
    pub issuer: Issuer,
    client_id: String,
    client_secret: String,
}

impl Google {
    /// What the provider knows us as, where people come by this origin.
    pub fn client(&self, origin: &str) -> Client {
        Client {
            id: self.client_id.clone(),
            secret: self.client_secret.clone(),
            redirect_url: format!("{origin}/auth/google/callback/"),
        }
    }
}

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// Reads the environment.
    pub fn from_environment() -> Result<Self> {
        let ours = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with("SOTTO_"))?;
            Some((name, value.to_string_lossy().into_owned()))
        });
        Self::read(ours.collect())
    }

    fn read(mut given: HashMap<String, String>) -> Result<Self> {
        resolve_files(&mut given)?;
        if let Some(unknown) = given.keys().filter(|name| !NAMES.contains(&name.as_str())).min() {
            bail!("there is no setting {unknown}; `sotto --help` lists them all");
        }
        // An empty value is what compose files make of an unset variable.
        given.retain(|_, value| !value.trim().is_empty());
        let get = |name: &str| given.get(name).map(|value| value.trim());
        let listen = parse(
            get("SOTTO_LISTEN"),
            "127.0.0.1:8000",
            "SOTTO_LISTEN",
            "an address and a port like 127.0.0.1:8000",
        )?;
        let public_url = get("SOTTO_PUBLIC_URL").unwrap_or("http://127.0.0.1:8000");
        let public_url = PublicUrl::parse(public_url)
            .map_err(|error| anyhow!("SOTTO_PUBLIC_URL can't be used: {error}"))?;
        let smtp = get("SOTTO_SMTP_URL").map(SmtpServer::parse).transpose();
        let smtp = smtp.map_err(|error| anyhow!("SOTTO_SMTP_URL can't be used: {error}"))?;
        let mail_from = Sender::parse(get("SOTTO_MAIL_FROM").unwrap_or(Sender::DEFAULT))
            .map_err(|error| anyhow!("SOTTO_MAIL_FROM can't be used: {error}"))?;
        let log = get("SOTTO_LOG").unwrap_or("info").to_owned();
        EnvFilter::try_new(&log).map_err(|_| {
            anyhow!("SOTTO_LOG must be a tracing filter like info or web=debug,info")
        })?;
        Ok(Self {
            listen,
            public_url,
            data_dir: get("SOTTO_DATA_DIR").unwrap_or("./data").into(),
            smtp,
            mail_from,
            mongodb_uri: get("SOTTO_MONGODB_URI").map(str::to_owned),
            redis_url: get("SOTTO_REDIS_URL").map(str::to_owned),
            encryption_keys: get("SOTTO_ENCRYPTION_KEYS").map(str::to_owned),
            google: parse_google(
                get("SOTTO_GOOGLE_CLIENT_ID"),
                get("SOTTO_GOOGLE_CLIENT_SECRET"),
                get("SOTTO_GOOGLE_ISSUER"),
            )?,
            trusted_proxies: parse_networks(
                get("SOTTO_TRUSTED_PROXIES").unwrap_or_default(),
                "SOTTO_TRUSTED_PROXIES",
            )?,
            metrics_from: parse_networks(
                get("SOTTO_METRICS_FROM").unwrap_or(LOOPBACK),
                "SOTTO_METRICS_FROM",
            )?,
            drain: parse_seconds(get("SOTTO_DRAIN"), "SOTTO_DRAIN", MAX_DRAIN)?,
            rate_limits: choose(
                get("SOTTO_RATE_LIMITS"),
                "SOTTO_RATE_LIMITS",
                [("on", true), ("off", false)],
            )?,
            log,
            log_format: choose(
                get("SOTTO_LOG_FORMAT"),
                "SOTTO_LOG_FORMAT",
                [("text", LogFormat::Text), ("json", LogFormat::Json)],
            )?,
        })
    }

    /// The MongoDB that is set, for those who can't do without.
    pub fn mongodb_uri(&self) -> Result<&str> {
        self.mongodb_uri.as_deref().context("SOTTO_MONGODB_URI is not set")
    }

    /// Mail is shown to whoever asks for it, so the development mailbox is for this machine alone.
    /// With a mail server there is none.
    pub fn refuse_open_mailbox(&self) -> Result<()> {
        if self.smtp.is_some() {
            return Ok(());
        }
        let remedy = "without a mail server Sotto shows all mail, codes included, in its development mailbox";
        ensure!(
            self.listen.ip().is_loopback(),
            "SOTTO_LISTEN must be a loopback address like 127.0.0.1:8000: {remedy}"
        );
        ensure!(
            self.public_url.is_loopback(),
            "SOTTO_PUBLIC_URL must be a loopback address like http://127.0.0.1:8000: {remedy}"
        );
        Ok(())
    }
}

/// Puts the content of `NAME_FILE` in the place of `NAME`.
fn resolve_files(given: &mut HashMap<String, String>) -> Result<()> {
    for name in SECRETS {
        let Some(path) = given.remove(&format!("{name}_FILE")).filter(|path| !path.is_empty())
        else {
            continue;
        };
        ensure!(!given.contains_key(name), "{name} and {name}_FILE are both set; keep one of them");
        let secret = std::fs::read_to_string(&path)
            .with_context(|| format!("{name}_FILE names {path}, which can't be read"))?;
        given.insert(name.to_owned(), secret.trim().to_owned());
    }
    Ok(())
}

fn parse<T: FromStr>(value: Option<&str>, default: &str, name: &str, form: &str) -> Result<T> {
    value.unwrap_or(default).parse().map_err(|_| anyhow!("{name} must be {form}"))
}

/// A name without its secret, or the other way round, is half a setting.
fn parse_google(
    id: Option<&str>,
    secret: Option<&str>,
    issuer: Option<&str>,
) -> Result<Option<Google>> {
    let issuer = Issuer::parse(issuer.unwrap_or(Issuer::DEFAULT))
        .map_err(|error| anyhow!("SOTTO_GOOGLE_ISSUER can't be used: {error}"))?;
    match (id, secret) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => {
            let (client_id, client_secret) = (id.to_owned(), secret.to_owned());
            Ok(Some(Google { issuer, client_id, client_secret }))
        }
        (Some(_), None) => bail!(
            "SOTTO_GOOGLE_CLIENT_SECRET is missing beside SOTTO_GOOGLE_CLIENT_ID; set both, or neither"
        ),
        (None, Some(_)) => bail!(
            "SOTTO_GOOGLE_CLIENT_ID is missing beside SOTTO_GOOGLE_CLIENT_SECRET; set both, or neither"
        ),
    }
}

fn parse_seconds(value: Option<&str>, name: &str, most: u64) -> Result<Duration> {
    let seconds = value.unwrap_or("0").parse().ok().filter(|seconds| *seconds <= most);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| anyhow!("{name} must be a number of seconds, {most} at most"))
}

fn parse_networks(value: &str, name: &str) -> Result<Vec<IpNet>> {
    let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let network =
                part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                anyhow!("{name} must be networks like 10.0.0.0/8, with commas between")
            })
        })
        .collect()
}

fn choose<T, const N: usize>(
    value: Option<&str>,
    name: &str,
    choices: [(&str, T); N],
) -> Result<T> {
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    let words = words.join(" or ");
    let mut choices = choices.into_iter();
    let chosen = match value {
        None => choices.next(),
        Some(value) => choices.find(|(word, _)| *word == value),
    };
    chosen.map(|(_, choice)| choice).ok_or_else(|| anyhow!("{name} must be {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Settings> {
        Settings::read(
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }
    fn refusal(name: &str, value: &str) -> String {
        read(&[(name, value)]).err().map(|error| format!("{error:#}")).unwrap_or_default()
    }

    #[test]
    fn nothing_has_to_be_set() {
        let settings = read(&[]).expect("the defaults hold");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
        assert_eq!(settings.public_url.origin(), "http://127.0.0.1:8000");
        assert!(settings.rate_limits && settings.encryption_keys.is_none());
        assert!(settings.smtp.is_none());
        settings.refuse_open_mailbox().expect("the defaults are for this machine alone");
    }

    #[test]
    fn each_wrong_value_is_named() {
        for (name, value) in [
            ("SOTTO_LISTEN", "8000"),
            ("SOTTO_PUBLIC_URL", "http://chat.example"),
            ("SOTTO_PUBLIC_URL", "chat.example"),
            ("SOTTO_SMTP_URL", "mail.example:25"),
            ("SOTTO_SMTP_URL", "smtp://user@mail.example"),
            ("SOTTO_MAIL_FROM", "Sotto"),
            ("SOTTO_GOOGLE_CLIENT_ID", "alone"),
            ("SOTTO_GOOGLE_CLIENT_SECRET", "alone"),
            ("SOTTO_GOOGLE_ISSUER", "http://login.example"),
            ("SOTTO_GOOGLE_ISSUER", "login.example"),
            ("SOTTO_TRUSTED_PROXIES", "10.0.0.0/99"),
            ("SOTTO_METRICS_FROM", "everybody"),
            ("SOTTO_DRAIN", "soon"),
            ("SOTTO_DRAIN", "301"),
            ("SOTTO_RATE_LIMITS", "maybe"),
            ("SOTTO_LOG", "=="),
            ("SOTTO_LOG_FORMAT", "xml"),
            ("SOTTO_LISTNE", "127.0.0.1:8000"),
            ("SOTTO_ENCRYPTION_KEYS_FILE", "/nowhere"),
        ] {
            let sentence = refusal(name, value);
            let named = name.trim_end_matches("_FILE");
            assert!(sentence.contains(named), "{name}={value}: {sentence:?}");
        }
    }

    #[test]
    fn google_is_set_by_an_id_and_a_secret() {
        let both = [("SOTTO_GOOGLE_CLIENT_ID", "us"), ("SOTTO_GOOGLE_CLIENT_SECRET", "s")];
        let google = read(&both).expect("valid").google.expect("set");
        assert_eq!(google.issuer.as_str(), "https://accounts.google.com");
        let client = google.client("https://chat.example");
        assert_eq!(client.redirect_url, "https://chat.example/auth/google/callback/");
        assert!(read(&[]).expect("valid").google.is_none());
    }

    #[test]
    fn a_secret_is_given_once() {
        let both =
            [("SOTTO_ENCRYPTION_KEYS", "a:b"), ("SOTTO_ENCRYPTION_KEYS_FILE", "/etc/hostname")];
        assert!(read(&both).is_err());
    }

    #[test]
    fn the_development_mailbox_stays_on_this_machine() {
        let open = [("SOTTO_LISTEN", "0.0.0.0:8000"), ("SOTTO_PUBLIC_URL", "https://chat.example")];
        for setting in open {
            assert!(read(&[setting]).expect("valid").refuse_open_mailbox().is_err(), "{setting:?}");
            let with_mail = [setting, ("SOTTO_SMTP_URL", "smtp://mail.example")];
            assert!(read(&with_mail).expect("valid").refuse_open_mailbox().is_ok(), "{setting:?}");
        }
    }
}
