//! Refusing what another site makes a browser do here.
use crate::{problem::Problem, public_url::PublicUrl};
use poem::{
    Request,
    http::{Method, StatusCode, header},
};

/// Refuses a state-changing request that a browser sent for another origin: by `Sec-Fetch-Site`,
/// else by `Origin`. With neither, no browser sent it.
pub fn refuse_cross_origin(request: &Request, public_url: &PublicUrl) -> Option<Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    refuse_foreign_read(request, public_url)
}

/// The same for something that only reads, where being asked costs us or somebody something.
pub fn refuse_foreign_read(request: &Request, public_url: &PublicUrl) -> Option<Problem> {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let ours = match (header("sec-fetch-site"), header(header::ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin == public_url.origin(),
        (None, None) => true,
    };
    (!ours).then(cross_origin)
}

/// Refuses a socket whose `Origin` is not exactly ours; browsers always send one.
pub fn refuse_foreign_socket(request: &Request, public_url: &PublicUrl) -> Option<Problem> {
    let origin = request.headers().get(header::ORIGIN).and_then(|value| value.to_str().ok());
    (origin != Some(public_url.origin())).then(cross_origin)
}

fn cross_origin() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "cross_origin", "this request comes from another site")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://chat.example";

    fn request(method: Method, site: Option<&str>, origin: Option<&str>) -> Request {
        let mut request = Request::builder().method(method);
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.finish()
    }

    fn refused(method: Method, site: Option<&str>, origin: Option<&str>) -> bool {
        let ours = PublicUrl::parse(OURS).expect("valid");
        refuse_cross_origin(&request(method, site, origin), &ours).is_some()
    }

    fn refused_to_read(site: Option<&str>, origin: Option<&str>) -> bool {
        let ours = PublicUrl::parse(OURS).expect("valid");
        refuse_foreign_read(&request(Method::GET, site, origin), &ours).is_some()
    }

    #[test]
    fn only_our_own_pages_change_state() {
        for (site, origin, expected) in [
            (None, None, false),
            (None, Some(OURS), false),
            (None, Some("null"), true),
            (None, Some("https://evil.example"), true),
            (None, Some("https://chat.example:8443"), true),
            (None, Some("http://chat.example"), true),
            (Some("same-origin"), Some(OURS), false),
            (Some("none"), None, false),
            (Some("same-site"), Some(OURS), true),
            (Some("cross-site"), None, true),
        ] {
            assert_eq!(refused(Method::POST, site, origin), expected, "{site:?} {origin:?}");
            assert!(!refused(Method::GET, site, origin), "reading is free: {site:?} {origin:?}");
            assert_eq!(refused_to_read(site, origin), expected, "{site:?} {origin:?}");
        }
    }
}
