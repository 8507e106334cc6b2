//! Pictures of people.
use crate::problem::Problem;
use application::accounts::Pictures;
use domain::picture::PictureId;
use poem::{
    Endpoint, Request, Response, Result,
    http::{HeaderName, HeaderValue, StatusCode, header},
};

/// Whoever was shown the name of a picture may keep it for good: another picture has another name.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "image/jpeg"),
    (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
];

/// `/media/{id}.jpeg`: always an image, never a page.
pub struct Media(pub Pictures);

/// Where a picture is.
pub fn address_of(picture: PictureId) -> String {
    format!("/media/{picture}.jpeg")
}

impl Endpoint for Media {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let name: String = request.path_params().map_err(|_| Problem::not_found())?;
        let id = name.strip_suffix(".jpeg").and_then(PictureId::parse);
        let id = id.ok_or_else(Problem::not_found)?;
        let found = self.0.find(id).await.map_err(Problem::from)?;
        let shown = found.ok_or_else(Problem::not_found)?;
        let etag = format!("\"{id}\"");
        let known = request.headers().get(header::IF_NONE_MATCH);
        let mut response = if known.is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
            Response::builder().status(StatusCode::NOT_MODIFIED).finish()
        } else {
            Response::builder().body(shown.0)
        };
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(etag) = HeaderValue::from_str(&etag) {
            headers.insert(header::ETAG, etag);
        }
        Ok(response)
    }
}
