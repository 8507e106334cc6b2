//! How long it takes to look through a room for a word that is not there, which is the longest it
//! ever takes. Prints figures and judges nothing; `docs/performance.md` keeps a run.
//!
//! `BENCH_MESSAGES=10000,100000` says how long the histories are; `TEST_STORE=mongodb` takes
//! MongoDB and Redis.
#![expect(clippy::print_stdout, reason = "it prints figures")]

use journeys::{Person, Server, client_id, send_frame};
use std::time::{Duration, Instant};

/// Searches of each history; the median is printed.
const ROUNDS: usize = 5;
/// Messages on their way at once while a history is written.
const AT_ONCE: usize = 500;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let asked = std::env::var("BENCH_MESSAGES").unwrap_or_else(|_| "10000,100000".to_owned());
    let lengths: Vec<usize> = asked.split(',').map(|n| n.parse().expect("a number")).collect();
    let server = Server::start_unlimited();
    println!("{:>10} {:>14} {:>8} {:>16}", "messages", "median", "calls", "longest call");
    for length in lengths {
        let (ann, _, room) = Person::pair(&server).await;
        write(&ann, &room, length).await;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(search(&ann, &room).await);
        }
        rounds.sort_by_key(|round| round.total);
        let Round { total, calls, longest } = rounds[ROUNDS / 2];
        println!("{length:>10} {:>11.1} ms {calls:>8} {:>13.1} ms", millis(total), millis(longest));
    }
}

/// A sentence as people write them, different each time.
fn sentence(n: usize) -> String {
    format!("See you at {} o'clock, or a little later if the train {n} is late again", n % 24)
}

async fn write(person: &Person, room: &str, length: usize) {
    let mut socket = person.socket().await;
    for start in (0..length).step_by(AT_ONCE) {
        let batch = start..length.min(start + AT_ONCE);
        for n in batch.clone() {
            socket.send(&send_frame(room, &client_id(), &sentence(n))).await;
        }
        for _ in batch {
            socket.next_of("message").await;
        }
    }
}

#[derive(Clone, Copy)]
struct Round {
    total: Duration,
    calls: usize,
    longest: Duration,
}

/// From the first call to the answer that there is no more.
async fn search(person: &Person, room: &str) -> Round {
    let start = Instant::now();
    let mut path = format!("/api/search?query=zeppelin&room={room}");
    let mut round = Round { total: Duration::ZERO, calls: 0, longest: Duration::ZERO };
    loop {
        let called = Instant::now();
        let part = person.get(&path).await.must(200);
        round.calls += 1;
        round.longest = round.longest.max(called.elapsed());
        let Some(cursor) = part["cursor"].as_str() else { break };
        path = format!("/api/search?query=zeppelin&cursor={cursor}");
    }
    Round { total: start.elapsed(), ..round }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
