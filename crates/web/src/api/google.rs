//! Linking one's account with Google, and unlinking it. Signing in goes through `/auth/google/`.
use super::{
    Area,
    accounts::NowSignedIn,
    security::{MailAccepted, accepted},
    shapes::{OwnUserShape, WaitingLinkShape},
};
use crate::{
    client_address::ClientAddress, cookies::Cookies, gate::Me, json::JsonBody, problem::Problem,
};
use application::accounts::google::{BeginGoogle, Errand, LinkByCode, UnlinkGoogle};
use domain::otp::OtpCode;
use poem::Request;
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use serde::Deserialize;

/// Google.
pub struct GoogleApi {
    /// Sends people there to link their account.
    pub begin: BeginGoogle,
    /// Links by a mailed code.
    pub link_by_code: LinkByCode,
    /// Unlinks.
    pub unlink: UnlinkGoogle,
    /// Binds what waits to a browser.
    pub cookies: Cookies,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct LinkGoogleRequest {
    /// Six digits.
    code: String,
}

/// Where to go.
#[derive(Object)]
struct DepartureShape {
    /// An address of the provider's, for this browser alone.
    url: String,
}

#[derive(ApiResponse)]
enum Leaving {
    /// Send the browser there; it comes back to `/profile/edit/`.
    #[oai(status = 200)]
    Ok(Json<DepartureShape>, #[oai(header = "Set-Cookie")] String),
}

#[OpenApi]
impl GoogleApi {
    /// Begin to link one's account with Google
    ///
    /// 404 where signing in with Google is not set up, 503 `provider_unavailable` where Google does
    /// not answer.
    #[oai(path = "/me/google", method = "post", operation_id = "link_google", tag = "Area::Me")]
    async fn link(
        &self,
        request: &Request,
        me: Me,
        from: ClientAddress,
    ) -> Result<Leaving, Problem> {
        let visit = self.cookies.visit(request);
        let departure = self.begin.execute(from.0, visit, &Errand::Link(me.user)).await?;
        let cookie = self.cookies.set_visit(&departure.visit);
        Ok(Leaving::Ok(Json(DepartureShape { url: departure.url }), cookie))
    }

    /// Unlink one's account from Google
    ///
    /// 409 `password_needed` where there is no password: nobody is left without a way in.
    #[oai(path = "/me/google", method = "delete", operation_id = "unlink_google", tag = "Area::Me")]
    async fn unlink(&self, me: Me) -> Result<Json<OwnUserShape>, Problem> {
        let user = self.unlink.execute(me.user).await?;
        Ok(Json((&user).into()))
    }

    /// The account this browser is about to link
    ///
    /// After coming back from Google with the address of an account. 404 where nothing waits.
    #[oai(
        path = "/link-google",
        method = "get",
        operation_id = "find_waiting_link",
        tag = "Area::Accounts"
    )]
    async fn find_waiting(&self, request: &Request) -> Result<Json<WaitingLinkShape>, Problem> {
        let waiting = self.link_by_code.find_waiting(self.cookies.visit(request)).await?;
        Ok(Json(waiting.ok_or_else(Problem::not_found)?.into()))
    }

    /// Prove with the mailed code that the account is one's own; link it, and sign in
    ///
    /// 422 `otp_invalid` with `attempts_left`, 429 `otp_exhausted`, 410 `otp_expired`; 404 where
    /// nothing waits in this browser; 409 `google_taken` or `google_linked_otherwise` if somebody
    /// was quicker; 403 `second_factor_required` where the account asks for one: it is linked, and
    /// this browser may show it.
    #[oai(
        path = "/link-google",
        method = "post",
        operation_id = "link_google_by_code",
        tag = "Area::Accounts"
    )]
    async fn link_by_code(
        &self,
        request: &Request,
        from: ClientAddress,
        body: JsonBody<LinkGoogleRequest>,
    ) -> Result<NowSignedIn, Problem> {
        let code = OtpCode::typed(&body.0.code);
        let (browser, visit) = (self.cookies.browser(request, from), self.cookies.visit(request));
        let opened = self.link_by_code.execute(browser, visit, &code).await;
        let opened = opened.map_err(|error| Problem::from_link_by_code(error, &self.cookies))?;
        Ok(NowSignedIn::Ok(Json((&opened.user).into()), self.cookies.set_session(&opened.token)))
    }

    /// Mail that code again
    ///
    /// 429 within 60 s of the last.
    #[oai(
        path = "/link-google/resend",
        method = "post",
        operation_id = "resend_link_code",
        tag = "Area::Accounts"
    )]
    async fn resend(&self, request: &Request) -> Result<MailAccepted, Problem> {
        let sent = self.link_by_code.send_again(self.cookies.visit(request)).await;
        sent.map_err(|error| Problem::from_link_by_code(error, &self.cookies))?;
        Ok(accepted())
    }
}
