//! Signing in with Google: `/auth/google/` leads there, `/auth/google/callback/` is where people come
//! back. Whatever goes wrong ends on a page of ours that says so.
use crate::{
    client_address::{ClientAddress, TrustedProxies},
    gate::Gate,
    problem::Problem,
    shell::{broken, redirect},
};
use application::{
    accounts::google::{
        Answer, Arrival, Arrived, BeginGoogle, BeginGoogleError, Errand, FinishGoogle, Stranded,
        Why,
    },
    ports::{GrantedCode, ProviderError, Unavailable},
};
use domain::{return_path::ReturnPath, token::StateToken};
use poem::{
    Endpoint, Request, Response, Result,
    http::{HeaderValue, StatusCode, header},
};
use std::sync::Arc;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use url::form_urlencoded;

/// Where people are sent who did not ask for a place.
const AT_HOME: &str = "/profile/";

/// The two addresses.
#[derive(Clone)]
pub struct GooglePages {
    /// Sends people there.
    pub begin: BeginGoogle,
    /// Receives them.
    pub finish: Arc<FinishGoogle>,
    /// Knows who is signed in already.
    pub gate: Arc<Gate>,
    /// What must end before the program does.
    pub tasks: TaskTracker,
}

/// `/auth/google/`.
pub struct Leave(pub GooglePages);

/// `/auth/google/callback/`.
pub struct ComeBack(pub GooglePages);

impl Endpoint for Leave {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let GooglePages { begin, gate, .. } = &self.0;
        let query = Query::of(&request);
        let next = query.value("next").and_then(|next| ReturnPath::parse(&next));
        if comes_from_elsewhere(&request) {
            // Nobody is signed in because another site wants it: they have to ask for it here.
            return Ok(redirect(StatusCode::SEE_OTHER, &sign_in_page(None, next.as_ref())));
        }
        let visit = gate.cookies.visit(&request);
        let errand = Errand::SignIn(next.clone());
        match begin.execute(from(&request), visit, &errand).await {
            Ok(departure) => {
                let response = redirect(StatusCode::SEE_OTHER, &departure.url);
                Ok(with_cookie(response, &gate.cookies.set_visit(&departure.visit)))
            }
            Err(error) => {
                let why = begin_error(error)?;
                Ok(redirect(StatusCode::SEE_OTHER, &sign_in_page(Some(why), next.as_ref())))
            }
        }
    }
}

impl Endpoint for ComeBack {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let GooglePages { finish, gate, tasks, .. } = self.0.clone();
        let me = gate.recognise(&request).await.map_err(Problem::from)?;
        let query = Query::of(&request);
        let browser = gate.cookies.browser(&request, ClientAddress(from(&request)));
        let arrival = Arrival {
            state: query.value("state").and_then(|state| StateToken::parse(&state)),
            visit: gate.cookies.visit(&request),
            me: me.map(|me| me.user),
            answer: answer(&query),
        };
        // An account is opened to the end even if the browser hangs up half-way.
        let finishing = async move { finish.execute(browser, arrival).await }.in_current_span();
        match tasks.spawn(finishing).await.map_err(|_| broken())? {
            Ok(arrived) => Ok(receive(&gate, arrived)),
            Err(stranded) => Ok(redirect(StatusCode::SEE_OTHER, &explain(stranded)?)),
        }
    }
}

/// Where somebody goes who came back well.
fn receive(gate: &Gate, arrived: Arrived) -> Response {
    match arrived {
        Arrived::SignedIn(opened, next) => {
            let path = next.as_ref().map_or(AT_HOME, ReturnPath::as_str);
            let response = redirect(StatusCode::SEE_OTHER, path);
            with_cookie(response, &gate.cookies.set_session(&opened.token))
        }
        Arrived::SecondStep(outstanding, next) => {
            // The sign-in page asks for it, and goes on from there.
            let at_home = ReturnPath::parse(AT_HOME);
            let page = sign_in_page(None, next.as_ref().or(at_home.as_ref()));
            let response = redirect(StatusCode::SEE_OTHER, &format!("{page}#second-step"));
            with_cookie(response, &gate.cookies.set_step(&outstanding.flow))
        }
        Arrived::Linked => redirect(StatusCode::SEE_OTHER, &edit_page("linked")),
        Arrived::ProveAddress { visit, next } => {
            let response =
                redirect(StatusCode::SEE_OTHER, &page("/link-google/", None, next.as_ref()));
            with_cookie(response, &gate.cookies.set_visit(&visit))
        }
    }
}

/// What the provider sent along with the browser. A parameter that stands twice stands for nothing
/// (RFC 6749, section 3.1).
fn answer(query: &Query) -> Answer {
    match (query.value("code"), query.value("error")) {
        (Some(code), None) => Answer::Granted(GrantedCode { code, issuer: query.value("iss") }),
        (_, Some(error)) if error == "access_denied" => Answer::Denied,
        _ => Answer::Failed,
    }
}

/// The page that says what went wrong, where the way back leads to from there.
fn explain(stranded: Stranded) -> Result<String, Problem> {
    let why = word(stranded.why)?;
    Ok(match stranded.errand {
        Some(Errand::Link(_)) => edit_page(why),
        Some(Errand::SignIn(next)) => sign_in_page(Some(why), next.as_ref()),
        None => sign_in_page(Some(why), None),
    })
}

fn begin_error(error: BeginGoogleError) -> Result<&'static str, Problem> {
    match error {
        BeginGoogleError::NotSetUp => Err(Problem::not_found()),
        BeginGoogleError::Throttled(error) => word(error.into()),
        BeginGoogleError::Provider(error) => word(error.into()),
        BeginGoogleError::Unavailable(error) => word(error.into()),
    }
}

/// The word for it that the pages know a sentence for.
fn word(why: Why) -> Result<&'static str, Problem> {
    Ok(match why {
        Why::Stale => "stale",
        Why::Denied => "denied",
        Why::Provider(error) => {
            tracing::warn!(%error, "nobody was signed in with Google");
            match error {
                ProviderError::Away { .. } => "away",
                ProviderError::Refused { .. } => "refused",
            }
        }
        Why::EmailUnproved => "email_unproved",
        Why::Taken => "taken",
        Why::LinkedOtherwise => "linked_otherwise",
        Why::AccountDisabled => "disabled",
        Why::Throttled(_) => "throttled",
        Why::Unavailable(error) => return Err(unavailable(error)),
    })
}

fn unavailable(error: Unavailable) -> Problem {
    error.into()
}

fn sign_in_page(why: Option<&str>, next: Option<&ReturnPath>) -> String {
    page("/login/", why, next)
}

fn edit_page(why: &str) -> String {
    page("/profile/edit/", Some(why), None)
}

fn page(path: &str, why: Option<&str>, next: Option<&ReturnPath>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(why.map(|why| ("google", why)));
    query.extend_pairs(next.map(|next| ("next", next.as_str())));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Whether the page that leads here is not one of ours. Browsers say so; with nothing said, nobody
/// was led.
fn comes_from_elsewhere(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site").and_then(|site| site.to_str().ok());
    site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

fn from(request: &Request) -> std::net::IpAddr {
    let proxies = request.data::<TrustedProxies>().cloned().unwrap_or_default();
    ClientAddress::of(request, &proxies).0
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The parameters of an address.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(request: &Request) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// A value that stands there once.
    fn value(&self, name: &str) -> Option<String> {
        let mut found = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        let value = found.next()?;
        found.next().is_none().then(|| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&Request::builder().uri_str(format!("/auth/google/callback/?{text}")).finish())
    }

    #[test]
    fn only_a_code_without_an_error_is_one() {
        for (text, granted, denied) in [
            ("code=a%20b&state=s&iss=https%3A%2F%2Fid.example", true, false),
            ("error=access_denied&state=s", false, true),
            ("error=access_denied&code=a", false, true),
            ("error=server_error", false, false),
            ("error=access_denied&error=access_denied", false, false),
            ("code=a&code=b", false, false),
            ("", false, false),
        ] {
            let answer = answer(&query(text));
            assert_eq!(matches!(answer, Answer::Granted(_)), granted, "{text}");
            assert_eq!(matches!(answer, Answer::Denied), denied, "{text}");
        }
        let Answer::Granted(granted) = answer(&query("code=a%20b&iss=https%3A%2F%2Fid.example"))
        else {
            panic!("a code");
        };
        assert_eq!(granted.code, "a b");
        assert_eq!(granted.issuer.as_deref(), Some("https://id.example"));
    }

    #[test]
    fn a_page_carries_why_and_where_to() {
        let next = ReturnPath::parse("/chat/?a=b&c#d").expect("local");
        assert_eq!(
            sign_in_page(Some("denied"), Some(&next)),
            "/login/?google=denied&next=%2Fchat%2F%3Fa%3Db%26c%23d"
        );
        assert_eq!(sign_in_page(None, None), "/login/");
    }

    #[test]
    fn whoever_is_led_here_by_another_site_is_told_apart() {
        for (site, elsewhere) in [
            (None, false),
            (Some("none"), false),
            (Some("same-origin"), false),
            (Some("same-site"), true),
            (Some("cross-site"), true),
        ] {
            let mut request = Request::builder();
            if let Some(site) = site {
                request = request.header("sec-fetch-site", site);
            }
            assert_eq!(comes_from_elsewhere(&request.finish()), elsewhere, "{site:?}");
        }
    }
}
