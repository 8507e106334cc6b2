//! Filling gaps from the store.
use super::{
    RelayEventBus, answered,
    figures::add,
    ledger::{Cause, Step},
};
use application::ports::Unavailable;
use domain::{
    history::{ChangePage, Limit},
    id::RoomId,
    room::Participants,
};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::sleep};

/// Two instances that store in one room at once often hear of it in the other order. What is
/// missing is then on its way, and this is long enough for it to come without asking the store.
const ON_THE_WAY: Duration = Duration::from_millis(3);

/// The repair of one room. However it ends, the room goes on: should it be dropped before it is
/// done, the people of the room are told to ask for the changes.
struct Repair {
    bus: Arc<RelayEventBus>,
    room: RoomId,
    done: bool,
}

impl RelayEventBus {
    /// Repairs whatever room needs it, each without regard to the others.
    pub(super) async fn repair_all(self: &Arc<Self>) {
        let mut repairs = JoinSet::new();
        loop {
            tokio::select! {
                () = self.to_repair.notified() => {}
                Some(ended) = repairs.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the repair of a room broke off");
                    }
                }
            }
            let to_repair = self.ledger().take_to_repair();
            for (room, cause) in to_repair {
                add(&self.counters.repairs, 1);
                repairs.spawn(Repair { bus: self.clone(), room, done: false }.run(cause));
            }
        }
    }

    async fn read_changes(&self, room: RoomId, after: u64) -> Result<ChangePage, Unavailable> {
        let limit = Limit::of(Limit::MAX).unwrap_or_default();
        // Waiting for the others counts: when the store hangs, all rooms are to know in time.
        answered(async {
            let _permit =
                self.reads.acquire().await.map_err(|closed| Unavailable::of("store", closed))?;
            add(&self.counters.reads, 1);
            self.messages()?.list_changes(room, after, limit).await
        })
        .await
    }
}

impl Repair {
    async fn run(mut self, cause: Cause) {
        if cause == Cause::Gap && self.bus.is_connected() {
            sleep(ON_THE_WAY).await;
        }
        loop {
            let step = self.bus.ledger().next_step(self.room);
            let Some(step) = step else {
                self.done = true;
                return;
            };
            if let Err(error) = self.take(step).await {
                tracing::warn!(error = format!("{error:#}"), "a gap could not be filled");
                return;
            }
        }
    }

    async fn take(&self, step: Step) -> anyhow::Result<()> {
        let page = self.bus.read_changes(self.room, step.after).await?;
        let mut ledger = self.bus.ledger();
        Ok(ledger.tell_page(self.room, step, page, &mut |event| self.bus.tell(event))?)
    }
}

impl Drop for Repair {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut ledger = self.bus.ledger();
        // Under the lock: nothing is told between the loss and its notice.
        for user in ledger.give_up(self.room).into_iter().flat_map(Participants::both) {
            self.bus.resync(user);
        }
    }
}
