use super::outcome_of;
use crate::ports::{
    Appended, CallOutcome, Figure, MessageChange, MessageRepository, Metrics, StoreOperation,
    Unavailable,
};
use async_trait::async_trait;
use domain::{
    history::{ChangePage, HistoryPage, Limit, Window},
    id::{ClientId, MessageId, RoomId, UserId},
    message::{AlterationRefused, NewMessage, SealedMessage},
};
use std::{sync::Arc, time::Instant};

/// A store of messages whose calls are counted and timed.
pub struct MeasuredMessages {
    /// Does the work.
    pub inner: Arc<dyn MessageRepository>,
    /// Counts.
    pub metrics: Arc<dyn Metrics>,
}

impl MeasuredMessages {
    fn note(&self, operation: StoreOperation, outcome: CallOutcome, began: Instant) {
        self.metrics.note(Figure::StoreCalled { operation, outcome, took: began.elapsed() });
    }
}

#[async_trait]
impl MessageRepository for MeasuredMessages {
    async fn append(&self, batch: Vec<NewMessage>) -> Vec<Result<Appended, Unavailable>> {
        if batch.is_empty() {
            return self.inner.append(batch).await;
        }
        let began = Instant::now();
        self.metrics.note(Figure::MessagesBatched(batch.len()));
        let stored = self.inner.append(batch).await;
        let all = stored.iter().all(Result::is_ok);
        let outcome = if all { CallOutcome::Done } else { CallOutcome::Failed };
        self.note(StoreOperation::Append, outcome, began);
        stored
    }

    async fn alter(
        &self,
        change: MessageChange,
    ) -> Result<Result<SealedMessage, AlterationRefused>, Unavailable> {
        let began = Instant::now();
        let altered = self.inner.alter(change).await;
        self.note(StoreOperation::Alter, outcome_of(&altered), began);
        altered
    }

    /// Rare, and a look by key, as the next: not worth a series of its own.
    async fn find_in_room(
        &self,
        room: RoomId,
        message: MessageId,
    ) -> Result<Option<SealedMessage>, Unavailable> {
        self.inner.find_in_room(room, message).await
    }

    async fn find_by_client_id(
        &self,
        sender: UserId,
        client_id: ClientId,
    ) -> Result<Option<SealedMessage>, Unavailable> {
        self.inner.find_by_client_id(sender, client_id).await
    }

    async fn list_window(
        &self,
        room: RoomId,
        window: Window,
        limit: Limit,
    ) -> Result<HistoryPage, Unavailable> {
        let began = Instant::now();
        let page = self.inner.list_window(room, window, limit).await;
        self.note(StoreOperation::ListWindow, outcome_of(&page), began);
        page
    }

    async fn list_changes(
        &self,
        room: RoomId,
        after_rev: u64,
        limit: Limit,
    ) -> Result<ChangePage, Unavailable> {
        let began = Instant::now();
        let page = self.inner.list_changes(room, after_rev, limit).await;
        self.note(StoreOperation::ListChanges, outcome_of(&page), began);
        page
    }
}
