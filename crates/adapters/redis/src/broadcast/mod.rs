//! Events from instance to instance, over one channel of Redis' pub/sub.
//!
//! One channel for all instances: an instance that followed a channel for each of its people would
//! subscribe and unsubscribe with every socket, and tell Redis who is where. What an instance gets
//! for nobody it has costs it one opening of a seal, shared by all events of a frame.
//!
//! Pub/sub loses what it can't deliver at once, without a word. So each instance numbers its frames,
//! says every two seconds how far it has come, and says what it could not send; whoever misses a
//! number, or was itself cut off, says so to whoever receives.

mod frame;
mod incoming;
mod outgoing;
mod peers;
mod records;

use crate::RedisLink;
use application::ports::{Broadcast, Entropy, EntropyExt, PayloadSealer, Received};
use async_trait::async_trait;
use domain::event::ChatEvent;
use frame::Envelope;
use incoming::{Inbox, Reader};
use outgoing::Outgoing;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Names this instance among the others, for as long as it lives.
type InstanceId = [u8; 16];

/// How long to wait for what was published to leave.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// The [`Broadcast`] over Redis.
///
/// Uses the link for what it sends and a connection of its own for what it hears, so that a flood of
/// events delays no command. Dropping it ends its tasks.
pub struct RedisBroadcast {
    link: RedisLink,
    outgoing: Arc<Outgoing>,
    inbox: Arc<Inbox>,
    reader: Mutex<Reader>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl RedisBroadcast {
    /// Begins to listen and to send. Listens by the time this returns, unless Redis is gone by now.
    pub async fn start(
        link: RedisLink,
        sealer: Arc<dyn PayloadSealer>,
        entropy: &dyn Entropy,
    ) -> Self {
        let instance: InstanceId = entropy.bytes();
        let envelope = Envelope::new(sealer, instance);
        let channel = link.name("events");
        let inbox = Arc::new(Inbox::new(instance));
        let outgoing = Arc::new(Outgoing::default());
        let first = incoming::listen(&link, &channel, &inbox).await.ok();
        if first.is_some() {
            inbox.begin();
        }
        let listening =
            incoming::keep_listening(link.clone(), channel.clone(), Arc::clone(&inbox), first);
        let sending = outgoing::keep_sending(
            link.clone(),
            channel,
            Arc::clone(&outgoing),
            Arc::clone(&inbox),
            envelope.clone(),
        );
        let tasks = [tokio::spawn(listening), tokio::spawn(sending)];
        Self {
            link,
            outgoing,
            inbox,
            reader: Mutex::new(Reader::new(envelope)),
            _tasks: tasks.map(AbortOnDropHandle::new),
        }
    }
}

#[async_trait]
impl Broadcast for RedisBroadcast {
    fn publish(&self, event: &ChatEvent) {
        if self.link.is_up() {
            self.outgoing.push(event);
        } else {
            self.outgoing.lose(event);
        }
    }

    async fn flush(&self) {
        // What is late is covered as anything lost is.
        let _ = timeout(FLUSH_LIMIT, self.outgoing.sent()).await;
    }

    async fn receive(&self) -> Received {
        loop {
            let arrival = self.inbox.arrival();
            let due = {
                let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
                match reader.next(&self.inbox, Instant::now()) {
                    Ok(received) => return received,
                    Err(due) => due,
                }
            };
            tokio::select! {
                () = arrival => {}
                () = async { sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {}
            }
        }
    }

    fn is_connected(&self) -> bool {
        self.link.is_up() && self.inbox.is_listening()
    }
}
