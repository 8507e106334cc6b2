//! Finding people.
use super::{Area, shapes::UserShape};
use crate::{gate::Me, problem::Problem};
use application::people::FindPeople;
use poem_openapi::{Object, OpenApi, param::Query, payload::Json};

/// People.
pub struct PeopleApi {
    /// Finds them.
    pub find_people: FindPeople,
}

/// People found.
#[derive(Object)]
struct Users {
    users: Vec<UserShape>,
}

#[OpenApi(tag = "Area::People")]
impl PeopleApi {
    /// Up to 20 other people whose username begins so
    #[oai(path = "/users", method = "get", operation_id = "find_people")]
    async fn find(
        &self,
        me: Me,
        /// At least 2 characters; case does not count.
        query: Query<String>,
    ) -> Result<Json<Users>, Problem> {
        let found = self.find_people.execute(me.user, &query.0).await?;
        Ok(Json(Users { users: found.iter().map(Into::into).collect() }))
    }
}
