//! The commands that storing messages is made of.
use crate::{
    bson::{array, date, id, number},
    documents::{Shown, find},
    errors::code,
    messages::record::{MESSAGES, MessageRecord},
    rooms::ROOMS,
};
use anyhow::anyhow;
use domain::{
    Timestamp,
    id::{ClientId, MessageId, RoomId, UserId},
    message::SealedMessage,
};
use mongodb::{
    Database,
    bson::{
        Binary, Document, RawArrayBuf, RawDocumentBuf, deserialize_from_document, doc,
        oid::ObjectId, raw::cstr, rawdoc,
    },
    error::{Error, ErrorKind},
};
use serde::Deserialize;
use std::collections::HashMap;

/// What the server answers when an index holds every value once and has this one already.
const DUPLICATE_KEY: i32 = 11000;

/// What the server answers when it stops being primary or shuts down, or lost another.
const PASSING: [i32; 9] = [6, 7, 89, 91, 189, 10107, 11600, 11602, 13435];

/// How long the server waits for a majority, in milliseconds.
const WAIT_MILLIS: i32 = 6_000;

/// How much of the replica set has to have a write before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// The primary's memory. The journal and the oplog keep the order of writes: whatever is
    /// written after this and is on the disks of a majority takes this along.
    ByPrimary,
    /// The disks of a majority.
    ByMajority,
}

/// That a room is about to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    /// Which.
    pub(crate) room: RoomId,
    /// No change will have a greater `rev`.
    pub(crate) rev_bound: u64,
    /// When somebody wrote there; a change to an old message is no activity.
    pub(crate) active_at: Option<Timestamp>,
    /// The message that is about to be deleted.
    pub(crate) deleted: Option<Deleted>,
}

/// A message of one of a room's two people that is about to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deleted {
    pub(crate) by_low: bool,
    pub(crate) seq: u64,
}

/// The primary that took a write. Between two of them writes may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reign(Option<ObjectId>);

/// Whether a document waits for those before it in an insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Each is tried only once those before it are stored.
    Strict,
    /// Each is tried whatever became of the others.
    None,
}

/// What became of an insert. What was tried and not refused is on the disks of a majority.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inserted {
    /// The places of those that were refused, and why.
    pub(crate) refused: HashMap<usize, Refused>,
    /// Where.
    pub(crate) reign: Reign,
}

/// Why a document was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its `seq` or `rev` is taken.
    NumberTaken,
    /// Its sender has used its client id before, or its id is there already.
    NameTaken,
    /// For a reason that would be the same the next time.
    Other(i32),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default)]
    write_errors: Vec<WriteError>,
    #[serde(default)]
    write_concern_error: Option<Failure>,
    #[serde(default)]
    election_id: Option<ObjectId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WriteError {
    index: usize,
    code: i32,
    #[serde(default)]
    key_pattern: Document,
}

#[derive(Deserialize)]
struct Failure {
    code: i32,
}

/// Notes on rooms that they are about to change, all in one command.
pub(crate) async fn touch(
    database: &Database,
    touches: &[Touch],
    acknowledged: Acknowledged,
) -> anyhow::Result<Reign> {
    let statements: RawArrayBuf = touches.iter().map(Touch::statement).collect();
    update_rooms(database, statements, acknowledged).await
}

/// Changes rooms, all in one command and in no order.
pub(crate) async fn update_rooms(
    database: &Database,
    statements: RawArrayBuf,
    acknowledged: Acknowledged,
) -> anyhow::Result<Reign> {
    let mut command = rawdoc! { "update": ROOMS, "ordered": false };
    command.append(cstr!("writeConcern"), acknowledged.write_concern());
    command.append(cstr!("updates"), statements);
    let reply = run(database, command).await?;
    if let Some(error) = reply.write_errors.first() {
        return Err(anyhow!("a room refuses to be changed with error {}", error.code));
    }
    reply.acknowledged()?;
    Ok(reply.reign())
}

/// Stores messages.
pub(crate) async fn insert(
    database: &Database,
    records: RawArrayBuf,
    order: Order,
) -> anyhow::Result<Inserted> {
    let mut command = rawdoc! { "insert": MESSAGES, "ordered": order == Order::Strict };
    command.append(cstr!("writeConcern"), Acknowledged::ByMajority.write_concern());
    command.append(cstr!("documents"), records);
    let reply = run(database, command).await?;
    reply.acknowledged()?;
    let refused = reply.write_errors.iter().map(|error| (error.index, error.refused())).collect();
    Ok(Inserted { refused, reign: reply.reign() })
}

/// Those of these messages, by sender and client id, that a majority has, as they are now.
pub(crate) async fn find_known(
    database: &Database,
    names: impl Iterator<Item = (UserId, ClientId)>,
) -> anyhow::Result<HashMap<(UserId, ClientId), SealedMessage>> {
    let mut by_sender: HashMap<UserId, Vec<Binary>> = HashMap::new();
    for (sender, client_id) in names {
        by_sender.entry(sender).or_default().push(id(client_id.as_bytes()));
    }
    if by_sender.is_empty() {
        return Ok(HashMap::new());
    }
    let of_sender = |(sender, names): (UserId, Vec<Binary>)| {
        doc! { "sender": id(sender.as_bytes()), "client_id": { "$in": names } }
    };
    let filter = doc! { "$or": by_sender.into_iter().map(of_sender).collect::<Vec<_>>() };
    let shown = Shown { fields: doc! { "revs": 0 }, ..Shown::default() };
    let found: Vec<MessageRecord> = find(database, MESSAGES, filter, shown).await?;
    let by_name = |record: MessageRecord| {
        let message = record.message()?;
        Ok(((message.sender, message.client_id), message))
    };
    found.into_iter().map(by_name).collect()
}

/// The rooms of those of these messages that a majority has.
pub(crate) async fn find_rooms(
    database: &Database,
    messages: &[MessageId],
) -> anyhow::Result<HashMap<MessageId, RoomId>> {
    #[derive(Deserialize)]
    struct Place {
        #[serde(rename = "_id")]
        id: Binary,
        room: Binary,
    }
    if messages.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<_> = messages.iter().map(|message| id(message.as_bytes())).collect();
    let shown = Shown { fields: doc! { "room": 1 }, ..Shown::default() };
    let these = doc! { "_id": { "$in": ids } };
    let found: Vec<Place> = find(database, MESSAGES, these, shown).await?;
    let place = |place: Place| {
        let (message, room) = (array(&place.id)?, array(&place.room)?);
        Ok((MessageId::from_bytes(message), RoomId::from_bytes(room)))
    };
    found.into_iter().map(place).collect()
}

/// Whether a failure may be gone at once: a connection broke, or a primary stepped down.
pub(crate) fn passes(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => true,
        _ => code(error).is_some_and(|code| PASSING.contains(&code)),
    }
}

async fn run(database: &Database, command: RawDocumentBuf) -> anyhow::Result<Reply> {
    Ok(deserialize_from_document(database.run_raw_command(command).await?)?)
}

impl Acknowledged {
    fn write_concern(self) -> RawDocumentBuf {
        match self {
            Self::ByPrimary => rawdoc! { "w": 1, "j": false },
            Self::ByMajority => rawdoc! { "w": "majority", "j": true, "wtimeout": WAIT_MILLIS },
        }
    }
}

impl Touch {
    fn statement(&self) -> RawDocumentBuf {
        let mut most = rawdoc! { "rev_bound": number(self.rev_bound) };
        if let Some(at) = self.active_at {
            most.append(cstr!("active_at"), date(at));
        }
        if let Some(Deleted { by_low, seq }) = self.deleted {
            let side = if by_low { cstr!("deleted_low") } else { cstr!("deleted_high") };
            most.append(side, number(seq));
        }
        rawdoc! {
            "q": { "_id": id(self.room.as_bytes()) },
            "u": { "$max": most, "$currentDate": { "changed_at": true } },
        }
    }
}

impl Reply {
    fn acknowledged(&self) -> anyhow::Result<()> {
        let failure = self.write_concern_error.as_ref();
        failure.map_or(Ok(()), |it| Err(anyhow!("no majority has it yet: error {}", it.code)))
    }

    fn reign(&self) -> Reign {
        Reign(self.election_id)
    }
}

impl WriteError {
    fn refused(&self) -> Refused {
        match self.code {
            DUPLICATE_KEY if self.key_pattern.contains_key("seq") => Refused::NumberTaken,
            DUPLICATE_KEY if self.key_pattern.contains_key("revs") => Refused::NumberTaken,
            DUPLICATE_KEY => Refused::NameTaken,
            code => Refused::Other(code),
        }
    }
}
