//! Between the values of the domain and those of `SQLite`.
use domain::{Timestamp, id::UserId, room::Participants};
use rusqlite::{Row, types::Type};

/// A moment, as a column keeps it.
pub(crate) fn millis(moment: Timestamp) -> i64 {
    moment.timestamp_millis()
}

/// A number, as a column keeps it. Beyond what a column holds there is nothing, so the greatest
/// it holds will do as well.
pub(crate) fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A length, as a `LIMIT` takes it.
pub(crate) fn length(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The moment in a column.
pub(crate) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    in_range(column, row.get(column)?)
}

/// The moment in a column that may be empty.
pub(crate) fn maybe_moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(|millis| in_range(column, millis)).transpose()
}

fn in_range(column: usize, millis: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_timestamp_millis(millis)
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(column, millis))
}

/// The count in a column.
pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// The text in a column, read by the domain's own parser.
pub(crate) fn parsed<T, E>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str()?;
    parse(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// The two people in a column and the next.
pub(crate) fn participants(row: &Row<'_>, low: usize) -> rusqlite::Result<Participants> {
    let [low_id, high_id] = [row.get(low)?, row.get(low + 1)?].map(UserId::from_bytes);
    Participants::pair(low_id, high_id).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(low, Type::Blob, Box::new(error))
    })
}

/// Ids as a JSON list of hex strings: one parameter for as many as there are. SQL takes it apart
/// with `unhex` and `json_each`.
pub(crate) fn id_list<'a>(ids: impl IntoIterator<Item = &'a [u8; 16]>) -> String {
    let mut list = String::from("[");
    for id in ids {
        if list.len() > 1 {
            list.push(',');
        }
        list.push('"');
        for byte in id {
            for nibble in [byte >> 4, byte & 15] {
                list.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        list.push('"');
    }
    list.push(']');
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_listed_in_hex() {
        let mut id = [0; 16];
        id[15] = 0xa7;
        assert_eq!(id_list([]), "[]");
        let hex = "000000000000000000000000000000a7";
        assert_eq!(id_list([&id, &id]), format!(r#"["{hex}","{hex}"]"#));
    }
}
