//! Finding what was stored but never announced here.
use super::{RelayEventBus, answered, figures::add};
use application::ports::{TouchMark, Unavailable};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked while there is no broadcast, or it is not connected, or a look failed.
const TICK: Duration = Duration::from_secs(1);
/// Every how many ticks it is looked otherwise.
const TICKS_WHILE_CONNECTED: u32 = 4;

/// Where the looks have come to.
struct Sweep {
    mark: TouchMark,
    /// Ticks since the last look that found an answer.
    waited: u32,
    failing: bool,
}

impl RelayEventBus {
    /// Looks again and again, and forgets those who have left.
    pub(super) async fn sweep(&self) {
        let mut sweep = None;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // Nobody can have subscribed before there is a store.
            let Some(store) = self.store.get() else {
                continue;
            };
            let begin = Sweep { mark: store.mark, waited: 0, failing: false };
            self.advance(sweep.get_or_insert(begin)).await;
        }
    }

    async fn advance(&self, sweep: &mut Sweep) {
        sweep.waited += 1;
        if self.is_connected() && sweep.waited < TICKS_WHILE_CONNECTED {
            return;
        }
        self.ledger().forget_unless(|user| self.local.is_listening(user));
        match self.look(sweep.mark).await {
            Ok(mark) => *sweep = Sweep { mark, waited: 0, failing: false },
            // The mark stays, so that the next look finds what this one did not.
            Err(error) => {
                add(&self.counters.failed_looks, 1);
                if !std::mem::replace(&mut sweep.failing, true) {
                    let error = format!("{:#}", anyhow::Error::from(error));
                    tracing::warn!(error, "can't look for unannounced changes; trying again");
                }
            }
        }
    }

    async fn look(&self, since: TouchMark) -> Result<TouchMark, Unavailable> {
        let heads = self.heads()?;
        let found = answered(heads.list_touched(Some(since))).await?;
        for touched in &found.rooms {
            // Locked anew for each: there may be many, and events don't wait.
            let mut ledger = self.ledger();
            ledger.hear_touched(touched, &mut |event| self.tell(event));
        }
        self.wake_repairs(&self.ledger());
        Ok(found.mark)
    }
}
