//! What a client holds of a room, and whether it came to it as it was promised.
use super::ledger::place;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// Within this, a change is announced or covered by a resync.
pub const ANNOUNCED_WITHIN: Duration = Duration::from_secs(10);

/// The newest version of each message that a client has heard of, and how far it has asked.
#[derive(Clone, Debug, Default)]
pub struct Holding {
    known: BTreeMap<u64, Value>,
    position: u64,
    news: Vec<News>,
}

/// When a client first held a version of a message.
#[derive(Clone, Debug)]
struct News {
    at: Duration,
    seq: u64,
    rev: u64,
}

impl Holding {
    /// What `changes` said last that it was read up to.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes a version of a message, from wherever it came.
    pub fn take(&mut self, message: &Value, at: Duration) {
        let (seq, rev) = place(message);
        let known = self.known.entry(seq).or_default();
        if known["rev"].as_u64() < Some(rev) {
            *known = message.clone();
            self.news.push(News { at, seq, rev });
        }
    }

    /// Takes an answer of `changes` to the position, which it moves; what is wrong with it.
    pub fn take_page(&mut self, page: &Value, at: Duration) -> Vec<String> {
        let mut faults = Vec::new();
        let mut last = self.position;
        let messages = page["messages"].as_array().expect("a list");
        for message in messages {
            let (_, rev) = place(message);
            if rev <= last {
                faults.push(format!("after rev {last} came {message}"));
            }
            last = last.max(rev);
            self.take(message, at);
        }
        if page["rev"] != last {
            faults.push(format!("{last} was read, and the position is {}", page["rev"]));
        }
        if page["has_more"] == true && messages.is_empty() {
            faults.push(format!("there is more, and nothing is given: {page}"));
        }
        self.position = last;
        faults
    }

    /// In what it differs from a history.
    pub fn faults_of(&self, history: &[Value]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut rest = self.known.clone();
        for message in history {
            match rest.remove(&place(message).0) {
                Some(held) if held == *message => {}
                Some(held) => faults.push(format!("holds {held} instead of {message}")),
                None => faults.push(format!("lacks {message}")),
            }
        }
        faults.extend(rest.values().map(|held| format!("holds {held}, which is not there")));
        faults
    }

    fn has_by(&self, told: &Told, deadline: Duration) -> bool {
        let mut news = self.news.iter().take_while(|news| news.at <= deadline);
        news.any(|news| news.seq == told.seq && news.rev >= told.rev)
    }
}

/// The order in which one connection's frames came.
#[derive(Debug, Default)]
pub struct Order {
    /// The last rev of each room.
    last: HashMap<String, u64>,
}

impl Order {
    /// A `message` frame came that answers to nothing; what is wrong with that.
    pub fn follow(&mut self, message: &Value) -> Option<String> {
        let (_, rev) = place(message);
        let room = message["room"].as_str().expect("a room").to_owned();
        let last = self.last.insert(room, rev).unwrap_or(0);
        (rev <= last).then(|| format!("rev {last} was followed by {message}"))
    }
}

/// A change that was acknowledged.
#[derive(Clone, Debug)]
pub struct Told {
    /// When it was asked for.
    pub asked: Duration,
    /// When that was answered.
    pub at: Duration,
    /// Of which message.
    pub seq: u64,
    /// Which change.
    pub rev: u64,
}

/// When somebody could hear.
#[derive(Clone, Debug, Default)]
pub struct Hearing {
    /// From `ready` to the end of each connection; the last one may go on.
    pub connected: Vec<(Duration, Option<Duration>)>,
    /// When they were told that something may have been lost.
    pub resyncs: Vec<Duration>,
}

impl Hearing {
    /// Connected all the time.
    fn covers(&self, from: Duration, to: Duration) -> bool {
        let through = |span: &(Duration, Option<Duration>)| {
            span.0 <= from && span.1.is_none_or(|end| end > to)
        };
        self.connected.iter().any(through)
    }
}

/// The changes that did not reach a socket in time although it stood and the store was there, in
/// words, and how many there were to reach it.
pub fn late(
    told: &[Told],
    holding: &Holding,
    hearing: &Hearing,
    outages: &[(Duration, Duration)],
    until: Duration,
) -> (Vec<String>, usize) {
    let due: Vec<(&Told, Duration)> = told
        .iter()
        .map(|told| (told, told.at + ANNOUNCED_WITHIN))
        .filter(|(told, deadline)| {
            let hindered = |(from, to): &(_, _)| *from < *deadline && *to > told.asked;
            *deadline <= until
                && hearing.covers(told.asked, *deadline)
                && !outages.iter().any(hindered)
        })
        .collect();
    let late = due.iter().filter(|(told, deadline)| {
        let resynced = |at: &Duration| *at >= told.at && at <= deadline;
        !holding.has_by(told, *deadline) && !hearing.resyncs.iter().any(resynced)
    });
    let late = late.map(|(told, _)| format!("heard too late or never of {told:?}")).collect();
    (late, due.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn message(seq: u64, rev: u64) -> Value {
        json!({"room": "r", "seq": seq, "rev": rev})
    }

    fn page(messages: &[Value], rev: u64) -> Value {
        json!({"messages": messages, "rev": rev, "has_more": false})
    }

    #[test]
    fn pages_that_go_on_where_the_last_one_ended_are_without_fault() {
        let mut holding = Holding::default();
        assert_eq!(holding.take_page(&page(&[message(1, 1), message(2, 3)], 3), at(0)), [""; 0]);
        assert_eq!(holding.take_page(&page(&[], 3), at(0)), [""; 0]);
        assert_eq!(holding.take_page(&page(&[message(1, 4)], 4), at(0)), [""; 0]);
        assert_eq!(holding.faults_of(&[message(1, 4), message(2, 3)]), [""; 0]);
    }

    #[test]
    fn a_rev_that_comes_late_or_out_of_order_is_found() {
        let mut holding = Holding::default();
        holding.take_page(&page(&[message(1, 5)], 5), at(0));
        let late = holding.take_page(&page(&[message(2, 4)], 5), at(0)).join("\n");
        assert!(late.contains("after rev 5 came"), "{late}");
        let unordered = holding.take_page(&page(&[message(3, 8), message(4, 7)], 8), at(0));
        assert!(unordered.join("\n").contains("after rev 8 came"), "{unordered:?}");
        let twice = holding.take_page(&page(&[message(5, 9), message(5, 9)], 9), at(0));
        assert!(twice.join("\n").contains("after rev 9 came"), "{twice:?}");
    }

    #[test]
    fn a_position_that_was_not_read_up_to_is_found() {
        let mut holding = Holding::default();
        let ahead = holding.take_page(&page(&[message(1, 1)], 3), at(0)).join("\n");
        assert!(ahead.contains("1 was read, and the position is 3"), "{ahead}");
        let empty = json!({"messages": [], "rev": 1, "has_more": true});
        let faults = holding.take_page(&empty, at(0)).join("\n");
        assert!(faults.contains("nothing is given"), "{faults}");
    }

    #[test]
    fn what_was_passed_over_is_missed_in_the_end() {
        let mut holding = Holding::default();
        holding.take_page(&page(&[message(1, 1), message(3, 3)], 3), at(0));
        let lacks = holding.faults_of(&[message(1, 1), message(2, 2), message(3, 3)]).join("\n");
        assert!(lacks.contains("lacks"), "{lacks}");
        let old = holding.faults_of(&[message(1, 4), message(3, 3)]).join("\n");
        assert!(old.contains("instead of"), "{old}");
        let more = holding.faults_of(&[message(1, 1)]).join("\n");
        assert!(more.contains("which is not there"), "{more}");
    }

    #[test]
    fn frames_that_come_out_of_order_are_found() {
        let mut order = Order::default();
        assert_eq!(order.follow(&message(1, 2)), None);
        assert_eq!(order.follow(&message(2, 5)), None);
        assert_eq!(order.follow(&json!({"room": "another", "seq": 1, "rev": 1})), None);
        assert!(order.follow(&message(3, 4)).is_some());
        assert!(order.follow(&message(3, 4)).is_some(), "nor one that comes twice");
    }

    #[test]
    fn a_change_that_is_not_announced_in_time_is_found() {
        let told = [Told { asked: at(1), at: at(2), seq: 1, rev: 7 }];
        let always = Hearing { connected: vec![(at(0), None)], resyncs: vec![] };
        let late = |holding: &Holding, hearing: &Hearing, outages: &[_], until| {
            let (late, due) = late(&told, holding, hearing, outages, until);
            (late.len(), due)
        };
        let nothing = Holding::default();
        assert_eq!(late(&nothing, &always, &[], at(60)), (1, 1));
        let mut heard = Holding::default();
        heard.take(&message(1, 8), at(12));
        assert_eq!(late(&heard, &always, &[], at(60)), (0, 1), "a later version will do");
        for (rev, when) in [(7, 13), (6, 3)] {
            let mut heard = Holding::default();
            heard.take(&message(1, rev), at(when));
            assert_eq!(late(&heard, &always, &[], at(60)), (1, 1), "rev {rev} at {when}");
        }
        // Told to ask, they will.
        let resynced = Hearing { resyncs: vec![at(9)], ..always.clone() };
        assert_eq!(late(&nothing, &resynced, &[], at(60)), (0, 1));
        let before = Hearing { resyncs: vec![at(0), at(13)], ..always.clone() };
        assert_eq!(late(&nothing, &before, &[], at(60)), (1, 1));
        // Whoever was not there, or could not be told.
        for connected in [vec![(at(0), Some(at(5)))], vec![(at(2), None)]] {
            let away = Hearing { connected, ..always.clone() };
            assert_eq!(late(&nothing, &away, &[], at(60)), (0, 0));
        }
        assert_eq!(late(&nothing, &always, &[(at(5), at(6))], at(60)), (0, 0));
        assert_eq!(late(&nothing, &always, &[(at(20), at(30))], at(60)), (1, 1));
        assert_eq!(late(&nothing, &always, &[], at(11)), (0, 0));
    }
}
