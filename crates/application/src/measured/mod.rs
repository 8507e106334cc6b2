//! Ports that count what they are asked for. Each stands in front of an adapter and changes
//! nothing of what that does.
mod broadcast;
mod bus;
mod hasher;
mod mailer;
mod messages;

pub use broadcast::MeasuredBroadcast;
pub use bus::MeasuredBus;
pub use hasher::MeasuredHasher;
pub use mailer::MeasuredMailer;
pub use messages::MeasuredMessages;

use crate::ports::CallOutcome;

/// Whether something was done.
fn outcome_of<T, E>(result: &Result<T, E>) -> CallOutcome {
    if result.is_ok() { CallOutcome::Done } else { CallOutcome::Failed }
}
