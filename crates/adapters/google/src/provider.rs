use crate::{
    directory::{Directory, Metadata},
    http::{NoAnswer, ProviderHttp},
    id_token::{Expected, Flaw, prove},
    issuer::Issuer,
};
use application::ports::{Clock, GrantedCode, IdentityProvider, ProviderError, SignInSecrets};
use async_trait::async_trait;
use domain::identity::ProvenIdentity;
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    Scope, StandardErrorResponse, TokenResponse,
    core::{
        CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreErrorResponseType,
        CoreTokenResponse,
    },
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// People look at an empty page meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the provider knows us as.
#[derive(Clone)]
pub struct Client {
    /// Our name there.
    pub id: String,
    /// Shows that it is us.
    pub secret: String,
    /// Where people come back to, to the letter.
    pub redirect_url: String,
}

/// Google, or another provider.
pub struct OpenIdProvider {
    client: Client,
    issuer: Issuer,
    directory: Directory,
    http: ProviderHttp,
    clock: Arc<dyn Clock>,
}

/// What a provider has against a code.
type Refusal = RequestTokenError<NoAnswer, StandardErrorResponse<CoreErrorResponseType>>;

impl OpenIdProvider {
    /// Asks nobody yet: a provider that is away keeps nothing else from starting.
    pub fn new(issuer: Issuer, client: Client, clock: Arc<dyn Clock>) -> reqwest::Result<Self> {
        let http = ProviderHttp::new(issuer.clone())?;
        Ok(Self { client, directory: Directory::new(issuer.clone()), issuer, http, clock })
    }

    /// Whether the provider answers as one does.
    pub async fn greet(&self) -> Result<(), ProviderError> {
        in_time(async { self.directory.find(&self.http).await.map(drop) }).await
    }

    fn client(
        &self,
        metadata: &Metadata,
    ) -> Result<
        CoreClient<
            EndpointSet,
            EndpointNotSet,
            EndpointNotSet,
            EndpointNotSet,
            EndpointSet,
            EndpointNotSet,
        >,
        ProviderError,
    > {
        let token_endpoint =
            metadata.token_endpoint().ok_or_else(|| away("it redeems no codes"))?;
        let redirect_url = RedirectUrl::new(self.client.redirect_url.clone());
        let redirect_url = redirect_url.map_err(|error| away(error.to_string()))?;
        let client = CoreClient::new(
            ClientId::new(self.client.id.clone()),
            metadata.issuer().clone(),
            metadata.jwks().clone(),
        );
        Ok(client
            .set_client_secret(ClientSecret::new(self.client.secret.clone()))
            .set_auth_uri(metadata.authorization_endpoint().clone())
            .set_token_uri(token_endpoint.clone())
            .set_redirect_uri(redirect_url))
    }

    /// A provider that says that it names itself has to; what names another one was not ours.
    fn check_origin(
        &self,
        granted: &GrantedCode,
        metadata: &Metadata,
    ) -> Result<(), ProviderError> {
        let right = match granted.issuer.as_deref() {
            Some(issuer) => issuer == self.issuer.as_str(),
            None => !metadata.additional_metadata().names_itself,
        };
        if right { Ok(()) } else { Err(refused("another provider sent the browser back")) }
    }

    async fn exchange(
        &self,
        granted: &GrantedCode,
        secrets: &SignInSecrets,
        metadata: &Metadata,
    ) -> Result<CoreTokenResponse, ProviderError> {
        let client = self.client(metadata)?;
        let verifier = PkceCodeVerifier::new(secrets.verifier.reveal());
        let request = client
            .exchange_code(AuthorizationCode::new(granted.code.clone()))
            .set_pkce_verifier(verifier);
        request.request_async(&self.http).await.map_err(|error| in_words(&error))
    }

    async fn prove(
        &self,
        answer: &CoreTokenResponse,
        secrets: &SignInSecrets,
        metadata: &Arc<Metadata>,
    ) -> Result<ProvenIdentity, ProviderError> {
        let token = answer.id_token().ok_or_else(|| refused("there is no id_token"))?;
        let expected = Expected {
            client_id: &ClientId::new(self.client.id.clone()),
            nonce: &Nonce::new(secrets.nonce.reveal()),
            access_token: answer.access_token(),
            clock: &self.clock,
        };
        let mut proven = prove(token, metadata, &expected);
        if proven == Err(Flaw::UnknownKey) {
            let newer = self.directory.find_newer(metadata, &self.http).await?;
            proven = prove(token, &newer, &expected);
        }
        proven.map_err(|flaw| match flaw {
            Flaw::UnknownKey => refused("the id_token is not signed with a key of the provider's"),
            Flaw::Refused(reason) => refused(&format!("of the id_token: {reason}")),
        })
    }
}

#[async_trait]
impl IdentityProvider for OpenIdProvider {
    async fn authorize_url(&self, secrets: &SignInSecrets) -> Result<String, ProviderError> {
        in_time(async {
            let metadata = self.directory.find(&self.http).await?;
            let verifier = PkceCodeVerifier::new(secrets.verifier.reveal());
            let state = CsrfToken::new(secrets.state.reveal());
            let nonce = Nonce::new(secrets.nonce.reveal());
            let client = self.client(&metadata)?;
            let request = client
                .authorize_url(
                    CoreAuthenticationFlow::AuthorizationCode,
                    move || state,
                    move || nonce,
                )
                .add_scope(Scope::new("email".to_owned()))
                .add_scope(Scope::new("profile".to_owned()))
                // Nobody is signed in, or linked, with whoever happens to be signed in there.
                .add_prompt(CoreAuthPrompt::SelectAccount)
                .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
            Ok(request.url().0.into())
        })
        .await
    }

    async fn redeem(
        &self,
        granted: &GrantedCode,
        secrets: &SignInSecrets,
    ) -> Result<ProvenIdentity, ProviderError> {
        in_time(async {
            let metadata = self.directory.find(&self.http).await?;
            self.check_origin(granted, &metadata)?;
            let answer = self.exchange(granted, secrets, &metadata).await?;
            self.prove(&answer, secrets, &metadata).await
        })
        .await
    }
}

async fn in_time<T>(
    work: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(away("it takes too long")))
}

/// What a provider says instead of an ID token. Its own free words stay out: nobody knows what they
/// hold.
fn in_words(error: &Refusal) -> ProviderError {
    use openidconnect::core::CoreErrorResponseType as Code;
    match error {
        RequestTokenError::Request(error) => away(error.to_string()),
        RequestTokenError::ServerResponse(response) => match response.error() {
            Code::InvalidGrant => refused("it does not know the code"),
            Code::InvalidClient | Code::UnauthorizedClient => {
                away("it does not accept SOTTO_GOOGLE_CLIENT_ID with SOTTO_GOOGLE_CLIENT_SECRET")
            }
            _ => refused("it does not redeem the code"),
        },
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            away("what it answers to a code can't be read")
        }
    }
}

fn away(reason: impl Into<String>) -> ProviderError {
    ProviderError::Away { reason: reason.into() }
}

fn refused(reason: &str) -> ProviderError {
    ProviderError::Refused { reason: reason.to_owned() }
}
