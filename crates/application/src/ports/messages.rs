use super::Unavailable;
use async_trait::async_trait;
use domain::{
    history::{ChangePage, HistoryPage, Limit, Window},
    id::{ClientId, MessageId, RoomId, UserId},
    message::{Alteration, AlterationRefused, NewMessage, SealedMessage},
};

/// What became of a message that was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is stored, under these numbers.
    New(SealedMessage),
    /// The sender used this client id before: the message as it is now. Nothing was stored.
    Known(SealedMessage),
    /// It answers a message that is not in its room. Nothing was stored.
    NoSuchReply,
}

/// A change to a message, and who makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageChange {
    /// The room it is in.
    pub room: RoomId,
    /// Which message.
    pub message: MessageId,
    /// Who changes it; one of the room's two people.
    pub by: UserId,
    /// How.
    pub alteration: Alteration,
}

/// Every message there is, room by room. Holds sealed bodies only.
///
/// # Order
/// In each room `seq` numbers the messages 1, 2, 3 … without holes. Every change takes a `rev`
/// greater than all before it in that room, and changes become visible in `rev` order: whoever has
/// read all changes up to *n* never finds one with `rev` ≤ *n* later.
///
/// # Durability
/// What a method reports as stored is given back after `kill -9` of everything.
///
/// # Announcement
/// The store is built with an event bus. It publishes each change as a `ChatEvent::Message` once
/// it is durable, those of one room in `rev` order, and before the call that caused it returns.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait MessageRepository: Send + Sync {
    /// Stores messages at the end of their rooms, those of one room in the order given, and says
    /// of each what became of it. The rooms exist, and the senders are in them.
    ///
    /// A message whose sender and client id are known is not stored again, whoever else is storing
    /// it at this moment, whatever became of the first. Once one message of a room fails, so do
    /// all later ones of that room in the batch.
    async fn append(&self, batch: Vec<NewMessage>) -> Vec<Result<Appended, Unavailable>>;

    /// Applies [`SealedMessage::altered`] to the message as it is at that moment and gives it the
    /// room's next `rev`; of changes that race, none is lost. What changes nothing takes no `rev`.
    async fn alter(
        &self,
        change: MessageChange,
    ) -> Result<Result<SealedMessage, AlterationRefused>, Unavailable>;

    /// A message of a room, as it is now.
    async fn find_in_room(
        &self,
        room: RoomId,
        message: MessageId,
    ) -> Result<Option<SealedMessage>, Unavailable>;

    /// The message that this sender gave this client id, as it is now.
    async fn find_by_client_id(
        &self,
        sender: UserId,
        client_id: ClientId,
    ) -> Result<Option<SealedMessage>, Unavailable>;

    /// A part of a room's history.
    async fn list_window(
        &self,
        room: RoomId,
        window: Window,
        limit: Limit,
    ) -> Result<HistoryPage, Unavailable>;

    /// The latest states of the messages that changed after a `rev`, in `rev` order.
    async fn list_changes(
        &self,
        room: RoomId,
        after_rev: u64,
        limit: Limit,
    ) -> Result<ChangePage, Unavailable>;
}
