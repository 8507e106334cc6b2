//! What may be said of a failure, and how long anybody waits for one.
use anyhow::anyhow;
use application::ports::Unavailable;
use mongodb::error::{Error, ErrorKind, WriteFailure};
use std::time::Duration;

/// The longest that a call of a port takes, with all its round trips, retries and the search for
/// a primary. An election takes less.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// What the server answers when an index holds every value once and has this one already.
const DUPLICATE_KEY: i32 = 11000;

/// Has work done within [`PATIENCE`].
pub(crate) async fn in_time<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> Result<T, Unavailable> {
    within(PATIENCE, work).await
}

/// Has work done within a time.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = anyhow::Result<T>>,
) -> Result<T, Unavailable> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result.map_err(unavailable),
        Err(_) => Err(unavailable(anyhow!("no answer within {limit:?}"))),
    }
}

/// What a port says of a failure here.
pub(crate) fn unavailable(error: anyhow::Error) -> Unavailable {
    Unavailable::of("store", error.downcast().map_or_else(|other| other, |it| speakable(&it)))
}

/// A failure as it may be logged. The server's words quote documents and filters, with the
/// addresses of people in them.
pub(crate) fn speakable(error: &Error) -> anyhow::Error {
    let said = match error.kind.as_ref() {
        ErrorKind::Io(_)
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::Shutdown => error.kind.to_string(),
        ErrorKind::Authentication { .. } => {
            "the server refuses the user or the password".to_owned()
        }
        ErrorKind::Bson(_) => "a stored document has another form".to_owned(),
        _ => match code(error) {
            Some(code) => format!("the server answered with error {code}"),
            None => "the driver failed in a way that is not to be quoted".to_owned(),
        },
    };
    let mut labels: Vec<_> = error.labels().iter().map(String::as_str).collect();
    labels.sort_unstable();
    if labels.is_empty() { anyhow!(said) } else { anyhow!("{said} ({})", labels.join(", ")) }
}

/// The server's code for a failure.
pub(crate) fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(many) => {
            let write = many.write_errors.iter().flatten().next().map(|error| error.code);
            write.or(many.write_concern_error.as_ref().map(|error| error.code))
        }
        _ => None,
    }
}

/// The unique index that refused a single write, by name; `None` if it failed otherwise.
pub(crate) fn duplicate_key(error: &Error) -> Option<&str> {
    let message = match error.kind.as_ref() {
        ErrorKind::Command(it) if it.code == DUPLICATE_KEY => &it.message,
        ErrorKind::Write(WriteFailure::WriteError(it)) if it.code == DUPLICATE_KEY => &it.message,
        _ => return None,
    };
    index_in(message)
}

/// The index named in what the server says of a duplicate key. It says so in no other way.
pub(crate) fn index_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(" index: ")?;
    rest.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_that_refused_is_named() {
        let message = "E11000 duplicate key error collection: sotto.users index: users_by_email \
                       dup key: { email: \"ann index: x@example.com\" }";
        assert_eq!(index_in(message), Some("users_by_email"));
        assert_eq!(index_in("not primary"), None);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let endless = std::future::pending::<anyhow::Result<()>>();
        let given_up = within(Duration::from_millis(1), endless).await.expect_err("gives up");
        assert_eq!(given_up.port(), "store");
    }
}
