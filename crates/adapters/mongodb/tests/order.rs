//! The promises of order across instances: several stores on one database, also while connections
//! break and the server is killed.

mod support;

use adapter_mongodb::MongoStore;
use application::ports::{
    Appended, MessageChange, MessageRepository, RoomHeads, RoomRepository, TouchedRoom,
};
use domain::{
    history::{Limit, Window},
    id::RoomId,
    message::{Alteration, AlterationRefused, NewMessage, SealedMessage},
    room::{Participants, Room, RoomHead},
    sealing::SealedBody,
};
use mongodb::bson::{DateTime, Document, doc};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use support::{Mongod, TestDatabase, a_free_port};
use testkit::{
    Dice, RecordingBus, START, a_message, a_user, an_emoji, an_open_room, later, resent,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::sleep,
};

/// How long a writer goes on asking for what is refused.
const PATIENCE: Duration = Duration::from_mins(1);

/// One of several programs on one database.
struct Instance {
    store: MongoStore,
    bus: Arc<RecordingBus>,
}

async fn instances(uri: &str, count: usize) -> Vec<Arc<Instance>> {
    let mut all = Vec::new();
    for _ in 0..count {
        let bus = Arc::new(RecordingBus::default());
        let store = MongoStore::open(uri, bus.clone()).await.expect("opens");
        all.push(Arc::new(Instance { store, bus }));
    }
    all
}

async fn a_room(instance: &Instance) -> Room {
    let pair = Participants::pair(a_user(1).id, a_user(2).id).expect("two people");
    let id = RoomId::mint(START, [7; 10]);
    instance.store.open(an_open_room(pair, id)).await.expect("opens").room
}

async fn history(instance: &Instance, room: RoomId) -> Vec<SealedMessage> {
    let mut all: Vec<SealedMessage> = Vec::new();
    loop {
        let after = all.last().map_or(0, |message| message.seq);
        let window = Window::After(after);
        let page = instance.store.list_window(room, window, Limit::default()).await.expect("reads");
        all.extend(page.messages);
        if !page.has_more {
            return all;
        }
    }
}

/// Reads changes until the writers are done and there are no more; failures are asked again.
async fn follow(
    instance: Arc<Instance>,
    room: RoomId,
    done: Arc<AtomicBool>,
) -> BTreeMap<u64, SealedMessage> {
    let (mut position, mut known) = (0, BTreeMap::new());
    loop {
        let were_done = done.load(Ordering::Acquire);
        let page = instance.store.list_changes(room, position, Limit::of(7).expect("some")).await;
        let Ok(page) = page else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        for message in page.messages {
            assert!(message.rev > position, "rev {} came in behind {position}", message.rev);
            position = message.rev;
            known.insert(message.seq, message);
        }
        if were_done && !page.has_more {
            return known;
        }
        tokio::task::yield_now().await;
    }
}

/// Sends until it is acknowledged, as a client does: under the same client id.
async fn send(instance: &Instance, message: NewMessage) -> SealedMessage {
    let began = Instant::now();
    for time in 0_u8.. {
        let again = resent(&message, time);
        match instance.store.append(vec![again]).await.remove(0) {
            Ok(Appended::New(stored) | Appended::Known(stored)) => return stored,
            Ok(Appended::NoSuchReply) => panic!("it replies to nothing"),
            Err(error) => assert!(began.elapsed() < PATIENCE, "{error:?}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("never acknowledged")
}

/// Sends, edits, deletes and reacts as the dice fall. Gives what was acknowledged, first states.
async fn write(
    instance: Arc<Instance>,
    room: RoomId,
    writer: u32,
    steps: u32,
    recent: Arc<Mutex<Vec<SealedMessage>>>,
) -> Vec<SealedMessage> {
    let mut dice = Dice::seeded(u64::from(writer));
    let mut sent = Vec::new();
    for step in 0..steps {
        let by = a_user(1 + writer % 2).id;
        let target = {
            let recent = recent.lock().expect("not poisoned");
            let last = &recent[recent.len().saturating_sub(4)..];
            let choice = usize::try_from(dice.throw(4)).expect("small");
            last.get(choice).cloned()
        };
        let Some(target) = target.filter(|_| dice.throw(2) == 1) else {
            let message = send(&instance, a_message(room, by, writer * steps + step)).await;
            recent.lock().expect("not poisoned").push(message.clone());
            sent.push(message);
            continue;
        };
        let (by, alteration) = match dice.throw(8) {
            0 => (target.sender, Alteration::Delete),
            1..=3 => {
                let body = SealedBody::new(format!("{writer} {step}").into_bytes());
                (target.sender, Alteration::Edit { body, at: later(step) })
            }
            4..=6 => (by, Alteration::React(an_emoji(writer))),
            _ => (by, Alteration::Unreact(an_emoji(writer))),
        };
        // A failure leaves it open whether it happened, and a deleted message is refused.
        let change = MessageChange { room, message: target.id, by, alteration };
        let _ = instance.store.alter(change).await;
    }
    sent
}

/// Has two writers on each instance but the last race, while the last one follows, and while
/// `trouble` goes on; then compares.
async fn race(uri: &str, steps: u32, trouble: impl Future<Output = ()>) {
    let all = instances(uri, 3).await;
    let room = a_room(&all[0]).await.id;
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(follow(all[2].clone(), room, done.clone()));
    let recent = Arc::new(Mutex::new(Vec::new()));
    let writers: Vec<_> = (0..4)
        .map(|n| {
            let instance = all[n as usize % 2].clone();
            tokio::spawn(write(instance, room, n, steps, recent.clone()))
        })
        .collect();
    trouble.await;
    let mut sent = Vec::new();
    for writer in writers {
        let own = writer.await.expect("writes");
        assert!(own.is_sorted_by_key(|message| message.seq), "each writer's order is kept");
        sent.extend(own);
    }
    done.store(true, Ordering::Release);
    let followed: Vec<_> = reader.await.expect("follows").into_values().collect();

    let stored = history(&all[2], room).await;
    let seqs: Vec<_> = stored.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "no hole");
    assert_eq!(followed, stored, "a reader ends with the store's history");
    sent.sort_by_key(|message| message.seq);
    let names = |all: &[SealedMessage]| -> Vec<_> {
        all.iter().map(|message| (message.seq, message.sender, message.client_id)).collect()
    };
    assert_eq!(names(&sent), names(&stored), "each acknowledged message is there once");
    for instance in &all {
        let announced = instance.bus.messages();
        let in_order = announced.windows(2).all(|pair| pair[0].rev < pair[1].rev);
        assert!(in_order, "each instance announces in the order of the changes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_that_race_keep_one_order() {
    let database = TestDatabase::fresh().await;
    race(&database.uri, 60, std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_keep_one_order_while_connections_break() {
    let database = TestDatabase::fresh().await;
    let options = database.options().await;
    let cutter = Cutter::before(&options.hosts[0].to_string()).await;
    let name = options.default_database.clone().expect("a database");
    let uri = format!("mongodb://127.0.0.1:{}/{name}?directConnection=true", cutter.port);
    let cuts = async {
        let mut dice = Dice::seeded(1);
        for _ in 0..40 {
            sleep(Duration::from_millis(20 + dice.throw(60))).await;
            cutter.cut.notify_waiters();
        }
    };
    race(&uri, 60, cuts).await;
    assert!(cutter.broken.load(Ordering::Relaxed) > 20, "connections did break");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_keep_one_order_while_the_server_is_killed() {
    let mut server = Mongod::start_replica_set().await;
    let uri = server.uri("replicaSet=rs0");
    let kills = async {
        for _ in 0..2 {
            sleep(Duration::from_millis(400)).await;
            tokio::task::block_in_place(|| server.kill_and_restart());
        }
    };
    race(&uri, 150, kills).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_message_on_three_instances_at_once_is_one() {
    let database = TestDatabase::fresh().await;
    let all = instances(&database.uri, 3).await;
    let room = a_room(&all[0]).await.id;
    for n in 0..20 {
        let message = a_message(room, a_user(1).id, n);
        let append = |index: u8| {
            let (instance, again) = (all[usize::from(index)].clone(), resent(&message, index));
            async move { instance.store.append(vec![again]).await.remove(0).expect("answers") }
        };
        let outcomes: [Appended; 3] = tokio::join!(append(0), append(1), append(2)).into();
        let new = outcomes.iter().filter(|outcome| matches!(outcome, Appended::New(_))).count();
        assert_eq!(new, 1, "{outcomes:?}");
    }
    assert_eq!(history(&all[0], room).await.len(), 20);
    let announced: usize = all.iter().map(|instance| instance.bus.messages().len()).sum();
    assert_eq!(announced, 20, "announced once, by whoever stored it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_instance_finds_the_rooms_in_which_something_was_stored() {
    let database = TestDatabase::fresh().await;
    let all = instances(&database.uri, 2).await;
    let room = a_room(&all[0]).await;
    let mark = all[1].store.list_touched(None).await.expect("answers").mark;
    let message = send(&all[0], a_message(room.id, a_user(1).id, 1)).await;
    let (by, alteration) = (a_user(2).id, Alteration::React(an_emoji(1)));
    let change = MessageChange { room: room.id, message: message.id, by, alteration };
    let changed = all[0].store.alter(change).await.expect("answers").expect("allowed");
    let touched = all[1].store.list_touched(Some(mark)).await.expect("answers");
    let participants = room.participants;
    let rev_bound = changed.rev;
    assert_eq!(touched.rooms, [TouchedRoom { room: room.id, participants, rev_bound }]);
    assert!(touched.mark.0 > mark.0);
    let heads = all[1].store.list_heads(a_user(2).id).await.expect("answers");
    assert_eq!(heads, [RoomHead { room: room.id, participants, rev: changed.rev }]);

    let rooms = database.connect().await.collection::<Document>("rooms");
    let long_ago = DateTime::from_millis(touched.mark.0 - 100_000);
    let aged = doc! { "$set": { "changed_at": long_ago } };
    rooms.update_one(doc! {}, aged).await.expect("sets");
    let later = all[1].store.list_touched(Some(touched.mark)).await.expect("answers");
    assert_eq!(later.rooms, [], "what is long past is not found again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_that_was_changed_too_often_can_only_be_deleted() {
    let database = TestDatabase::fresh().await;
    let all = instances(&database.uri, 1).await;
    let (store, room) = (&all[0].store, a_room(&all[0]).await.id);
    let message = send(&all[0], a_message(room, a_user(1).id, 1)).await;
    let messages = database.connect().await.collection::<Document>("messages");
    let revs: Vec<i64> = (1..=999).collect();
    let worn = doc! { "$set": { "revs": revs, "rev": 999_i64 } };
    messages.update_one(doc! {}, worn).await.expect("sets");

    let alter = |alteration| {
        let change = MessageChange { room, message: message.id, by: message.sender, alteration };
        async move { store.alter(change).await.expect("answers") }
    };
    let edit = || Alteration::Edit { body: SealedBody::new(vec![1]), at: later(1) };
    assert_eq!(alter(edit()).await.expect("the last").rev, 1_000);
    assert_eq!(alter(edit()).await, Err(AlterationRefused::NotFound));
    let react = Alteration::React(an_emoji(1));
    assert_eq!(alter(react).await, Err(AlterationRefused::TooManyReactions));
    assert!(alter(Alteration::Delete).await.expect("allowed").is_deleted());
}

/// Stands between a client and a server, and breaks all connections whenever it is told to.
struct Cutter {
    port: u16,
    cut: Arc<Notify>,
    broken: Arc<AtomicUsize>,
}

impl Cutter {
    async fn before(server: &str) -> Self {
        let port = a_free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let (cut, broken, server) = (Arc::new(Notify::new()), Arc::default(), server.to_owned());
        let cutter = Self { port, cut: cut.clone(), broken: Arc::clone(&broken) };
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let Ok(mut upstream) = TcpStream::connect(&server).await else { continue };
                let (cut, broken) = (cut.clone(), Arc::clone(&broken));
                tokio::spawn(async move {
                    let told = cut.notified();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => (),
                        () = told => drop(broken.fetch_add(1, Ordering::Relaxed)),
                    }
                });
            }
        });
        cutter
    }
}
