//! Swagger UI at `/docs/`, working offline: the page that poem-openapi carries has its script
//! inline, so a policy that names the script's hash lets just that one run.
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use poem::{
    Endpoint, Request, Response, Result,
    http::{HeaderValue, header},
};
use sha2::{Digest, Sha256};

use super::assets::File;

/// The API's description as a page.
pub struct Docs {
    page: File,
    policy: HeaderValue,
}

impl Docs {
    /// From the page as poem-openapi makes it.
    pub fn new(html: String) -> Self {
        let hashes: Vec<String> = inline_scripts(&html).map(script_hash).collect();
        let policy = format!(
            "default-src 'self'; script-src {}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
             object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            hashes.join(" ")
        );
        let policy =
            HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'self'"));
        Self { page: File::new("docs.html", html.into_bytes()), policy }
    }
}

impl Endpoint for Docs {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut response = self.page.answer(&request, "no-cache");
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        Ok(response)
    }
}

/// What stands between `<script …>` and `</script>`, as a browser reads it: a `<script` within a
/// script is only text.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let (_, tag) = rest.split_once("<script")?;
        let (_, content) = tag.split_once('>')?;
        let (script, behind) = content.split_once("</script")?;
        rest = behind;
        Some(script)
    })
}

/// A hash source (CSP Level 3 §2.3.1).
fn script_hash(script: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(Sha256::digest(script.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_inline_script_is_named_by_its_hash() {
        let docs =
            Docs::new("<script charset=\"x\">alert(1)</script><p><script>f()</script>".to_owned());
        let policy = docs.policy.to_str().expect("ascii");
        assert!(
            policy.contains("'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"),
            "{policy}"
        );
        assert_eq!(policy.matches("'sha256-").count(), 2);
    }

    #[test]
    fn a_script_that_speaks_of_scripts_is_one() {
        let html = "<script>a = /<script(?= )/; b = '<script>'</script><script>c()</script>";
        let scripts: Vec<_> = inline_scripts(html).collect();
        assert_eq!(scripts, ["a = /<script(?= )/; b = '<script>'", "c()"]);
    }
}
