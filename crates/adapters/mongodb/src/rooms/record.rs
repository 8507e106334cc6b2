//! A room as a document keeps it.
use crate::bson::{array, count, moment};
use anyhow::anyhow;
use domain::{
    Timestamp,
    id::{RoomId, UserId},
    room::{Cleared, Participants, Standing},
};
use mongodb::bson::{Binary, DateTime};
use serde::Deserialize;

/// The collection they are in.
pub(crate) const ROOMS: &str = "rooms";

/// A room, without what only queries ask for (`participants`: both, for lists; `changed_at`: when,
/// by the server's clock, something was last about to be stored).
#[derive(Debug, Deserialize)]
pub(crate) struct RoomRecord {
    #[serde(rename = "_id")]
    id: Binary,
    low: Binary,
    high: Binary,
    created_at: DateTime,
    active_at: DateTime,
    /// No change has a greater `rev`.
    rev_bound: i64,
    /// Up to where the low participant has read.
    #[serde(default)]
    read_low: PlaceRecord,
    /// Up to where the high one has.
    #[serde(default)]
    read_high: PlaceRecord,
    /// Up to where it reached a device of the low participant.
    #[serde(default)]
    delivered_low: i64,
    /// Up to where it reached one of the high one.
    #[serde(default)]
    delivered_high: i64,
    /// What the low participant took out of their sight.
    #[serde(default)]
    cleared_low: ClearedRecord,
    /// What the high one did.
    #[serde(default)]
    cleared_high: ClearedRecord,
    /// `seq` of the newest message when the low participant put it away.
    #[serde(default)]
    put_away_low: Option<i64>,
    /// When the high one did.
    #[serde(default)]
    put_away_high: Option<i64>,
    /// Whether the low participant muted it.
    #[serde(default)]
    muted_low: bool,
    /// Whether the high one did.
    #[serde(default)]
    muted_high: bool,
    /// How the low participant stands to it.
    #[serde(default)]
    standing_low: StandingRecord,
    /// How the high one does.
    #[serde(default)]
    standing_high: StandingRecord,
    /// No deleted message of the low participant has a greater `seq`.
    #[serde(default)]
    deleted_low: i64,
    /// The same of the high one.
    #[serde(default)]
    deleted_high: i64,
}

/// What is kept of a side only once there is something to keep.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PlaceRecord {
    seq: i64,
    low_count: i64,
}

impl PlaceRecord {
    pub(super) fn place(&self) -> anyhow::Result<Place> {
        Ok(Place { seq: count(self.seq)?, low_count: count(self.low_count)? })
    }
}

#[derive(Debug, Default, Deserialize)]
struct ClearedRecord {
    seq: i64,
    low_count: i64,
    rev: i64,
}

/// How somebody stands to a room; kept only where it is not the usual way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StandingRecord {
    #[default]
    Open,
    Request,
    Declined,
}

impl From<Standing> for StandingRecord {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Open => Self::Open,
            Standing::Request => Self::Request,
            Standing::Declined => Self::Declined,
        }
    }
}

impl From<StandingRecord> for Standing {
    fn from(record: StandingRecord) -> Self {
        match record {
            StandingRecord::Open => Self::Open,
            StandingRecord::Request => Self::Request,
            StandingRecord::Declined => Self::Declined,
        }
    }
}

impl StandingRecord {
    /// As queries write it.
    pub(crate) fn stored(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Request => "request",
            Self::Declined => "declined",
        }
    }
}

/// A place in a history, with what is counted up to there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: u64,
    /// How many of the messages up to there the room's low participant sent.
    pub(crate) low_count: u64,
}

impl Place {
    /// How many of the messages up to there one of the two sent.
    pub(crate) fn sent_by(self, is_low: bool) -> u64 {
        if is_low { self.low_count } else { self.seq.saturating_sub(self.low_count) }
    }
}

impl RoomRecord {
    pub(crate) fn id(&self) -> anyhow::Result<RoomId> {
        Ok(RoomId::from_bytes(array(&self.id)?))
    }

    pub(crate) fn participants(&self) -> anyhow::Result<Participants> {
        participants(&self.low, &self.high)
    }

    pub(crate) fn created_at(&self) -> anyhow::Result<Timestamp> {
        moment(self.created_at)
    }

    pub(crate) fn active_at(&self) -> anyhow::Result<Timestamp> {
        moment(self.active_at)
    }

    pub(crate) fn rev_bound(&self) -> anyhow::Result<u64> {
        count(self.rev_bound)
    }

    /// Up to where one of the two has read.
    pub(crate) fn read(&self, is_low: bool) -> anyhow::Result<Place> {
        if is_low { self.read_low.place() } else { self.read_high.place() }
    }

    /// Up to where it reached a device of one of the two.
    pub(crate) fn delivered(&self, is_low: bool) -> anyhow::Result<u64> {
        count(if is_low { self.delivered_low } else { self.delivered_high })
    }

    /// What one of the two took out of their sight.
    pub(crate) fn cleared(&self, is_low: bool) -> anyhow::Result<Cleared> {
        let record = self.cleared_record(is_low);
        Ok(Cleared { seq: count(record.seq)?, rev: count(record.rev)? })
    }

    /// Where one of the two begins to count what is unread: behind what they read or cleared,
    /// whichever is further.
    pub(crate) fn counted(&self, is_low: bool) -> anyhow::Result<Place> {
        let (read, cleared) = (self.read(is_low)?, self.cleared_record(is_low));
        let cleared = Place { seq: count(cleared.seq)?, low_count: count(cleared.low_count)? };
        Ok(if cleared.seq > read.seq { cleared } else { read })
    }

    /// Where one of the two put it away.
    pub(crate) fn put_away_at(&self, is_low: bool) -> anyhow::Result<Option<u64>> {
        let seq = if is_low { self.put_away_low } else { self.put_away_high };
        seq.map(count).transpose()
    }

    fn cleared_record(&self, is_low: bool) -> &ClearedRecord {
        if is_low { &self.cleared_low } else { &self.cleared_high }
    }

    /// Whether one of the two muted it.
    pub(crate) fn is_muted(&self, is_low: bool) -> bool {
        if is_low { self.muted_low } else { self.muted_high }
    }

    /// How one of the two stands to it.
    pub(crate) fn standing(&self, is_low: bool) -> Standing {
        if is_low { self.standing_low.into() } else { self.standing_high.into() }
    }

    /// No deleted message of one of the two has a greater `seq`.
    pub(crate) fn deleted_bound(&self, is_low: bool) -> anyhow::Result<u64> {
        count(if is_low { self.deleted_low } else { self.deleted_high })
    }
}

/// The two people of a room.
pub(crate) fn participants(low: &Binary, high: &Binary) -> anyhow::Result<Participants> {
    let [low, high] = [UserId::from_bytes(array(low)?), UserId::from_bytes(array(high)?)];
    Participants::pair(low, high).map_err(|_| anyhow!("a stored room has one person"))
}
