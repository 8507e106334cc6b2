//! What reading and writing costs: round trips are few and do not grow with what is asked for, and
//! as many documents are examined in long histories as in short ones.
#![expect(clippy::print_stdout, reason = "figures, for whoever asks to see them")]

mod support;

use adapter_mongodb::MongoStore;
use application::ports::{Appended, MessageChange, MessageRepository, RoomHeads, RoomRepository};
use domain::{
    history::{Limit, Window},
    id::{RoomId, UserId},
    message::{Alteration, NewMessage, SealedMessage},
    room::{Participants, Room},
};
use mongodb::{
    Database,
    bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype},
    event::{EventHandler, command::CommandEvent},
    options::WriteConcern,
};
use std::{
    sync::{Arc, Mutex},
    time::Instant,
};
use support::TestDatabase;
use testkit::{RecordingBus, START, a_message, a_user, an_emoji, an_open_room};

/// A store, with the commands it sends.
struct Watched {
    store: MongoStore,
    commands: Arc<Mutex<Vec<(String, Document)>>>,
    direct: Database,
    database: TestDatabase,
}

impl Watched {
    async fn open() -> Self {
        let database = TestDatabase::fresh().await;
        let commands: Arc<Mutex<Vec<_>>> = Arc::default();
        let mut options = database.options().await;
        let noted = commands.clone();
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                let mut noted = noted.lock().expect("not poisoned");
                noted.push((started.command_name, started.command));
            }
        }));
        let bus = Arc::new(RecordingBus::default());
        let store = MongoStore::open_with(options, bus).await.expect("opens");
        let direct = database.connect().await;
        Self { store, commands, direct, database }
    }

    /// Does something; the commands it took.
    async fn commands<T>(&self, work: impl Future<Output = T>) -> Vec<(String, Document)> {
        self.commands.lock().expect("not poisoned").clear();
        work.await;
        std::mem::take(&mut *self.commands.lock().expect("not poisoned"))
    }

    /// The names of the commands that something takes.
    async fn names<T>(&self, work: impl Future<Output = T>) -> Vec<String> {
        self.commands(work).await.into_iter().map(|(name, _)| name).collect()
    }

    /// How many documents and index keys something examines, by what the server explains.
    async fn examined<T>(&self, work: impl Future<Output = T>) -> (i64, i64) {
        let mut sum = (0, 0);
        for (name, mut command) in self.commands(work).await {
            if name == "hello" {
                continue;
            }
            assert!(["find", "aggregate"].contains(&name.as_str()), "{name} reads");
            for driven in ["lsid", "$db", "$clusterTime", "$readPreference", "txnNumber"] {
                command.remove(driven);
            }
            // What is explained takes neither.
            command.remove("readConcern");
            command.remove("writeConcern");
            let explain = doc! { "explain": command, "verbosity": "executionStats" };
            let explained = self.direct.run_command(explain).await.expect("explains");
            assert!(!explained.to_string().contains("COLLSCAN"), "{name} uses an index");
            sum.0 += total(&explained, "totalDocsExamined");
            sum.1 += total(&explained, "totalKeysExamined");
        }
        sum
    }

    async fn room(&self, other: u32) -> Room {
        let [one, two] = [a_user(1).id, a_user(other).id];
        let pair = Participants::pair(one, two).expect("two people");
        let mut id = [7; 10];
        id[6..].copy_from_slice(&other.to_be_bytes());
        self.store.open(an_open_room(pair, RoomId::mint(START, id))).await.expect("opens").room
    }

    /// Puts messages of both by turns into a room, past the store.
    async fn fill(&self, room: &Room, count: i64) {
        let messages = self.direct.collection::<Document>("messages");
        let plain = WriteConcern::builder().w(mongodb::options::Acknowledgment::Nodes(1)).build();
        let all: Vec<i64> = (1..=count).collect();
        for chunk in all.chunks(2_000) {
            let records: Vec<_> = chunk.iter().map(|seq| record(room, *seq)).collect();
            let inserting = messages.insert_many(records).write_concern(plain.clone());
            inserting.await.expect("inserts");
        }
        let rev_bound = doc! { "$set": { "rev_bound": count } };
        let rooms = self.direct.collection::<Document>("rooms");
        rooms.update_one(doc! { "_id": uuid(room.id.as_bytes()) }, rev_bound).await.expect("sets");
    }
}

/// The sum of a number wherever it is said.
fn total(document: &Document, name: &str) -> i64 {
    let within = |value: &Bson| match value {
        Bson::Document(inner) => total(inner, name),
        Bson::Array(all) => {
            all.iter().filter_map(Bson::as_document).map(|inner| total(inner, name)).sum()
        }
        _ => 0,
    };
    let said = |value: &Bson| value.as_i64().or_else(|| value.as_i32().map(i64::from));
    document
        .iter()
        .map(|(key, value)| if key == name { said(value).unwrap_or(0) } else { within(value) })
        .sum()
}

fn uuid(bytes: &[u8; 16]) -> Binary {
    Binary { subtype: BinarySubtype::Uuid, bytes: bytes.to_vec() }
}

/// Message `seq` of a room as the store would have written it: the low person sends first.
fn record(room: &Room, seq: i64) -> Document {
    let sender = room.participants.both()[usize::from(seq % 2 == 0)];
    let mut id = *room.id.as_bytes();
    id[..8].copy_from_slice(&seq.to_be_bytes());
    doc! {
        "_id": uuid(&id),
        "room": uuid(room.id.as_bytes()),
        "seq": seq,
        "rev": seq,
        "revs": [seq],
        "sender": uuid(sender.as_bytes()),
        "client_id": uuid(&id),
        "fingerprint": Binary { subtype: BinarySubtype::Generic, bytes: vec![1; 33] },
        "sealed": Binary { subtype: BinarySubtype::Generic, bytes: vec![2; 160] },
        "sent_at": DateTime::from_millis(START.timestamp_millis() + seq),
        "low_count": (seq + 1) / 2,
    }
}

fn me() -> UserId {
    a_user(1).id
}

/// What somebody reads who opens the chat and a room in the middle of its history.
async fn look_around(store: &MongoStore, room: &Room, length: u64) {
    let limit = Limit::default();
    for person in room.participants.both() {
        let listed = store.list_by_user(person, None, limit).await.expect("lists");
        assert_eq!(listed[0].room.last_seq, length);
        assert_eq!(listed[0].unread, length / 2 - u64::from(person == a_user(2).id));
        let view = store.find(room.id, person).await.expect("finds").expect("is theirs");
        assert_eq!(view, listed[0]);
    }
    let middle = length / 2;
    for window in
        [Window::Latest, Window::Before(middle), Window::After(middle), Window::Around(middle)]
    {
        let page = store.list_window(room.id, window, limit).await.expect("reads");
        assert_eq!((page.messages.len(), page.has_more), (50, true));
    }
    let page = store.list_changes(room.id, middle, limit).await.expect("reads");
    assert_eq!((page.messages.len(), page.has_more), (50, true));
    let heads = store.list_heads(me()).await.expect("lists");
    assert_eq!(heads[0].rev, length + 1);
}

/// `SOTTO_TEST_MESSAGES=1000000 cargo test -p adapter-mongodb --test costs` for a million.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_history_costs_no_more_than_a_short_one() {
    let asked = std::env::var("SOTTO_TEST_MESSAGES").ok();
    let long = asked.map_or(100_000, |asked| asked.parse().expect("a number"));
    let mut seen = Vec::new();
    for length in [1_000_u64, long] {
        let watched = Watched::open().await;
        let room = watched.room(2).await;
        watched.fill(&room, i64::try_from(length).expect("small")).await;
        // The other's unread messages are counted without this one.
        let last = watched.store.list_window(room.id, Window::Before(6), Limit::default()).await;
        let first = last.expect("reads").messages.remove(0);
        assert_eq!(first.sender, me());
        let delete = MessageChange {
            room: room.id,
            message: first.id,
            by: me(),
            alteration: Alteration::Delete,
        };
        watched.store.alter(delete).await.expect("answers").expect("allowed");
        let examined = watched.examined(look_around(&watched.store, &room, length)).await;
        println!("{length} messages: {examined:?} documents and keys examined");
        seen.push(examined);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].0 > 200, "what was read was counted: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reading_takes_a_few_round_trips_however_much_there_is() {
    let watched = Watched::open().await;
    let mut rooms = Vec::new();
    for other in 2..=51 {
        let room = watched.room(other).await;
        watched.fill(&room, 20).await;
        rooms.push(room.id);
    }
    let store = &watched.store;
    let list = |limit| {
        let limit = Limit::of(limit).expect("positive");
        async move { store.list_by_user(me(), None, limit).await.expect("lists").len() }
    };
    assert_eq!(list(50).await, 50);
    let one = ["aggregate"];
    assert_eq!(watched.names(list(50)).await, one, "also with unread messages in all of them");
    assert_eq!(watched.names(list(2)).await, one);
    assert_eq!(watched.names(store.find(rooms[0], me())).await, one);
    let theirs = Window::Before(3);
    for room in &rooms[..10] {
        let page = store.list_window(*room, theirs, Limit::default()).await.expect("reads");
        let message = page.messages.into_iter().find(|message| message.sender != me());
        let message = message.expect("by turns");
        let (message, by) = (message.id, message.sender);
        let delete = MessageChange { room: *room, message, by, alteration: Alteration::Delete };
        store.alter(delete).await.expect("answers").expect("allowed");
    }
    let three = ["aggregate", "aggregate", "aggregate"];
    assert_eq!(watched.names(list(50)).await, three, "with deletions among what is unread");
    assert_eq!(watched.names(store.find(rooms[0], me())).await, three);
    let view = store.find(rooms[0], me()).await.expect("finds").expect("is mine");
    assert_eq!((view.unread, view.room.rev), (9, 21));
    let rooms = &rooms[10..];
    for (window, commands) in [(Window::Latest, 1), (Window::Around(10), 2)] {
        let read = store.list_window(rooms[0], window, Limit::of(200).expect("positive"));
        assert_eq!(watched.names(read).await, vec!["find"; commands]);
    }
    let changes = store.list_changes(rooms[0], 0, Limit::default());
    assert_eq!(watched.names(changes).await, ["find"]);
    assert_eq!(watched.names(store.list_heads(me())).await, ["aggregate"]);
    let touched = watched.names(async {
        let mark = store.list_touched(None).await.expect("answers").mark;
        let touched = store.list_touched(Some(mark)).await.expect("answers");
        assert_eq!(touched.rooms.len(), 50);
        assert!(touched.rooms.iter().all(|room| room.rev_bound >= 20));
    });
    assert_eq!(touched.await, ["hello", "hello", "find"]);

    let began = Instant::now();
    for _ in 0..20 {
        list(50).await;
    }
    println!("a list of 50 rooms takes {:?}", began.elapsed() / 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_reached_devices_is_noted_in_as_many_round_trips_for_many_rooms_as_for_one() {
    let watched = Watched::open().await;
    let mut rooms = Vec::new();
    for other in 2..=31 {
        let room = watched.room(other).await;
        watched.fill(&room, 20).await;
        rooms.push(room.id);
    }
    let store = &watched.store;
    let waiting = store.list_undelivered(me(), None, Limit::WHOLE_PAGE);
    assert_eq!(watched.names(waiting).await, ["aggregate"]);
    let waiting = store.list_undelivered(me(), None, Limit::WHOLE_PAGE).await.expect("lists");
    assert_eq!(waiting.len(), rooms.len());
    assert_eq!(watched.names(store.mark_delivered(&waiting[..1])).await, ["aggregate", "update"]);
    let all = watched.commands(store.mark_delivered(&waiting)).await;
    let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["aggregate", "update"]);
    let updates = all[1].1.get_array("updates").expect("a list").len();
    assert_eq!(updates, rooms.len() - 1, "what has not moved is not written");
    assert_eq!(watched.names(store.mark_delivered(&waiting)).await, ["aggregate"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_page_of_the_greatest_size_comes_at_once() {
    let watched = Watched::open().await;
    let room = watched.room(2).await;
    watched.fill(&room, 1_000).await;
    let limit = Limit::of(Limit::MAX).expect("positive");
    let read = watched.store.list_window(room.id, Window::Latest, limit);
    assert_eq!(watched.names(read).await, ["find"]);
    let read = watched.store.list_changes(room.id, 0, limit);
    assert_eq!(watched.names(read).await, ["find"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_that_are_sent_together_share_their_round_trips() {
    let watched = Watched::open().await;
    let mut rooms = Vec::new();
    for other in 2..=41 {
        rooms.push(watched.room(other).await.id);
    }
    let batch = |first: u32| {
        let numbered = rooms.iter().cycle().zip(first..first + 200);
        numbered.map(|(room, n)| a_message(*room, me(), n)).collect::<Vec<_>>()
    };
    let append = |first| {
        let batch = batch(first);
        let store = &watched.store;
        async move {
            for outcome in store.append(batch).await {
                assert!(matches!(outcome, Ok(Appended::New(_))), "{outcome:?}");
            }
        }
    };
    assert_eq!(watched.names(append(0)).await, ["aggregate", "update", "insert"]);
    assert_eq!(watched.names(append(200)).await, ["update", "insert"], "the heads are known");

    let one = watched.store.append(vec![a_message(rooms[0], me(), 400)]).await.remove(0);
    let Ok(Appended::New(stored)) = one else { panic!("it is new") };
    let react = MessageChange {
        room: stored.room,
        message: stored.id,
        by: me(),
        alteration: Alteration::React(an_emoji(1)),
    };
    let names = watched.names(watched.store.alter(react)).await;
    assert_eq!(names, ["find", "update", "update"]);
    let read = watched.store.mark_read_up_to(stored.room, me(), stored.seq);
    assert_eq!(watched.names(read).await, ["find", "find", "findAndModify"]);
    let read = watched.store.mark_read_up_to(stored.room, me(), stored.seq);
    assert_eq!(watched.names(read).await, ["find", "findAndModify"], "the room is known");
}

/// Another instance on the database of a watched one.
async fn another(watched: &Watched) -> MongoStore {
    let options = watched.database.options().await;
    MongoStore::open_with(options, Arc::new(RecordingBus::default())).await.expect("opens")
}

/// Stores one message, and says what it has become.
async fn store_one(store: &MongoStore, message: NewMessage) -> SealedMessage {
    match store.append(vec![message]).await.remove(0) {
        Ok(Appended::New(stored)) => stored,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_another_instance_announced_need_not_be_found_out() {
    let watched = Watched::open().await;
    let other = another(&watched).await;
    let room = watched.room(2).await;
    let [me, you] = [me(), a_user(2).id];
    store_one(&watched.store, a_message(room.id, me, 1)).await;
    let theirs = store_one(&other, a_message(room.id, you, 2)).await;
    let react = MessageChange {
        room: room.id,
        message: theirs.id,
        by: you,
        alteration: Alteration::React(an_emoji(1)),
    };
    let reacted = other.alter(react).await.expect("answers").expect("allowed");
    for message in [&theirs, &reacted, &theirs] {
        watched.store.follow(message);
    }
    let known = watched.names(store_one(&watched.store, a_message(room.id, me, 3))).await;
    assert_eq!(known, ["update", "insert"], "the end of the room is known");
    let listed = watched.store.find(room.id, you).await.expect("finds").expect("is theirs");
    assert_eq!((listed.room.last_seq, listed.unread), (3, 2));

    other.append((4..6).map(|n| a_message(room.id, you, n)).collect()).await;
    let last = store_one(&other, a_message(room.id, you, 6)).await;
    watched.store.follow(&last);
    let unknown = watched.names(store_one(&watched.store, a_message(room.id, me, 7))).await;
    assert_eq!(unknown, ["aggregate", "update", "insert"], "what came before it was not heard of");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_room_where_another_instance_was_quicker_stops_no_other() {
    let watched = Watched::open().await;
    let other = another(&watched).await;
    let mut rooms = Vec::new();
    for other in 2..=5 {
        rooms.push(watched.room(other).await.id);
    }
    let to_all = |first: u32| {
        let numbered = rooms.iter().zip(first..);
        numbered.map(|(room, n)| a_message(*room, me(), n)).collect::<Vec<_>>()
    };
    watched.store.append(to_all(0)).await;
    for message in to_all(10).into_iter().take(2) {
        store_one(&other, message).await;
    }
    let commands = watched.commands(async {
        for (place, outcome) in watched.store.append(to_all(20)).await.into_iter().enumerate() {
            let Ok(Appended::New(stored)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(stored.seq, if place < 2 { 3 } else { 2 });
        }
    });
    let inserts = |(name, command): (String, Document)| {
        (name == "insert").then(|| command.get_array("documents").map_or(0, Vec::len))
    };
    let inserts: Vec<_> = commands.await.into_iter().filter_map(inserts).collect();
    assert_eq!(inserts[0], 4, "all at first");
    assert_eq!(inserts[1..].iter().sum::<usize>(), 2, "and again only what was refused");
}
