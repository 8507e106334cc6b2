use crate::{
    SqliteStore,
    messages::{add_parts, maybe_message_from},
    rows::{count, length, millis, moment, number, participants},
};
use application::ports::{OpenedRoom, RoomRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    attachment::LooseFile,
    history::Limit,
    id::{RoomId, UserId},
    room::{
        Cleared, DeliveredMark, NewRoom, Participants, Partner, Reached, ReadMark, Room,
        RoomCursor, RoomView, Standing,
    },
};
use rusqlite::{Connection, OptionalExtension, Row, params};

macro_rules! room_columns {
    () => {
        "r.id, r.low, r.high, r.last_seq, r.rev, r.created_at, r.active_at"
    };
}

/// A room from the side of `me`, with all that a list of rooms shows of it.
macro_rules! select_views {
    ($rest:literal) => {
        concat!(
            "SELECT ", room_columns!(), ", other.user, me.read_seq, other.read_seq,
                me.standing, other.standing, me.cleared_seq, me.cleared_rev, me.put_away_at,
                me.muted, me.delivered_seq, other.delivered_seq,
                (SELECT count(*) FROM messages u WHERE u.room = me.room AND u.sender = other.user
                    AND u.seq > max(me.read_seq, me.cleared_seq) AND u.sealed IS NOT NULL), ",
            message_columns!(),
            " FROM members me
              CROSS JOIN rooms r ON r.id = me.room
              CROSS JOIN members other ON other.room = me.room AND other.user <> me.user
              LEFT JOIN messages m ON m.room = me.room AND m.seq = r.last_seq ",
            $rest
        )
    };
}

/// Rooms with their heads, and whether something of the other's is above what `me` has.
macro_rules! select_undelivered {
    ($rest:literal) => {
        concat!(
            "SELECT me.room, r.last_seq, EXISTS (SELECT 1 FROM messages m WHERE m.room = me.room
                AND m.sender = CASE r.low WHEN me.user THEN r.high ELSE r.low END
                AND m.seq > max(me.delivered_seq, me.read_seq, me.cleared_seq)
                AND m.sealed IS NOT NULL)
             FROM members me CROSS JOIN rooms r ON r.id = me.room ",
            $rest
        )
    };
}

statements! {
    INSERT = "INSERT INTO rooms (id, low, high, last_seq, rev, created_at, active_at)
        VALUES (?1, ?2, ?3, 0, 0, ?4, ?4) ON CONFLICT (low, high) DO NOTHING";
    INSERT_MEMBER = "INSERT INTO members (room, user, read_seq, active_at, standing)
        VALUES (?1, ?2, 0, ?3, ?4)";
    FIND_BY_PAIR =
        concat!("SELECT ", room_columns!(), " FROM rooms r WHERE r.low = ?1 AND r.high = ?2");
    FIND_VIEW = select_views!("WHERE me.room = ?1 AND me.user = ?2");
    FIND_PARTICIPANTS = "SELECT low, high FROM rooms WHERE id = ?1";
    LIST_VIEWS = select_views!("WHERE me.user = ?1 AND me.standing < 2
            AND (me.active_at, me.room) < (?2, ?3)
        ORDER BY me.active_at DESC, me.room DESC LIMIT ?4");
    LIST_PARTNERS = "SELECT other.user, me.standing, other.standing FROM members me
        CROSS JOIN members other ON other.room = me.room AND other.user <> me.user
        WHERE me.user = ?1 AND me.standing < 2 ORDER BY me.active_at DESC, me.room DESC LIMIT ?2";
    FIND_STANDING = "SELECT standing FROM members WHERE room = ?1 AND user = ?2";
    CHANGE_STANDING = "UPDATE members SET standing = ?4
        WHERE room = ?1 AND user = ?2 AND standing = ?3";
    FIND_MARK = "SELECT me.read_seq, r.last_seq FROM members me JOIN rooms r ON r.id = me.room
        WHERE me.room = ?1 AND me.user = ?2";
    FIND_CLEARED = "SELECT cleared_seq, cleared_rev FROM members WHERE room = ?1 AND user = ?2";
    CLEAR = "UPDATE members SET (cleared_seq, cleared_rev, put_away_at) =
            (SELECT r.last_seq, r.rev, r.last_seq FROM rooms r WHERE r.id = ?1)
        WHERE room = ?1 AND user = ?2";
    CLEARED_BY_BOTH = "SELECT min(cleared_seq) FROM members WHERE room = ?1";
    NOTE_TO_EMPTY = "INSERT INTO rooms_to_empty (room, up_to, emptied) VALUES (?1, ?2, 0)
        ON CONFLICT (room) DO UPDATE SET up_to = max(up_to, excluded.up_to)";
    FIND_TO_EMPTY = "SELECT room, up_to, emptied FROM rooms_to_empty WHERE room > x''
        ORDER BY room LIMIT 1";
    EMPTY_REACTIONS = "DELETE FROM reactions WHERE message IN
        (SELECT id FROM messages WHERE room = ?1 AND seq > ?2 AND seq <= ?3)";
    LOOSEN_EMPTIED = "UPDATE attachments SET loose_since = ?4 WHERE doomed = 0 AND id IN
        (SELECT attachment FROM message_attachments WHERE message IN
        (SELECT id FROM messages WHERE room = ?1 AND seq > ?2 AND seq <= ?3))";
    EMPTY_FILES = "DELETE FROM message_attachments WHERE message IN
        (SELECT id FROM messages WHERE room = ?1 AND seq > ?2 AND seq <= ?3)";
    EMPTY = "UPDATE messages SET sealed = NULL, edited_at = NULL, reply_to = NULL
        WHERE room = ?1 AND seq > ?2 AND seq <= ?3";
    NOTE_EMPTIED = "UPDATE rooms_to_empty SET emptied = ?2 WHERE room = ?1";
    FORGET_EMPTIED = "DELETE FROM rooms_to_empty WHERE room = ?1 AND emptied >= up_to";
    BRING_BACK = "UPDATE members SET put_away_at = NULL WHERE room = ?1 AND user = ?2";
    LIST_UNDELIVERED = select_undelivered!("WHERE me.user = ?1 AND me.standing < 2
        ORDER BY me.active_at DESC, me.room DESC LIMIT ?2");
    FIND_UNDELIVERED =
        select_undelivered!("WHERE me.user = ?1 AND me.standing < 2 AND me.room = ?2");
    FIND_DELIVERED = "SELECT me.delivered_seq, me.standing, r.last_seq, r.low, r.high
        FROM members me JOIN rooms r ON r.id = me.room WHERE me.room = ?1 AND me.user = ?2";
    MOVE_DELIVERED = "UPDATE members SET delivered_seq = ?3 WHERE room = ?1 AND user = ?2";
    SET_MUTED = "UPDATE members SET muted = ?3 WHERE room = ?1 AND user = ?2 AND muted <> ?3";
    MOVE_MARK = "UPDATE members SET read_seq = ?3 WHERE room = ?1 AND user = ?2";
}

#[async_trait]
impl RoomRepository for SqliteStore {
    async fn open(&self, room: NewRoom) -> Result<OpenedRoom, Unavailable> {
        self.write(move |conn| open(conn, &room)).await
    }

    async fn find(&self, room: RoomId, user: UserId) -> Result<Option<RoomView>, Unavailable> {
        self.read(move |conn| {
            let found = conn
                .prepare_cached(FIND_VIEW)?
                .query_row([room.as_bytes(), user.as_bytes()], view)
                .optional()?;
            let mut views = Vec::from_iter(found);
            add_parts_to_last(conn, &mut views)?;
            Ok(views.pop())
        })
        .await
    }

    async fn find_participants(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Participants>, Unavailable> {
        let known = match self.known_rooms().find(room) {
            Some(known) => Some(known),
            None => self.look_up_participants(room).await?,
        };
        Ok(known.filter(|pair| pair.includes(user)))
    }

    async fn find_standing(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Standing>, Unavailable> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(FIND_STANDING)?;
            let member = [room.as_bytes(), user.as_bytes()];
            Ok(statement.query_row(member, |row| standing(row, 0)).optional()?)
        })
        .await
    }

    async fn change_standing(
        &self,
        room: RoomId,
        user: UserId,
        from: &[Standing],
        to: Standing,
    ) -> Result<bool, Unavailable> {
        let from = from.to_vec();
        self.write(move |conn| {
            let mut statement = conn.prepare_cached(CHANGE_STANDING)?;
            for from in &from {
                let change = params![room.as_bytes(), user.as_bytes(), code(*from), code(to)];
                if statement.execute(change)? == 1 {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }

    async fn list_by_user(
        &self,
        user: UserId,
        behind: Option<RoomCursor>,
        limit: Limit,
    ) -> Result<Vec<RoomView>, Unavailable> {
        let (active_at, room) = behind.map_or((i64::MAX, [0; 16]), |cursor| {
            (millis(cursor.active_at), *cursor.room.as_bytes())
        });
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(LIST_VIEWS)?;
            let parameters = params![user.as_bytes(), active_at, room, length(limit.as_usize())];
            let views = statement.query_map(parameters, view)?;
            let mut views = views.collect::<Result<Vec<_>, _>>()?;
            add_parts_to_last(conn, &mut views)?;
            Ok(views)
        })
        .await
    }

    async fn list_partners(&self, user: UserId, limit: Limit) -> Result<Vec<Partner>, Unavailable> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(LIST_PARTNERS)?;
            let parameters = params![user.as_bytes(), length(limit.as_usize())];
            let partners = statement.query_map(parameters, partner)?;
            Ok(partners.collect::<Result<Vec<_>, _>>()?)
        })
        .await
    }

    async fn mark_read_up_to(
        &self,
        room: RoomId,
        user: UserId,
        seq: u64,
    ) -> Result<Option<ReadMark>, Unavailable> {
        self.write(move |conn| mark_read_up_to(conn, room, user, seq)).await
    }

    async fn list_undelivered(
        &self,
        user: UserId,
        only: Option<RoomId>,
        limit: Limit,
    ) -> Result<Vec<Reached>, Unavailable> {
        self.read(move |conn| {
            let waits = |row: &Row<'_>| {
                let room = RoomId::from_bytes(row.get(0)?);
                Ok((Reached { user, room, seq: count(row, 1)? }, row.get::<_, bool>(2)?))
            };
            let found: Vec<(Reached, bool)> = match only {
                None => conn
                    .prepare_cached(LIST_UNDELIVERED)?
                    .query_map(params![user.as_bytes(), length(limit.as_usize())], waits)?
                    .collect::<Result<_, _>>()?,
                Some(room) => conn
                    .prepare_cached(FIND_UNDELIVERED)?
                    .query_map([user.as_bytes(), room.as_bytes()], waits)?
                    .collect::<Result<_, _>>()?,
            };
            Ok(found.into_iter().filter_map(|(reached, waits)| waits.then_some(reached)).collect())
        })
        .await
    }

    async fn mark_delivered(&self, reached: &[Reached]) -> Result<Vec<DeliveredMark>, Unavailable> {
        let reached = reached.to_vec();
        self.write(move |conn| {
            let marks = reached.iter().map(|reached| mark_delivered(conn, *reached));
            Ok(marks.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
        .await
    }

    async fn clear(&self, room: RoomId, user: UserId) -> Result<Option<Cleared>, Unavailable> {
        self.write(move |conn| clear(conn, room, user)).await
    }

    async fn find_cleared(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Cleared>, Unavailable> {
        self.read(move |conn| find_cleared(conn, room, user)).await
    }

    async fn bring_back(&self, room: RoomId, user: UserId) -> Result<(), Unavailable> {
        self.write(move |conn| {
            conn.prepare_cached(BRING_BACK)?.execute([room.as_bytes(), user.as_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn set_muted(
        &self,
        room: RoomId,
        user: UserId,
        muted: bool,
    ) -> Result<Option<bool>, Unavailable> {
        if self.find_participants(room, user).await?.is_none() {
            return Ok(None);
        }
        self.write(move |conn| {
            let change = params![room.as_bytes(), user.as_bytes(), muted];
            Ok(Some(conn.prepare_cached(SET_MUTED)?.execute(change)? == 1))
        })
        .await
    }

    async fn empty_cleared(&self, limit: Limit) -> Result<bool, Unavailable> {
        self.write(move |conn| empty_cleared(conn, limit)).await
    }
}

impl SqliteStore {
    async fn look_up_participants(
        &self,
        room: RoomId,
    ) -> Result<Option<Participants>, Unavailable> {
        let found = self.read(move |conn| {
            let mut statement = conn.prepare_cached(FIND_PARTICIPANTS)?;
            Ok(statement.query_row([room.as_bytes()], |row| participants(row, 0)).optional()?)
        });
        let found = found.await?;
        if let Some(pair) = found {
            self.known_rooms().note(room, pair);
        }
        Ok(found)
    }
}

fn open(conn: &Connection, new: &NewRoom) -> anyhow::Result<OpenedRoom> {
    let [low, high] = new.participants.both();
    let (id, now) = (new.id.as_bytes(), millis(new.created_at));
    let made =
        conn.prepare_cached(INSERT)?.execute(params![id, low.as_bytes(), high.as_bytes(), now])?;
    let created = made == 1;
    if created {
        for user in [low, high] {
            let standing = if user == new.opener { Standing::Open } else { new.other };
            let member = params![id, user.as_bytes(), now, code(standing)];
            conn.prepare_cached(INSERT_MEMBER)?.execute(member)?;
        }
    }
    let room =
        conn.prepare_cached(FIND_BY_PAIR)?.query_row([low.as_bytes(), high.as_bytes()], room)?;
    Ok(OpenedRoom { room, created })
}

fn mark_read_up_to(
    conn: &Connection,
    room: RoomId,
    user: UserId,
    seq: u64,
) -> anyhow::Result<Option<ReadMark>> {
    let found = conn
        .prepare_cached(FIND_MARK)?
        .query_row([room.as_bytes(), user.as_bytes()], |row| Ok((count(row, 0)?, count(row, 1)?)))
        .optional()?;
    let Some((current, head)) = found else {
        return Ok(None);
    };
    let mark = ReadMark::advance(current, seq, head);
    if mark.moved {
        conn.prepare_cached(MOVE_MARK)?.execute(params![
            room.as_bytes(),
            user.as_bytes(),
            number(mark.seq)
        ])?;
    }
    Ok(Some(mark))
}

fn mark_delivered(conn: &Connection, wanted: Reached) -> anyhow::Result<Option<DeliveredMark>> {
    let Reached { user, room, .. } = wanted;
    let mut statement = conn.prepare_cached(FIND_DELIVERED)?;
    let found = statement.query_row([room.as_bytes(), user.as_bytes()], |row| {
        Ok((count(row, 0)?, standing(row, 1)?, count(row, 2)?, participants(row, 3)?))
    });
    let Some((current, standing, head, participants)) = found.optional()? else {
        return Ok(None);
    };
    let Some(seq) = wanted.moves(current, head) else {
        return Ok(None);
    };
    let mark = params![room.as_bytes(), user.as_bytes(), number(seq)];
    conn.prepare_cached(MOVE_DELIVERED)?.execute(mark)?;
    let reached = Reached { seq, ..wanted };
    Ok(Some(DeliveredMark { reached, participants, standing }))
}

fn clear(conn: &Connection, room: RoomId, user: UserId) -> anyhow::Result<Option<Cleared>> {
    let member = [room.as_bytes(), user.as_bytes()];
    conn.prepare_cached(CLEAR)?.execute(member)?;
    let by_both = conn
        .prepare_cached(CLEARED_BY_BOTH)?
        .query_row([room.as_bytes()], |row| row.get::<_, Option<i64>>(0))?;
    if let Some(up_to) = by_both.filter(|seq| *seq > 0) {
        conn.prepare_cached(NOTE_TO_EMPTY)?.execute(params![room.as_bytes(), up_to])?;
    }
    find_cleared(conn, room, user)
}

fn find_cleared(conn: &Connection, room: RoomId, user: UserId) -> anyhow::Result<Option<Cleared>> {
    let mut statement = conn.prepare_cached(FIND_CLEARED)?;
    let member = [room.as_bytes(), user.as_bytes()];
    Ok(statement.query_row(member, |row| cleared(row, 0)).optional()?)
}

/// The next messages of one room that both have cleared.
fn empty_cleared(conn: &Connection, limit: Limit) -> anyhow::Result<bool> {
    let next = conn.prepare_cached(FIND_TO_EMPTY)?.query_row([], |row| {
        Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    let Some((room, up_to, emptied)) = next.optional()? else {
        return Ok(false);
    };
    let end = up_to.min(emptied.saturating_add(length(limit.as_usize())));
    let long_ago = millis(LooseFile::LONG_AGO);
    conn.prepare_cached(LOOSEN_EMPTIED)?.execute(params![room, emptied, end, long_ago])?;
    for statement in [EMPTY_REACTIONS, EMPTY_FILES, EMPTY] {
        conn.prepare_cached(statement)?.execute(params![room, emptied, end])?;
    }
    conn.prepare_cached(NOTE_EMPTIED)?.execute(params![room, end])?;
    conn.prepare_cached(FORGET_EMPTIED)?.execute([room])?;
    Ok(true)
}

/// One statement for however many rooms.
fn add_parts_to_last(conn: &Connection, views: &mut [RoomView]) -> anyhow::Result<()> {
    add_parts(conn, views.iter_mut().filter_map(|view| view.last_message.as_mut()))
}

fn room(row: &Row<'_>) -> rusqlite::Result<Room> {
    Ok(Room {
        id: RoomId::from_bytes(row.get(0)?),
        participants: participants(row, 1)?,
        last_seq: count(row, 3)?,
        rev: count(row, 4)?,
        created_at: moment(row, 5)?,
        active_at: moment(row, 6)?,
    })
}

fn view(row: &Row<'_>) -> rusqlite::Result<RoomView> {
    Ok(RoomView {
        room: room(row)?,
        other: UserId::from_bytes(row.get(7)?),
        read_seq: count(row, 8)?,
        other_read_seq: count(row, 9)?,
        standing: standing(row, 10)?,
        other_standing: standing(row, 11)?,
        cleared: cleared(row, 12)?,
        put_away_at: row.get::<_, Option<i64>>(14)?.map(|_| count(row, 14)).transpose()?,
        muted: row.get(15)?,
        delivered_seq: count(row, 16)?,
        other_delivered_seq: count(row, 17)?,
        unread: count(row, 18)?,
        last_message: maybe_message_from(row, 19)?,
    })
}

fn cleared(row: &Row<'_>, first: usize) -> rusqlite::Result<Cleared> {
    Ok(Cleared { seq: count(row, first)?, rev: count(row, first + 1)? })
}

fn partner(row: &Row<'_>) -> rusqlite::Result<Partner> {
    Ok(Partner {
        user: UserId::from_bytes(row.get(0)?),
        mine: standing(row, 1)?,
        theirs: standing(row, 2)?,
    })
}

/// How a standing is stored; queries for what is in sight know that 2 is not.
fn code(standing: Standing) -> i64 {
    match standing {
        Standing::Open => 0,
        Standing::Request => 1,
        Standing::Declined => 2,
    }
}

fn standing(row: &Row<'_>, column: usize) -> rusqlite::Result<Standing> {
    match row.get(column)? {
        0_i64 => Ok(Standing::Open),
        1 => Ok(Standing::Request),
        2 => Ok(Standing::Declined),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}
