//! What keeps an account one's own: its password and its address.
use super::{Area, accounts::parse_email, shapes::OwnUserShape};
use crate::{
    client_address::ClientAddress, cookies::Cookies, gate::Me, json::JsonBody, problem::Problem,
};
use application::accounts::{
    ChangeEmail, ChangePassword, Confirm, ForgotPassword, Proof, ResetPassword,
};
use domain::{otp::OtpCode, token::ResetToken};
use poem::Request;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use serde::Deserialize;

/// Passwords and addresses.
pub struct SecurityApi {
    /// Mails codes by which people confirm what they ask for.
    pub confirm: Confirm,
    /// Mails links for new passwords.
    pub forgot_password: ForgotPassword,
    /// Sets a password by such a link.
    pub reset_password: ResetPassword,
    /// Changes one's password.
    pub change_password: ChangePassword,
    /// Changes one's address.
    pub change_email: ChangeEmail,
    /// Tells browsers apart.
    pub cookies: Cookies,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct ForgotPasswordRequest {
    email: String,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct ResetPasswordRequest {
    /// From the link in the mail, behind the `#`.
    token: String,
    /// 8 to 128 characters.
    password: String,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct ChangePasswordRequest {
    /// The password of now, where there is one.
    #[oai(nullable)]
    current: Option<String>,
    /// Or a code from `POST /me/code`.
    #[oai(nullable)]
    code: Option<String>,
    /// 8 to 128 characters.
    new: String,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct ChangeEmailRequest {
    /// The new address.
    email: String,
    /// One's password.
    #[oai(nullable)]
    password: Option<String>,
    /// Or a code from `POST /me/code`.
    #[oai(nullable)]
    code: Option<String>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct VerifyEmailRequest {
    /// Six digits.
    code: String,
}

/// What comes next.
#[derive(Object)]
pub struct MailStatus {
    /// `mail_sent`.
    status: String,
}

#[derive(ApiResponse)]
pub enum MailAccepted {
    /// A mail is on its way, if there is anybody to send it to.
    #[oai(status = 202)]
    Accepted(Json<MailStatus>),
}

#[derive(ApiResponse)]
enum PasswordSet {
    /// The new password counts.
    #[oai(status = 204)]
    NoContent,
}

#[OpenApi]
impl SecurityApi {
    /// Mail a link for a new password
    ///
    /// The answer is the same for an address that has no account.
    #[oai(
        path = "/password/forgot",
        method = "post",
        operation_id = "forgot_password",
        tag = "Area::Accounts"
    )]
    async fn forgot(
        &self,
        from: ClientAddress,
        body: JsonBody<ForgotPasswordRequest>,
    ) -> Result<MailAccepted, Problem> {
        self.forgot_password.execute(from.0, &parse_email(&body.0.email)?).await?;
        Ok(accepted())
    }

    /// Choose a new password by the mailed link
    ///
    /// The link works once, for 30 minutes; all sessions end. 410 `reset_expired` for any other.
    /// A password that is refused (422) leaves the link as it is.
    #[oai(
        path = "/password/reset",
        method = "post",
        operation_id = "reset_password",
        tag = "Area::Accounts"
    )]
    async fn reset(
        &self,
        request: &Request,
        from: ClientAddress,
        body: JsonBody<ResetPasswordRequest>,
    ) -> Result<PasswordSet, Problem> {
        let token = ResetToken::parse(&body.0.token).ok_or_else(Problem::reset_expired)?;
        let browser = self.cookies.browser(request, from);
        self.reset_password.execute(&browser, &token, &body.0.password).await?;
        Ok(PasswordSet::NoContent)
    }

    /// Mail oneself a code
    ///
    /// It confirms one thing, in place of the password: wherever `password` is asked for, `code`
    /// will do. Good for 10 minutes and 3 tries in this session; 429 within 60 s of the last.
    #[oai(path = "/me/code", method = "post", operation_id = "send_code", tag = "Area::Me")]
    async fn send_code(&self, me: Me) -> Result<MailAccepted, Problem> {
        self.confirm.send_code(*me).await?;
        Ok(accepted())
    }

    /// Change one's password, or set the first
    ///
    /// All other sessions end. `current` or `code` is needed only where there is a password: 403
    /// `wrong_password`, 422 with what is wrong with the new one.
    #[oai(
        path = "/me/password",
        method = "post",
        operation_id = "change_password",
        tag = "Area::Me"
    )]
    async fn change_password(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<ChangePasswordRequest>,
    ) -> Result<PasswordSet, Problem> {
        let ChangePasswordRequest { current, code, new } = body.0;
        let proof = parse_proof("current", current, code)?;
        self.change_password.execute(*me, from.0, proof.as_ref(), &new).await?;
        Ok(PasswordSet::NoContent)
    }

    /// Ask to move one's account to another address
    ///
    /// Mails a code to the new address; the answer is the same where that has an account. 429
    /// within 60 s of the last.
    #[oai(path = "/me/email", method = "post", operation_id = "change_email", tag = "Area::Me")]
    async fn change_email(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<ChangeEmailRequest>,
    ) -> Result<MailAccepted, Problem> {
        let ChangeEmailRequest { email, password, code } = body.0;
        let email = parse_email(&email)?;
        let proof = require_proof("password", password, code)?;
        self.change_email.begin(*me, from.0, &email, &proof).await?;
        Ok(accepted())
    }

    /// Move one's account to the address that the code was mailed to
    ///
    /// The old address is told. 422 `otp_invalid` with `attempts_left`, 429 `otp_exhausted`, 410
    /// `otp_expired`.
    #[oai(
        path = "/me/email/verify",
        method = "post",
        operation_id = "verify_email",
        tag = "Area::Me"
    )]
    async fn verify_email(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<VerifyEmailRequest>,
    ) -> Result<Json<OwnUserShape>, Problem> {
        let code = OtpCode::typed(&body.0.code);
        let user = self.change_email.verify(*me, from.0, &code).await?;
        Ok(Json((&user).into()))
    }
}

/// It is.
pub fn accepted() -> MailAccepted {
    MailAccepted::Accepted(Json(MailStatus { status: "mail_sent".to_owned() }))
}

/// What somebody shows, where they have to show something.
pub fn require_proof(
    field: &str,
    password: Option<String>,
    code: Option<String>,
) -> Result<Proof, Problem> {
    parse_proof(field, password, code)?.ok_or_else(|| Problem::proof_missing(field))
}

/// What somebody shows; one thing, not two.
fn parse_proof(
    field: &str,
    password: Option<String>,
    code: Option<String>,
) -> Result<Option<Proof>, Problem> {
    match (password, code) {
        (None, None) => Ok(None),
        (Some(password), None) => Ok(Some(Proof::Password(password))),
        (None, Some(code)) => Ok(Some(Proof::Code(OtpCode::typed(&code)))),
        (Some(_), Some(_)) => {
            let detail = format!("either {field} or code, not both");
            Err(Problem::invalid_field("code", "surplus", detail))
        }
    }
}
