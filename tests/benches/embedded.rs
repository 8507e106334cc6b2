//! How fast the embedded store acknowledges messages over real sockets, beside a bare loop over the
//! same tables; and what an idle socket costs. Prints figures and judges nothing: what counts as
//! good enough depends on the machine. `docs/performance.md` keeps a run.
#![expect(clippy::print_stdout, reason = "it prints figures")]

use futures_util::future::join_all;
use journeys::{Person, Server, send_frame};
use rusqlite::{Connection, params};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use uuid::Uuid;

const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(5);
/// As long as people's messages are.
const BODY: &str = "See you at the station at a quarter past six, I will bring the tickets.";
/// What the store keeps of it: version, key id, IV, ciphertext and tag.
const SEALED_BYTES: usize = 140;
const IDLE_SOCKETS: usize = 2_000;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("embedded store, over sockets on loopback; {cores} cores shared with the senders\n");
    println!("senders   acknowledged/s   p50 ms   p99 ms   bare loop/s   ratio");
    for senders in [1, 100] {
        let measured = over_sockets(senders).await;
        let bare = bare_loop(senders);
        println!(
            "{senders:>7}   {:>14.0}   {:>6.2}   {:>6.2}   {bare:>11.0}   {:>5.2}",
            measured.per_second,
            measured.percentile(0.50),
            measured.percentile(0.99),
            measured.per_second / bare,
        );
    }
    let (kib, before, after) = idle_socket().await;
    println!("\nan idle socket: {kib:.1} KiB of resident memory");
    println!("({IDLE_SOCKETS} sockets took the server from {before} to {after} KiB)");
}

struct Measured {
    per_second: f64,
    /// Sorted, in milliseconds.
    latencies: Vec<f64>,
}

impl Measured {
    fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into a list of latencies"
        )]
        let index = (last as f64 * share) as usize;
        self.latencies.get(index).copied().unwrap_or_default()
    }
}

/// Each sender has a connection of its own and sends the next message once the last one is
/// acknowledged. Two senders share a room, as people do; a lone sender writes to somebody silent.
async fn over_sockets(senders: usize) -> Measured {
    let server = Server::start_unlimited();
    let mut people = Vec::new();
    for _ in 0..senders.div_ceil(2) {
        let (ann, bob, room) = Person::pair(&server).await;
        people.push((ann, room.clone()));
        people.push((bob, room));
    }
    people.truncate(senders);
    let measuring = Arc::new(AtomicBool::new(false));
    let end = Instant::now() + WARM_UP + MEASURED;
    let tasks: Vec<_> = people
        .into_iter()
        .map(|(person, room)| tokio::spawn(send_on(person, room, measuring.clone(), end)))
        .collect();
    tokio::time::sleep(WARM_UP).await;
    measuring.store(true, Ordering::Relaxed);
    let mut latencies: Vec<f64> =
        join_all(tasks).await.into_iter().flat_map(|task| task.expect("a sender")).collect();
    latencies.sort_by(f64::total_cmp);
    Measured { per_second: count(latencies.len()) / MEASURED.as_secs_f64(), latencies }
}

async fn send_on(
    person: Person,
    room: String,
    measuring: Arc<AtomicBool>,
    end: Instant,
) -> Vec<f64> {
    let mut socket = person.socket().await;
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let client_id = Uuid::new_v4().to_string();
        let begun = Instant::now();
        socket.send(&send_frame(&room, &client_id, BODY)).await;
        loop {
            let frame = socket.next_frame().await;
            assert_ne!(frame["type"], "error", "{frame}");
            if frame["client_id"] == client_id.as_str() {
                break;
            }
        }
        if measuring.load(Ordering::Relaxed) {
            latencies.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    latencies
}

/// The same tables and settings, written by a loop that does nothing else: each transaction takes
/// as many messages as there are senders, which is the most that group commit could ever gather.
fn bare_loop(senders: usize) -> f64 {
    let mut server = Server::start();
    server.kill();
    let mut conn = Connection::open(server.data_dir().join("sotto.db")).expect("the database");
    let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
        PRAGMA cache_size = -16000;";
    conn.execute_batch(settings).expect("settings");
    let rooms: Vec<_> = (0..senders.div_ceil(2)).map(|_| open_room(&conn)).collect();
    let end = Instant::now() + MEASURED;
    let mut written = 0;
    let mut round = 0;
    while Instant::now() < end {
        write_batch(&mut conn, &rooms, senders, round);
        round += 1;
        written += senders;
    }
    count(written) / MEASURED.as_secs_f64()
}

struct BareRoom {
    id: [u8; 16],
    people: [[u8; 16]; 2],
}

fn open_room(conn: &Connection) -> BareRoom {
    let id = || Uuid::new_v4().into_bytes();
    let room = BareRoom { id: id(), people: [id(), id()] };
    conn.execute(
        "INSERT INTO rooms (id, low, high, last_seq, rev, created_at, active_at)
         VALUES (?1, ?2, ?3, 0, 0, 0, 0)",
        params![room.id, room.people[0], room.people[1]],
    )
    .expect("a room");
    for person in room.people {
        conn.execute(
            "INSERT INTO members (room, user, read_seq, active_at) VALUES (?1, ?2, 0, 0)",
            params![room.id, person],
        )
        .expect("a member");
    }
    room
}

fn write_batch(conn: &mut Connection, rooms: &[BareRoom], senders: usize, round: i64) {
    let per_room = i64::try_from(senders / rooms.len()).expect("few");
    let transaction = conn.transaction().expect("a transaction");
    let mut insert = transaction
        .prepare_cached(
            "INSERT INTO messages (id, room, seq, rev, sender, client_id, fingerprint, sealed, sent_at)
             VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .expect("a statement");
    let mut advance = transaction
        .prepare_cached("UPDATE rooms SET last_seq = ?2, rev = ?2, active_at = ?3 WHERE id = ?1")
        .expect("a statement");
    let mut activity = transaction
        .prepare_cached("UPDATE members SET active_at = ?2 WHERE room = ?1")
        .expect("a statement");
    for room in rooms {
        for n in 0..per_room {
            let row = params![
                Uuid::now_v7().into_bytes(),
                room.id,
                round * per_room + n + 1,
                room.people[usize::from(n % 2 == 1)],
                Uuid::new_v4().into_bytes(),
                [7_u8; 41],
                [9_u8; SEALED_BYTES],
                round,
            ];
            insert.execute(row).expect("a message");
        }
        advance.execute(params![room.id, (round + 1) * per_room, round]).expect("a room");
        activity.execute(params![room.id, round]).expect("its members");
    }
    drop((insert, advance, activity));
    transaction.commit().expect("a commit");
}

/// The growth of the server's resident memory over many sockets, for each; the first hundred warm
/// it up.
async fn idle_socket() -> (f64, usize, usize) {
    let server = Server::start_unlimited();
    let mut people = Vec::new();
    for _ in 0..10 {
        people.push(Person::created(&server, "idle").await);
    }
    let mut sockets = open_sockets(&people, 100).await;
    let before = settled_memory(server.pid()).await;
    sockets.extend(open_sockets(&people, IDLE_SOCKETS).await);
    let after = settled_memory(server.pid()).await;
    (count(after - before) / count(IDLE_SOCKETS), before, after)
}

async fn open_sockets(people: &[Person], n: usize) -> Vec<journeys::Socket> {
    let mut sockets = Vec::with_capacity(n);
    for person in people.iter().cycle().take(n) {
        sockets.push(person.socket().await);
    }
    sockets
}

async fn settled_memory(pid: u32) -> usize {
    tokio::time::sleep(Duration::from_secs(1)).await;
    resident_kib(Path::new(&format!("/proc/{pid}/status")))
}

fn resident_kib(status: &Path) -> usize {
    let status = std::fs::read_to_string(status).expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
