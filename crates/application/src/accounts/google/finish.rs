//! Coming back from the provider.
use super::{Errand, Errands, LinkByCode, LinkByCodeError, tell};
use crate::{
    accounts::{Browser, ChallengeError, OpenSessionError, OpenedSession, Outstanding, Sessions},
    limits::Limits,
    ports::{
        Clock, Entropy, EntropyExt, GrantedCode, IdentityProvider, Mail, Mailer, ProviderError,
        RegistrationRepository, Unavailable, UserRepository,
    },
};
use domain::{
    email::Email,
    id::UserId,
    identity::ProvenIdentity,
    return_path::ReturnPath,
    throttle::Throttled,
    token::{StateToken, VisitToken},
    user::{Privacy, Taken, User},
    username::Username,
};
use std::sync::Arc;

/// How often somebody else may be quicker before it is a fault of ours.
const ROUNDS: usize = 3;

/// Signs in or links whoever comes back from the provider.
pub struct FinishGoogle {
    /// Where they were.
    pub provider: Arc<dyn IdentityProvider>,
    /// Remembers them.
    pub errands: Errands,
    /// Where accounts are.
    pub users: Arc<dyn UserRepository>,
    /// Opens accounts.
    pub new_arrivals: NewArrivals,
    /// Has people show that an account is theirs.
    pub link_by_code: LinkByCode,
    /// Signs in.
    pub sessions: Sessions,
    /// Carries notices.
    pub mailer: Arc<dyn Mailer>,
    /// Bounds how many come back.
    pub limits: Limits,
}

/// Opens the accounts of people who had none.
pub struct NewArrivals {
    /// Where accounts go.
    pub users: Arc<dyn UserRepository>,
    /// Sign-ups that nobody proved.
    pub registrations: Arc<dyn RegistrationRepository>,
    /// Says welcome.
    pub mailer: Arc<dyn Mailer>,
    /// When they join.
    pub clock: Arc<dyn Clock>,
    /// Names them.
    pub entropy: Arc<dyn Entropy>,
}

/// What a browser brings back.
pub struct Arrival {
    /// What it was given along.
    pub state: Option<StateToken>,
    /// What shows that it is the browser that left.
    pub visit: Option<VisitToken>,
    /// Who is signed in with it, if anybody.
    pub me: Option<UserId>,
    /// What the provider had to say.
    pub answer: Answer,
}

/// What the provider had to say.
pub enum Answer {
    /// A code that proves somebody, once it is redeemed.
    Granted(GrantedCode),
    /// That the person does not want to.
    Denied,
    /// Anything else.
    Failed,
}

/// What has become of somebody who came back.
pub enum Arrived {
    /// They are signed in, and wanted to see this.
    SignedIn(Box<OpenedSession>, Option<ReturnPath>),
    /// Their account asks for more; they may show it now, and wanted to see this.
    SecondStep(Outstanding, Option<ReturnPath>),
    /// The account they are signed in to is linked.
    Linked,
    /// There is an account with their address: they are mailed a code to show that it is theirs.
    ProveAddress {
        /// Binds that to the browser.
        visit: VisitToken,
        /// What they wanted to see.
        next: Option<ReturnPath>,
    },
}

/// Somebody came back in vain.
#[derive(Debug)]
pub struct Stranded {
    /// Why.
    pub why: Why,
    /// What they went for, where that is known.
    pub errand: Option<Errand>,
}

/// Why somebody came back in vain.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// This browser did not leave with what came back, or too long ago, or it was back already.
    #[error("this sign-in was not begun in this browser, is over, or took too long")]
    Stale,
    /// The person did not want to.
    #[error("the person did not agree")]
    Denied,
    /// The provider failed, or what came in its name is not to be trusted.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The provider does not say that the address is the person's.
    #[error("the provider does not vouch for the address")]
    EmailUnproved,
    /// The account elsewhere belongs to somebody else here.
    #[error("this Google account belongs to somebody else here")]
    Taken,
    /// The account here is linked with another one.
    #[error("the account is linked with another Google account")]
    LinkedOtherwise,
    /// The operator keeps this person out.
    #[error("this account is disabled")]
    AccountDisabled,
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl FinishGoogle {
    /// Receives a browser. What it was sent away with is used up, whatever comes of it.
    pub async fn execute(&self, browser: Browser, arrival: Arrival) -> Result<Arrived, Stranded> {
        let stranded = |why| Stranded { why, errand: None };
        let (Some(state), Some(visit)) = (arrival.state, arrival.visit) else {
            return Err(stranded(Why::Stale));
        };
        let from = browser.device.address;
        self.limits.return_from_provider(from).await.map_err(|error| stranded(error.into()))?;
        let journey = self.errands.arrive(state).await.map_err(|error| stranded(error.into()))?;
        let journey = journey.filter(|journey| journey.visit == visit.digest());
        let journey = journey.ok_or(stranded(Why::Stale))?;
        let errand = journey.errand;
        let received = async {
            let granted = match arrival.answer {
                Answer::Granted(granted) => granted,
                Answer::Denied => return Err(Why::Denied),
                Answer::Failed => return Err(failed()),
            };
            let proven = self.provider.redeem(&granted, &journey.secrets).await?;
            match &errand {
                Errand::SignIn(next) => self.sign_in(browser, proven, next.clone()).await,
                Errand::Link(user) if arrival.me == Some(*user) => self.link(*user, &proven).await,
                Errand::Link(_) => Err(Why::Stale),
            }
        };
        received.await.map_err(|why| Stranded { why, errand: Some(errand) })
    }

    /// A known identity signs in, whatever its address is by now; an unknown one opens an account,
    /// unless its address has one.
    async fn sign_in(
        &self,
        browser: Browser,
        proven: ProvenIdentity,
        next: Option<ReturnPath>,
    ) -> Result<Arrived, Why> {
        for _ in 0..ROUNDS {
            if let Some(user) = self.users.find_by_identity(&proven.identity).await? {
                return self.open(user, browser, next).await;
            }
            let email = proven.email.as_ref().ok_or(Why::EmailUnproved)?;
            if let Some(user) = self.users.find_by_email(email).await? {
                if user.google.as_ref() == Some(&proven.identity) {
                    // Another tab of the same person was quicker, between these two looks.
                    return self.open(user, browser, next).await;
                }
                return self.ask_for_code(user, proven, next).await;
            }
            if let Some(user) = self.new_arrivals.open_account(&proven, email).await? {
                return self.open(user, browser, next).await;
            }
        }
        Err(Unavailable::of("store", anyhow::anyhow!("others were always quicker")).into())
    }

    async fn open(
        &self,
        user: User,
        browser: Browser,
        next: Option<ReturnPath>,
    ) -> Result<Arrived, Why> {
        match self.sessions.open(user, browser).await {
            Ok(opened) => Ok(Arrived::SignedIn(Box::new(opened), next)),
            Err(OpenSessionError::SecondFactor(more)) => Ok(Arrived::SecondStep(more, next)),
            Err(OpenSessionError::AccountDisabled) => Err(Why::AccountDisabled),
            Err(OpenSessionError::PasswordChanged) => Err(Why::Stale),
            Err(OpenSessionError::Unavailable(error)) => Err(error.into()),
        }
    }

    /// That the provider says whose address it is proves nothing about the account here: whoever
    /// reads the account's mail, in this browser, may link it.
    async fn ask_for_code(
        &self,
        user: User,
        proven: ProvenIdentity,
        next: Option<ReturnPath>,
    ) -> Result<Arrived, Why> {
        if user.disabled_at.is_some() {
            return Err(Why::AccountDisabled);
        }
        if user.google.is_some() {
            return Err(Why::LinkedOtherwise);
        }
        let visit = self.link_by_code.begin(user, proven.identity).await?;
        Ok(Arrived::ProveAddress { visit, next })
    }

    /// Links the account that somebody is signed in to.
    async fn link(&self, me: UserId, proven: &ProvenIdentity) -> Result<Arrived, Why> {
        let before = self.users.find(me).await?.ok_or(Why::Stale)?;
        let linked = self.users.link_identity(me, &proven.identity).await?.ok_or(Why::Stale)?;
        let user = linked.map_err(|_| Why::Taken)?;
        if user.google.as_ref() != Some(&proven.identity) {
            return Err(Why::LinkedOtherwise);
        }
        if before.google.is_none() {
            tell(&*self.mailer, &user).await;
        }
        Ok(Arrived::Linked)
    }
}

impl NewArrivals {
    /// Opens an account under a free name. `None` if somebody with the same address or identity
    /// was quicker.
    async fn open_account(
        &self,
        proven: &ProvenIdentity,
        email: &Email,
    ) -> Result<Option<User>, Unavailable> {
        let now = self.clock.now();
        for username in Username::suggest(email, self.entropy.bytes()) {
            let user = User {
                id: UserId::mint(now, self.entropy.bytes()),
                username,
                email: email.clone(),
                first_name: proven.first_name.clone(),
                last_name: proven.last_name.clone(),
                password: None,
                google: Some(proven.identity.clone()),
                picture: None,
                disabled_at: None,
                privacy: Privacy::default(),
                joined_at: now,
            };
            match self.users.insert(&user).await? {
                Ok(()) => {
                    self.welcome(&user).await?;
                    return Ok(Some(user));
                }
                Err(Taken::Username) => {}
                Err(Taken::Email | Taken::Identity) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The account comes before the sign-ups go: from then on none of them counts. A lost welcome
    /// must not undo it.
    async fn welcome(&self, user: &User) -> Result<(), Unavailable> {
        // Whoever began a sign-up with this address did not prove it.
        self.registrations.remove_by_email(&user.email).await?;
        let mail = Mail::Welcome { username: user.username.clone() };
        if let Err(error) = self.mailer.send(&user.email, mail).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(user = %user.id, error, "the welcome mail was not sent");
        }
        Ok(())
    }
}

fn failed() -> Why {
    ProviderError::Away { reason: "it says that it failed".to_owned() }.into()
}

impl From<LinkByCodeError> for Why {
    fn from(error: LinkByCodeError) -> Self {
        match error {
            LinkByCodeError::Code(ChallengeError::Throttled(error)) => error.into(),
            LinkByCodeError::Code(ChallengeError::Unavailable(error))
            | LinkByCodeError::Unavailable(error) => error.into(),
            LinkByCodeError::Code(ChallengeError::NotWaiting | ChallengeError::Rejected(_))
            | LinkByCodeError::NotWaiting
            // Nobody is signed in yet.
            | LinkByCodeError::SecondFactor(_) => Self::Stale,
            LinkByCodeError::Taken => Self::Taken,
            LinkByCodeError::LinkedOtherwise => Self::LinkedOtherwise,
            LinkByCodeError::AccountDisabled => Self::AccountDisabled,
        }
    }
}
