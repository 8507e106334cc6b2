//! Our cookies: one proves a session, one a sign-up under way, one a sign-in between its steps, one
//! binds a visit to a provider to the browser, one tells a browser from others.
use crate::{client_address::ClientAddress, public_url::PublicUrl};
use application::accounts::Browser;
use domain::{
    ceremony::Ceremony,
    device::Device,
    external_sign_in::ExternalSignIn,
    known_device::KnownDevice,
    registration::Registration,
    session::Session,
    token::{DeviceToken, FlowToken, SessionToken, VisitToken},
};
use poem::{Request, http::header};

/// Writes and reads our cookies. On https they carry the `__Host-` prefix (RFC 6265bis §4.1.3.2)
/// and `Secure`, so that no neighbouring host can set them.
#[derive(Clone, Debug)]
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// For the address people come by.
    pub fn new(public_url: &PublicUrl) -> Self {
        Self { secure: public_url.is_https() }
    }

    /// The session a request claims.
    pub fn session(&self, request: &Request) -> Option<SessionToken> {
        SessionToken::parse(find(request, self.session_name())?)
    }

    /// The browser a request comes from, about to be signed in.
    pub fn browser(&self, request: &Request, from: ClientAddress) -> Browser {
        let user_agent = request.headers().get(header::USER_AGENT);
        let user_agent = user_agent.and_then(|value| value.to_str().ok()).unwrap_or_default();
        Browser {
            device: Device::of(user_agent, from.0),
            token: request.data::<DeviceToken>().cloned().or_else(|| self.device(request)),
            previous: self.session(request),
        }
    }

    /// What tells the browser of a request from others.
    pub fn device(&self, request: &Request) -> Option<DeviceToken> {
        DeviceToken::parse(find(request, self.device_name())?)
    }

    /// The sign-up a request claims.
    pub fn flow(&self, request: &Request) -> Option<FlowToken> {
        FlowToken::parse(find(request, self.flow_name())?)
    }

    /// The sign-in between its steps that a request claims.
    pub fn step(&self, request: &Request) -> Option<FlowToken> {
        FlowToken::parse(find(request, self.step_name())?)
    }

    /// What shows that a browser is on its way to a provider and back.
    pub fn visit(&self, request: &Request) -> Option<VisitToken> {
        VisitToken::parse(find(request, self.visit_name())?)
    }

    /// Signs a browser in.
    pub fn set_session(&self, token: &SessionToken) -> String {
        self.write(self.session_name(), &token.reveal(), Session::ABSOLUTE.num_seconds())
    }

    /// Signs a browser out.
    pub fn clear_session(&self) -> String {
        self.write(self.session_name(), "", 0)
    }

    /// Binds a sign-up to a browser.
    pub fn set_flow(&self, token: &FlowToken) -> String {
        self.write(self.flow_name(), &token.reveal(), Registration::LIFETIME.num_seconds())
    }

    /// Binds a sign-in between its steps to a browser.
    pub fn set_step(&self, token: &FlowToken) -> String {
        self.write(self.step_name(), &token.reveal(), Ceremony::LIFETIME.num_seconds())
    }

    /// Binds a visit to a provider to a browser. `Lax`, as all are: the provider sends the browser
    /// back from another site.
    pub fn set_visit(&self, token: &VisitToken) -> String {
        self.write(self.visit_name(), &token.reveal(), ExternalSignIn::LIFETIME.num_seconds())
    }

    /// Tells a browser from others, for as long as accounts know it.
    pub fn set_device(&self, token: &DeviceToken) -> String {
        self.write(self.device_name(), &token.reveal(), KnownDevice::LIFETIME.num_seconds())
    }

    /// Whether a cookie to be set signs a browser in.
    pub fn signs_in(&self, cookie: &str) -> bool {
        let value =
            cookie.strip_prefix(self.session_name()).and_then(|rest| rest.strip_prefix('='));
        value.is_some_and(|value| !value.starts_with(';'))
    }

    /// The name of the session cookie.
    pub fn session_name(&self) -> &'static str {
        if self.secure { "__Host-sotto_session" } else { "sotto_session" }
    }

    fn flow_name(&self) -> &'static str {
        if self.secure { "__Host-sotto_flow" } else { "sotto_flow" }
    }

    fn step_name(&self) -> &'static str {
        if self.secure { "__Host-sotto_step" } else { "sotto_step" }
    }

    fn visit_name(&self) -> &'static str {
        if self.secure { "__Host-sotto_visit" } else { "sotto_visit" }
    }

    fn device_name(&self) -> &'static str {
        if self.secure { "__Host-sotto_device" } else { "sotto_device" }
    }

    fn write(&self, name: &str, value: &str, max_age: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
    }
}

fn find<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let lines =
        request.headers().get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(url: &str) -> Cookies {
        Cookies::new(&PublicUrl::parse(url).expect("valid"))
    }

    #[test]
    fn https_cookies_are_locked_to_the_host() {
        let token = SessionToken::mint([1; 32]);
        let cookie = cookies("https://chat.example").set_session(&token);
        assert!(cookie.starts_with("__Host-sotto_session="), "{cookie}");
        for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"));
    }

    #[test]
    fn only_a_session_that_begins_signs_in() {
        let cookies = cookies("https://chat.example");
        let session = SessionToken::mint([1; 32]);
        assert!(cookies.signs_in(&cookies.set_session(&session)));
        assert!(!cookies.signs_in(&cookies.clear_session()));
        assert!(!cookies.signs_in(&cookies.set_device(&DeviceToken::mint([1; 32]))));
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        let token = SessionToken::mint([1; 32]);
        let line = format!("x_sotto_session=1; a=b;sotto_session={}; c", token.reveal());
        let request = Request::builder().header(header::COOKIE, line).finish();
        let found = cookies("http://127.0.0.1").session(&request).map(|t| t.digest());
        assert_eq!(found, Some(token.digest()));
    }
}
