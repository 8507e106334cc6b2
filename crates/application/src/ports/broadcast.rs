use async_trait::async_trait;
use domain::{event::ChatEvent, id::UserId};

/// What reaches this instance from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Another instance published it.
    Event(Box<ChatEvent>),
    /// Events for these people, from other instances, may have been lost on the way.
    LostFor(Vec<UserId>),
    /// Events for anybody may have been lost on the way.
    Lost,
}

/// Carries events from instance to instance, sealed. A hint, like the bus: nothing depends on its
/// arrival but how soon something is seen.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Broadcast: Send + Sync {
    /// Offers an event to all other instances, without waiting. What can't be handed over is made
    /// good, as soon as there is a way again, by telling the other instances what they lost.
    fn publish(&self, event: &ChatEvent);

    /// Waits until what was published has left or can't, for a second at most.
    async fn flush(&self);

    /// What comes next from the others; never what this instance published itself. Waits for as
    /// long as nothing comes, through any loss of the connection. Safe to cancel. One reader.
    async fn receive(&self) -> Received;

    /// Whether, as far as is known, events get through at this moment.
    fn is_connected(&self) -> bool;
}
