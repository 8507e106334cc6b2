//! Whether the store still does what is asked of it.
use crate::{MongoStore, errors::within, schema};
use anyhow::Context;
use application::ports::{StoreProbe, Unavailable};
use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long a healthy store takes at most.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a write that worked stands for the next. However often the probe is asked, and by
/// however many instances, it costs the disks next to nothing.
const WRITTEN_LATELY: Duration = Duration::from_secs(3);

/// The collection of the one document that is written to.
const HEALTH: &str = "health";

/// When writing worked last.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<Instant>>);

impl Probe {
    fn wants_write(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|at| at.elapsed() >= WRITTEN_LATELY)
    }

    fn wrote(&self, at: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }
}

#[async_trait]
impl StoreProbe for MongoStore {
    async fn check(&self) -> Result<(), Unavailable> {
        within(PATIENCE, async {
            schema::check(self.database()).await.context("the schema can't be used")?;
            if self.probe().wants_write() {
                let began = Instant::now();
                // A primary that lost the majority still answers reads; this it can't do.
                let health = self.collection::<Document>(HEALTH);
                let touched = doc! { "$currentDate": { "written_at": true } };
                health.update_one(doc! { "_id": HEALTH }, touched).upsert(true).await?;
                self.probe().wrote(began);
            }
            Ok(())
        })
        .await
    }
}
