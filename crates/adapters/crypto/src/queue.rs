//! A bounded queue for work that eats a core and much memory.
use application::ports::HashingBusy;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};
use tokio::sync::{Semaphore, oneshot};

/// How much later than others the threads come to a core that all want (Linux counts to 19): a
/// flood of passwords is no reason for a message to wait.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// Runs so much at once, on threads of its own, lets so much wait, and turns the rest away.
pub struct HashingQueue {
    admitted: Arc<Semaphore>,
    line: mpsc::Sender<Job>,
}

impl HashingQueue {
    pub fn new(running: usize, waiting: usize) -> Self {
        let (line, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..running {
            let jobs = jobs.clone();
            let thread = thread::Builder::new().name("hashing".to_owned());
            thread.spawn(move || work_off(&jobs)).expect("a thread can be started");
        }
        Self { admitted: Arc::new(Semaphore::new(running + waiting)), line }
    }

    /// Waits for a turn, then works off the async threads. What nobody waits for any more when its
    /// turn comes is not begun.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingBusy> {
        let place = self.admitted.clone().try_acquire_owned().map_err(|_| HashingBusy)?;
        let (answer, answered) = oneshot::channel();
        let job = move || {
            if answer.is_closed() {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(work));
            // Held by the work itself: it goes on, and counts, after a caller who gave up.
            drop(place);
            let _ = answer.send(result);
        };
        self.line.send(Box::new(job)).map_err(|_| HashingBusy)?;
        match answered.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(HashingBusy),
        }
    }
}

/// Until the queue is dropped.
fn work_off(jobs: &Mutex<mpsc::Receiver<Job>>) {
    step_back();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

/// Lets others go first. There (unlike in POSIX) that is said for one thread.
#[cfg(target_os = "linux")]
fn step_back() {
    let _ = rustix::process::nice(NICE);
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        thread,
        time::Duration,
    };
    use tokio::task::{JoinSet, yield_now};

    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_than_allowed_run_at_once() {
        let queue = Arc::new(HashingQueue::new(3, 100));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut all = JoinSet::new();
        for _ in 0..40 {
            let (queue, now, most) = (queue.clone(), now.clone(), most.clone());
            let work = move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(2));
                now.fetch_sub(1, Ordering::SeqCst);
            };
            all.spawn(async move { queue.run(work).await });
        }
        assert!(all.join_all().await.into_iter().all(|outcome| outcome.is_ok()));
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    /// Work that lasts until the sender is dropped.
    fn long_work() -> (mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
        let (end, ended) = mpsc::channel();
        (end, move || {
            let _ = ended.recv();
        })
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_turned_away_at_once() {
        let queue = Arc::new(HashingQueue::new(1, 1));
        let (end, work) = long_work();
        let running = tokio::spawn({
            let queue = queue.clone();
            async move { queue.run(work).await }
        });
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.run(|| ()).await }
        });
        while queue.admitted.available_permits() > 0 {
            yield_now().await;
        }
        assert_eq!(queue.run(|| ()).await, Err(HashingBusy));
        drop(end);
        assert_eq!(running.await.expect("no panic"), Ok(()));
        assert_eq!(waiting.await.expect("no panic"), Ok(()));
        assert_eq!(queue.run(|| "free again").await, Ok("free again"));
    }

    #[tokio::test]
    async fn work_counts_until_it_ends_even_if_its_caller_gave_up() {
        let queue = Arc::new(HashingQueue::new(1, 0));
        let (end, work) = long_work();
        let (begin, started) = oneshot::channel();
        let caller = tokio::spawn({
            let queue = queue.clone();
            let work = move || {
                let _ = begin.send(());
                work();
            };
            async move { queue.run(work).await }
        });
        started.await.expect("begins");
        caller.abort();
        assert!(caller.await.is_err());
        assert_eq!(queue.run(|| ()).await, Err(HashingBusy));
        drop(end);
        while queue.run(|| ()).await.is_err() {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_begun() {
        let queue = Arc::new(HashingQueue::new(1, 2));
        let (end, work) = long_work();
        let running = tokio::spawn({
            let queue = queue.clone();
            async move { queue.run(work).await }
        });
        let begun = Arc::new(AtomicUsize::new(0));
        let given_up = tokio::spawn({
            let (queue, begun) = (queue.clone(), begun.clone());
            async move { queue.run(move || begun.fetch_add(1, Ordering::SeqCst)).await }
        });
        while queue.admitted.available_permits() > 1 {
            yield_now().await;
        }
        given_up.abort();
        assert!(given_up.await.is_err());
        drop(end);
        assert_eq!(running.await.expect("no panic"), Ok(()));
        assert_eq!(queue.run(|| "the next").await, Ok("the next"));
        assert_eq!(begun.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_panic_is_its_callers_and_the_thread_goes_on() {
        let queue = Arc::new(HashingQueue::new(1, 1));
        let caller = tokio::spawn({
            let queue = queue.clone();
            async move { queue.run(|| panic!("planted")).await }
        });
        assert!(caller.await.expect_err("panics").is_panic());
        assert_eq!(queue.run(|| "the next").await, Ok("the next"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_threads_step_back_and_no_others_do() {
        let of_this_thread = || rustix::process::nice(0).expect("is told");
        let before = of_this_thread();
        let queue = HashingQueue::new(1, 1);
        let theirs = queue.run(of_this_thread).await.expect("idle");
        assert_eq!(theirs, (before + NICE).min(19));
        assert_eq!(of_this_thread(), before);
    }
}
