//! A bounded queue for work that eats a core and much memory.
use application::ports::HashingBusy;
use std::{panic::resume_unwind, sync::Arc};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Runs so much at once, lets so much wait, and turns the rest away.
pub struct HashingQueue {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl HashingQueue {
    pub fn new(running: usize, waiting: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running)),
            admitted: Arc::new(Semaphore::new(running + waiting)),
        }
    }

    /// Waits for a turn, then works off the async threads.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingBusy> {
        let place = self.admitted.clone().try_acquire_owned().map_err(|_| HashingBusy)?;
        let turn = self.running.clone().acquire_owned().await.map_err(|_| HashingBusy)?;
        let working = spawn_blocking(move || {
            // Held by the work itself: it goes on, and counts, after a caller who gave up.
            let _held = (place, turn);
            work()
        });
        match working.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(result) => Ok(result),
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(_shutting_down)) => Err(HashingBusy),
        }
    }
}

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
        let caller = tokio::spawn({
            let queue = queue.clone();
            async move { queue.run(work).await }
        });
        while queue.running.available_permits() > 0 {
            yield_now().await;
        }
        caller.abort();
        assert!(caller.await.is_err());
        assert_eq!(queue.run(|| ()).await, Err(HashingBusy));
        drop(end);
        while queue.run(|| ()).await.is_err() {
            yield_now().await;
        }
    }
}
