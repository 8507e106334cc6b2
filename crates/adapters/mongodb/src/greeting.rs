//! The first word with a server, and what is wrong with one that can't be used.
use crate::{
    OpenError,
    errors::{code, speakable},
    options::{database, listed},
};
use futures_util::future::join_all;
use mongodb::{
    Client, Database,
    bson::{Document, doc},
    error::{Error, ErrorKind},
    options::{ClientOptions, ServerAddress},
};
use std::time::Duration;

/// The wire protocol of MongoDB 6.0.
const OLDEST_WIRE: i32 = 17;
/// How long a server that can be used takes to say so.
const GREETING: Duration = Duration::from_millis(3500);
/// How long a server is asked what is wrong with it.
const DIAGNOSIS: Duration = Duration::from_millis(2500);

/// The server does not know this user, or not with this password.
const AUTHENTICATION_FAILED: i32 = 18;
/// The server knows the user, but does not allow it this.
const UNAUTHORIZED: i32 = 13;

/// What a server says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hello {
    wire: i32,
    set: Option<String>,
    primary: Option<String>,
    to_be_initiated: bool,
    pub(crate) writable: bool,
}

impl Hello {
    /// Asks whichever server the client selects.
    pub(crate) async fn of(client: &Client) -> Result<Self, Error> {
        let answer = client.database("admin").run_command(doc! { "hello": 1 }).await?;
        Ok(Self::read(&answer))
    }

    fn read(answer: &Document) -> Self {
        let text = |key| answer.get_str(key).ok().map(str::to_owned);
        let truth = |key| answer.get_bool(key).unwrap_or(false);
        Self {
            wire: answer.get_i32("maxWireVersion").unwrap_or_default(),
            set: text("setName"),
            primary: text("primary"),
            to_be_initiated: truth("isreplicaset"),
            writable: truth("isWritablePrimary"),
        }
    }

    /// What keeps the server from being used, whatever it is a member of.
    pub(crate) fn judge(&self, hosts: &str) -> Result<(), OpenError> {
        let hosts = hosts.to_owned();
        match self {
            Self { wire, .. } if *wire < OLDEST_WIRE => Err(OpenError::TooOld { hosts }),
            Self { set: None, to_be_initiated: true, .. } => Err(OpenError::NotInitiated { hosts }),
            Self { set: None, .. } => Err(OpenError::NotAReplicaSet { hosts }),
            Self { set: Some(_), .. } => Ok(()),
        }
    }
}

/// Connects to the primary, and sees to it that it can be used.
pub(crate) async fn connect(options: ClientOptions) -> Result<Database, OpenError> {
    let hosts = listed(&options.hosts);
    let name = database(&options);
    let client = Client::with_options(options.clone()).map_err(|error| failed(&error))?;
    match tokio::time::timeout(GREETING, Hello::of(&client)).await {
        Ok(Ok(hello)) => {
            hello.judge(&hosts)?;
            if !hello.writable {
                return Err(OpenError::NoPrimary { hosts });
            }
            Ok(client.database(&name))
        }
        Ok(Err(error)) if is_wrong_credentials(&error) => {
            Err(OpenError::WrongCredentials { hosts })
        }
        _ => Err(diagnosed(&options).await),
    }
}

/// Why a server that was asked by itself did not answer.
pub(crate) fn unanswered(error: &Error, hosts: &str) -> OpenError {
    let hosts = hosts.to_owned();
    match *error.kind {
        ErrorKind::IncompatibleServer { .. } => OpenError::TooOld { hosts },
        _ if is_wrong_credentials(error) => OpenError::WrongCredentials { hosts },
        _ => OpenError::Unreachable { hosts },
    }
}

/// What a failed command says about opening the database.
pub(crate) fn refused(error: &Error, database: &Database) -> OpenError {
    match code(error) {
        Some(UNAUTHORIZED) => OpenError::NotAllowed { database: database.name().to_owned() },
        _ => failed(error),
    }
}

/// A failure of the driver for which there is no better name.
pub(crate) fn failed(error: &Error) -> OpenError {
    OpenError::Failed(speakable(error))
}

fn is_wrong_credentials(error: &Error) -> bool {
    matches!(*error.kind, ErrorKind::Authentication { .. })
        || code(error) == Some(AUTHENTICATION_FAILED)
}

/// Asks each server by itself why none of them will do.
async fn diagnosed(options: &ClientOptions) -> OpenError {
    let asked = options.hosts.iter().map(async |server| {
        let answer = tokio::time::timeout(DIAGNOSIS, ask(options, server)).await;
        (server.clone(), answer.unwrap_or(None))
    });
    let answers = join_all(asked).await;
    let (servers, hellos): (Vec<_>, Vec<_>) =
        answers.into_iter().filter_map(|(server, hello)| Some((server, hello?))).unzip();
    if servers.is_empty() {
        return OpenError::Unreachable { hosts: listed(&options.hosts) };
    }
    let hosts = listed(&servers);
    hellos
        .iter()
        .find_map(|hello| hello.judge(&hosts).err())
        .unwrap_or_else(|| unusable(hosts, options.repl_set_name.as_deref(), &hellos))
}

/// What is wrong with members of replica sets that by themselves are sound.
fn unusable(hosts: String, wanted: Option<&str>, hellos: &[Hello]) -> OpenError {
    let sets = || hellos.iter().filter_map(|hello| hello.set.as_deref());
    if let (Some(wanted), Some(found)) = (wanted, sets().next())
        && !sets().any(|set| set == wanted)
    {
        return OpenError::AnotherReplicaSet { hosts, found: found.to_owned() };
    }
    match hellos.iter().find_map(|hello| hello.primary.clone()) {
        Some(primary) => OpenError::UnreachablePrimary { primary },
        None => OpenError::NoPrimary { hosts },
    }
}

async fn ask(options: &ClientOptions, server: &ServerAddress) -> Option<Hello> {
    match Hello::of(&direct(options, server).ok()?).await {
        Ok(hello) => Some(hello),
        // One so old that the driver does not talk to it.
        Err(error) if matches!(*error.kind, ErrorKind::IncompatibleServer { .. }) => {
            Some(Hello::default())
        }
        Err(_) => None,
    }
}

/// A client of this one server, whatever its state. It asks what anybody may ask.
fn direct(options: &ClientOptions, server: &ServerAddress) -> Result<Client, Error> {
    let alone = ClientOptions::builder()
        .hosts(vec![server.clone()])
        .direct_connection(true)
        .tls(options.tls.clone())
        .connect_timeout(DIAGNOSIS)
        .server_selection_timeout(DIAGNOSIS)
        .build();
    Client::with_options(alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_member() -> Hello {
        Hello { wire: OLDEST_WIRE, set: Some("rs0".to_owned()), ..Hello::default() }
    }

    #[test]
    fn an_older_server_is_refused_whatever_else_it_is() {
        let old = Hello { wire: OLDEST_WIRE - 1, ..a_member() };
        assert!(matches!(old.judge("db:1"), Err(OpenError::TooOld { hosts }) if hosts == "db:1"));
        assert!(a_member().judge("db:1").is_ok());
    }

    #[test]
    fn members_without_a_primary_are_told_from_a_primary_out_of_reach() {
        let alone = unusable("db:1".to_owned(), Some("rs0"), &[a_member()]);
        assert!(matches!(alone, OpenError::NoPrimary { .. }));
        let member = Hello { primary: Some("inside:27017".to_owned()), ..a_member() };
        let inside = unusable("db:1".to_owned(), None, &[member]);
        assert!(
            matches!(inside, OpenError::UnreachablePrimary { primary } if primary == "inside:27017")
        );
    }
}
