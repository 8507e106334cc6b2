use crate::ports::{Broadcast, BroadcastNews, Figure, Metrics, Received};
use async_trait::async_trait;
use domain::event::ChatEvent;
use std::sync::Arc;

/// A way to the other instances on which what comes is counted.
pub struct MeasuredBroadcast {
    /// Does the work.
    pub inner: Arc<dyn Broadcast>,
    /// Counts.
    pub metrics: Arc<dyn Metrics>,
}

#[async_trait]
impl Broadcast for MeasuredBroadcast {
    fn publish(&self, event: &ChatEvent) {
        self.inner.publish(event);
    }

    async fn receive(&self) -> Received {
        let received = self.inner.receive().await;
        let news = match &received {
            Received::Event(_) => BroadcastNews::Event,
            Received::LostFor(_) => BroadcastNews::LostForSome,
            Received::Lost => BroadcastNews::Lost,
        };
        self.metrics.note(Figure::BroadcastReceived(news));
        received
    }

    fn is_connected(&self) -> bool {
        self.inner.is_connected()
    }

    async fn flush(&self) {
        self.inner.flush().await;
    }
}
