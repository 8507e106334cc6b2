//! Where the histories of the rooms end, while a transaction makes them longer.
use crate::rows::{count, millis, moment, number, participants};
use domain::{Timestamp, id::RoomId, room::Participants};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;

statements! {
    FIND_HEAD = "SELECT low, high, last_seq, rev, active_at FROM rooms WHERE id = ?1";
    WRITE_HEAD = "UPDATE rooms SET last_seq = ?2, rev = ?3, active_at = ?4 WHERE id = ?1";
    WRITE_ACTIVITY = "UPDATE members SET active_at = ?2 WHERE room = ?1";
}

/// The end of one room's history.
#[derive(Debug)]
pub(crate) struct Head {
    /// Who hears of what happens there.
    pub(crate) participants: Participants,
    last_seq: u64,
    rev: u64,
    active_at: Timestamp,
    altered: bool,
    extended: bool,
}

impl Head {
    /// The numbers of one more message: its `seq` and `rev`.
    pub(crate) fn extend(&mut self, sent_at: Timestamp) -> (u64, u64) {
        self.last_seq += 1;
        self.active_at = self.active_at.max(sent_at);
        self.extended = true;
        (self.last_seq, self.alter())
    }

    /// The `rev` of one more change.
    pub(crate) fn alter(&mut self) -> u64 {
        self.rev += 1;
        self.altered = true;
        self.rev
    }

    /// The numbers that the next message would get.
    pub(crate) fn next(&self) -> (u64, u64) {
        (self.last_seq + 1, self.rev + 1)
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            participants: participants(row, 0)?,
            last_seq: count(row, 2)?,
            rev: count(row, 3)?,
            active_at: moment(row, 4)?,
            altered: false,
            extended: false,
        })
    }
}

/// The heads that one transaction has met. Each room is read once and written once, however many
/// messages it gets. Nothing outlives the transaction: another process may write after it.
#[derive(Debug, Default)]
pub(crate) struct Heads(HashMap<RoomId, Head>);

impl Heads {
    /// The head of a room; `None` if there is no such room.
    pub(crate) fn of(
        &mut self,
        conn: &Connection,
        room: RoomId,
    ) -> rusqlite::Result<Option<&mut Head>> {
        use std::collections::hash_map::Entry;
        match self.0.entry(room) {
            Entry::Occupied(known) => Ok(Some(known.into_mut())),
            Entry::Vacant(vacant) => {
                let head = conn
                    .prepare_cached(FIND_HEAD)?
                    .query_row([room.as_bytes()], Head::from_row)
                    .optional()?;
                Ok(head.map(|head| vacant.insert(head)))
            }
        }
    }

    /// Writes back what has moved.
    pub(crate) fn settle(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        for (room, head) in &mut self.0 {
            let id = room.as_bytes();
            if std::mem::take(&mut head.altered) {
                conn.prepare_cached(WRITE_HEAD)?.execute(params![
                    id,
                    number(head.last_seq),
                    number(head.rev),
                    millis(head.active_at),
                ])?;
            }
            if std::mem::take(&mut head.extended) {
                conn.prepare_cached(WRITE_ACTIVITY)?
                    .execute(params![id, millis(head.active_at)])?;
            }
        }
        Ok(())
    }
}
