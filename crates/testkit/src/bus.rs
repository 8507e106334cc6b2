use application::ports::{EventBus, EventSender, Subscription, Unavailable, event_channel};
use async_trait::async_trait;
use domain::{event::ChatEvent, id::UserId, message::SealedMessage};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps what was published, in order, and carries it to subscribers as well.
#[derive(Debug, Default)]
pub struct RecordingBus(Mutex<Recording>);

#[derive(Debug, Default)]
struct Recording {
    events: Vec<ChatEvent>,
    subscribers: Vec<(UserId, EventSender)>,
}

impl RecordingBus {
    /// More than any test publishes before it reads.
    const CAPACITY: usize = 10_000;

    /// Everything published, oldest first.
    pub fn events(&self) -> Vec<ChatEvent> {
        self.recording().events.clone()
    }

    /// The messages among what was published, oldest first.
    pub fn messages(&self) -> Vec<SealedMessage> {
        let message = |event| match event {
            ChatEvent::Message { message, .. } => Some(message),
            _ => None,
        };
        self.events().into_iter().filter_map(message).collect()
    }

    fn recording(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventBus for RecordingBus {
    fn publish(&self, event: ChatEvent) {
        let mut recording = self.recording();
        let shared = Arc::new(event.clone());
        recording.subscribers.retain(|(user, sender)| {
            !event.audience().any(|hears| hears == *user) || sender.offer(shared.clone()).is_ok()
        });
        recording.events.push(event);
    }

    async fn subscribe(&self, user: UserId) -> Result<Subscription, Unavailable> {
        let (sender, subscription) = event_channel(Self::CAPACITY);
        self.recording().subscribers.push((user, sender));
        Ok(subscription)
    }

    async fn flush(&self) {}
}
