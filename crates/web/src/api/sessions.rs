//! The browsers one is signed in with.
use super::{Area, shapes::SessionShape};
use crate::{cookies::Cookies, gate::Me, problem::Problem};
use application::accounts::Devices;
use domain::id::SessionId;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, payload::Json};

/// One's sessions.
pub struct SessionsApi {
    /// Shows them and ends them.
    pub devices: Devices,
    /// Clears the cookie of the one that ends.
    pub cookies: Cookies,
}

/// Where one is signed in.
#[derive(Object)]
#[oai(rename = "SessionList")]
struct SessionListShape {
    /// The one in use first, then those used last.
    sessions: Vec<SessionShape>,
}

#[derive(ApiResponse)]
enum Ended {
    /// Ended; its sockets close with 4401. With the session in use, its cookie goes.
    #[oai(status = 204)]
    NoContent(
        #[oai(header = "Set-Cookie")] Option<String>,
        #[oai(header = "Clear-Site-Data")] Option<String>,
    ),
}

#[derive(ApiResponse)]
enum OthersEnded {
    /// Ended; their sockets close with 4401.
    #[oai(status = 204)]
    NoContent,
}

#[OpenApi(tag = "Area::Sessions")]
impl SessionsApi {
    /// Where one is signed in
    #[oai(path = "/sessions", method = "get", operation_id = "list_sessions")]
    async fn list(&self, me: Me) -> Result<Json<SessionListShape>, Problem> {
        let sessions = self.devices.list(*me).await?;
        let shapes = sessions.iter().map(|session| SessionShape::of(session, me.session));
        Ok(Json(SessionListShape { sessions: shapes.collect() }))
    }

    /// Sign out one browser
    ///
    /// 404 for a session that is not one's own. Ending the one in use signs out.
    #[oai(path = "/sessions/:session", method = "delete", operation_id = "end_session")]
    async fn end(&self, me: Me, session: Path<String>) -> Result<Ended, Problem> {
        let session: SessionId = session.0.parse().map_err(|_| Problem::not_found())?;
        self.devices.end(*me, session).await?;
        Ok(if session == me.session {
            Ended::NoContent(Some(self.cookies.clear_session()), Some("\"cache\"".to_owned()))
        } else {
            Ended::NoContent(None, None)
        })
    }

    /// Sign out all other browsers
    #[oai(path = "/sessions", method = "delete", operation_id = "end_other_sessions")]
    async fn end_others(&self, me: Me) -> Result<OthersEnded, Problem> {
        self.devices.end_others(*me).await?;
        Ok(OthersEnded::NoContent)
    }
}
