//! Messages. How their order is kept is in `docs/adr/0008-order-on-mongodb.md`.

mod alter;
mod dispatcher;
mod flight;
mod head;
mod lanes;
mod record;
mod wire;

pub(crate) use {
    dispatcher::Dispatcher,
    head::{Latest, lookup_latest, lookup_newest},
    record::{MESSAGES, MessageRecord},
    wire::{Acknowledged, update_rooms},
};

use crate::{
    MongoStore,
    bson::{id, length, number},
    documents::{Shown, find},
    errors::{in_time, unavailable},
};
use anyhow::anyhow;
use application::ports::{Appended, MessageChange, MessageRepository, Unavailable};
use async_trait::async_trait;
use domain::{
    history::{ChangePage, HistoryPage, Limit, Window},
    id::{ClientId, MessageId, RoomId, UserId},
    message::{AlterationRefused, NewMessage, SealedMessage},
};
use mongodb::bson::{Document, doc};
use wire::find_known;

#[async_trait]
impl MessageRepository for MongoStore {
    async fn append(&self, batch: Vec<NewMessage>) -> Vec<Result<Appended, Unavailable>> {
        let waiting = self.dispatcher().send(batch);
        let mut answers = Vec::with_capacity(waiting.len());
        for answer in waiting {
            answers.push(answer.await.unwrap_or_else(|_| Err(lost())));
        }
        answers
    }

    async fn alter(
        &self,
        change: MessageChange,
    ) -> Result<Result<SealedMessage, AlterationRefused>, Unavailable> {
        self.dispatcher().alter(change).await.unwrap_or_else(|_| Err(lost()))
    }

    async fn find_in_room(
        &self,
        room: RoomId,
        message: MessageId,
    ) -> Result<Option<SealedMessage>, Unavailable> {
        let place = doc! { "_id": id(message.as_bytes()), "room": id(room.as_bytes()) };
        in_time(async {
            let shown = Shown { fields: doc! { "revs": 0 }, ..Shown::default() };
            let found: Vec<MessageRecord> = find(self.database(), MESSAGES, place, shown).await?;
            found.into_iter().next().map(MessageRecord::message).transpose()
        })
        .await
    }

    async fn find_by_client_id(
        &self,
        sender: UserId,
        client_id: ClientId,
    ) -> Result<Option<SealedMessage>, Unavailable> {
        let name = (sender, client_id);
        in_time(async {
            Ok(find_known(self.database(), std::iter::once(name)).await?.remove(&name))
        })
        .await
    }

    async fn list_window(
        &self,
        room: RoomId,
        window: Window,
        limit: Limit,
    ) -> Result<HistoryPage, Unavailable> {
        in_time(self.window(room, window, limit.as_usize())).await
    }

    async fn list_changes(
        &self,
        room: RoomId,
        after_rev: u64,
        limit: Limit,
    ) -> Result<ChangePage, Unavailable> {
        in_time(async {
            let behind = doc! { "rev": { "$gt": number(after_rev) } };
            let page = self.page(room, behind, doc! { "rev": 1 }, limit.as_usize()).await?;
            Ok(ChangePage { messages: page.messages, has_more: page.has_more })
        })
        .await
    }
}

/// Whoever had the message or the change in hand is gone.
fn lost() -> Unavailable {
    unavailable(anyhow!("what was being written was lost"))
}

impl MongoStore {
    async fn window(
        &self,
        room: RoomId,
        window: Window,
        limit: usize,
    ) -> anyhow::Result<HistoryPage> {
        match window {
            Window::Latest => self.older(room, None, limit).await,
            Window::Before(seq) => self.older(room, Some(seq), limit).await,
            Window::After(seq) => self.newer(room, seq.saturating_add(1), limit).await,
            Window::Around(seq) => {
                let (mut page, newer) = tokio::try_join!(
                    self.older(room, Some(seq), limit / 2),
                    self.newer(room, seq, limit - limit / 2)
                )?;
                page.messages.extend(newer.messages);
                page.has_more |= newer.has_more;
                Ok(page)
            }
        }
    }

    /// The messages just below a `seq`, or the last.
    async fn older(
        &self,
        room: RoomId,
        below: Option<u64>,
        limit: usize,
    ) -> anyhow::Result<HistoryPage> {
        let below = below.map_or_else(Document::new, |seq| doc! { "seq": { "$lt": number(seq) } });
        let mut page = self.page(room, below, doc! { "seq": -1 }, limit).await?;
        page.messages.reverse();
        Ok(page)
    }

    async fn newer(&self, room: RoomId, from: u64, limit: usize) -> anyhow::Result<HistoryPage> {
        self.page(room, doc! { "seq": { "$gte": number(from) } }, doc! { "seq": 1 }, limit).await
    }

    /// Up to `limit` messages in an order, and whether there are more; in one round trip.
    async fn page(
        &self,
        room: RoomId,
        mut filter: Document,
        order: Document,
        limit: usize,
    ) -> anyhow::Result<HistoryPage> {
        filter.insert("room", id(room.as_bytes()));
        let fields = doc! { "revs": 0 };
        let shown = Shown { fields, order: Some(order), limit: Some(length(limit + 1)) };
        let found: Vec<MessageRecord> = find(self.database(), MESSAGES, filter, shown).await?;
        let has_more = found.len() > limit;
        let messages = found.into_iter().take(limit).map(MessageRecord::message);
        Ok(HistoryPage { messages: messages.collect::<anyhow::Result<_>>()?, has_more })
    }
}
