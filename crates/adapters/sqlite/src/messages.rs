use crate::{
    SqliteStore,
    rows::{count, id_list, length, maybe_moment, millis, moment, number, parsed},
    store::unavailable,
    writer::Tx,
};
use anyhow::{Context, anyhow};
use application::ports::{Appended, MessageChange, MessageRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    attachment::AttachedFile,
    event::ChatEvent,
    history::{ChangePage, HistoryPage, Limit, Window},
    id::{AttachmentId, ClientId, MessageId, RoomId, UserId},
    message::{AlterationRefused, NewMessage, SealedMessage},
    reaction::{Emoji, Reaction},
    room::Participants,
    sealing::{KeyedDigest, SealedBody, SealedPayload},
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use std::collections::HashMap;

statements! {
    // Whether the name is known is found by the insert itself, not by a look-up before it.
    INSERT = "INSERT INTO messages (id, room, seq, rev, sender, client_id, fingerprint, sealed,
        sent_at, reply_to) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";
    IS_IN_ROOM = "SELECT 1 FROM messages WHERE id = ?1 AND room = ?2";
    FIND = select_messages!("WHERE m.id = ?1 AND m.room = ?2");
    FIND_BY_CLIENT_ID = select_messages!("WHERE m.sender = ?1 AND m.client_id = ?2");
    UPDATE = "UPDATE messages SET rev = ?2, sealed = ?3, edited_at = ?4 WHERE id = ?1";
    CLEAR_REACTIONS = "DELETE FROM reactions WHERE message = ?1";
    INSERT_REACTION =
        "INSERT INTO reactions (message, position, emoji, user) VALUES (?1, ?2, ?3, ?4)";
    LIST_REACTIONS = "SELECT message, emoji, user FROM reactions
        WHERE message IN (SELECT unhex(value) FROM json_each(?1)) ORDER BY message, position";
    INSERT_FILE = "INSERT INTO message_attachments (message, position, attachment, details)
        VALUES (?1, ?2, ?3, ?4)";
    CLEAR_FILES = "DELETE FROM message_attachments WHERE message = ?1";
    LIST_FILES = "SELECT message, attachment, details FROM message_attachments
        WHERE message IN (SELECT unhex(value) FROM json_each(?1)) ORDER BY message, position";
    LIST_BELOW =
        select_messages!("WHERE m.room = ?1 AND m.seq < ?2 ORDER BY m.seq DESC LIMIT ?3");
    LIST_FROM = select_messages!("WHERE m.room = ?1 AND m.seq >= ?2 ORDER BY m.seq LIMIT ?3");
    LIST_CHANGES = select_messages!("WHERE m.room = ?1 AND m.rev > ?2 ORDER BY m.rev LIMIT ?3");
}

#[async_trait]
impl MessageRepository for SqliteStore {
    async fn append(&self, batch: Vec<NewMessage>) -> Vec<Result<Appended, Unavailable>> {
        let size = batch.len();
        let outcome = self.writer().call(size, move |tx| append_all(tx, &batch)).await;
        match outcome {
            Ok(all) => all
                .into_iter()
                .map(|one| one.ok_or_else(|| unavailable(anyhow!("no such room"))))
                .collect(),
            Err(why) => (0..size).map(|_| Err(unavailable(anyhow!("{why:#}")))).collect(),
        }
    }

    async fn alter(
        &self,
        change: MessageChange,
    ) -> Result<Result<SealedMessage, AlterationRefused>, Unavailable> {
        self.writer().call(1, move |tx| alter(tx, &change)).await.map_err(unavailable)
    }

    async fn find_in_room(
        &self,
        room: RoomId,
        message: MessageId,
    ) -> Result<Option<SealedMessage>, Unavailable> {
        self.read(move |conn| find(conn, FIND, [message.as_bytes(), room.as_bytes()])).await
    }

    async fn find_by_client_id(
        &self,
        sender: UserId,
        client_id: ClientId,
    ) -> Result<Option<SealedMessage>, Unavailable> {
        self.read(move |conn| find_by_client_id(conn, sender, client_id)).await
    }

    async fn list_window(
        &self,
        room: RoomId,
        window: Window,
        limit: Limit,
    ) -> Result<HistoryPage, Unavailable> {
        self.read(move |conn| list_window(conn, room, window, limit.as_usize())).await
    }

    async fn list_changes(
        &self,
        room: RoomId,
        after_rev: u64,
        limit: Limit,
    ) -> Result<ChangePage, Unavailable> {
        self.read(move |conn| {
            let (mut messages, has_more) =
                page(conn, LIST_CHANGES, room, after_rev, limit.as_usize())?;
            add_parts(conn, &mut messages)?;
            Ok(ChangePage { messages, has_more })
        })
        .await
    }
}

/// Of each message what became of it; `None` where its room does not exist. The same goes for
/// every later one of that room.
fn append_all(tx: &mut Tx<'_>, batch: &[NewMessage]) -> anyhow::Result<Vec<Option<Appended>>> {
    batch.iter().map(|message| append(tx, message)).collect()
}

fn append(tx: &mut Tx<'_>, message: &NewMessage) -> anyhow::Result<Option<Appended>> {
    let (conn, heads) = tx.with_heads();
    let Some(head) = heads.of(conn, message.room)? else {
        return Ok(None);
    };
    if let Some(reply_to) = message.reply_to
        && !is_in_room(conn, reply_to, message.room)?
    {
        let known = find_by_client_id(conn, message.sender, message.client_id)?;
        return Ok(Some(known.map_or(Appended::NoSuchReply, Appended::Known)));
    }
    let (seq, rev) = head.next();
    if !insert(conn, message, seq, rev)? {
        let known = find_by_client_id(conn, message.sender, message.client_id)?;
        return Ok(Some(Appended::Known(
            known.context("the numbers or id of a new message are taken")?,
        )));
    }
    insert_files(conn, message)?;
    head.extend(message.sent_at);
    let participants = head.participants;
    let stored = message.clone().numbered(seq, rev);
    announce(tx, participants, &stored);
    Ok(Some(Appended::New(stored)))
}

fn alter(
    tx: &mut Tx<'_>,
    change: &MessageChange,
) -> anyhow::Result<Result<SealedMessage, AlterationRefused>> {
    let (conn, heads) = tx.with_heads();
    let place = [change.message.as_bytes(), change.room.as_bytes()];
    let Some(before) = find(conn, FIND, place)? else {
        return Ok(Err(AlterationRefused::NotFound));
    };
    let mut after = match before.altered(change.by, &change.alteration) {
        Ok(Some(after)) => after,
        Ok(None) => return Ok(Ok(before)),
        Err(refused) => return Ok(Err(refused)),
    };
    let head = heads.of(conn, change.room)?.context("a message without a room")?;
    after.rev = head.alter();
    let participants = head.participants;
    update(conn, &before, &after)?;
    announce(tx, participants, &after);
    Ok(Ok(after))
}

fn announce(tx: &mut Tx<'_>, participants: Participants, message: &SealedMessage) {
    tx.announce(ChatEvent::Message { participants, message: message.clone() });
}

/// Whether the message is new.
fn insert(conn: &Connection, message: &NewMessage, seq: u64, rev: u64) -> anyhow::Result<bool> {
    let inserted = conn.prepare_cached(INSERT)?.execute(params![
        message.id.as_bytes(),
        message.room.as_bytes(),
        number(seq),
        number(rev),
        message.sender.as_bytes(),
        message.client_id.as_bytes(),
        message.fingerprint.as_bytes(),
        message.body.as_bytes(),
        millis(message.sent_at),
        message.reply_to.as_ref().map(MessageId::as_bytes),
    ])?;
    Ok(inserted == 1)
}

fn insert_files(conn: &Connection, message: &NewMessage) -> rusqlite::Result<()> {
    for (position, file) in message.attachments.iter().enumerate() {
        let (message, file_id) = (message.id.as_bytes(), file.id.as_bytes());
        let details = file.details.as_bytes();
        conn.prepare_cached(INSERT_FILE)?.execute(params![
            message,
            length(position),
            file_id,
            details
        ])?;
    }
    Ok(())
}

fn update(
    conn: &Connection,
    before: &SealedMessage,
    after: &SealedMessage,
) -> rusqlite::Result<()> {
    let id = after.id.as_bytes();
    conn.prepare_cached(UPDATE)?.execute(params![
        id,
        number(after.rev),
        after.body.as_ref().map(SealedBody::as_bytes),
        after.edited_at.map(millis),
    ])?;
    if before.attachments != after.attachments {
        // They go with the message, all of them.
        conn.prepare_cached(CLEAR_FILES)?.execute([id])?;
    }
    if before.reactions == after.reactions {
        return Ok(());
    }
    // There are few; writing them anew keeps their order without counting gaps.
    conn.prepare_cached(CLEAR_REACTIONS)?.execute([id])?;
    let mut insert = conn.prepare_cached(INSERT_REACTION)?;
    for (position, reaction) in after.reactions.iter().enumerate() {
        let (emoji, user) = (reaction.emoji.as_str(), reaction.user);
        insert.execute(params![id, length(position), emoji, user.as_bytes()])?;
    }
    Ok(())
}

fn is_in_room(conn: &Connection, message: MessageId, room: RoomId) -> rusqlite::Result<bool> {
    conn.prepare_cached(IS_IN_ROOM)?.exists([message.as_bytes(), room.as_bytes()])
}

fn find_by_client_id(
    conn: &Connection,
    sender: UserId,
    client_id: ClientId,
) -> anyhow::Result<Option<SealedMessage>> {
    find(conn, FIND_BY_CLIENT_ID, [sender.as_bytes(), client_id.as_bytes()])
}

fn find(conn: &Connection, sql: &str, by: impl Params) -> anyhow::Result<Option<SealedMessage>> {
    let found = conn.prepare_cached(sql)?.query_row(by, |row| message_from(row, 0)).optional()?;
    let mut messages = Vec::from_iter(found);
    add_parts(conn, &mut messages)?;
    Ok(messages.pop())
}

fn list_window(
    conn: &Connection,
    room: RoomId,
    window: Window,
    limit: usize,
) -> anyhow::Result<HistoryPage> {
    let below = |seq, limit| {
        let (mut messages, more) = page(conn, LIST_BELOW, room, seq, limit)?;
        messages.reverse();
        anyhow::Ok((messages, more))
    };
    let from = |seq, limit| page(conn, LIST_FROM, room, seq, limit);
    let (mut messages, has_more) = match window {
        Window::Latest => below(u64::MAX, limit)?,
        Window::Before(seq) => below(seq, limit)?,
        Window::After(seq) => from(seq.saturating_add(1), limit)?,
        Window::Around(seq) => {
            let (mut messages, older) = below(seq, limit / 2)?;
            let (newer_messages, newer) = from(seq, limit - limit / 2)?;
            messages.extend(newer_messages);
            (messages, older || newer)
        }
    };
    add_parts(conn, &mut messages)?;
    Ok(HistoryPage { messages, has_more })
}

/// Up to `limit` messages from a place on, without their reactions and files, and whether there are more.
fn page(
    conn: &Connection,
    sql: &str,
    room: RoomId,
    place: u64,
    limit: usize,
) -> anyhow::Result<(Vec<SealedMessage>, bool)> {
    let mut statement = conn.prepare_cached(sql)?;
    let parameters = params![room.as_bytes(), number(place), length(limit + 1)];
    let messages = statement.query_map(parameters, |row| message_from(row, 0))?;
    let mut messages = messages.collect::<Result<Vec<_>, _>>()?;
    let has_more = messages.len() > limit;
    messages.truncate(limit);
    Ok((messages, has_more))
}

/// Gives messages that were read without them their reactions and files; one statement each for all.
pub(crate) fn add_parts<'m>(
    conn: &Connection,
    messages: impl IntoIterator<Item = &'m mut SealedMessage>,
) -> anyhow::Result<()> {
    let mut by_id: HashMap<_, _> =
        messages.into_iter().map(|message| (message.id, message)).collect();
    if by_id.is_empty() {
        return Ok(());
    }
    let ids = id_list(by_id.keys().map(MessageId::as_bytes));
    let mut statement = conn.prepare_cached(LIST_REACTIONS)?;
    let mut rows = statement.query([&ids])?;
    while let Some(row) = rows.next()? {
        let message = by_id.get_mut(&MessageId::from_bytes(row.get(0)?));
        message.context("a reaction nobody asked for")?.reactions.push(Reaction {
            emoji: parsed(row, 1, Emoji::parse)?,
            user: UserId::from_bytes(row.get(2)?),
        });
    }
    let mut statement = conn.prepare_cached(LIST_FILES)?;
    let mut rows = statement.query([&ids])?;
    while let Some(row) = rows.next()? {
        let message = by_id.get_mut(&MessageId::from_bytes(row.get(0)?));
        message.context("a file nobody asked for")?.attachments.push(AttachedFile {
            id: AttachmentId::from_bytes(row.get(1)?),
            details: SealedPayload::new(row.get(2)?),
        });
    }
    Ok(())
}

/// A message whose columns begin at `first`, or nothing, as an outer join leaves it.
pub(crate) fn maybe_message_from(
    row: &Row<'_>,
    first: usize,
) -> rusqlite::Result<Option<SealedMessage>> {
    let id: Option<[u8; 16]> = row.get(first)?;
    id.map(|_| message_from(row, first)).transpose()
}

/// A message whose columns begin at `first`, still without its reactions and files.
fn message_from(row: &Row<'_>, first: usize) -> rusqlite::Result<SealedMessage> {
    Ok(SealedMessage {
        id: MessageId::from_bytes(row.get(first)?),
        room: RoomId::from_bytes(row.get(first + 1)?),
        seq: count(row, first + 2)?,
        rev: count(row, first + 3)?,
        sender: UserId::from_bytes(row.get(first + 4)?),
        client_id: ClientId::from_bytes(row.get(first + 5)?),
        fingerprint: KeyedDigest::new(row.get(first + 6)?),
        body: row.get::<_, Option<_>>(first + 7)?.map(SealedBody::new),
        sent_at: moment(row, first + 8)?,
        edited_at: maybe_moment(row, first + 9)?,
        reply_to: row.get::<_, Option<_>>(first + 10)?.map(MessageId::from_bytes),
        reactions: Vec::new(),
        attachments: Vec::new(),
    })
}
