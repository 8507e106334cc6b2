use super::outcome_of;
use crate::ports::{CallOutcome, Figure, HashingBusy, Metrics, PasswordHasher};
use async_trait::async_trait;
use domain::password::{Password, PasswordHash};
use std::{sync::Arc, time::Instant};

/// A password hasher whose queue is watched.
pub struct MeasuredHasher {
    /// Does the work.
    pub inner: Arc<dyn PasswordHasher>,
    /// Counts.
    pub metrics: Arc<dyn Metrics>,
}

/// One password's time in the queue; over when dropped, as a caller may give up.
struct Turn<'a> {
    metrics: &'a dyn Metrics,
    began: Instant,
    outcome: CallOutcome,
}

impl<'a> Turn<'a> {
    fn begin(metrics: &'a dyn Metrics) -> Self {
        metrics.note(Figure::HashingBegan);
        Self { metrics, began: Instant::now(), outcome: CallOutcome::Failed }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (outcome, took) = (self.outcome, self.began.elapsed());
        self.metrics.note(Figure::HashingEnded { outcome, took });
    }
}

#[async_trait]
impl PasswordHasher for MeasuredHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashingBusy> {
        let mut turn = Turn::begin(&*self.metrics);
        let hashed = self.inner.hash(password).await;
        turn.outcome = outcome_of(&hashed);
        hashed
    }

    async fn verify(
        &self,
        password: &Password,
        hash: Option<PasswordHash>,
    ) -> Result<bool, HashingBusy> {
        let mut turn = Turn::begin(&*self.metrics);
        let verified = self.inner.verify(password, hash).await;
        turn.outcome = outcome_of(&verified);
        verified
    }
}
