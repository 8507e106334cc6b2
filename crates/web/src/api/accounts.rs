//! Opening an account, signing in and out.
use super::{
    Area,
    shapes::{OwnUserShape, WaitingSignUpShape},
};
use crate::{
    client_address::ClientAddress,
    cookies::Cookies,
    gate::Me,
    json::JsonBody,
    problem::{FieldError, Problem, invalid_email, invalid_name, invalid_username},
};
use application::accounts::{Register, ResendOtp, SignIn, SignOut, SignUp, VerifyOtp};
use domain::{email::Email, name::PersonName, otp::OtpCode, username::Username};
use poem::Request;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use serde::Deserialize;

/// Accounts.
pub struct AccountsApi {
    /// Begins a sign-up.
    pub register: Register,
    /// Proves an address.
    pub verify_otp: VerifyOtp,
    /// Mails the code again.
    pub resend_otp: ResendOtp,
    /// Signs in.
    pub sign_in: SignIn,
    /// Signs out.
    pub sign_out: SignOut,
    /// Writes the cookies.
    pub cookies: Cookies,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct RegisterRequest {
    /// 2 to 32 ASCII letters, digits and `_ . -`.
    username: String,
    email: String,
    /// 8 to 128 characters.
    password: String,
    #[serde(default)]
    #[oai(default)]
    first_name: String,
    #[serde(default)]
    #[oai(default)]
    last_name: String,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct VerifyOtpRequest {
    email: String,
    /// Six digits.
    code: String,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct ResendOtpRequest {
    email: String,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    /// A username or an email address.
    login: String,
    password: String,
}

/// What comes next.
#[derive(Object)]
struct Status {
    /// `verification_required`.
    status: String,
}

#[derive(ApiResponse)]
enum Accepted {
    /// A mail is on its way, whether or not the address has an account.
    #[oai(status = 202)]
    Accepted(Json<Status>, #[oai(header = "Set-Cookie")] Option<String>),
}

#[derive(ApiResponse)]
pub enum NowSignedIn {
    /// Signed in.
    #[oai(status = 200)]
    Ok(Json<OwnUserShape>, #[oai(header = "Set-Cookie")] String),
}

#[derive(ApiResponse)]
enum SignedOut {
    /// Signed out; the sockets of the session close with 4401.
    #[oai(status = 204)]
    NoContent(#[oai(header = "Set-Cookie")] String, #[oai(header = "Clear-Site-Data")] String),
}

#[OpenApi(tag = "Area::Accounts")]
impl AccountsApi {
    /// Sign up
    ///
    /// Mails a six-digit code, good for 10 minutes and 3 tries in this browser. The answer is the
    /// same for an address that has an account. 409 `username_taken`.
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        request: &Request,
        from: ClientAddress,
        body: JsonBody<RegisterRequest>,
    ) -> Result<Accepted, Problem> {
        let sign_up = parse_sign_up(body.0)?;
        let flow = self.register.execute(from.0, self.cookies.flow(request), sign_up).await?;
        Ok(accepted(Some(self.cookies.set_flow(&flow))))
    }

    /// The sign-up this browser has waiting
    ///
    /// 404 where there is none.
    #[oai(path = "/verify-otp", method = "get", operation_id = "find_waiting_sign_up")]
    async fn find_waiting(&self, request: &Request) -> Result<Json<WaitingSignUpShape>, Problem> {
        let waiting = self.verify_otp.find_waiting(self.cookies.flow(request)).await?;
        Ok(Json(waiting.ok_or_else(Problem::not_found)?.into()))
    }

    /// Prove the address with the mailed code, and sign in
    ///
    /// 422 `otp_invalid` with `attempts_left`, 429 `otp_exhausted`, 410 `otp_expired`,
    /// 409 `username_taken` if somebody took the name meanwhile.
    #[oai(path = "/verify-otp", method = "post", operation_id = "verify_otp")]
    async fn verify_otp(
        &self,
        request: &Request,
        from: ClientAddress,
        body: JsonBody<VerifyOtpRequest>,
    ) -> Result<NowSignedIn, Problem> {
        let email = parse_email(&body.0.email)?;
        let code = OtpCode::typed(&body.0.code);
        let (browser, flow) = (self.cookies.browser(request, from), self.cookies.flow(request));
        let opened = self.verify_otp.execute(browser, flow, &email, &code).await?;
        Ok(NowSignedIn::Ok(Json((&opened.user).into()), self.cookies.set_session(&opened.token)))
    }

    /// Mail the code again
    ///
    /// 429 within 60 s of the last.
    #[oai(path = "/resend-otp", method = "post", operation_id = "resend_otp")]
    async fn resend_otp(
        &self,
        request: &Request,
        body: JsonBody<ResendOtpRequest>,
    ) -> Result<Accepted, Problem> {
        let email = parse_email(&body.0.email)?;
        self.resend_otp.execute(self.cookies.flow(request), &email).await?;
        Ok(accepted(None))
    }

    /// Sign in
    ///
    /// 401 `invalid_credentials`; 403 `email_unverified` with the right password of a sign-up
    /// whose address is not proved: a fresh code is mailed and this browser may prove it; 403
    /// `second_factor_required` with the right password of an account that asks for more: this
    /// browser may show one of `second_factors` to `POST /login/second-factor`.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        request: &Request,
        from: ClientAddress,
        body: JsonBody<LoginRequest>,
    ) -> Result<NowSignedIn, Problem> {
        let browser = self.cookies.browser(request, from);
        let opened = self.sign_in.execute(browser, &body.0.login, &body.0.password).await;
        let opened = opened.map_err(|error| Problem::from_sign_in(error, &self.cookies))?;
        Ok(NowSignedIn::Ok(Json((&opened.user).into()), self.cookies.set_session(&opened.token)))
    }

    /// Sign out
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn logout(&self, me: Me) -> Result<SignedOut, Problem> {
        self.sign_out.execute(me.user, me.session).await?;
        Ok(SignedOut::NoContent(self.cookies.clear_session(), "\"cache\"".to_owned()))
    }
}

fn accepted(cookie: Option<String>) -> Accepted {
    Accepted::Accepted(Json(Status { status: "verification_required".to_owned() }), cookie)
}

/// An address, or what is wrong with it.
pub fn parse_email(raw: &str) -> Result<Email, Problem> {
    Email::parse(raw).map_err(|error| Problem::invalid(vec![invalid_email(error)]))
}

/// All that is wrong at once, so that a form can show it.
fn parse_sign_up(body: RegisterRequest) -> Result<SignUp, Problem> {
    let mut errors = Vec::new();
    let username = keep(Username::parse(&body.username).map_err(invalid_username), &mut errors);
    let email = keep(Email::parse(&body.email).map_err(invalid_email), &mut errors);
    let first_name = keep(
        PersonName::parse(&body.first_name).map_err(|e| invalid_name("first_name", e)),
        &mut errors,
    );
    let last_name = keep(
        PersonName::parse(&body.last_name).map_err(|e| invalid_name("last_name", e)),
        &mut errors,
    );
    match (username, email, first_name, last_name) {
        (Some(username), Some(email), Some(first_name), Some(last_name)) => {
            Ok(SignUp { username, email, password: body.password, first_name, last_name })
        }
        _ => Err(Problem::invalid(errors)),
    }
}

/// The value, or its error kept for the answer.
pub fn keep<T>(parsed: Result<T, FieldError>, errors: &mut Vec<FieldError>) -> Option<T> {
    parsed.map_err(|error| errors.push(error)).ok()
}
