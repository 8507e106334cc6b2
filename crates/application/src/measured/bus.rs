use crate::ports::{EventBus, Figure, Metrics, Subscription, Unavailable};
use async_trait::async_trait;
use domain::{event::ChatEvent, id::UserId};
use std::sync::Arc;

/// A bus whose events are counted.
pub struct MeasuredBus {
    /// Does the work.
    pub inner: Arc<dyn EventBus>,
    /// Counts.
    pub metrics: Arc<dyn Metrics>,
}

#[async_trait]
impl EventBus for MeasuredBus {
    fn publish(&self, event: ChatEvent) {
        self.metrics.note(Figure::EventPublished);
        self.inner.publish(event);
    }

    async fn subscribe(&self, user: UserId) -> Result<Subscription, Unavailable> {
        self.inner.subscribe(user).await
    }

    async fn flush(&self) {
        self.inner.flush().await;
    }
}
