//! Rate limits that all instances count together.
use crate::RedisLink;
use application::ports::{Digester, LimitKey, Purpose, RateLimiter};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::{
    TimeDelta,
    throttle::{Quota, Throttled},
};
use redis::Script;
use std::sync::Arc;

/// [`Quota::admit`] in milliseconds. Answers how long to wait, 0 for not at all.
macro_rules! admit {
    () => {
        "local every, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
         local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
         arrival = math.min(math.max(arrival, now), now + tolerance + every)
         local allowed_at = arrival - tolerance
         if now < allowed_at then return allowed_at - now end
         local paid_at = arrival + every
         if paid_at > now then
             redis.call('SET', KEYS[1], string.format('%.0f', paid_at), 'PX', paid_at - now)
         end
         return 0"
    };
}

const ADMIT: &str = concat!(now!(), admit!());

/// The [`RateLimiter`] that all instances share.
///
/// Keys hold a digest of whom a limit is for, never the address or id itself. While Redis is gone
/// each instance counts by itself, so that a key gets at most its quota once more for each instance.
pub struct RedisRateLimiter {
    link: RedisLink,
    digester: Arc<dyn Digester>,
    alone: Arc<dyn RateLimiter>,
    script: Script,
}

impl RedisRateLimiter {
    /// Counts in Redis, and by `alone` while Redis is gone.
    pub fn new(link: RedisLink, digester: Arc<dyn Digester>, alone: Arc<dyn RateLimiter>) -> Self {
        Self { link, digester, alone, script: Script::new(ADMIT) }
    }

    fn key(&self, key: &LimitKey) -> String {
        let parts = [key.name.as_bytes().to_vec(), key.subject.as_bytes().to_vec()];
        let digest = self.digester.digest(Purpose::LimitSubject, &parts);
        self.link.name(format_args!("limit:{}:{}", key.name, BASE64.encode(digest.as_bytes())))
    }
}

#[async_trait]
impl RateLimiter for RedisRateLimiter {
    async fn admit(&self, key: LimitKey, quota: Quota) -> Result<(), Throttled> {
        if !self.link.is_up() {
            return self.alone.admit(key, quota).await;
        }
        let (every, tolerance) = in_milliseconds(quota);
        let mut call = self.script.key(self.key(&key));
        match self.link.script::<i64>(call.arg(every).arg(tolerance)).await {
            Ok(0) => Ok(()),
            Ok(wait) => Err(Throttled { retry_after: TimeDelta::milliseconds(wait) }),
            Err(_) => self.alone.admit(key, quota).await,
        }
    }

    async fn forget(&self, key: LimitKey) {
        if self.link.is_up() {
            let forgetting: Result<i64, _> =
                self.link.command(redis::cmd("DEL").arg(self.key(&key))).await;
            if forgetting.is_err() {
                tracing::debug!(limit = key.name, "what was counted stays");
            }
        }
        // What was counted while Redis was gone.
        self.alone.forget(key).await;
    }
}

/// How far apart events are, and how much earlier the first of a burst may come. Parts of a
/// millisecond are left out.
fn in_milliseconds(quota: Quota) -> (i64, i64) {
    // Far beyond any quota, and whole in the floating point of scripts.
    const MOST: i64 = 1 << 50;
    let every = quota.every.num_milliseconds().clamp(0, MOST);
    let more = i64::from(quota.burst.saturating_sub(1));
    (every, every.saturating_mul(more).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RedisOptions;
    use domain::Timestamp;
    use proptest::{prelude::*, test_runner::TestRunner};
    use std::time::Duration;
    use tokio::runtime::Runtime;

    /// The same, told the time.
    const ADMIT_AT: &str = concat!("local now = tonumber(ARGV[3])\n", admit!());

    async fn link() -> RedisLink {
        let options = RedisOptions {
            prefix: format!("test:{:?}:", std::process::id()),
            response_limit: Duration::from_secs(10),
            ..RedisOptions::new(servers::redis().await)
        };
        RedisLink::open(options).await.expect("opens")
    }

    /// Quotas of hours, so that no key expires by the real time while the test plays.
    fn quotas() -> impl Strategy<Value = Quota> {
        (0u32..6, 3_600_000i64..7_200_000)
            .prop_map(|(burst, every)| Quota::new(burst, TimeDelta::milliseconds(every)))
    }

    #[test]
    fn redis_decides_as_the_domain_does() {
        let runtime = Runtime::new().expect("starts");
        let link = runtime.block_on(link());
        let script = Script::new(ADMIT_AT);
        let case = std::cell::Cell::new(0);
        // Forwards mostly, and back now and then.
        let gaps = prop::collection::vec(-2_000_000i64..8_000_000, 1..40);
        let decisions = |(quota, gaps): (Quota, Vec<i64>)| {
            case.set(case.get() + 1);
            let key = link.name(format_args!("as_the_domain:{}", case.get()));
            let (every, tolerance) = in_milliseconds(quota);
            let mut now = Timestamp::UNIX_EPOCH + TimeDelta::days(20_000);
            let mut state = None;
            for gap in gaps {
                now += TimeDelta::milliseconds(gap);
                let expected = match quota.admit(state, now) {
                    Ok(next) => {
                        state = Some(next);
                        0
                    }
                    Err(throttled) => throttled.retry_after.num_milliseconds(),
                };
                let mut call = script.key(&key);
                let call = call.arg(every).arg(tolerance).arg(now.timestamp_millis());
                let wait: i64 = runtime.block_on(link.script(call)).expect("answers");
                prop_assert_eq!(wait, expected);
            }
            Ok(())
        };
        let mut runner =
            TestRunner::new(ProptestConfig { failure_persistence: None, ..Default::default() });
        runner.run(&(quotas(), gaps), decisions).expect("the same decisions");
    }

    #[test]
    fn no_quota_is_too_large_to_count() {
        let huge = Quota::new(u32::MAX, TimeDelta::MAX);
        assert_eq!(in_milliseconds(huge), (1 << 50, 1 << 50));
        assert_eq!(in_milliseconds(Quota::new(0, TimeDelta::seconds(1))), (1_000, 0));
    }
}
