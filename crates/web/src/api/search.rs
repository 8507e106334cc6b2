//! Looking for words in one's messages.
use super::{Area, rooms::parse_room, shapes::MessageShape};
use crate::{gate::Me, problem::Problem};
use application::chat::{LaneCursor, SearchCursor, SearchFrom, SearchMessages};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Timestamp,
    id::RoomId,
    room::RoomCursor,
    search::{InvalidTerm, SearchTerm},
};
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};

/// Searching.
pub struct SearchApi {
    /// Does it.
    pub search_messages: SearchMessages,
}

/// A message that was found.
#[derive(Object)]
struct Hit {
    /// As it is now.
    message: MessageShape,
    /// Id of the room it is in.
    room: String,
}

/// A part of what was found.
#[derive(Object)]
struct Hits {
    /// Newest first; may be empty although there are more.
    hits: Vec<Hit>,
    /// Asks for the next part; null once everything was looked at.
    #[oai(nullable)]
    cursor: Option<String>,
}

#[OpenApi(tag = "Area::Messages")]
impl SearchApi {
    /// Search one's messages
    ///
    /// What has the words somewhere, in one's rooms or in one of them; neither case nor accents
    /// count. A call looks at a bounded part of the history: as long as there is a cursor, there may
    /// be more, however few were found.
    #[oai(path = "/search", method = "get", operation_id = "search_messages")]
    async fn search(
        &self,
        me: Me,
        /// 1 to 200 characters, to be found as they are.
        query: Query<String>,
        /// Only in this room.
        room: Query<Option<String>>,
        /// From the part before; the same query goes with it, and the room is known from it.
        cursor: Query<Option<String>>,
    ) -> Result<Json<Hits>, Problem> {
        let term = SearchTerm::parse(&query.0)
            .map_err(|error| Problem::invalid_field("query", term_code(error), error))?;
        let from = parse_from(room.0.as_deref(), cursor.0.as_deref())?;
        let found = self.search_messages.execute(me.user, &term, from).await?;
        let hits = found
            .messages
            .into_iter()
            .map(|message| Hit { room: message.message.room.to_string(), message: message.into() });
        let cursor = found.next.map(|cursor| write_cursor(&cursor));
        Ok(Json(Hits { hits: hits.collect(), cursor }))
    }
}

fn term_code(error: InvalidTerm) -> &'static str {
    match error {
        InvalidTerm::Empty => "empty",
        InvalidTerm::TooLong => "too_long",
    }
}

fn parse_from(room: Option<&str>, cursor: Option<&str>) -> Result<SearchFrom, Problem> {
    if let Some(cursor) = cursor {
        let invalid = || Problem::invalid_field("cursor", "invalid", "this is no cursor of ours");
        return read_cursor(cursor).map(SearchFrom::Cursor).ok_or_else(invalid);
    }
    match room {
        None => Ok(SearchFrom::AllRooms),
        Some(room) => parse_room(room).map(SearchFrom::Room),
    }
}

/// A cursor as text. Its bytes: whether further rooms follow (then the moment in milliseconds and
/// the id of the room they follow), and of each room its id and a `seq`; numbers big-endian.
fn write_cursor(cursor: &SearchCursor) -> String {
    let mut bytes = Vec::new();
    bytes.push(u8::from(cursor.behind.is_some()));
    if let Some(RoomCursor { active_at, room }) = cursor.behind {
        bytes.extend(active_at.timestamp_millis().to_be_bytes());
        bytes.extend(room.as_bytes());
    }
    for LaneCursor { room, before } in &cursor.lanes {
        bytes.extend(room.as_bytes());
        bytes.extend(before.to_be_bytes());
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A cursor back from its text. What it says of rooms is checked where it is used.
fn read_cursor(text: &str) -> Option<SearchCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (follows, mut rest) = bytes.split_first()?;
    let behind = match follows {
        0 => None,
        1 => {
            let (millis, room) = (take(&mut rest)?, take(&mut rest)?);
            let active_at = Timestamp::from_timestamp_millis(i64::from_be_bytes(millis))?;
            Some(RoomCursor { active_at, room: RoomId::from_bytes(room) })
        }
        _ => return None,
    };
    let mut lanes = Vec::new();
    while !rest.is_empty() {
        let (room, before) = (take(&mut rest)?, take(&mut rest)?);
        lanes.push(LaneCursor {
            room: RoomId::from_bytes(room),
            before: u64::from_be_bytes(before),
        });
    }
    (lanes.len() <= SearchMessages::ROOMS_AT_ONCE).then_some(SearchCursor { lanes, behind })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(n: u8) -> Vec<LaneCursor> {
        (0..n)
            .map(|n| LaneCursor { room: RoomId::from_bytes([n; 16]), before: u64::from(n) + 1 })
            .collect()
    }

    #[test]
    fn a_cursor_reads_back_from_its_text() {
        let active_at = Timestamp::from_timestamp_millis(1_700_000_000_123).expect("in range");
        let behind = Some(RoomCursor { active_at, room: RoomId::from_bytes([4; 16]) });
        for cursor in [
            SearchCursor { lanes: lanes(0), behind },
            SearchCursor { lanes: lanes(1), behind: None },
            SearchCursor { lanes: lanes(32), behind },
        ] {
            assert_eq!(read_cursor(&write_cursor(&cursor)), Some(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let too_many = write_cursor(&SearchCursor { lanes: lanes(33), behind: None });
        for text in ["", "=", "!", "Ag", "AQ", "AAE", &*too_many] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
    }
}
