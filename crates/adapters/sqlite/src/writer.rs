//! The one thread that writes, and how callers share its transactions.
use crate::heads::Heads;
use anyhow::{Context, anyhow};
use application::ports::EventBus;
use domain::event::ChatEvent;
use rusqlite::{Connection, ErrorCode};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// How many callers wait in line before the next has to wait for a place in it.
const QUEUE: usize = 1024;
/// How many calls one transaction takes at most.
const BATCH_JOBS: usize = 256;
/// How many messages one transaction takes at most; more, and the first of them would wait too
/// long for the last.
const BATCH_MESSAGES: usize = 1024;
/// From so many callers on, a transaction counts as shared.
const SHARED: usize = 4;
/// The longest wait for more callers to share a transaction.
const LONGEST_PAUSE: Duration = Duration::from_micros(500);
/// How long a call waits for a place in the line.
pub(crate) const PLACE_WITHIN: Duration = Duration::from_secs(5);
/// How long a call waits for its answer; a disk that takes longer is as good as gone.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// The transaction that a piece of work is part of.
pub(crate) struct Tx<'c> {
    conn: &'c Connection,
    heads: Heads,
    events: Vec<ChatEvent>,
}

impl<'c> Tx<'c> {
    fn new(conn: &'c Connection) -> Self {
        Self { conn, heads: Heads::default(), events: Vec::new() }
    }

    /// The database as all work before this has left it.
    pub(crate) fn settled(&mut self) -> rusqlite::Result<&'c Connection> {
        self.heads.settle(self.conn)?;
        Ok(self.conn)
    }

    /// The database but for the heads of the rooms, and these: what makes histories longer keeps
    /// them in memory until the end.
    pub(crate) fn with_heads(&mut self) -> (&'c Connection, &mut Heads) {
        (self.conn, &mut self.heads)
    }

    /// Has an event announced once all this is durable.
    pub(crate) fn announce(&mut self, event: ChatEvent) {
        self.events.push(event);
    }
}

/// What a caller wants written.
trait Job: Send {
    /// How many messages it may write.
    fn weight(&self) -> usize;

    /// Does the work. Called again, in another transaction, if somebody else's spoiled the first.
    fn run(&mut self, tx: &mut Tx<'_>) -> anyhow::Result<()>;

    /// Gives the caller the result of the last run.
    fn answer(self: Box<Self>);

    /// Tells the caller that it came to nothing.
    fn refuse(self: Box<Self>, why: anyhow::Error);
}

type Jobs = Vec<Box<dyn Job>>;

struct Call<F, T> {
    weight: usize,
    work: F,
    result: Option<T>,
    caller: oneshot::Sender<anyhow::Result<T>>,
}

impl<F, T> Job for Call<F, T>
where
    F: Fn(&mut Tx<'_>) -> anyhow::Result<T> + Send,
    T: Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> anyhow::Result<()> {
        self.result = Some((self.work)(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>) {
        let result = self.result.ok_or_else(|| anyhow!("the work was never done"));
        // A caller who has gone misses nothing that the store does not know.
        let _ = self.caller.send(result);
    }

    fn refuse(self: Box<Self>, why: anyhow::Error) {
        let _ = self.caller.send(Err(why));
    }
}

/// A handle on the writing thread. Dropped, it lets the thread finish what is queued.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    patience: Duration,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on a connection of its own.
    pub(crate) fn start(conn: Connection, bus: Arc<dyn EventBus>) -> anyhow::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let desk = Desk { conn, bus, ruined: None };
        let thread = std::thread::Builder::new()
            .name("sotto-writer".to_owned())
            .spawn(move || desk.serve(jobs))
            .context("starting the writer thread")?;
        Ok(Self { queue: Some(queue), patience: PLACE_WITHIN, thread: Some(thread) })
    }

    /// Has work done inside a transaction and waits until it is durable. Calls are done in the
    /// order in which they came. The work may run more than once, of which one run counts; where
    /// it fails, nothing of it stays.
    pub(crate) async fn call<T, F>(&self, weight: usize, work: F) -> anyhow::Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> anyhow::Result<T> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Call { weight, work, result: None, caller });
        let queue = self.queue.as_ref().context("the writer is stopping")?;
        queue.send_timeout(job, self.patience).await.map_err(|_| {
            anyhow!("the writer takes no more work: too much is queued, or it is gone")
        })?;
        timeout(ANSWER_WITHIN, answer)
            .await
            .context("the writer gave no answer in time")?
            .context("the writer is gone")?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer thread of the store had died");
        }
    }
}

/// Why a transaction came to nothing.
#[derive(Debug)]
enum Spoiled {
    /// One of several jobs could not be done; the others might be without it.
    ByOne(anyhow::Error),
    /// It could not begin or be committed, whoever was in it.
    ForAll(anyhow::Error),
}

/// Where the thread sits.
struct Desk {
    conn: Connection,
    bus: Arc<dyn EventBus>,
    /// Why nothing may be written any more.
    ruined: Option<String>,
}

impl Desk {
    fn serve(mut self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        let mut pause = Duration::ZERO;
        while let Some(first) = queue.blocking_recv() {
            std::thread::sleep(pause);
            let jobs = gather(first, &mut queue);
            let (callers, began) = (jobs.len(), Instant::now());
            // What panics in here is a fault of ours; the calls lost with it are refused by their
            // dropped channels, and those to come deserve a writer.
            if catch_unwind(AssertUnwindSafe(|| self.work_off(jobs))).is_err() {
                tracing::error!("the writer of the store panicked; what it was doing is lost");
                self.roll_back();
            }
            pause = pause_after(callers, began.elapsed());
        }
    }

    /// Does all jobs in one transaction. If one of them spoils it, they are done again, each in a
    /// transaction of its own, so that only the one fails.
    fn work_off(&mut self, mut jobs: Jobs) {
        match self.transact(&mut jobs) {
            Ok(events) => self.conclude(events, jobs),
            Err(Spoiled::ForAll(why)) => refuse(jobs, &why),
            Err(Spoiled::ByOne(why)) if jobs.len() == 1 => refuse(jobs, &why),
            Err(Spoiled::ByOne(_)) => self.work_off_singly(jobs),
        }
    }

    fn work_off_singly(&mut self, jobs: Jobs) {
        let mut jobs = jobs.into_iter();
        while let Some(job) = jobs.next() {
            let mut alone = vec![job];
            match self.transact(&mut alone) {
                Ok(events) => self.conclude(events, alone),
                Err(Spoiled::ByOne(why)) => refuse(alone, &why),
                // It would be the same with the rest, each time as slowly.
                Err(Spoiled::ForAll(why)) => {
                    refuse(alone, &why);
                    return refuse(jobs.collect(), &why);
                }
            }
        }
    }

    /// Runs the jobs and commits. On failure nothing of them stays.
    fn transact(&mut self, jobs: &mut Jobs) -> Result<Vec<ChatEvent>, Spoiled> {
        if let Some(why) = &self.ruined {
            return Err(Spoiled::ForAll(anyhow!("nothing is written since a sync failed: {why}")));
        }
        self.statement("BEGIN IMMEDIATE")
            .map_err(|error| Spoiled::ForAll(anyhow!(error).context("beginning a transaction")))?;
        let events = run_all(&self.conn, jobs).map_err(|why| {
            self.roll_back();
            Spoiled::ByOne(why)
        })?;
        self.statement("COMMIT").map_err(|error| {
            self.roll_back();
            self.ruined = ruin(&error);
            Spoiled::ForAll(anyhow!(error).context("committing"))
        })?;
        Ok(events)
    }

    /// Tells everybody, now that it is durable: first the sockets, then the callers.
    fn conclude(&self, events: Vec<ChatEvent>, jobs: Jobs) {
        for event in events {
            if catch_unwind(AssertUnwindSafe(|| self.bus.publish(event))).is_err() {
                tracing::error!("the event bus panicked over an event");
            }
        }
        jobs.into_iter().for_each(Job::answer);
    }

    /// Ends the transaction, where `SQLite` has not already done so.
    fn roll_back(&self) {
        if self.conn.is_autocommit() {
            return;
        }
        if let Err(error) = self.statement("ROLLBACK") {
            tracing::error!(%error, "rolling back failed");
        }
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<()> {
        self.conn.prepare_cached(sql)?.execute([]).map(drop)
    }
}

/// How long to let work gather after a transaction with so many callers. All of them have just been
/// answered, and on a busy server will be back at once: a moment's patience has them share the next
/// transaction with those who waited, instead of taking turns. A server with fewer callers never waits.
fn pause_after(callers: usize, took: Duration) -> Duration {
    if callers < SHARED { Duration::ZERO } else { (took / 8).min(LONGEST_PAUSE) }
}

/// Whatever waits already comes along, within bounds.
fn gather(first: Box<dyn Job>, queue: &mut mpsc::Receiver<Box<dyn Job>>) -> Jobs {
    let mut messages = first.weight();
    let mut jobs = vec![first];
    while jobs.len() < BATCH_JOBS && messages < BATCH_MESSAGES {
        let Ok(job) = queue.try_recv() else { break };
        messages += job.weight();
        jobs.push(job);
    }
    jobs
}

fn run_all(conn: &Connection, jobs: &mut Jobs) -> anyhow::Result<Vec<ChatEvent>> {
    let mut tx = Tx::new(conn);
    for job in jobs {
        catch_unwind(AssertUnwindSafe(|| job.run(&mut tx)))
            .unwrap_or_else(|_| Err(anyhow!("a piece of work panicked")))?;
    }
    tx.settled()?;
    Ok(tx.events)
}

fn refuse(jobs: Jobs, why: &anyhow::Error) {
    for job in jobs {
        job.refuse(anyhow!("{why:#}"));
    }
}

/// Whether a failed commit is the end of writing. After a failed sync nobody knows what is on the
/// disk, and the system may report the next one as fine although pages were dropped; only a fresh
/// start, which reads what really is there, can tell.
fn ruin(error: &rusqlite::Error) -> Option<String> {
    let lost = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    );
    lost.then(|| {
        tracing::error!(%error, "a commit failed; nothing is written until the next start");
        error.to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteStore;
    use application::ports::{Appended, MessageRepository, StoreProbe, Unavailable};
    use domain::{
        history::{Limit, Window},
        id::RoomId,
        message::NewMessage,
    };
    use rusqlite::ffi;
    use testkit::{RecordingBus, StoreUnderTest, a_message, a_room_of};

    struct Fixture {
        _dir: tempfile::TempDir,
        store: Arc<SqliteStore>,
        bus: Arc<RecordingBus>,
        room: RoomId,
    }

    async fn fixture() -> Fixture {
        let dir = tempfile::tempdir().expect("a directory");
        let bus = Arc::new(RecordingBus::default());
        let store = Arc::new(SqliteStore::open(dir.path(), bus.clone()).expect("opens"));
        let room = a_room_of(&StoreUnderTest::new(store.clone(), bus.clone(), ()), 1, 2).await;
        Fixture { _dir: dir, store, bus, room: room.id }
    }

    impl Fixture {
        fn message(&self, n: u32) -> NewMessage {
            a_message(self.room, testkit::a_user(1).id, n)
        }

        async fn append(&self, message: NewMessage) -> Result<Appended, Unavailable> {
            self.store.append(vec![message]).await.pop().expect("an outcome")
        }

        async fn stored(&self) -> usize {
            let limit = Limit::of(200).expect("positive");
            let page = self.store.list_window(self.room, Window::Latest, limit).await;
            page.expect("reads").messages.len()
        }

        async fn allow_pages(&self, pages: i64) {
            let writer = self.store.writer();
            let set = writer.call(1, move |tx| {
                let conn = tx.settled()?;
                Ok(conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
            });
            set.await.expect("sets the limit");
        }
    }

    #[tokio::test]
    async fn a_full_disk_refuses_and_works_again_once_there_is_room() {
        let store = fixture().await;
        store.append(store.message(1)).await.expect("room enough");
        store.allow_pages(1).await;
        let mut refused = 2;
        while store.append(store.message(refused)).await.is_ok() {
            refused += 1;
            assert!(refused < 500, "the disk never filled");
        }
        let before = (store.stored().await, store.bus.events().len());
        assert_eq!(before, (refused as usize - 1, refused as usize - 1), "nothing of the refused");
        store.store.check().await.expect("a full disk is not the end");

        store.allow_pages(1_000_000).await;
        let Appended::New(stored) = store.append(store.message(refused)).await.expect("room again")
        else {
            panic!("it was not stored before");
        };
        assert_eq!(stored.seq, u64::from(refused), "no hole");
    }

    #[tokio::test]
    async fn a_job_that_fails_or_panics_takes_nobody_along() {
        let store = fixture().await;
        let writer = store.store.writer();
        let half_done = || {
            writer.call::<(), _>(1, |tx| {
                tx.settled()?.execute("DELETE FROM users", [])?;
                anyhow::bail!("half-way through")
            })
        };
        let panics = || writer.call::<(), _>(1, |_| panic!("planted"));
        let (first, failed, second, panicked, third) = tokio::join!(
            store.append(store.message(1)),
            half_done(),
            store.append(store.message(2)),
            panics(),
            store.append(store.message(3)),
        );
        assert!(failed.is_err() && panicked.is_err());
        for (outcome, seq) in [(first, 1), (second, 2), (third, 3)] {
            let Appended::New(stored) = outcome.expect("stored") else { panic!("it is new") };
            assert_eq!(stored.seq, seq);
        }
        let users = writer.call(1, |tx| {
            Ok(tx
                .settled()?
                .query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(users.await.expect("counts"), 2, "what failed left nothing behind");
        assert_eq!(store.bus.events().len(), 3);
    }

    #[tokio::test]
    async fn a_commit_that_fails_stores_and_announces_nothing() {
        let store = fixture().await;
        let writer = store.store.writer();
        let spoils_the_commit = writer.call(1, |tx| {
            let conn = tx.settled()?;
            conn.pragma_update(None, "defer_foreign_keys", true)?;
            let orphan = "INSERT INTO reactions VALUES (zeroblob(16), 0, 'x', zeroblob(16))";
            Ok(conn.execute(orphan, [])?)
        });
        // Holds the writer up until both are queued, so that they share a transaction.
        let (open_the_gate, gate) = std::sync::mpsc::channel::<()>();
        let held_up = writer.call(1, move |_| Ok(gate.recv().is_err()));
        let (_, appended, spoiled, ()) =
            tokio::join!(held_up, store.append(store.message(1)), spoils_the_commit, async {
                drop(open_the_gate);
            });
        assert!(appended.is_err() && spoiled.is_err());
        assert_eq!((store.stored().await, store.bus.events().len()), (0, 0));
        store.append(store.message(1)).await.expect("the next transaction is a new one");
    }

    #[tokio::test]
    async fn only_what_leaves_the_disk_in_doubt_ends_all_writing() {
        let store = fixture().await;
        let mut desk = Desk {
            conn: Connection::open_in_memory().expect("opens"),
            bus: store.bus.clone(),
            ruined: None,
        };
        let error = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        desk.ruined = ruin(&error(ffi::SQLITE_IOERR_FSYNC));
        assert!(matches!(desk.transact(&mut Vec::new()), Err(Spoiled::ForAll(_))));
        assert_eq!(ruin(&error(ffi::SQLITE_FULL)), None, "a full disk passes");
        assert_eq!(ruin(&error(ffi::SQLITE_BUSY)), None, "a busy one too");
    }

    #[tokio::test]
    async fn a_line_that_does_not_move_ends_in_unavailable() {
        let (queue, jobs) = mpsc::channel(1);
        let patience = Duration::from_millis(20);
        let writer = Arc::new(Writer { queue: Some(queue), patience, thread: None });
        let first = tokio::spawn({
            let writer = writer.clone();
            async move { writer.call(1, |_| Ok(())).await }
        });
        tokio::task::yield_now().await;
        let second = writer.call(1, |_| Ok(())).await;
        assert!(second.is_err(), "there was no place in the line");
        drop(jobs);
        assert!(first.await.expect("ends").is_err(), "whoever was in it is told");
        assert!(writer.call(1, |_| Ok(())).await.is_err(), "a dead writer is no one to wait for");
    }
}
