//! Why a database could not be opened.

/// Why a database could not be opened: one sentence each, with what to do about it. Names servers,
/// never a user or a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The connection string can't be read.
    #[error(
        "{part} of the MongoDB connection string can't be read: write it as \
         mongodb://USER:PASSWORD@HOST:27017/sotto?replicaSet=rs0, with %40 for @, %3A for : and \
         %2F for / in the user and the password"
    )]
    Malformed {
        /// Which part of it.
        part: &'static str,
    },
    /// The connection string asks for less than Sotto promises.
    #[error(
        "the MongoDB connection string sets {option}, with which an acknowledged message could be \
         lost or missed: leave {option} out of it"
    )]
    Weakened {
        /// The name of the option.
        option: &'static str,
    },
    /// None of the servers answers.
    #[error("no MongoDB answers at {hosts}: start it, or correct the host and port")]
    Unreachable {
        /// Where it was looked for.
        hosts: String,
    },
    /// The server refuses the user or the password.
    #[error(
        "MongoDB at {hosts} refuses the user or the password of the connection string: correct \
         them, and authSource, the database that the user was created in"
    )]
    WrongCredentials {
        /// Where it answers.
        hosts: String,
    },
    /// The user, or one without a name, may not use the database.
    #[error(
        "MongoDB does not allow this user to use the database {database}: name a user in the \
         connection string that has the role readWrite on it"
    )]
    NotAllowed {
        /// The name of the database.
        database: String,
    },
    /// It is a server by itself, or a router.
    #[error(
        "MongoDB at {hosts} is not a member of a replica set: start it with --replSet rs0 and \
         initiate the set, even if it is the only member"
    )]
    NotAReplicaSet {
        /// Where it answers.
        hosts: String,
    },
    /// It is to be a member of a replica set that was never initiated.
    #[error("the replica set of MongoDB at {hosts} is not initiated yet: initiate it, once")]
    NotInitiated {
        /// Where it answers.
        hosts: String,
    },
    /// It is a member of a replica set of another name.
    #[error(
        "MongoDB at {hosts} is a member of the replica set {found}, not of the one that the \
         connection string names: write replicaSet={found}"
    )]
    AnotherReplicaSet {
        /// Where it answers.
        hosts: String,
        /// The name it gives.
        found: String,
    },
    /// No member of the replica set accepts writes.
    #[error(
        "the replica set of MongoDB at {hosts} has no primary at this moment: see to it that a \
         majority of its members run, and try again"
    )]
    NoPrimary {
        /// Where its members answer.
        hosts: String,
    },
    /// The replica set tells addresses of its members that lead nowhere from here.
    #[error(
        "MongoDB answers, but its replica set calls its primary {primary}, which can't be reached \
         from here: make that name resolve here, or give the member an address that does"
    )]
    UnreachablePrimary {
        /// The address it tells.
        primary: String,
    },
    /// The server is older than what Sotto needs.
    #[error("MongoDB at {hosts} is too old: run MongoDB 6.0 or later")]
    TooOld {
        /// Where it answers.
        hosts: String,
    },
    /// A newer program has given the database a shape that this one can't read.
    #[error(
        "the database was shaped by a newer Sotto (schema {version}, readable from {readable_from} \
         on; this one knows {known}): run that version, or go back to a backup from before it"
    )]
    NewerSchema {
        /// The schema that the database has.
        version: i64,
        /// The oldest schema whose programs may still use it.
        readable_from: i64,
        /// The schema that this program knows.
        known: i64,
    },
    /// Something else, for which there is no better remedy.
    #[error("MongoDB does not work as it should ({0:#}): look into its log, and try again")]
    Failed(anyhow::Error),
}
