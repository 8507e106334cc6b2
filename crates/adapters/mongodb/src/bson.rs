//! Between the values of the domain and those of BSON.
use anyhow::{Context, anyhow};
use domain::Timestamp;
use mongodb::bson::{Binary, DateTime, spec::BinarySubtype};

/// An id, as a document keeps it: tools show it as the UUID that it is.
pub(crate) fn id(bytes: &[u8; 16]) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: bytes.to_vec() }
}

/// Bytes without a meaning of their own: digests, sealed content.
pub(crate) fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

/// The bytes of an id or of a digest, which are always so many.
pub(crate) fn array<const N: usize>(binary: &Binary) -> anyhow::Result<[u8; N]> {
    let stored = binary.bytes.as_slice();
    stored.try_into().map_err(|_| anyhow!("{} bytes are stored where {N} belong", stored.len()))
}

/// A moment, as a document keeps it: in whole milliseconds.
pub(crate) fn date(moment: Timestamp) -> DateTime {
    DateTime::from_millis(moment.timestamp_millis())
}

/// The moment of a date.
pub(crate) fn moment(date: DateTime) -> anyhow::Result<Timestamp> {
    Timestamp::from_timestamp_millis(date.timestamp_millis())
        .context("a stored date is beyond all time")
}

/// A number, as a document keeps it. Beyond what it holds there is nothing, so the greatest it
/// holds will do as well.
pub(crate) fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The count that a stored number is.
pub(crate) fn count(n: i64) -> anyhow::Result<u64> {
    u64::try_from(n).context("a stored count is negative")
}

/// A length, as a limit takes it; 0 would mean none.
pub(crate) fn length(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_another_length_is_no_id() {
        assert_eq!(array::<16>(&id(&[7; 16])).ok(), Some([7; 16]));
        assert!(array::<16>(&binary(&[7; 15])).is_err());
    }

    #[test]
    fn a_moment_reads_back_to_the_millisecond() {
        let at = Timestamp::from_timestamp_millis(1_700_000_000_123).expect("a moment");
        assert_eq!(moment(date(at)).ok(), Some(at));
        assert!(moment(DateTime::MAX).is_err());
    }

    #[test]
    fn a_count_beyond_what_is_held_stays_the_greatest() {
        assert_eq!(number(u64::MAX), i64::MAX);
        assert_eq!(count(7).ok(), Some(7));
        assert!(count(-1).is_err());
    }
}
