//! Ending sessions, with every socket that hangs on them.
use crate::ports::{EventBus, SessionRepository, Unavailable};
use domain::{
    event::ChatEvent,
    id::{SessionId, UserId},
    token::SessionToken,
};
use std::sync::Arc;

/// Ends a session.
#[derive(Clone)]
pub struct SignOut {
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionRepository>,
    /// Tells the sockets.
    pub bus: Arc<dyn EventBus>,
}

impl SignOut {
    /// Ends a session, then tells its sockets: one that asks the store meanwhile finds it gone.
    pub async fn execute(&self, user: UserId, session: SessionId) -> Result<(), Unavailable> {
        self.sessions.remove(session).await?;
        self.bus.publish(ChatEvent::SessionEnded { user, session });
        Ok(())
    }

    /// Ends all sessions of a person but the one to keep, then tells their sockets.
    pub async fn end_all(&self, user: UserId, keep: Option<SessionId>) -> Result<(), Unavailable> {
        for session in self.sessions.remove_by_user(user, keep).await? {
            self.bus.publish(ChatEvent::SessionEnded { user, session });
        }
        Ok(())
    }

    /// Ends the session of a token, if it has one.
    pub(super) async fn end_by_token(&self, token: &SessionToken) -> Result<(), Unavailable> {
        match self.sessions.find_by_token(&token.digest()).await? {
            Some(session) => self.execute(session.user, session.id).await,
            None => Ok(()),
        }
    }
}
