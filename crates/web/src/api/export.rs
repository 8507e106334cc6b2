//! Taking away all that is stored about oneself.
use super::Area;
use crate::{
    cross_origin::refuse_foreign_read, export, gate::Me, problem::Problem, public_url::PublicUrl,
    server::Shutdown, shell::HeadOnly,
};
use application::accounts::Export;
use domain::rfc3339;
use poem::{Body, Request};
use poem_openapi::{ApiResponse, OpenApi, payload::Binary};

/// Taking away all that is stored about oneself.
pub struct ExportApi {
    /// Reads it.
    pub export: Export,
    /// Our own origin: another site must not have somebody's data fetched.
    pub public_url: PublicUrl,
    /// Ends what is under way.
    pub shutdown: Shutdown,
}

#[derive(ApiResponse)]
enum Exported {
    /// The archive. It is whole only if the answer came to its end.
    #[oai(status = 200, content_type = "application/zip")]
    Archive(Binary<Body>, #[oai(header = "Content-Disposition")] String),
    /// A browser that came here by a link, and gets nothing now, goes back to the page it came from.
    #[oai(status = 303)]
    Back(#[oai(header = "Location")] String),
}

#[OpenApi(tag = "Area::Me")]
impl ExportApi {
    /// All that is stored about oneself
    ///
    /// A zip archive: account, devices, blocks and picture, and each conversation in clear, as JSON
    /// and as pages to read. Written while it is read, so that its length is not known before. One's
    /// address is told by mail. 429 `rate_limited` (three, then one every 20 minutes) and
    /// `export_underway` (one at a time), 503 `busy`; 403 `cross_origin` also though it is a GET. A browser that
    /// navigates here gets 303 instead, to a page that says so.
    #[oai(path = "/me/export", method = "get", operation_id = "export_me")]
    async fn export(&self, request: &Request, me: Me) -> Result<Exported, Problem> {
        if let Some(problem) = refuse_foreign_read(request, &self.public_url) {
            return Err(problem);
        }
        if request.data::<HeadOnly>().is_some() {
            // Nothing is read for nobody, and no mail sent.
            return Ok(Exported::Archive(Binary(Body::empty()), "attachment".to_owned()));
        }
        let data = match self.export.begin(*me).await.map_err(Problem::from) {
            Ok(data) => data,
            Err(problem) if navigates(request) => return Ok(Exported::Back(way_back(&problem))),
            Err(problem) => return Err(problem),
        };
        let (username, at) = (&data.records.user.username, rfc3339(data.records.read_at));
        let day = at.get(..10).unwrap_or_default();
        // A username has no character that would have to be quoted.
        let named =
            format!("attachment; filename=\"sotto-export-{}-{day}.zip\"", username.as_str());
        Ok(Exported::Archive(Binary(export::stream(*me, data, &self.shutdown)), named))
    }
}

/// Whether a person follows a link, and would be shown whatever is answered.
fn navigates(request: &Request) -> bool {
    let mode = request.headers().get("sec-fetch-mode");
    mode.is_some_and(|mode| mode.as_bytes() == b"navigate")
}

fn way_back(problem: &Problem) -> String {
    let wait = problem.retry_after().unwrap_or_default();
    format!("/profile/edit/?export={}&wait={wait}#data", problem.code())
}
