//! How many messages a second the store acknowledges durably, and how many a bare ordered
//! `insert_many` loop of the same documents would, into the same indexes, under the same concern,
//! in batches as large as there are senders.
//! `TEST_MONGODB_URI=… cargo bench -p adapter-mongodb`
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
use adapter_mongodb::MongoStore;
use application::ports::{
    Appended, EventBus, MessageRepository, RoomRepository, Subscription, Unavailable, event_channel,
};
use async_trait::async_trait;
use domain::{
    event::ChatEvent,
    id::{ClientId, MessageId, RoomId},
    message::NewMessage,
    room::{Participants, Room},
    sealing::SealedBody,
};
use mongodb::{
    Client, Database,
    bson::{Binary, DateTime, Document, doc, spec::BinarySubtype},
    options::{Acknowledgment, WriteConcern},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::{Dice, START, a_message, a_user};

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(4);
/// What a sealed line of chat comes to.
const BODY: usize = 200;
const ROOMS: u32 = 50;

struct SilentBus;

#[async_trait]
impl EventBus for SilentBus {
    fn publish(&self, _event: ChatEvent) {}

    async fn subscribe(&self, _user: domain::id::UserId) -> Result<Subscription, Unavailable> {
        Ok(event_channel(1).1)
    }

    async fn flush(&self) {}
}

#[tokio::main]
async fn main() {
    for senders in [1, 10, 100, 400] {
        let stored = through_the_store(senders).await;
        let bare = bare_loop(senders).await;
        let share = stored / bare * 100.0;
        println!(
            "{senders:>4} senders: {stored:>6.0} messages/s; bare loop: {bare:>6.0}/s; {share:.0} %"
        );
    }
}

/// As clients make them: ids in the order of time, client ids at random.
fn the_message(room: &Room, n: u32) -> NewMessage {
    let mut dice = Dice::seeded(u64::from(n));
    let mut random = || dice.throw(256).to_be_bytes()[7];
    NewMessage {
        client_id: ClientId::from_bytes(std::array::from_fn(|_| random())),
        id: MessageId::mint(
            START + domain::TimeDelta::milliseconds(i64::from(n)),
            std::array::from_fn(|_| random()),
        ),
        body: SealedBody::new(vec![7; BODY]),
        ..a_message(room.id, room.participants.both()[n as usize % 2], n)
    }
}

struct Bench {
    store: MongoStore,
    database: Database,
    rooms: Vec<Room>,
}

async fn prepare() -> Bench {
    let uri = servers::mongodb().await;
    let store = MongoStore::open(&uri, Arc::new(SilentBus)).await.expect("opens");
    let mut rooms = Vec::new();
    for n in 0..ROOMS {
        let pair = Participants::pair(a_user(1).id, a_user(2 + n).id).expect("two people");
        let mut id = [0; 10];
        id[6..].copy_from_slice(&n.to_be_bytes());
        let opened = store.open(testkit::an_open_room(pair, RoomId::mint(START, id))).await;
        rooms.push(opened.expect("opens").room);
    }
    let client = Client::with_uri_str(&uri).await.expect("connects");
    let database = client.default_database().expect("a database");
    Bench { store, database, rooms }
}

/// Messages a second, each sender waiting for one to be durable before it sends the next.
async fn through_the_store(senders: u32) -> f64 {
    let Bench { store, database, rooms } = prepare().await;
    let next = Arc::new(AtomicU32::new(0));
    let started = Instant::now();
    let tasks: Vec<_> = (0..senders)
        .map(|sender| {
            let (store, next) = (store.clone(), next.clone());
            let room = rooms[(sender % ROOMS) as usize].clone();
            tokio::spawn(async move {
                let mut stored = 0;
                while started.elapsed() < SPAN {
                    let message = the_message(&room, next.fetch_add(1, Ordering::Relaxed));
                    let outcome = store.append(vec![message]).await.remove(0);
                    assert!(matches!(outcome, Ok(Appended::New(_))), "{outcome:?}");
                    stored += 1;
                }
                stored
            })
        })
        .collect();
    let mut stored = 0;
    for task in tasks {
        stored += task.await.expect("ends");
    }
    let figure = f64::from(stored) / started.elapsed().as_secs_f64();
    database.drop().await.expect("drops");
    figure
}

/// Messages a second of a loop that does nothing but insert the same documents.
async fn bare_loop(batch: u32) -> f64 {
    let Bench { database, rooms, .. } = prepare().await;
    let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let messages = database.collection::<Document>("messages");
    let started = Instant::now();
    let mut stored = 0;
    while started.elapsed() < SPAN {
        let documents: Vec<_> =
            (stored..stored + batch).map(|n| document(&rooms[(n % ROOMS) as usize], n)).collect();
        let inserting = messages.insert_many(documents).ordered(true);
        inserting.write_concern(durable.clone()).await.expect("inserts");
        stored += batch;
    }
    let figure = f64::from(stored) / started.elapsed().as_secs_f64();
    database.drop().await.expect("drops");
    figure
}

/// A message as the store writes it.
fn document(room: &Room, n: u32) -> Document {
    let (message, number) = (the_message(room, n), i64::from(n / ROOMS) + 1);
    let id = |bytes: &[u8; 16]| Binary { subtype: BinarySubtype::Uuid, bytes: bytes.to_vec() };
    let bytes = |bytes: &[u8]| Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() };
    doc! {
        "_id": id(message.id.as_bytes()),
        "room": id(message.room.as_bytes()),
        "seq": number,
        "rev": number,
        "revs": [number],
        "sender": id(message.sender.as_bytes()),
        "client_id": id(message.client_id.as_bytes()),
        "fingerprint": bytes(message.fingerprint.as_bytes()),
        "sealed": bytes(message.body.as_bytes()),
        "sent_at": DateTime::from_millis(message.sent_at.timestamp_millis()),
        "low_count": number,
    }
}
