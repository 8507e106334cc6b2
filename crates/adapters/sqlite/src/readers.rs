//! The threads that read beside the writer.
use crate::writer::{ANSWER_WITHIN, PLACE_WITHIN};
use anyhow::{Context, anyhow};
use rusqlite::Connection;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// How many calls wait in line before the next has to wait for a place in it.
const QUEUE: usize = 1024;

type Job = Box<dyn FnOnce(&Connection) + Send>;
type Line = Arc<Mutex<mpsc::Receiver<Job>>>;

/// A handle on the reading threads. Dropped, it lets them finish what is queued.
pub(crate) struct Readers {
    queue: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts a thread on each of these connections.
    pub(crate) fn start(connections: Vec<Connection>) -> anyhow::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let line = Arc::new(Mutex::new(jobs));
        let start = |(n, conn): (usize, Connection)| {
            let line = line.clone();
            std::thread::Builder::new()
                .name(format!("sotto-reader-{n}"))
                .spawn(move || serve(&conn, &line))
                .context("starting a reader thread")
        };
        let threads = connections.into_iter().enumerate().map(start).collect::<Result<_, _>>()?;
        Ok(Self { queue: Some(queue), threads })
    }

    /// Reads from one moment's state of the database: everything that was reported as stored before
    /// this call is in it, and nothing changes while the work looks.
    pub(crate) async fn call<T, F>(&self, work: F) -> anyhow::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> anyhow::Result<T> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            // A caller who has gone needs no answer.
            let _ = caller.send(from_one_moment(conn, work));
        });
        let queue = self.queue.as_ref().context("the readers are stopping")?;
        queue
            .send_timeout(job, PLACE_WITHIN)
            .await
            .map_err(|_| anyhow!("the readers take no more work: too much is queued"))?;
        timeout(ANSWER_WITHIN, answer)
            .await
            .context("the readers gave no answer in time")?
            .context("the work panicked")?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader thread of the store had died");
            }
        }
    }
}

fn serve(conn: &Connection, line: &Line) {
    let next = || line.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
    while let Some(job) = next() {
        if catch_unwind(AssertUnwindSafe(|| job(conn))).is_err() {
            tracing::error!("reading from the store panicked");
        }
    }
}

fn from_one_moment<T>(
    conn: &Connection,
    work: impl FnOnce(&Connection) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    conn.prepare_cached("BEGIN")?.execute([])?;
    let snapshot = Snapshot(conn);
    let result = work(conn);
    drop(snapshot);
    result
}

/// Lets go of the moment, also when the work panics.
struct Snapshot<'c>(&'c Connection);

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let end = self.0.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        if let Err(error) = end {
            tracing::error!(%error, "a read transaction did not end");
        }
    }
}
