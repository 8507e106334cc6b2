//! What a browser shows: pages, scripts, styles; and the plain pages for operators.
pub mod assets;
pub mod bundle;
pub mod chat;
pub mod docs;
pub mod google;
pub mod health;
pub mod mailbox;
pub mod media;
pub mod metrics;
pub mod ranges;

use crate::{gate::Gate, problem::Problem, shell::redirect};
use assets::Assets;
use chat::{Beginning, ChatPage};
use poem::{Endpoint, Request, Response, Result, Route, RouteMethod, get, http::StatusCode};
use std::sync::Arc;

/// Every page but the chat's: its address, its file, and whether one has to be signed in to see it.
const PAGES: [(&str, &str, Access); 9] = [
    ("/", "home.html", Access::Everybody),
    ("/register/", "register.html", Access::Everybody),
    ("/verify-otp/", "verify-otp.html", Access::Everybody),
    ("/login/", "login.html", Access::Everybody),
    ("/link-google/", "link-google.html", Access::Everybody),
    ("/forgot-password/", "forgot-password.html", Access::Everybody),
    ("/reset-password/", "reset-password.html", Access::Everybody),
    ("/profile/", "profile.html", Access::SignedIn),
    ("/profile/edit/", "profile-edit.html", Access::SignedIn),
];
/// Where the chat is.
const CHAT: [&str; 2] = ["/chat/", "/chat/room/:room/"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Everybody,
    SignedIn,
}

/// Adds the pages and their files to the routes.
pub fn add_pages(
    mut routes: Route,
    assets: &Arc<Assets>,
    gate: &Arc<Gate>,
    beginning: Beginning,
) -> Route {
    for (path, file, access) in PAGES {
        let page = Page { file, access, assets: assets.clone(), gate: gate.clone() };
        routes = add_page(routes, path, page);
    }
    let chat = ChatPage::new(&assets.page_text("chat.html"), beginning, gate.clone());
    for path in CHAT {
        routes = add_page(routes, path, chat.clone());
    }
    routes.at("/static/:hash/*path", get(StaticFiles(assets.clone())))
}

fn add_page(routes: Route, path: &str, page: impl Endpoint + 'static) -> Route {
    let routes = routes.at(path, get(page));
    match path.strip_suffix('/').filter(|bare| !bare.is_empty()) {
        Some(bare) => routes.at(bare, add_slash()),
        None => routes,
    }
}

struct Page {
    file: &'static str,
    access: Access,
    assets: Arc<Assets>,
    gate: Arc<Gate>,
}

impl Endpoint for Page {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if self.access == Access::SignedIn
            && self.gate.recognise(&request).await.map_err(Problem::from)?.is_none()
        {
            return Ok(to_sign_in(&request));
        }
        Ok(self.assets.page(self.file).ok_or_else(Problem::not_found)?.answer(&request, "no-cache"))
    }
}

struct StaticFiles(Arc<Assets>);

impl Endpoint for StaticFiles {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let (hash, path): (String, String) =
            request.path_params().map_err(|_| Problem::not_found())?;
        let file = self.0.file(&path).ok_or_else(Problem::not_found)?;
        // Under another hash this is what a page of another version asks for: right for now alone.
        let caching =
            if hash == self.0.hash() { "public, max-age=31536000, immutable" } else { "no-cache" };
        Ok(file.answer(&request, caching))
    }
}

/// To the sign-in page, and back to here afterwards.
fn to_sign_in(request: &Request) -> Response {
    let here = request.original_uri().path_and_query().map_or("/", |here| here.as_str());
    let next: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
    redirect(StatusCode::SEE_OTHER, &format!("/login/?next={next}"))
}

/// `/chat` means `/chat/`.
pub fn add_slash() -> RouteMethod {
    get(poem::endpoint::make_sync(|request: Request| {
        let query =
            request.original_uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        redirect(
            StatusCode::PERMANENT_REDIRECT,
            &format!("{}/{query}", request.original_uri().path()),
        )
    }))
}
