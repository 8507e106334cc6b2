//! How many messages a second the store acknowledges durably, and how many a bare loop over the
//! same schema would. `cargo bench -p adapter-sqlite`
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
use adapter_sqlite::{FILE_NAME, SqliteStore};
use application::ports::{Appended, EventBus, Subscription, Unavailable, event_channel};
use async_trait::async_trait;
use domain::{
    event::ChatEvent,
    id::{ClientId, UserId},
    message::NewMessage,
    room::Room,
    sealing::SealedBody,
};
use rusqlite::{Connection, params};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use testkit::{Dice, RecordingBus, StoreUnderTest, a_message, a_room_of};

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(3);
/// What a sealed line of chat comes to.
const BODY: usize = 200;
const ROOMS: u32 = 50;

struct SilentBus;

#[async_trait]
impl EventBus for SilentBus {
    fn publish(&self, _event: ChatEvent) {}

    async fn subscribe(&self, _user: UserId) -> Result<Subscription, Unavailable> {
        Ok(event_channel(1).1)
    }

    async fn flush(&self) {}
}

#[tokio::main]
async fn main() {
    for senders in [1, 10, 100, 400] {
        let stored = through_the_store(senders).await;
        // As many in a commit as there are senders is the best that sharing commits can do.
        let bare = bare_loop(senders.min(256)).await;
        println!("{senders:>4} senders: {stored:>7.0} messages/s; bare loop: {bare:>7.0}/s");
    }
}

/// As clients make them: ids in the order of time, client ids at random.
fn the_message(room: &Room, n: u32) -> NewMessage {
    let sender = room.participants.both()[n as usize % 2];
    let mut dice = Dice::seeded(u64::from(n));
    let random: [u8; 16] = std::array::from_fn(|_| dice.throw(256).to_be_bytes()[7]);
    NewMessage {
        client_id: ClientId::from_bytes(random),
        body: SealedBody::new(vec![7; BODY]),
        ..a_message(room.id, sender, n)
    }
}

async fn some_rooms(dir: &Path) -> (StoreUnderTest, Vec<Room>) {
    let store = SqliteStore::open(dir, Arc::new(SilentBus)).expect("opens");
    let store = StoreUnderTest::new(Arc::new(store), Arc::new(RecordingBus::default()), ());
    let mut rooms = Vec::new();
    for n in 0..ROOMS {
        rooms.push(a_room_of(&store, 1, 2 + n).await);
    }
    (store, rooms)
}

/// Messages a second, each sender waiting for one to be durable before it sends the next.
async fn through_the_store(senders: u32) -> f64 {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, rooms) = some_rooms(dir.path()).await;
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
                    let outcome = store.messages.append(vec![message]).await.remove(0);
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
    f64::from(stored) / started.elapsed().as_secs_f64()
}

/// Messages a second of a loop that does nothing but insert into the same tables.
async fn bare_loop(batch: u32) -> f64 {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, rooms) = some_rooms(dir.path()).await;
    drop(store);
    let conn = Connection::open(dir.path().join(FILE_NAME)).expect("opens");
    let settings =
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000;
        PRAGMA wal_autocheckpoint = 4000";
    conn.execute_batch(settings).expect("sets");
    let started = Instant::now();
    let mut stored = 0;
    while started.elapsed() < SPAN {
        insert(&conn, &rooms, stored, batch).expect("inserts");
        stored += batch;
    }
    f64::from(stored) / started.elapsed().as_secs_f64()
}

fn insert(conn: &Connection, rooms: &[Room], first: u32, batch: u32) -> rusqlite::Result<()> {
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for n in first..first + batch {
        let (room, number) = (&rooms[(n % ROOMS) as usize], n / ROOMS + 1);
        let message = the_message(room, n);
        conn.prepare_cached(
            "INSERT INTO messages (id, room, seq, rev, sender, client_id, fingerprint, sealed, sent_at)
             VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            message.id.as_bytes(),
            message.room.as_bytes(),
            number,
            message.sender.as_bytes(),
            message.client_id.as_bytes(),
            message.fingerprint.as_bytes(),
            message.body.as_bytes(),
            message.sent_at.timestamp_millis(),
        ])?;
    }
    for room in &rooms[..rooms.len().min(batch as usize)] {
        let id = room.id.as_bytes();
        conn.prepare_cached(
            "UPDATE rooms SET last_seq = ?2, rev = ?2, active_at = ?2 WHERE id = ?1",
        )?
        .execute(params![id, first])?;
        conn.prepare_cached("UPDATE members SET active_at = ?2 WHERE room = ?1")?
            .execute(params![id, first])?;
    }
    conn.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
