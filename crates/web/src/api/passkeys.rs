//! Passkeys: making them, and signing in with them.
use super::{Area, security::require_proof, shapes::OwnUserShape};
use crate::{
    client_address::ClientAddress,
    cookies::Cookies,
    gate::Me,
    json::JsonBody,
    problem::{Problem, invalid_passkey_name},
};
use application::accounts::{Begun, Passkeys, SignInByPasskey};
use domain::{
    id::PasskeyId,
    passkey::{Passkey, PasskeyName},
    rfc3339,
    token::FlowToken,
};
use poem::Request;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, payload::Json, types::Any};
use serde::Deserialize;
use serde_json::Value;

/// Passkeys.
pub struct PasskeysApi {
    /// Makes and removes one's own.
    pub passkeys: Passkeys,
    /// Signs in with one.
    pub sign_in: SignInByPasskey,
    /// Writes the cookies.
    pub cookies: Cookies,
}

/// Whoever changes passkeys shows that it is really them.
#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct PasskeyProofRequest {
    /// One's password.
    #[oai(nullable)]
    password: Option<String>,
    /// Or a code from `POST /me/code`.
    #[oai(nullable)]
    code: Option<String>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct NewPasskeyRequest {
    /// From the answer that the options came with.
    ceremony: String,
    /// To tell it from others: 1 to 50 characters.
    name: String,
    /// What `navigator.credentials.create` gave, as its `toJSON` writes it.
    credential: Any<Value>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct PasskeyLoginRequest {
    /// From the answer that the options came with.
    ceremony: String,
    /// What `navigator.credentials.get` gave, as its `toJSON` writes it.
    credential: Any<Value>,
}

/// A passkey.
#[derive(Object)]
#[oai(rename = "Passkey")]
struct PasskeyShape {
    /// Opaque.
    id: String,
    /// What its owner calls it.
    name: String,
    /// RFC 3339.
    created_at: String,
    /// When it last signed in; RFC 3339.
    #[oai(nullable)]
    last_used_at: Option<String>,
}

/// One's passkeys.
#[derive(Object)]
#[oai(rename = "PasskeyList")]
struct PasskeyListShape {
    /// Whether any can be made: not where Sotto is reached under an IP address.
    available: bool,
    /// In the order in which they were made.
    passkeys: Vec<PasskeyShape>,
}

/// Something begun with a device.
#[derive(Object)]
#[oai(rename = "PasskeyCeremony")]
struct CeremonyShape {
    /// To be sent back with the device's answer, once, within 10 minutes.
    ceremony: String,
    /// For `navigator.credentials`: an object with `publicKey`, binary parts in base64url (W3C
    /// `WebAuthn`, `PublicKeyCredentialCreationOptionsJSON` or `…RequestOptionsJSON`).
    options: Any<Value>,
}

#[derive(ApiResponse)]
enum Made {
    /// The passkey signs in from now on.
    #[oai(status = 201)]
    Created(Json<PasskeyShape>),
}

#[derive(ApiResponse)]
enum Removed {
    /// It no longer signs in.
    #[oai(status = 204)]
    NoContent,
}

#[derive(ApiResponse)]
enum NowSignedIn {
    /// Signed in.
    #[oai(status = 200)]
    Ok(Json<OwnUserShape>, #[oai(header = "Set-Cookie")] String),
}

#[OpenApi]
impl PasskeysApi {
    /// One's passkeys
    #[oai(path = "/me/passkeys", method = "get", operation_id = "list_passkeys", tag = "Area::Me")]
    async fn list(&self, me: Me) -> Result<Json<PasskeyListShape>, Problem> {
        let passkeys = self.passkeys.list(*me).await?;
        let passkeys = passkeys.iter().map(PasskeyShape::from).collect();
        Ok(Json(PasskeyListShape { available: self.passkeys.available(), passkeys }))
    }

    /// Begin to make a passkey
    ///
    /// 409 `passkeys_unavailable` where Sotto is reached under an IP address, 409
    /// `too_many_passkeys`.
    #[oai(
        path = "/me/passkeys/options",
        method = "post",
        operation_id = "begin_passkey",
        tag = "Area::Me"
    )]
    async fn begin(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<PasskeyProofRequest>,
    ) -> Result<Json<CeremonyShape>, Problem> {
        let proof = require_proof("password", body.0.password, body.0.code)?;
        shown(&self.passkeys.begin(*me, from.0, &proof).await?)
    }

    /// Keep the passkey that one's device has made
    ///
    /// It signs in by itself, and is worth both factors: the device recognises its owner each time.
    /// 410 `passkey_expired`: begin again; 422 `passkey_invalid`.
    #[oai(path = "/me/passkeys", method = "post", operation_id = "add_passkey", tag = "Area::Me")]
    async fn add(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<NewPasskeyRequest>,
    ) -> Result<Made, Problem> {
        let name = PasskeyName::parse(&body.0.name)
            .map_err(|error| Problem::invalid(vec![invalid_passkey_name(error)]))?;
        let ceremony = parse_ceremony(&body.0.ceremony)?;
        let answer = body.0.credential.0.to_string();
        let made = self.passkeys.finish(*me, from.0, &ceremony, name, &answer).await?;
        Ok(Made::Created(Json((&made).into())))
    }

    /// Remove a passkey
    ///
    /// 404 for one that is not one's own.
    #[oai(
        path = "/me/passkeys/:passkey",
        method = "delete",
        operation_id = "remove_passkey",
        tag = "Area::Me"
    )]
    async fn remove(
        &self,
        me: Me,
        from: ClientAddress,
        passkey: Path<String>,
        body: JsonBody<PasskeyProofRequest>,
    ) -> Result<Removed, Problem> {
        let passkey: PasskeyId = passkey.0.parse().map_err(|_| Problem::not_found())?;
        let proof = require_proof("password", body.0.password, body.0.code)?;
        self.passkeys.remove(*me, from.0, passkey, &proof).await?;
        Ok(Removed::NoContent)
    }

    /// Begin to sign in with a passkey
    ///
    /// For whichever passkey the browser has; after 403 `second_factor_required`, for one of that
    /// account. 409 `passkeys_unavailable`.
    #[oai(
        path = "/login/passkey/options",
        method = "post",
        operation_id = "begin_login_passkey",
        tag = "Area::Accounts"
    )]
    async fn begin_sign_in(
        &self,
        request: &Request,
        from: ClientAddress,
    ) -> Result<Json<CeremonyShape>, Problem> {
        shown(&self.sign_in.begin(from.0, self.cookies.step(request)).await?)
    }

    /// Sign in with a passkey
    ///
    /// By itself, without a password or a second factor. 410 `passkey_expired`: begin again; 422
    /// `passkey_invalid`.
    #[oai(
        path = "/login/passkey",
        method = "post",
        operation_id = "login_passkey",
        tag = "Area::Accounts"
    )]
    async fn finish_sign_in(
        &self,
        request: &Request,
        from: ClientAddress,
        body: JsonBody<PasskeyLoginRequest>,
    ) -> Result<NowSignedIn, Problem> {
        let ceremony = parse_ceremony(&body.0.ceremony)?;
        let browser = self.cookies.browser(request, from);
        let answer = body.0.credential.0.to_string();
        let step = self.cookies.step(request);
        let opened = self.sign_in.finish(browser, step, &ceremony, &answer).await?;
        Ok(NowSignedIn::Ok(Json((&opened.user).into()), self.cookies.set_session(&opened.token)))
    }
}

fn parse_ceremony(text: &str) -> Result<FlowToken, Problem> {
    FlowToken::parse(text).ok_or_else(Problem::passkey_expired)
}

fn shown(begun: &Begun) -> Result<Json<CeremonyShape>, Problem> {
    let options =
        serde_json::from_str(&begun.options).map_err(|error| Problem::internal(&error))?;
    Ok(Json(CeremonyShape { ceremony: begun.ceremony.reveal(), options: Any(options) }))
}

impl From<&Passkey> for PasskeyShape {
    fn from(passkey: &Passkey) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: passkey.name.as_str().to_owned(),
            created_at: rfc3339(passkey.created_at),
            last_used_at: passkey.last_used_at.map(rfc3339),
        }
    }
}
