//! Telling who a request comes from, by its session cookie.
use crate::{cookies::Cookies, problem::Problem};
use application::{
    accounts::{Authenticate, SignedIn},
    ports::Unavailable,
};
use poem::{Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use std::{ops::Deref, sync::Arc};

/// Recognises people by their session cookie.
pub struct Gate {
    /// Knows the sessions.
    pub authenticate: Authenticate,
    /// Knows the cookie.
    pub cookies: Cookies,
}

impl Gate {
    /// Who this request comes from.
    pub async fn recognise(&self, request: &Request) -> Result<Option<SignedIn>, Unavailable> {
        match self.cookies.session(request) {
            Some(token) => self.authenticate.execute(&token).await,
            None => Ok(None),
        }
    }
}

/// The signed-in person, as an argument of an API operation; without one the answer is 401.
pub struct Me(pub SignedIn);

impl Deref for Me {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

const SCHEME: &str = "session";

impl<'a> ApiExtractor<'a> for Me {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = MetaSecurityScheme {
            ty: "apiKey",
            description: Some("Set by signing in. On https its name is `__Host-sotto_session`."),
            name: Some("sotto_session"),
            key_in: Some("cookie"),
            scheme: None,
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme(SCHEME, scheme);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let gate = request.data::<Arc<Gate>>().ok_or_else(Problem::signed_out)?;
        let signed_in = gate.recognise(request).await.map_err(Problem::from)?;
        Ok(Self(signed_in.ok_or_else(Problem::signed_out)?))
    }
}
