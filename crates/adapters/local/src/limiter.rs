//! Rate limits counted in memory.
use application::ports::{Clock, LimitKey, RateLimiter};
use domain::{
    Timestamp,
    throttle::{Quota, Throttled},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Up to so many keys nobody looks for those that are forgiven.
const SWEEP_FROM: usize = 1_024;
/// Most keys remembered: some 20 MiB.
const MAX_KEYS: usize = 100_000;

/// Counts in memory, for as long as the process lives.
///
/// Remembers a key until its quota is whole again, and never more than 100,000 keys: beyond that it
/// forgets the half that would be forgiven first.
pub struct LocalRateLimiter {
    clock: Arc<dyn Clock>,
    arrivals: Mutex<Arrivals>,
    max_keys: usize,
}

/// For each key, the moment by which all that was admitted is paid for.
#[derive(Default)]
struct Arrivals {
    by_key: HashMap<LimitKey, Timestamp>,
    /// How many there were after the last sweep.
    swept: usize,
}

impl LocalRateLimiter {
    /// A limiter that has counted nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_capacity(clock, MAX_KEYS)
    }

    fn with_capacity(clock: Arc<dyn Clock>, max_keys: usize) -> Self {
        Self { clock, arrivals: Mutex::default(), max_keys }
    }
}

#[async_trait::async_trait]
impl RateLimiter for LocalRateLimiter {
    async fn admit(&self, key: LimitKey, quota: Quota) -> Result<(), Throttled> {
        let now = self.clock.now();
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let arrival = quota.admit(arrivals.by_key.get(&key).copied(), now)?;
        arrivals.make_room(now, self.max_keys);
        arrivals.by_key.insert(key, arrival);
        Ok(())
    }

    async fn forget(&self, key: LimitKey) {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).by_key.remove(&key);
    }
}

impl Arrivals {
    /// Sweeps when the keys have doubled, so that each pays for looking at two.
    fn make_room(&mut self, now: Timestamp, max_keys: usize) {
        let sweep_at = SWEEP_FROM.max(2 * self.swept).min(max_keys);
        if self.by_key.len() < sweep_at {
            return;
        }
        let full = self.by_key.len() >= max_keys;
        self.by_key.retain(|_, arrival| *arrival > now);
        // Half of them, even if a few less would do: or the next sweep would come too soon.
        if full && self.by_key.len() > max_keys / 2 {
            self.forget_half();
        }
        self.swept = self.by_key.len();
    }

    fn forget_half(&mut self) {
        let mut moments: Vec<Timestamp> = self.by_key.values().copied().collect();
        let half = moments.len() / 2;
        let (_, &mut median, _) = moments.select_nth_unstable(half);
        let mut to_go = half + 1;
        self.by_key.retain(|_, arrival| {
            let goes = to_go > 0 && *arrival <= median;
            to_go -= usize::from(goes);
            !goes
        });
    }
}

/// Admits everything: for whoever switched the limits off.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnlimitedRateLimiter;

#[async_trait::async_trait]
impl RateLimiter for UnlimitedRateLimiter {
    async fn admit(&self, _key: LimitKey, _quota: Quota) -> Result<(), Throttled> {
        Ok(())
    }

    async fn forget(&self, _key: LimitKey) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::TimeDelta;
    use testkit::FixedClock;
    use tokio::task::JoinSet;

    const QUOTA: Quota = Quota::new(3, TimeDelta::seconds(1));

    fn key(subject: &(impl ToString + ?Sized)) -> LimitKey {
        LimitKey { name: "test", subject: subject.to_string() }
    }

    fn remembered(limiter: &LocalRateLimiter) -> usize {
        limiter.arrivals.lock().expect("no panic").by_key.len()
    }

    #[tokio::test]
    async fn a_burst_passes_and_then_one_at_a_time() {
        let clock = Arc::new(FixedClock::default());
        let limiter = LocalRateLimiter::new(clock.clone());
        for _ in 0..3 {
            assert!(limiter.admit(key("ann"), QUOTA).await.is_ok());
        }
        let refused = Throttled { retry_after: TimeDelta::seconds(1) };
        assert_eq!(limiter.admit(key("ann"), QUOTA).await, Err(refused));
        clock.advance(TimeDelta::seconds(1));
        assert!(limiter.admit(key("ann"), QUOTA).await.is_ok());
        assert!(limiter.admit(key("ann"), QUOTA).await.is_err());
    }

    #[tokio::test]
    async fn one_key_says_nothing_of_another() {
        let limiter = LocalRateLimiter::new(Arc::new(FixedClock::default()));
        let once = Quota::new(1, TimeDelta::seconds(1));
        assert!(limiter.admit(key("ann"), once).await.is_ok());
        assert!(limiter.admit(key("bob"), once).await.is_ok());
        let other_limit = LimitKey { name: "other", ..key("ann") };
        assert!(limiter.admit(other_limit, once).await.is_ok());
        assert!(limiter.admit(key("ann"), once).await.is_err());
    }

    #[tokio::test]
    async fn what_is_forgotten_counts_from_the_beginning() {
        let limiter = LocalRateLimiter::new(Arc::new(FixedClock::default()));
        for name in ["ann", "bob"] {
            while limiter.admit(key(name), QUOTA).await.is_ok() {}
        }
        limiter.forget(key("ann")).await;
        for _ in 0..3 {
            assert!(limiter.admit(key("ann"), QUOTA).await.is_ok());
        }
        assert!(limiter.admit(key("ann"), QUOTA).await.is_err());
        assert!(limiter.admit(key("bob"), QUOTA).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_events_that_race_no_more_pass_than_the_burst() {
        let limiter = Arc::new(LocalRateLimiter::new(Arc::new(FixedClock::default())));
        let mut all = JoinSet::new();
        for _ in 0..200 {
            let limiter = limiter.clone();
            all.spawn(async move { limiter.admit(key("ann"), QUOTA).await });
        }
        let admitted = all.join_all().await.into_iter().flatten().count();
        assert_eq!(admitted, 3);
    }

    #[tokio::test]
    async fn forgiven_keys_are_forgotten() {
        let clock = Arc::new(FixedClock::default());
        let limiter = LocalRateLimiter::new(clock.clone());
        for n in 0..20 * SWEEP_FROM {
            assert!(limiter.admit(key(&n), QUOTA).await.is_ok());
            clock.advance(TimeDelta::milliseconds(10));
        }
        // A hundred of them are not forgiven yet.
        assert!(remembered(&limiter) <= SWEEP_FROM);
    }

    #[tokio::test]
    async fn a_flood_of_keys_is_bounded_and_frees_nobody_who_waits_long() {
        let limiter = LocalRateLimiter::with_capacity(Arc::new(FixedClock::default()), 2_000);
        let hourly = Quota::new(1, TimeDelta::hours(1));
        assert!(limiter.admit(key("ann"), hourly).await.is_ok());
        for n in 0..50_000 {
            assert!(limiter.admit(key(&n), QUOTA).await.is_ok());
            assert!(remembered(&limiter) <= 2_000);
        }
        assert!(limiter.admit(key("ann"), hourly).await.is_err());
    }

    #[tokio::test]
    async fn without_limits_everything_passes() {
        let never = Quota::new(0, TimeDelta::days(1));
        for _ in 0..1_000 {
            assert!(UnlimitedRateLimiter.admit(key("ann"), never).await.is_ok());
        }
    }
}
