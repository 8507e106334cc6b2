//! Deleting an account.
use super::{Confirm, ConfirmError, Proof, SignOut, SignedIn};
use crate::{
    files::Leftovers,
    ports::{
        BlockRepository, CeremonyRepository, ChallengeRepository, KnownDeviceRepository, Mail,
        Mailer, PasskeyRepository, PasswordResetRepository, RegistrationRepository, RoomRepository,
        SecondFactorRepository, Unavailable, UserRepository,
    },
};
use domain::{
    event::ChatEvent,
    history::Limit,
    id::UserId,
    room::{Participants, RoomCursor, RoomView},
    user::User,
};
use std::{net::IpAddr, sync::Arc};

/// Deletes one's own account.
pub struct DeleteAccount {
    /// Asks whether it is really its owner.
    pub confirm: Confirm,
    /// Does it.
    pub erase: Erase,
}

/// Forgets people. What they wrote to others stays with those, under no name.
#[derive(Clone)]
pub struct Erase {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// What else is known of them.
    pub traces: Traces,
    /// Whom to tell.
    pub rooms: Arc<dyn RoomRepository>,
    /// Ends sessions, and tells the others.
    pub sign_out: SignOut,
    /// Says farewell.
    pub mailer: Arc<dyn Mailer>,
}

/// What is kept about somebody beside their account.
#[derive(Clone)]
pub struct Traces {
    /// Links for new passwords.
    pub resets: Arc<dyn PasswordResetRepository>,
    /// Mailed codes.
    pub challenges: Arc<dyn ChallengeRepository>,
    /// Browsers they signed in with.
    pub known_devices: Arc<dyn KnownDeviceRepository>,
    /// Blocks that they put, or others against them.
    pub blocks: Arc<dyn BlockRepository>,
    /// Sign-ups with their address.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// What the account asks for beside the first factor.
    pub second_factors: Arc<dyn SecondFactorRepository>,
    /// Keys that their devices keep.
    pub passkeys: Arc<dyn PasskeyRepository>,
    /// What was begun and not finished.
    pub ceremonies: Arc<dyn CeremonyRepository>,
    /// Files that they never sent.
    pub leftovers: Leftovers,
}

impl DeleteAccount {
    /// Deletes the account for good, once its owner has shown that it is them.
    pub async fn execute(
        &self,
        me: SignedIn,
        from: IpAddr,
        proof: &Proof,
    ) -> Result<(), ConfirmError> {
        let user = self.confirm.execute(me, from, proof).await?;
        Ok(self.erase.execute(&user).await?)
    }
}

impl Erase {
    /// Forgets somebody. The account goes last of all that is theirs: after a crash before that it
    /// is still there, and whoever tries again finishes. A session that was opened meanwhile ends
    /// after it, or finds its account gone ([`Sessions`](super::Sessions)).
    pub async fn execute(&self, user: &User) -> Result<(), Unavailable> {
        self.sign_out.end_all(user.id, None).await?;
        self.clear_rooms(user.id).await?;
        self.traces.remove(user).await?;
        self.users.remove(user.id).await?;
        self.sign_out.end_all(user.id, None).await?;
        self.traces.remove(user).await?;
        self.say_farewell(user).await;
        self.tell_others(user.id).await;
        Ok(())
    }

    /// Nobody reads them from this side any more: what the other has cleared, or clears one day, is
    /// emptied.
    async fn clear_rooms(&self, user: UserId) -> Result<(), Unavailable> {
        let mut behind = None;
        loop {
            let page = self.rooms.list_by_user(user, behind, Limit::default()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            behind = Some(RoomCursor::from(&last.room));
            for view in &page {
                self.rooms.clear(view.room.id, user).await?;
            }
        }
    }

    async fn say_farewell(&self, user: &User) {
        let mail = Mail::AccountDeleted { username: user.username.clone() };
        if let Err(error) = self.mailer.send(&user.email, mail).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user = %user.id, error, "the farewell mail was not sent");
        }
    }

    /// Open pages show it at once; those that are not told see it when they are opened again.
    async fn tell_others(&self, user: UserId) {
        let mut behind = None;
        while let Ok(page) = self.rooms.list_by_user(user, behind, Limit::default()).await
            && let Some(last) = page.last()
        {
            behind = Some(RoomCursor::from(&last.room));
            for view in &page {
                self.tell_other(view);
            }
        }
    }

    fn tell_other(&self, view: &RoomView) {
        let (room, participants): (_, Participants) = (view.room.id, view.room.participants);
        self.sign_out.bus.publish(ChatEvent::RoomChanged { participants, room, only: None });
    }
}

impl Traces {
    async fn remove(&self, user: &User) -> Result<(), Unavailable> {
        self.resets.remove_by_user(user.id).await?;
        self.challenges.remove_by_user(user.id).await?;
        self.known_devices.remove_by_user(user.id).await?;
        self.blocks.remove_by_user(user.id).await?;
        self.second_factors.remove(user.id).await?;
        self.passkeys.remove_by_user(user.id).await?;
        self.ceremonies.remove_by_user(user.id).await?;
        self.leftovers.remove_unsent_by(user.id).await?;
        self.registrations.remove_by_email(&user.email).await
    }
}
