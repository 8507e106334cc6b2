//! One's own profile.
use super::{Area, accounts::keep, security::require_proof, shapes::OwnUserShape};
use crate::{
    client_address::ClientAddress,
    cookies::Cookies,
    gate::Me,
    json::JsonBody,
    problem::{Problem, invalid_name, invalid_username},
};
use application::accounts::{DeleteAccount, Profile};
use domain::{name::PersonName, user::ProfileChange, username::Username};
use poem_openapi::{ApiResponse, Object, OpenApi, payload::Json};
use serde::Deserialize;

/// One's own profile.
pub struct MeApi {
    /// Shows and changes it.
    pub profile: Profile,
    /// Deletes the account.
    pub delete_account: DeleteAccount,
    /// Makes the cookies.
    pub cookies: Cookies,
}

/// What to change; what is left out stays.
#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct ProfileRequest {
    #[oai(nullable)]
    username: Option<String>,
    #[oai(nullable)]
    first_name: Option<String>,
    #[oai(nullable)]
    last_name: Option<String>,
}

#[derive(Deserialize, Object)]
#[serde(deny_unknown_fields)]
struct DeleteAccountRequest {
    /// One's password.
    #[oai(nullable)]
    password: Option<String>,
    /// Or a code from `POST /me/code`.
    #[oai(nullable)]
    code: Option<String>,
}

#[derive(ApiResponse)]
enum AccountDeleted {
    /// The account is gone.
    #[oai(status = 204)]
    NoContent(#[oai(header = "Set-Cookie")] String, #[oai(header = "Clear-Site-Data")] String),
}

#[OpenApi(tag = "Area::Me")]
impl MeApi {
    /// Oneself
    #[oai(path = "/me", method = "get", operation_id = "me")]
    async fn show(&self, me: Me) -> Result<Json<OwnUserShape>, Problem> {
        let user = self.profile.find(me.user).await?.ok_or_else(Problem::signed_out)?;
        Ok(Json((&user).into()))
    }

    /// Change one's username or names
    ///
    /// 409 `username_taken`.
    #[oai(path = "/me", method = "patch", operation_id = "change_me")]
    async fn change(
        &self,
        me: Me,
        body: JsonBody<ProfileRequest>,
    ) -> Result<Json<OwnUserShape>, Problem> {
        let user = self.profile.change(me.user, &parse_change(&body.0)?).await?;
        Ok(Json((&user).into()))
    }

    /// Delete one's account
    ///
    /// For good: all sessions and sockets end, and all that is known of one goes. Those one wrote
    /// with keep their conversations, with a deleted account. 403 `wrong_password`, 422
    /// `otp_invalid` with `attempts_left`, 429 `otp_exhausted`, 410 `otp_expired`.
    #[oai(path = "/me", method = "delete", operation_id = "delete_me")]
    async fn delete(
        &self,
        me: Me,
        from: ClientAddress,
        body: JsonBody<DeleteAccountRequest>,
    ) -> Result<AccountDeleted, Problem> {
        let DeleteAccountRequest { password, code } = body.0;
        let proof = require_proof("password", password, code)?;
        self.delete_account.execute(*me, from.0, &proof).await?;
        Ok(AccountDeleted::NoContent(self.cookies.clear_session(), "\"cache\"".to_owned()))
    }
}

fn parse_change(body: &ProfileRequest) -> Result<ProfileChange, Problem> {
    let mut errors = Vec::new();
    let name = |field, raw: &Option<String>| {
        raw.as_deref().map(|raw| PersonName::parse(raw).map_err(|error| invalid_name(field, error)))
    };
    let username =
        body.username.as_deref().map(|raw| Username::parse(raw).map_err(invalid_username));
    let change = ProfileChange {
        username: username.and_then(|parsed| keep(parsed, &mut errors)),
        first_name: name("first_name", &body.first_name)
            .and_then(|parsed| keep(parsed, &mut errors)),
        last_name: name("last_name", &body.last_name).and_then(|parsed| keep(parsed, &mut errors)),
    };
    if errors.is_empty() { Ok(change) } else { Err(Problem::invalid(errors)) }
}
