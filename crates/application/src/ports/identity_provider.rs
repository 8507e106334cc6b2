use async_trait::async_trait;
use domain::{
    identity::ProvenIdentity,
    token::{NonceToken, StateToken, VerifierToken},
};

/// What makes one sign-in its own.
#[derive(Clone)]
pub struct SignInSecrets {
    /// Comes back with the browser.
    pub state: StateToken,
    /// Comes back inside of what the provider signs.
    pub nonce: NonceToken,
    /// Shown when the code is redeemed; the browser carries only its digest.
    pub verifier: VerifierToken,
}

/// What the browser brought back from the provider. Has no `Debug`: the code is a secret.
#[derive(Clone)]
pub struct GrantedCode {
    /// To be redeemed.
    pub code: String,
    /// Who says to have given it (RFC 9207).
    pub issuer: Option<String>,
}

/// Why a provider proves nothing, in words that hold neither a secret nor anything about a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It does not answer in time, or not as a provider does. Another try may go well.
    #[error("the provider does not answer as it should: {reason}")]
    Away {
        /// What went wrong.
        reason: String,
    },
    /// What it gave, or what came in its name, is not to be trusted.
    #[error("what came from the provider is refused: {reason}")]
    Refused {
        /// What is wrong with it.
        reason: String,
    },
}

/// Somebody who signs people in for us (OpenID Connect Core 1.0, the code flow with PKCE).
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Where to send a browser to have its person sign in. Answers within a few seconds.
    async fn authorize_url(&self, secrets: &SignInSecrets) -> Result<String, ProviderError>;

    /// Redeems a code. Who comes out is vouched for by a signature of the provider's, made for us,
    /// for this very sign-in, and just now. Answers within a few seconds.
    async fn redeem(
        &self,
        granted: &GrantedCode,
        secrets: &SignInSecrets,
    ) -> Result<ProvenIdentity, ProviderError>;
}
