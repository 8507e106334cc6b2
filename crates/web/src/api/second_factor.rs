//! What an account asks for beside the password: setting it up, and signing in with it.
use super::{Area, security::require_proof, shapes::OwnUserShape};
use crate::{
    client_address::ClientAddress, cookies::Cookies, gate::Me, json::JsonBody, problem::Problem, qr,
};
use application::accounts::{OwnSecondFactor, SecondStep, SetUp};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use domain::{
    rfc3339,
    sealing::SealedPayload,
    second_factor::{FactorKind, RecoveryCode, SecondFactor, TypedCode},
};
use poem::Request;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use serde::Deserialize;

/// Second factors.
pub struct SecondFactorApi {
    /// Shows and changes one's own.
    pub own: OwnSecondFactor,
    /// Signs in with it.
    pub second_step: SecondStep,
    /// Writes the cookies.
    pub cookies: Cookies,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct SecondStepRequest {
    /// Six digits of the app, or a recovery code.
    code: String,
}

/// Whoever changes a second factor shows that it is really them.
#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct SecondFactorRequest {
    /// One's password.
    #[oai(nullable)]
    password: Option<String>,
    /// Or a code from `POST /me/code`.
    #[oai(nullable)]
    code: Option<String>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct FirstCodeRequest {
    /// From the answer that the secret came with.
    set_up: String,
    /// The six digits that the app shows.
    app_code: String,
}

/// What an account asks for beside the password.
#[derive(Object)]
#[oai(rename = "SecondFactor")]
struct SecondFactorShape {
    /// Whether signing in asks for a second factor.
    required: bool,
    /// Since when; RFC 3339.
    #[oai(nullable)]
    since: Option<String>,
    /// Whether an authenticator app counts. One's passkeys always do.
    app: bool,
    /// Recovery codes that were not used yet.
    recovery_codes_left: u32,
}

/// A sign-in that waits for the second factor.
#[derive(Object)]
#[oai(rename = "WaitingSignIn")]
struct WaitingSignInShape {
    /// What will do: `app`, `passkey` (by `POST /login/passkey`), `recovery_code`.
    second_factors: Vec<String>,
}

/// An authenticator app that is being set up.
#[derive(Object)]
#[oai(rename = "AppSetUp")]
struct SetUpShape {
    /// To be typed into the app: 32 letters and digits (base32).
    secret: String,
    /// The same as the app reads it from a QR code.
    uri: String,
    /// That QR code.
    qr: QrShape,
    /// To be sent back with the app's first code. Good in this session alone.
    set_up: String,
    /// Until when; RFC 3339.
    expires_at: String,
}

/// A QR code, to be drawn as one SVG path in a square of `size` by `size`.
#[derive(Object)]
#[oai(rename = "QrCode")]
struct QrShape {
    /// Width and height, the white margin included.
    size: u32,
    /// The dark parts: a path's `d`.
    path: String,
}

/// Codes for the day on which the app is lost. They are never shown again.
#[derive(Object)]
#[oai(rename = "RecoveryCodes")]
struct RecoveryCodesShape {
    /// Each is good for one sign-in.
    recovery_codes: Vec<String>,
}

#[derive(ApiResponse)]
enum NowSignedIn {
    /// Signed in.
    #[oai(status = 200)]
    Ok(Json<OwnUserShape>, #[oai(header = "Set-Cookie")] String),
}

#[derive(ApiResponse)]
enum TurnedOff {
    /// The password alone signs in.
    #[oai(status = 204)]
    NoContent,
}

#[OpenApi]
impl SecondFactorApi {
    /// The sign-in of this browser that waits for the second factor
    ///
    /// 404 where there is none.
    #[oai(
        path = "/login/second-factor",
        method = "get",
        operation_id = "find_waiting_sign_in",
        tag = "Area::Accounts"
    )]
    async fn find_waiting(&self, request: &Request) -> Result<Json<WaitingSignInShape>, Problem> {
        let kinds = self.second_step.find_waiting(self.cookies.step(request)).await?;
        let second_factors = words(&kinds.ok_or_else(Problem::not_found)?);
        Ok(Json(WaitingSignInShape { second_factors }))
    }

    /// Sign in with the second factor
    ///
    /// After 403 `second_factor_required` from `POST /login`, in the same browser, within 10
    /// minutes and 5 tries: a code of one's app, or a recovery code, which is used up. 422
    /// `second_factor_invalid` with `attempts_left`; 410 `sign_in_expired`: begin again with the
    /// password; 429 `rate_limited` when codes of the app were tried too often: a recovery code
    /// still does.
    #[oai(
        path = "/login/second-factor",
        method = "post",
        operation_id = "login_second_factor",
        tag = "Area::Accounts"
    )]
    async fn second_step(
        &self,
        request: &Request,
        from: ClientAddress,
        body: JsonBody<SecondStepRequest>,
    ) -> Result<NowSignedIn, Problem> {
        let (browser, flow) = (self.cookies.browser(request, from), self.cookies.step(request));
        let opened = self.second_step.execute(browser, flow, &body.0.code).await?;
        Ok(NowSignedIn::Ok(Json((&opened.user).into()), self.cookies.set_session(&opened.token)))
    }

    /// One's second factor
    #[oai(
        path = "/me/second-factor",
        method = "get",
        operation_id = "second_factor",
        tag = "Area::Me"
    )]
    async fn show(&self, me: Me) -> Result<Json<SecondFactorShape>, Problem> {
        Ok(Json(SecondFactorShape::of(self.own.find(*me).await?.as_ref())))
    }

    /// Begin to set up an authenticator app
    ///
    /// Gives a secret for the app. Nothing is asked for until the app's first code has come to
    /// `POST /me/second-factor/app/confirm`, within 15 minutes; an app that counts already goes on
    /// counting until then. 403 `wrong_password`, 422 `otp_invalid`.
    #[oai(
        path = "/me/second-factor/app",
        method = "post",
        operation_id = "set_up_app",
        tag = "Area::Me"
    )]
    async fn begin(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<SecondFactorRequest>,
    ) -> Result<Json<SetUpShape>, Problem> {
        let proof = require_proof("password", body.0.password, body.0.code)?;
        Ok(Json(SetUpShape::of(&self.own.begin(*me, from.0, &proof).await?)))
    }

    /// Set up the app by its first code
    ///
    /// From now on signing in asks for the app, or for one of the recovery codes given here; an
    /// app and codes of before are void. 422 `second_factor_invalid` for a code that is not the
    /// app's; 410 `set_up_expired`.
    #[oai(
        path = "/me/second-factor/app/confirm",
        method = "post",
        operation_id = "confirm_app",
        tag = "Area::Me"
    )]
    async fn finish(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<FirstCodeRequest>,
    ) -> Result<Json<RecoveryCodesShape>, Problem> {
        // What is no envelope of ours does not open.
        let sealed = SealedPayload::new(BASE64.decode(&body.0.set_up).unwrap_or_default());
        let code = TypedCode::parse(&body.0.app_code);
        Ok(shown(&self.own.finish(*me, from.0, &sealed, &code).await?))
    }

    /// Ask for a passkey beside the password
    ///
    /// From now on a password alone does not sign in: one of one's passkeys does, or one of the
    /// recovery codes given here. 409 `second_factor_on` where there is a second factor already,
    /// 409 `no_passkey` where there is no passkey.
    #[oai(
        path = "/me/second-factor/passkeys",
        method = "post",
        operation_id = "require_passkey",
        tag = "Area::Me"
    )]
    async fn require_passkey(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<SecondFactorRequest>,
    ) -> Result<Json<RecoveryCodesShape>, Problem> {
        let proof = require_proof("password", body.0.password, body.0.code)?;
        Ok(shown(&self.own.require_passkey(*me, from.0, &proof).await?))
    }

    /// Make new recovery codes
    ///
    /// Those of before are void. 409 `second_factor_off` where there is none.
    #[oai(
        path = "/me/second-factor/recovery-codes",
        method = "post",
        operation_id = "renew_recovery_codes",
        tag = "Area::Me"
    )]
    async fn renew(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<SecondFactorRequest>,
    ) -> Result<Json<RecoveryCodesShape>, Problem> {
        let proof = require_proof("password", body.0.password, body.0.code)?;
        Ok(shown(&self.own.renew_codes(*me, from.0, &proof).await?))
    }

    /// Turn the second factor off
    ///
    /// The app and the recovery codes are void. 409 `second_factor_off` where there is none.
    #[oai(
        path = "/me/second-factor",
        method = "delete",
        operation_id = "turn_off_second_factor",
        tag = "Area::Me"
    )]
    async fn turn_off(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<SecondFactorRequest>,
    ) -> Result<TurnedOff, Problem> {
        let proof = require_proof("password", body.0.password, body.0.code)?;
        self.own.turn_off(*me, from.0, &proof).await?;
        Ok(TurnedOff::NoContent)
    }
}

/// What the API calls each.
pub fn words(kinds: &[FactorKind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.as_str().to_owned()).collect()
}

fn shown(codes: &[RecoveryCode]) -> Json<RecoveryCodesShape> {
    Json(RecoveryCodesShape { recovery_codes: codes.iter().map(RecoveryCode::show).collect() })
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl SecondFactorShape {
    fn of(factor: Option<&SecondFactor>) -> Self {
        Self {
            required: factor.is_some(),
            since: factor.map(|factor| rfc3339(factor.since)),
            app: factor.is_some_and(|factor| factor.app.is_some()),
            recovery_codes_left: factor.map_or(0, |factor| small(factor.recovery_codes.len())),
        }
    }
}

impl SetUpShape {
    fn of(set_up: &SetUp) -> Self {
        let uri = set_up.secret.uri(set_up.user.username.as_str());
        let qr = qr::draw(&uri).map_or_else(
            || QrShape { size: 0, path: String::new() },
            |qr| QrShape { size: small(qr.size), path: qr.path },
        );
        Self {
            secret: set_up.secret.reveal(),
            uri,
            qr,
            set_up: BASE64.encode(set_up.sealed.as_bytes()),
            expires_at: rfc3339(set_up.expires_at),
        }
    }
}
