//! Leaving for the provider.
use super::{Errand, Errands};
use crate::{
    limits::Limits,
    ports::{Entropy, EntropyExt, IdentityProvider, ProviderError, SignInSecrets, Unavailable},
};
use domain::{
    throttle::Throttled,
    token::{NonceToken, StateToken, VerifierToken, VisitToken},
};
use std::{net::IpAddr, sync::Arc};

/// Sends people to the provider.
#[derive(Clone)]
pub struct BeginGoogle {
    /// Where they go, if that is set up.
    pub provider: Option<Arc<dyn IdentityProvider>>,
    /// Remembers them.
    pub errands: Errands,
    /// Bounds how many leave.
    pub limits: Limits,
    /// Makes what makes one sign-in its own.
    pub entropy: Arc<dyn Entropy>,
}

/// Where a browser goes.
pub struct Departure {
    /// An address of the provider's.
    pub url: String,
    /// What the browser shows when it comes back.
    pub visit: VisitToken,
}

/// Why nobody leaves.
#[derive(Debug, thiserror::Error)]
pub enum BeginGoogleError {
    /// There is no provider.
    #[error("signing in with Google is not set up here")]
    NotSetUp,
    /// Too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The provider is away.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl BeginGoogle {
    /// Where to send a browser. One that is on its way already keeps its token, so that a second
    /// tab does not strand the first.
    pub async fn execute(
        &self,
        from: IpAddr,
        visit: Option<VisitToken>,
        errand: &Errand,
    ) -> Result<Departure, BeginGoogleError> {
        let provider = self.provider.as_ref().ok_or(BeginGoogleError::NotSetUp)?;
        self.limits.leave_for_provider(from).await?;
        let secrets = SignInSecrets {
            state: StateToken::mint(self.entropy.bytes()),
            nonce: NonceToken::mint(self.entropy.bytes()),
            verifier: VerifierToken::mint(self.entropy.bytes()),
        };
        let url = provider.authorize_url(&secrets).await?;
        let visit = visit.unwrap_or_else(|| VisitToken::mint(self.entropy.bytes()));
        self.errands.depart(errand, &visit, &secrets).await?;
        Ok(Departure { url, visit })
    }
}
