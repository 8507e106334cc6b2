//! From a connection string to the options that the promises rest on.
use crate::{OpenError, errors::PATIENCE};
use mongodb::{
    error::ErrorKind,
    options::{
        Acknowledgment, ClientOptions, ConnectionString, HostInfo, ReadConcern, ReadConcernLevel,
        ReadPreference, SelectionCriteria, ServerAddress, WriteConcern,
    },
};
use std::time::Duration;

/// How long a primary is looked for.
const SELECTION: Duration = Duration::from_secs(3);
/// How long a connection is waited for.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer of the DNS is waited for.
const DNS: Duration = Duration::from_millis(1500);
/// Most connections of one instance. Further calls queue for them, within their time limit.
const POOL: u32 = 64;
/// Something on the way may forget a connection that is silent for longer.
const IDLE: Duration = Duration::from_mins(5);
/// The database, unless the connection string names another.
const DATABASE: &str = "sotto";

/// Reads a connection string, and asks the DNS if it is one of `mongodb+srv`.
pub(crate) async fn parse(uri: &str) -> Result<ClientOptions, OpenError> {
    // The driver's own words may quote a part of the password.
    let text = ConnectionString::parse(uri).map_err(|_| malformed(uri))?;
    let host = match &text.host_info {
        HostInfo::DnsRecord(name) => name.clone(),
        HostInfo::HostIdentifiers(servers) => listed(servers),
        _ => String::new(),
    };
    match tokio::time::timeout(DNS, ClientOptions::parse(text)).await {
        Ok(Ok(options)) => Ok(options),
        Ok(Err(error)) if matches!(*error.kind, ErrorKind::InvalidArgument { .. }) => {
            Err(malformed(uri))
        }
        _ => Err(OpenError::Unreachable { hosts: host }),
    }
}

fn malformed(uri: &str) -> OpenError {
    let before = uri.split('?').next().unwrap_or_default();
    let part = match ConnectionString::parse(before) {
        Ok(_) => "what follows the ?",
        Err(_) => "what precedes the ?",
    };
    OpenError::Malformed { part }
}

/// The name of the database that a connection string leads to.
///
/// # Errors
/// [`OpenError::Malformed`] where it can't be read.
pub fn database_name(uri: &str) -> Result<String, OpenError> {
    let text = ConnectionString::parse(uri).map_err(|_| malformed(uri))?;
    Ok(text.default_database.unwrap_or_else(|| DATABASE.to_owned()))
}

/// The database that is used.
pub(crate) fn database(options: &ClientOptions) -> String {
    options.default_database.clone().unwrap_or_else(|| DATABASE.to_owned())
}

/// The servers, as they are named to people.
pub(crate) fn listed(servers: &[ServerAddress]) -> String {
    servers.iter().map(ServerAddress::to_string).collect::<Vec<_>>().join(", ")
}

/// Refuses what would break a promise, and sets what keeps them.
pub(crate) fn settle(options: &mut ClientOptions) -> Result<(), OpenError> {
    if let Some(option) = weakened(options) {
        return Err(OpenError::Weakened { option });
    }
    options.app_name.get_or_insert_with(|| "sotto".to_owned());
    options.server_selection_timeout = Some(SELECTION);
    options.connect_timeout = Some(CONNECT);
    options.max_pool_size.get_or_insert(POOL);
    options.max_idle_time.get_or_insert(IDLE);
    let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true);
    // Whoever asked has given up by then: the server need not wait on.
    options.write_concern = Some(durable.w_timeout(PATIENCE).build());
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.retry_reads = Some(true);
    options.retry_writes = Some(true);
    Ok(())
}

/// The first option that asks for less than is promised.
fn weakened(options: &ClientOptions) -> Option<&'static str> {
    let writes = options.write_concern.clone().unwrap_or_default();
    let reads = options.read_concern.as_ref().map(|concern| &concern.level);
    let selected = options.selection_criteria.as_ref();
    let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
    let judged = [
        ("w", writes.w.is_some_and(|w| w != Acknowledgment::Majority)),
        ("journal", writes.journal == Some(false)),
        ("readConcernLevel", reads.is_some_and(|level| *level != ReadConcernLevel::Majority)),
        ("readPreference", selected.is_some_and(|criteria| *criteria != primary)),
        ("retryReads", options.retry_reads == Some(false)),
        ("retryWrites", options.retry_writes == Some(false)),
    ];
    judged.into_iter().find_map(|(option, weak)| weak.then_some(option))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn settled(query: &str) -> Result<ClientOptions, OpenError> {
        let mut options = parse(&format!("mongodb://a:s3cret@localhost/?{query}")).await?;
        settle(&mut options)?;
        Ok(options)
    }

    #[tokio::test]
    async fn what_would_weaken_a_promise_is_refused_by_name() {
        for (query, named) in [
            ("w=1", "w"),
            ("w=backup", "w"),
            ("w=majority&journal=false", "journal"),
            ("readConcernLevel=local", "readConcernLevel"),
            ("readPreference=secondaryPreferred", "readPreference"),
            ("retryReads=false", "retryReads"),
            ("retryWrites=false", "retryWrites"),
        ] {
            let refused = settled(query).await.err();
            assert!(
                matches!(refused, Some(OpenError::Weakened { option }) if option == named),
                "{query}: {refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_promised_may_be_said_and_is_set_anyway() {
        let said = "w=majority&journal=true&readConcernLevel=majority&readPreference=primary";
        for query in [said, "replicaSet=rs0"] {
            let options = settled(query).await.expect("accepts");
            let writes = options.write_concern.expect("is set");
            assert_eq!((writes.w, writes.journal), (Some(Acknowledgment::Majority), Some(true)));
            assert_eq!(options.read_concern, Some(ReadConcern::majority()));
        }
    }

    #[test]
    fn the_database_is_the_one_in_the_path_or_ours() {
        for (uri, name) in [
            ("mongodb://a:s3cret@localhost/chat?replicaSet=rs0", "chat"),
            ("mongodb+srv://db.example/chat", "chat"),
            ("mongodb://localhost/?replicaSet=rs0", DATABASE),
            ("mongodb://localhost", DATABASE),
        ] {
            assert_eq!(database_name(uri).expect(uri), name);
        }
        assert!(database_name("localhost").is_err());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_not_quoted() {
        for (uri, part) in [
            ("", "precedes"),
            ("localhost:27017", "precedes"),
            ("http://localhost", "precedes"),
            ("mongodb://a:s3cret/x@localhost/", "precedes"),
            ("mongodb://a:s3cret:y@localhost/", "precedes"),
            ("mongodb://a:s3cret@localhost:x/", "precedes"),
            ("mongodb://a:s3cret@localhost/?socketTimeoutMS=s3cret", "follows"),
            ("mongodb://a:s3cret@localhost/?maxPoolSize=s3cret", "follows"),
        ] {
            let error = parse(uri).await.expect_err(uri);
            assert!(
                matches!(error, OpenError::Malformed { part: it } if it.contains(part)),
                "{uri}"
            );
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{uri}");
        }
    }
}
