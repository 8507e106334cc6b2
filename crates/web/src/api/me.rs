//! One's own profile.
use super::{Area, accounts::keep, shapes::OwnUserShape};
use crate::{
    gate::Me,
    json::JsonBody,
    problem::{Problem, invalid_name, invalid_username},
};
use application::accounts::Profile;
use domain::{name::PersonName, user::ProfileChange, username::Username};
use poem_openapi::{Object, OpenApi, payload::Json};
use serde::Deserialize;

/// One's own profile.
pub struct MeApi {
    /// Shows and changes it.
    pub profile: Profile,
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
