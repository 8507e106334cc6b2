//! What was asked for in a room and what was answered, to hold against its history.
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What somebody wants otherwise about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It says this. Each text is wanted once only.
    Edit(String),
    /// It is taken back.
    Delete,
    /// It bears this emoji of theirs, or no longer.
    React(&'static str, bool),
}

/// What became of a wish, as far as whoever had it can tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was acknowledged, with the message as it was then.
    Done(Value),
    /// There was no such message any more.
    Gone,
    /// No answer came, or that it is unknown: it may have been done, or be done later.
    Unknown,
}

/// A wish, whose it was and what became of it.
#[derive(Clone, Debug)]
pub struct Deed {
    /// The id of the message.
    pub message: String,
    /// Who wanted it.
    pub user: String,
    /// What.
    pub wish: Wish,
    /// What became of it.
    pub outcome: Outcome,
}

/// A message that somebody sent, however often.
#[derive(Clone, Debug)]
struct Sent {
    user: String,
    body: String,
    acknowledged: bool,
}

/// All that was asked for in one room.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By `client_id`.
    sent: BTreeMap<String, Sent>,
    deeds: Vec<Deed>,
    /// Each version of a message that anybody was told of, by seq and rev.
    versions: BTreeMap<(u64, u64), Value>,
    /// What is wrong already.
    faults: Vec<String>,
}

impl Ledger {
    /// Somebody is about to send a message for the first time.
    pub fn send(&mut self, client_id: &str, user: &str, body: &str) {
        let sent = Sent { user: user.to_owned(), body: body.to_owned(), acknowledged: false };
        self.sent.insert(client_id.to_owned(), sent);
    }

    /// A sent message was acknowledged, as it is by now.
    pub fn acknowledge(&mut self, client_id: &str, message: &Value) {
        self.see(message);
        match self.sent.get_mut(client_id) {
            Some(sent) if message["client_id"] == client_id => sent.acknowledged = true,
            _ => self.faults.push(format!("{client_id} was answered by {message}")),
        }
    }

    /// Something was wanted of a message.
    pub fn enter(&mut self, deed: Deed) {
        if let Outcome::Done(message) = &deed.outcome {
            self.see(message);
            if !is_granted(&deed, message) {
                let (wish, user) = (&deed.wish, &deed.user);
                self.faults.push(format!("{user} wanted {wish:?} and was told {message}"));
            }
        }
        self.deeds.push(deed);
    }

    /// Anybody was told a version of a message, by whatever way: two of one rev are the same.
    pub fn see(&mut self, message: &Value) {
        let (seq, rev) = place(message);
        match self.versions.get(&(seq, rev)) {
            None => drop(self.versions.insert((seq, rev), message.clone())),
            Some(known) if known == message => {}
            Some(known) => self.faults.push(format!("rev {rev} is {known} and {message}")),
        }
    }

    /// Something is wrong that only whoever met it can tell.
    pub fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// What is sent and not acknowledged.
    pub fn unanswered(&self) -> Vec<&str> {
        let open = self.sent.iter().filter(|(_, sent)| !sent.acknowledged);
        open.map(|(client_id, _)| client_id.as_str()).collect()
    }

    /// How many messages were sent, and how many other wishes there were.
    pub fn size(&self) -> (usize, usize) {
        (self.sent.len(), self.deeds.len())
    }

    /// All that is wrong with a history, in words.
    pub fn faults_of(&self, history: &[Value]) -> Vec<String> {
        let mut faults = self.faults.clone();
        faults.extend(holes(history));
        faults.extend(self.wrong_messages(history));
        faults.extend(self.wrong_versions(history));
        let mut deeds: HashMap<&str, Vec<&Deed>> = HashMap::new();
        for deed in &self.deeds {
            deeds.entry(&deed.message).or_default().push(deed);
        }
        for message in history {
            let of_it = deeds.remove(text(message, "id")).unwrap_or_default();
            let sent = self.sent.get(text(message, "client_id"));
            let original = sent.map_or("", |sent| sent.body.as_str());
            faults.extend(wrong_body(message, original, &of_it));
            faults.extend(wrong_deletion(message, &of_it));
            faults.extend(wrong_reactions(message, &of_it));
        }
        faults.extend(deeds.keys().map(|id| format!("{id}, which was changed, is not there")));
        faults
    }

    /// Each that was sent is there once, and nothing else is.
    fn wrong_messages(&self, history: &[Value]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for message in history {
            let client_id = text(message, "client_id");
            *times.entry(client_id).or_default() += 1;
            match self.sent.get(client_id) {
                Some(sent) if sent.user == text(message, "sender") => {}
                Some(sent) => faults.push(format!("{client_id} is not {}'s: {message}", sent.user)),
                None => faults.push(format!("nobody sent {client_id}: {message}")),
            }
        }
        for (client_id, sent) in &self.sent {
            let acknowledged = if sent.acknowledged { "acknowledged" } else { "unacknowledged" };
            match times.get(client_id.as_str()) {
                None if sent.acknowledged => faults.push(format!("{client_id} is lost")),
                None | Some(1) => {}
                Some(times) => {
                    faults.push(format!("{client_id} ({acknowledged}) is there {times} times"));
                }
            }
        }
        faults
    }

    /// Whatever anybody was told is what is there, or what it came from.
    fn wrong_versions(&self, history: &[Value]) -> Vec<String> {
        let by_seq: BTreeMap<u64, &Value> = history.iter().map(|it| (place(it).0, it)).collect();
        let mut faults = Vec::new();
        let mut owners: BTreeMap<u64, u64> = BTreeMap::new();
        for (&(seq, rev), told) in &self.versions {
            if let Some(other) = owners.insert(rev, seq) {
                faults.push(format!("rev {rev} is of message {other} and of {seq}"));
            }
            let Some(now) = by_seq.get(&seq) else {
                faults.push(format!("message {seq} is not there: {told}"));
                continue;
            };
            let last = place(now).1;
            let constant = ["id", "room", "sender", "client_id", "sent_at", "reply_to"];
            if last < rev || (last == rev && *now != told) {
                faults.push(format!("message {seq} was {told} and then {now}"));
            } else if constant.iter().any(|&field| now[field] != told[field]) {
                faults.push(format!("message {seq} became another: {told}, {now}"));
            }
        }
        faults
    }
}

/// Whether an acknowledgement shows what was wanted.
fn is_granted(deed: &Deed, message: &Value) -> bool {
    let deleted = message["deleted"] == true;
    message["id"] == deed.message.as_str()
        && match &deed.wish {
            Wish::Edit(body) => !deleted && message["body"] == body.as_str(),
            Wish::Delete => deleted,
            Wish::React(emoji, on) => !deleted && bears(message, emoji, &deed.user) == *on,
        }
}

/// Seqs go 1, 2, 3 …
fn holes(history: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (message, expected) in history.iter().zip(1..) {
        let (seq, rev) = place(message);
        if seq != expected {
            faults.push(format!("seq {seq} stands where {expected} belongs"));
        }
        if !seen.insert(rev) {
            faults.push(format!("rev {rev} is there twice"));
        }
    }
    faults
}

/// It says what the last acknowledged edit made it say, or what one without an answer may have.
fn wrong_body(message: &Value, original: &str, deeds: &[&Deed]) -> Option<String> {
    let body = text(message, "body");
    if message["deleted"] == true {
        return (!body.is_empty())
            .then(|| format!("deleted, and yet it says something: {message}"));
    }
    let edits = deeds.iter().filter_map(|deed| match &deed.wish {
        Wish::Edit(body) => Some((body.as_str(), &deed.outcome)),
        _ => None,
    });
    let (mut last, mut allowed) = ((0, original), Vec::new());
    for (said, outcome) in edits {
        match outcome {
            Outcome::Done(told) => last = last.max((place(told).1, said)),
            Outcome::Unknown => allowed.push(said),
            Outcome::Gone => {}
        }
    }
    allowed.push(last.1);
    if !allowed.contains(&body) {
        return Some(format!("it should say {:?}: {message}", last.1));
    }
    let edited = message["edited_at"].is_string();
    (edited != (body != original)).then(|| format!("whether it was edited is wrong: {message}"))
}

/// What was taken back is, and nothing else.
fn wrong_deletion(message: &Value, deeds: &[&Deed]) -> Option<String> {
    let wanted = deeds.iter().any(|deed| deed.wish == Wish::Delete);
    let told = deeds.iter().any(|deed| {
        deed.outcome == Outcome::Gone
            || (deed.wish == Wish::Delete && matches!(deed.outcome, Outcome::Done(_)))
    });
    match message["deleted"] == true {
        true if !wanted => Some(format!("nobody deleted it: {message}")),
        false if told => Some(format!("it was deleted, and is there: {message}")),
        _ => None,
    }
}

/// It bears what the last acknowledged wish of each person about each emoji made it bear.
fn wrong_reactions(message: &Value, deeds: &[&Deed]) -> Vec<String> {
    let given = given(message);
    if message["deleted"] == true {
        let faults = given.iter().map(|it| format!("deleted, and yet it bears {it:?}: {message}"));
        return faults.collect();
    }
    let mut last: BTreeMap<(&str, &str), (u64, bool)> = BTreeMap::new();
    let mut unsure: BTreeSet<(&str, &str, bool)> = BTreeSet::new();
    for deed in deeds {
        let Wish::React(emoji, on) = &deed.wish else { continue };
        match &deed.outcome {
            Outcome::Done(told) => {
                let rev = place(told).1;
                let known = last.entry((emoji, &deed.user)).or_insert((rev, *on));
                if known.0 <= rev {
                    *known = (rev, *on);
                }
            }
            Outcome::Unknown => drop(unsure.insert((emoji, &deed.user, *on))),
            Outcome::Gone => {}
        }
    }
    let keys: BTreeSet<(&str, &str)> = last.keys().copied().chain(given.iter().copied()).collect();
    let wrong = keys.into_iter().filter(|&(emoji, user)| {
        let on = given.contains(&(emoji, user));
        let promised = last.get(&(emoji, user)).is_some_and(|(_, on)| *on);
        on != promised && !unsure.contains(&(emoji, user, on))
    });
    wrong.map(|key| format!("whether it bears {key:?} is wrong: {message}")).collect()
}

/// Each emoji with whoever gave it.
fn given(message: &Value) -> BTreeSet<(&str, &str)> {
    let reactions = message["reactions"].as_array().expect("a list").iter();
    reactions
        .flat_map(|one| {
            let users = one["users"].as_array().expect("a list").iter();
            users.map(|user| (text(one, "emoji"), user.as_str().expect("an id")))
        })
        .collect()
}

fn bears(message: &Value, emoji: &str, user: &str) -> bool {
    given(message).contains(&(emoji, user))
}

/// Seq and rev.
pub fn place(message: &Value) -> (u64, u64) {
    let number = |name: &str| message[name].as_u64().unwrap_or_else(|| panic!("{message}"));
    (number("seq"), number("rev"))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field}: {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(seq: u64, rev: u64, body: &str) -> Value {
        json!({
            "id": format!("m{seq}"), "room": "r", "seq": seq, "rev": rev, "sender": "ann",
            "body": body, "client_id": format!("c{seq}"), "sent_at": "then", "edited_at": null,
            "deleted": false, "reply_to": null, "reactions": [],
        })
    }

    fn with(mut message: Value, changes: Value) -> Value {
        let Value::Object(changes) = changes else { panic!("{changes}") };
        message.as_object_mut().expect("a message").extend(changes);
        message
    }

    fn deed(seq: u64, wish: Wish, outcome: Outcome) -> Deed {
        Deed { message: format!("m{seq}"), user: "ann".into(), wish, outcome }
    }

    fn edited(rev: u64, body: &str) -> Value {
        with(message(1, rev, body), json!({"edited_at": "later"}))
    }

    fn edit(body: &str, outcome: Outcome) -> Deed {
        deed(1, Wish::Edit(body.into()), outcome)
    }

    /// Two messages, the first edited to `two` at rev 3 and, unknown whether, to `maybe`.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for (seq, body) in [(1, "one"), (2, "other")] {
            ledger.send(&format!("c{seq}"), "ann", body);
            ledger.acknowledge(&format!("c{seq}"), &message(seq, seq, body));
        }
        ledger.enter(edit("two", Outcome::Done(edited(3, "two"))));
        ledger.enter(edit("maybe", Outcome::Unknown));
        ledger
    }

    fn faults(history: &[Value]) -> String {
        ledger().faults_of(history).join("\n")
    }

    #[test]
    fn what_was_acknowledged_is_without_fault() {
        assert_eq!(faults(&[edited(3, "two"), message(2, 2, "other")]), "");
        // One without an answer may have come after it.
        assert_eq!(faults(&[edited(4, "maybe"), message(2, 2, "other")]), "");
    }

    #[test]
    fn an_edit_that_is_lost_is_found() {
        let lost = faults(&[message(1, 1, "one"), message(2, 2, "other")]);
        assert!(lost.contains(r#"it should say "two""#), "{lost}");
        // Also where a later change hides that its rev is missing.
        let reacted = json!({"reactions": [{"emoji": "👍", "users": ["ann"]}]});
        let mut ledger = ledger();
        let hidden = with(message(1, 4, "one"), reacted);
        ledger.enter(deed(1, Wish::React("👍", true), Outcome::Done(hidden.clone())));
        let lost = ledger.faults_of(&[hidden, message(2, 2, "other")]).join("\n");
        assert!(lost.contains(r#"it should say "two""#), "{lost}");
    }

    #[test]
    fn an_edit_that_was_overtaken_by_an_earlier_one_is_found() {
        let mut ledger = ledger();
        ledger.enter(edit("three", Outcome::Done(edited(5, "three"))));
        let wrong = ledger.faults_of(&[edited(6, "two"), message(2, 2, "other")]).join("\n");
        assert!(wrong.contains(r#"it should say "three""#), "{wrong}");
    }

    #[test]
    fn a_hole_is_found() {
        let hole = faults(&[edited(3, "two"), message(3, 2, "other")]);
        assert!(hole.contains("seq 3 stands where 2 belongs"), "{hole}");
        let short = faults(&[edited(3, "two")]);
        assert!(short.contains("c2 is lost"), "{short}");
    }

    #[test]
    fn a_message_that_is_there_twice_is_found() {
        let again = with(message(3, 4, "other"), json!({"client_id": "c2"}));
        let twice = faults(&[edited(3, "two"), message(2, 2, "other"), again]);
        assert!(twice.contains("c2 (acknowledged) is there 2 times"), "{twice}");
    }

    #[test]
    fn a_message_nobody_sent_is_found() {
        let more = faults(&[edited(3, "two"), message(2, 2, "other"), message(3, 4, "?")]);
        assert!(more.contains("nobody sent c3"), "{more}");
    }

    #[test]
    fn what_is_older_than_what_was_told_is_found() {
        let mut ledger = ledger();
        ledger.see(&edited(7, "maybe"));
        let older = ledger.faults_of(&[edited(6, "maybe"), message(2, 2, "other")]).join("\n");
        assert!(older.contains("message 1 was"), "{older}");
    }

    #[test]
    fn one_rev_that_is_told_in_two_ways_is_found() {
        let mut ledger = ledger();
        ledger.see(&edited(3, "three"));
        assert!(ledger.faults.join("\n").contains("rev 3 is"), "{:?}", ledger.faults);
        let mut ledger = self::ledger();
        ledger.see(&message(2, 3, "other"));
        let shared = ledger.faults_of(&[edited(3, "two"), message(2, 3, "other")]).join("\n");
        assert!(shared.contains("rev 3 is of message 1 and of 2"), "{shared}");
    }

    #[test]
    fn a_deletion_that_came_back_is_found_and_one_nobody_wanted() {
        let gone = with(message(2, 4, ""), json!({"deleted": true}));
        let unwanted = faults(&[edited(3, "two"), gone.clone()]);
        assert!(unwanted.contains("nobody deleted it"), "{unwanted}");
        for outcome in [Outcome::Done(gone.clone()), Outcome::Gone] {
            let mut ledger = ledger();
            ledger.enter(deed(2, Wish::Delete, outcome));
            assert_eq!(ledger.faults_of(&[edited(3, "two"), gone.clone()]), [""; 0]);
            let back = ledger.faults_of(&[edited(3, "two"), message(2, 5, "other")]).join("\n");
            assert!(back.contains("it was deleted, and is there"), "{back}");
        }
    }

    #[test]
    fn a_reaction_that_is_lost_or_that_nobody_gave_is_found() {
        let reacted = |rev| {
            let given = json!({"reactions": [{"emoji": "👍", "users": ["ann"]}]});
            with(message(2, rev, "other"), given)
        };
        let unwanted = faults(&[edited(3, "two"), reacted(4)]);
        assert!(unwanted.contains("whether it bears"), "{unwanted}");
        let mut ledger = ledger();
        ledger.enter(deed(2, Wish::React("👍", true), Outcome::Done(reacted(4))));
        assert_eq!(ledger.faults_of(&[edited(3, "two"), reacted(4)]), [""; 0]);
        let lost = ledger.faults_of(&[edited(3, "two"), message(2, 5, "other")]).join("\n");
        assert!(lost.contains("whether it bears"), "{lost}");
        // Taken back later, and there nevertheless.
        let bare = message(2, 6, "other");
        ledger.enter(deed(2, Wish::React("👍", false), Outcome::Done(bare.clone())));
        assert_eq!(ledger.faults_of(&[edited(3, "two"), bare]), [""; 0]);
        let kept = ledger.faults_of(&[edited(3, "two"), reacted(7)]).join("\n");
        assert!(kept.contains("whether it bears"), "{kept}");
    }

    #[test]
    fn an_acknowledgement_that_shows_something_else_is_found() {
        let mut ledger = ledger();
        ledger.enter(edit("four", Outcome::Done(edited(4, "two"))));
        assert!(ledger.faults.join("\n").contains("was told"), "{:?}", ledger.faults);
    }
}
