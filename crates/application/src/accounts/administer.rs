//! What the operator does with accounts.
use super::{Erase, NewPassword, NewPasswordError, SecondFactors, SignOut};
use crate::ports::{
    Clock, Entropy, EntropyExt, RegistrationRepository, Unavailable, UserRepository,
};
use domain::{
    email::Email,
    id::UserId,
    registration::Registration,
    user::{Taken, User},
    username::Username,
};
use std::sync::Arc;

/// Shows accounts to the operator and changes them.
pub struct Administer {
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Where unproved sign-ups wait.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Ends sessions.
    pub sign_out: SignOut,
    /// Sets passwords.
    pub new_password: NewPassword,
    /// What accounts ask for beside the first factor.
    pub second_factors: SecondFactors,
    /// Deletes accounts.
    pub erase: Erase,
    /// When it is done.
    pub clock: Arc<dyn Clock>,
    /// Names accounts.
    pub entropy: Arc<dyn Entropy>,
}

/// Whom the operator means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By their username.
    Username(Username),
    /// By their address.
    Email(Email),
}

/// Whom a name stands for.
pub enum Known {
    /// Somebody with an account.
    Account(Box<User>),
    /// A sign-up whose address is not proved.
    SignUp(Box<Registration>),
}

/// Why nothing is done.
#[derive(Debug, thiserror::Error)]
pub enum AdministerError {
    /// There is neither an account nor a sign-up.
    #[error("nobody has this username or address")]
    NoSuchUser,
    /// There is a sign-up only.
    #[error(
        "the address of this sign-up is not proved yet; `sotto user verify` takes it as proved"
    )]
    Unproved,
    /// There is an account already.
    #[error("this is an account, its address is proved")]
    Proved,
    /// Somebody else took the name or the address of the sign-up.
    #[error(transparent)]
    Taken(#[from] Taken),
    /// There is nothing to take away.
    #[error("this account asks for no second factor")]
    NoSecondFactor,
    /// The password is not accepted.
    #[error(transparent)]
    Password(#[from] NewPasswordError),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Named {
    /// Reads a username or an address.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.contains('@') {
            Email::parse(typed).ok().map(Self::Email)
        } else {
            Username::parse(typed).ok().map(Self::Username)
        }
    }
}

impl Administer {
    /// Up to so many accounts behind one, in the order in which they joined.
    pub async fn list(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>, Unavailable> {
        self.users.list_page(after, limit).await
    }

    /// Whom a name stands for; an account comes before a sign-up.
    pub async fn find(&self, named: &Named) -> Result<Known, AdministerError> {
        let user = match named {
            Named::Username(name) => self.users.find_by_username(name).await?,
            Named::Email(email) => self.users.find_by_email(email).await?,
        };
        if let Some(user) = user {
            return Ok(Known::Account(Box::new(user)));
        }
        let waiting = match named {
            Named::Username(name) => self.registrations.find_newest_by_username(name).await?,
            Named::Email(email) => self.registrations.find_newest_by_email(email).await?,
        };
        let now = self.clock.now();
        let waiting = waiting.filter(|registration| registration.is_live(now));
        waiting.map(|found| Known::SignUp(Box::new(found))).ok_or(AdministerError::NoSuchUser)
    }

    /// Keeps somebody out and ends their sessions. In this order: a session that is opened
    /// meanwhile either ends here or finds its account disabled
    /// ([`Sessions`](super::Sessions)).
    pub async fn disable(&self, named: &Named) -> Result<User, AdministerError> {
        let user = self.account(named).await?;
        let since = user.disabled_at.unwrap_or_else(|| self.clock.now());
        let user = self.users.set_disabled(user.id, Some(since)).await?;
        let user = user.ok_or(AdministerError::NoSuchUser)?;
        self.sign_out.end_all(user.id, None).await?;
        Ok(user)
    }

    /// Lets somebody in again.
    pub async fn enable(&self, named: &Named) -> Result<User, AdministerError> {
        let user = self.account(named).await?;
        let user = self.users.set_disabled(user.id, None).await?;
        user.ok_or(AdministerError::NoSuchUser)
    }

    /// Takes the address of a sign-up as proved: it becomes an account. The account comes before
    /// the sign-up goes, as when its owner proves it.
    pub async fn verify(&self, named: &Named) -> Result<User, AdministerError> {
        let registration = match self.find(named).await? {
            Known::SignUp(registration) => *registration,
            Known::Account(_) => return Err(AdministerError::Proved),
        };
        let now = self.clock.now();
        let user = registration.into_user(UserId::mint(now, self.entropy.bytes()), now);
        self.users.insert(&user).await??;
        self.registrations.remove_by_email(&user.email).await?;
        Ok(user)
    }

    /// Gives somebody another password; their sessions end, and they are told by mail.
    pub async fn set_password(
        &self,
        named: &Named,
        password: &str,
    ) -> Result<User, AdministerError> {
        let user = self.account(named).await?;
        let choice = self.new_password.choose(&user, password).await?;
        self.new_password.set(&user, choice, None).await?;
        Ok(user)
    }

    /// Whether an account asks for a second factor.
    pub async fn has_second_factor(&self, user: &User) -> Result<bool, Unavailable> {
        Ok(self.second_factors.factors.find(user.id).await?.is_some())
    }

    /// Has an account ask for no second factor any more, for its owner who has lost it; they are
    /// told by mail. Whoever is signed in stays so.
    pub async fn reset_second_factor(&self, named: &Named) -> Result<User, AdministerError> {
        let user = self.account(named).await?;
        if self.second_factors.turn_off(&user).await? {
            return Ok(user);
        }
        Err(AdministerError::NoSecondFactor)
    }

    /// Forgets somebody, or a sign-up with all others of its address.
    pub async fn delete(&self, named: &Named) -> Result<Known, AdministerError> {
        let known = self.find(named).await?;
        match &known {
            Known::Account(user) => self.erase.execute(user).await?,
            Known::SignUp(registration) => {
                self.registrations.remove_by_email(&registration.email).await?;
            }
        }
        Ok(known)
    }

    async fn account(&self, named: &Named) -> Result<User, AdministerError> {
        match self.find(named).await? {
            Known::Account(user) => Ok(*user),
            Known::SignUp(_) => Err(AdministerError::Unproved),
        }
    }
}
