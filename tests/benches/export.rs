//! What it takes to give somebody a long history: time, and the memory of the server, for a short
//! one and ones of very many messages, and while nobody reads on. Prints figures and judges
//! nothing; `docs/performance.md` keeps a run.
#![expect(clippy::print_stdout, reason = "it prints figures")]

#[path = "../tests/memory/mod.rs"]
mod memory;

use journeys::{Person, Server, client_id, send_frame};
use memory::Peak;
use reqwest::Method;
use std::time::{Duration, Instant};

const HISTORIES: [usize; 3] = [10_000, 100_000, 400_000];
/// Frames on their way at once.
const AT_ONCE: usize = 500;
/// How long somebody stops reading; less than a server waits.
const PAUSE: Duration = Duration::from_secs(10);

#[tokio::main(worker_threads = 2)]
async fn main() {
    println!("| messages | pause | archive | time | messages a second | memory |");
    for messages in HISTORIES {
        let server = Server::start_unlimited();
        let (ann, _, room) = Person::pair(&server).await;
        // Whatever is set up once is set up.
        download(&server, &ann, Duration::ZERO).await;
        fill(&ann, &room, messages).await;
        for pause in [Duration::ZERO, PAUSE] {
            let (bytes, took, grown) = download(&server, &ann, pause).await;
            let rate = messages as u128 * 1_000 / took.as_millis().max(1);
            let (kib, ms) = (bytes / 1024, took.as_millis());
            println!("| {messages} | {pause:?} | {kib} KiB | {ms} ms | {rate} | {grown} MiB |");
        }
    }
}

async fn fill(person: &Person, room: &str, messages: usize) {
    let mut socket = person.socket().await;
    for first in (0..messages).step_by(AT_ONCE) {
        for n in first..first + AT_ONCE {
            let body = format!("message {n}: {} — about as long as people write", client_id());
            socket.send(&send_frame(room, &client_id(), &body)).await;
        }
        for _ in 0..AT_ONCE {
            socket.next_of("message").await;
        }
    }
}

/// How long the archive was, how long it took, and by how much the server grew, in MiB.
async fn download(server: &Server, person: &Person, pause: Duration) -> (usize, Duration, u64) {
    let memory = Peak::watch(server.pid());
    let began = Instant::now();
    let request = person.request(Method::GET, "/api/me/export").timeout(Duration::from_mins(10));
    let mut answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let mut bytes = 0;
    while let Some(piece) = answer.chunk().await.expect("a whole answer") {
        if bytes == 0 {
            tokio::time::sleep(pause).await;
        }
        bytes += piece.len();
    }
    (bytes, began.elapsed(), memory.grown())
}
