//! Finding people, and keeping them away.
use super::{Area, shapes::UserShape};
use crate::{gate::Me, problem::Problem};
use application::people::{Blocks, FindPeople};
use domain::id::UserId;
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Path, Query},
    payload::Json,
};

/// People.
pub struct PeopleApi {
    /// Finds them.
    pub find_people: FindPeople,
    /// Keeps them away.
    pub blocks: Blocks,
}

/// People.
#[derive(Object)]
struct Users {
    users: Vec<UserShape>,
}

#[derive(ApiResponse)]
enum Done {
    /// It is so.
    #[oai(status = 204)]
    Done,
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

    /// Whom one blocks, the latest first
    #[oai(path = "/blocks", method = "get", operation_id = "list_blocks")]
    async fn list_blocks(&self, me: Me) -> Result<Json<Users>, Problem> {
        let blocked = self.blocks.list(me.user).await?;
        Ok(Json(Users { users: blocked.iter().map(Into::into).collect() }))
    }

    /// Block somebody
    ///
    /// They are not told: what they write gets 403 `not_delivered`, and neither sees whether the
    /// other is online or writes. Writing to them oneself gets 409 `blocked`. At most 1,000 people.
    #[oai(path = "/blocks/:user", method = "put", operation_id = "block")]
    async fn block(&self, me: Me, user: Path<String>) -> Result<Done, Problem> {
        self.blocks.block(me.user, parse_user(&user.0)?).await?;
        Ok(Done::Done)
    }

    /// Block somebody no longer
    ///
    /// Also 204 where one does not block them.
    #[oai(path = "/blocks/:user", method = "delete", operation_id = "unblock")]
    async fn unblock(&self, me: Me, user: Path<String>) -> Result<Done, Problem> {
        self.blocks.unblock(me.user, parse_user(&user.0)?).await?;
        Ok(Done::Done)
    }
}

/// A malformed id is that of nobody.
fn parse_user(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}
