//! Letting go of files that no message has.
use crate::ports::{AttachmentRepository, MessageRepository, Unavailable};
use domain::{
    TimeDelta, Timestamp,
    attachment::LooseFile,
    history::Limit,
    id::{AttachmentId, UserId},
};
use std::sync::Arc;

/// How many pages are gone through at a time; what is left, is left for the next.
const PAGES: usize = 1_000;

/// Removes files that no message has, or will have.
#[derive(Clone)]
pub struct Leftovers {
    /// Where files are.
    pub attachments: Arc<dyn AttachmentRepository>,
    /// Which message has which.
    pub messages: Arc<dyn MessageRepository>,
}

impl Leftovers {
    /// Removes what nobody sent since before a moment; what a message turns out to have stays.
    pub async fn remove_loose_before(&self, before: Timestamp) -> Result<(), Unavailable> {
        for _ in 0..PAGES {
            let page = self.attachments.list_loose(before, Limit::default()).await?;
            if page.is_empty() {
                break;
            }
            for file in page {
                self.decide(file).await?;
            }
        }
        Ok(())
    }

    /// Removes what somebody brought and never sent. What is arriving, or claimed for a message,
    /// may be on its way into one and is decided on later.
    pub async fn remove_unsent_by(&self, uploader: UserId) -> Result<(), Unavailable> {
        for _ in 0..PAGES {
            let page = self.attachments.list_unsent(uploader, Limit::default()).await?;
            if page.is_empty() {
                break;
            }
            for file in page {
                self.attachments.remove_loose(file.id, file.since).await?;
            }
        }
        Ok(())
    }

    /// Removes what emptied messages had.
    pub(crate) async fn remove_of_emptied(&self) -> Result<(), Unavailable> {
        self.remove_loose_before(LooseFile::LONG_AGO + TimeDelta::milliseconds(1)).await
    }

    /// Removes what a deleted message had. It was loosened at that moment, before.
    pub(crate) async fn remove_of_deleted(
        &self,
        files: &[AttachmentId],
        since: Timestamp,
    ) -> Result<(), Unavailable> {
        for file in files {
            self.attachments.remove_loose(*file, since).await?;
        }
        Ok(())
    }

    async fn decide(&self, file: LooseFile) -> Result<(), Unavailable> {
        if self.is_sent(file).await? {
            return self.attachments.settle(&[file.id]).await;
        }
        self.attachments.remove_loose(file.id, file.since).await.map(drop)
    }

    async fn is_sent(&self, file: LooseFile) -> Result<bool, Unavailable> {
        let Some(client_id) = file.used_as else { return Ok(false) };
        let message = self.messages.find_by_client_id(file.uploader, client_id).await?;
        Ok(message.is_some_and(|it| it.attachments.iter().any(|had| had.id == file.id)))
    }
}
