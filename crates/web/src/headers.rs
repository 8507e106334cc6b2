//! What every answer tells the browser not to do.
use crate::public_url::PublicUrl;
use poem::{
    Response,
    http::{HeaderName, HeaderValue, header},
};

/// The security headers of every answer.
#[derive(Clone)]
pub struct SecurityHeaders {
    fixed: Vec<(HeaderName, HeaderValue)>,
    content_security_policy: HeaderValue,
}

impl SecurityHeaders {
    /// For the address people come by.
    pub fn new(public_url: &PublicUrl) -> Self {
        let fixed = |name: &'static str, value: &'static str| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = vec![
            fixed("x-content-type-options", "nosniff"),
            fixed("x-frame-options", "DENY"),
            fixed("x-xss-protection", "0"),
            fixed("referrer-policy", "no-referrer"),
            fixed("cross-origin-opener-policy", "same-origin"),
            fixed("cross-origin-resource-policy", "same-origin"),
            fixed(
                "permissions-policy",
                "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            ),
        ];
        if public_url.is_https() {
            headers.push(fixed("strict-transport-security", "max-age=63072000; includeSubDomains"));
        }
        Self { fixed: headers, content_security_policy: content_security_policy(public_url) }
    }

    /// Adds them to an answer; a content security policy of its own stays.
    pub fn harden(&self, response: &mut Response) {
        let headers = response.headers_mut();
        for (name, value) in &self.fixed {
            headers.insert(name.clone(), value.clone());
        }
        headers
            .entry(header::CONTENT_SECURITY_POLICY)
            .or_insert_with(|| self.content_security_policy.clone());
        // What is not said to be cacheable is somebody's own.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

/// Everything from ourselves, nothing inline. The socket's origin is named because not every
/// browser counts it among `'self'`.
fn content_security_policy(public_url: &PublicUrl) -> HeaderValue {
    let policy = format!(
        "default-src 'self'; connect-src 'self' {}; img-src 'self' blob: data:; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        public_url.socket_origin()
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'self'"))
}
