//! Where everything is: the routes, in one place.
use crate::{
    allow::AllowedMethods,
    api::{
        accounts::AccountsApi, attachments::AttachmentsApi, export::ExportApi, google::GoogleApi,
        me::MeApi, messages::MessagesApi, passkeys::PasskeysApi, people::PeopleApi,
        picture::PictureApi, privacy::PrivacyApi, rooms::RoomsApi, search::SearchApi,
        second_factor::SecondFactorApi, security::SecurityApi, sessions::SessionsApi,
    },
    client_address::{Networks, TrustedProxies},
    device_cookie::DeviceCookies,
    gate::Gate,
    headers::SecurityHeaders,
    observed::Observed,
    packed::PackedJson,
    pages::{
        add_pages, add_slash,
        assets::Assets,
        chat::Beginning,
        docs::Docs,
        google::{ComeBack, GooglePages, Leave},
        health::{Health, live},
        mailbox::{MailboxJson, MailboxPage},
        media::Media,
        metrics::MetricsPage,
    },
    public_url::PublicUrl,
    request_id::RequestIds,
    shell::{Shell, broken},
    socket::{SocketEndpoint, SocketPath, Sockets},
};
use application::ports::{DevelopmentMailbox, Entropy, Metrics, MetricsReport};
use poem::{
    Endpoint, EndpointExt, IntoEndpoint, IntoResponse, Response, Route, get, middleware::CatchPanic,
};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::Value;
use std::sync::Arc;

/// Everything that is served. Each part holds its own use cases.
pub struct Site {
    /// Signing up, in and out.
    pub accounts: AccountsApi,
    /// Where one is signed in.
    pub sessions: SessionsApi,
    /// Passwords and addresses.
    pub security: SecurityApi,
    /// Second factors.
    pub second_factor: SecondFactorApi,
    /// Passkeys.
    pub passkeys: PasskeysApi,
    /// Linking accounts with Google.
    pub google: GoogleApi,
    /// Signing in with it, where it is set up.
    pub google_pages: Option<GooglePages>,
    /// One's own profile.
    pub me: MeApi,
    /// One's own picture.
    pub picture: PictureApi,
    /// What one lets others see.
    pub privacy: PrivacyApi,
    /// All that is stored about oneself.
    pub export: ExportApi,
    /// Finding people.
    pub people: PeopleApi,
    /// Rooms.
    pub rooms: RoomsApi,
    /// Messages.
    pub messages: MessagesApi,
    /// Files that come with them.
    pub attachments: AttachmentsApi,
    /// Searching them.
    pub search: SearchApi,
    /// Live conversations.
    pub sockets: Sockets,
    /// Recognises people.
    pub gate: Arc<Gate>,
    /// Whether we can serve.
    pub health: Health,
    /// Shown where there is no mail server.
    pub mailbox: Option<Arc<dyn DevelopmentMailbox>>,
    /// What the chat's page begins with.
    pub beginning: Beginning,
    /// Pages, scripts and styles.
    pub assets: Arc<Assets>,
    /// Our own origin.
    pub public_url: PublicUrl,
    /// Whose word on client addresses counts.
    pub trusted_proxies: TrustedProxies,
    /// For those who watch over the instance.
    pub observation: Observation,
}

/// What those who watch over the instance get to see.
pub struct Observation {
    /// Counts.
    pub metrics: Arc<dyn Metrics>,
    /// Tells the figures.
    pub report: Arc<dyn MetricsReport>,
    /// Who may read them.
    pub readers: Networks,
    /// Names requests.
    pub entropy: Arc<dyn Entropy>,
}

type Api = (
    AccountsApi,
    SecurityApi,
    SecondFactorApi,
    PasskeysApi,
    GoogleApi,
    SessionsApi,
    MeApi,
    PictureApi,
    PrivacyApi,
    ExportApi,
    PeopleApi,
    RoomsApi,
    MessagesApi,
    AttachmentsApi,
    SearchApi,
);

/// The whole of what is served.
pub fn site(site: Site) -> impl Endpoint<Output = Response> + 'static {
    let media = Media(site.picture.pictures.clone());
    let api = service((
        site.accounts,
        site.security,
        site.second_factor,
        site.passkeys,
        site.google,
        site.sessions,
        site.me,
        site.picture,
        site.privacy,
        site.export,
        site.people,
        site.rooms,
        site.messages,
        site.attachments,
        site.search,
    ));
    let document = describe(&api);
    let allowed_methods = AllowedMethods::of(&document, "/api");
    let docs = Docs::new(api.swagger_ui_html());
    let tasks = site.sockets.shutdown.tasks.clone();
    let Observation { metrics, report, readers, entropy } = site.observation;
    let proxies = site.trusted_proxies.clone();
    let sockets = Arc::new(site.sockets);
    let mut routes = Route::new()
        .nest("/api", PackedJson(api.into_endpoint()))
        .at("/openapi.json", get(json(document)))
        .at("/docs/", get(docs))
        .at("/docs", add_slash())
        .at("/ws/chat/", get(SocketEndpoint(sockets.clone(), SocketPath::AllRooms)))
        .at("/ws/chat/:room/", get(SocketEndpoint(sockets, SocketPath::OneRoom)))
        .at("/media/:name", get(media))
        .at("/health/", get(site.health))
        .at("/health/live/", get(live()))
        .at("/metrics", get(MetricsPage { report, readers, proxies: proxies.clone() }));
    routes = add_pages(routes, &site.assets, &site.gate, site.beginning);
    if let Some(google) = site.google_pages {
        routes = routes
            .at("/auth/google/", get(Leave(google.clone())))
            .at("/auth/google", add_slash())
            .at("/auth/google/callback/", get(ComeBack(google)))
            .at("/auth/google/callback", add_slash());
    }
    if let Some(mailbox) = site.mailbox {
        routes = routes
            .at("/dev/mailbox.json", get(MailboxJson(mailbox)))
            .at("/dev/mailbox/", get(MailboxPage(site.assets.clone())))
            .at("/dev/mailbox", add_slash());
    }
    let cookies = site.gate.cookies.clone();
    let routes = DeviceCookies { inner: routes, cookies, entropy: entropy.clone() };
    let routes = routes
        .data(site.gate)
        .data(site.trusted_proxies)
        .with(CatchPanic::new().with_handler(|_| broken().into_response()));
    let shell = Shell {
        routes: Arc::new(routes),
        tasks,
        security_headers: SecurityHeaders::new(&site.public_url),
        public_url: site.public_url,
        allowed_methods,
        not_found_page: site.assets.page_text("not-found.html").into(),
        error_page: site.assets.page_text("error.html").into(),
    };
    Observed { inner: shell, ids: RequestIds { entropy, proxies }, metrics }
}

/// The API's description, as served at `/openapi.json`.
pub fn openapi_document(site: Site) -> String {
    describe(&service((
        site.accounts,
        site.security,
        site.second_factor,
        site.passkeys,
        site.google,
        site.sessions,
        site.me,
        site.picture,
        site.privacy,
        site.export,
        site.people,
        site.rooms,
        site.messages,
        site.attachments,
        site.search,
    )))
}

/// The description, with what poem-openapi can't say: that unknown fields of a request are refused,
/// and that counts are not negative.
fn describe(api: &OpenApiService<impl OpenApi, ()>) -> String {
    let mut document: Value = serde_json::from_str(&api.spec()).unwrap_or_default();
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for (_, schema) in schemas.iter_mut().filter(|(name, _)| name.ends_with("Request")) {
            schema["additionalProperties"] = Value::Bool(false);
        }
    }
    bound_counts(&mut document);
    format!("{document:#}")
}

fn bound_counts(part: &mut Value) {
    match part {
        Value::Object(members) => {
            let format = members.get("format").and_then(Value::as_str);
            if format.is_some_and(|format| format.starts_with("uint")) {
                members.insert("minimum".to_owned(), Value::from(0));
            }
            members.values_mut().for_each(bound_counts);
        }
        Value::Array(parts) => parts.iter_mut().for_each(bound_counts),
        _ => {}
    }
}

fn service(api: Api) -> OpenApiService<impl OpenApi, ()> {
    OpenApiService::new(api, "Sotto", env!("CARGO_PKG_VERSION"))
        .server("/api")
        .description(DESCRIPTION)
}

const DESCRIPTION: &str = "\
Private one-to-one chat. Sessions are cookies; errors are `application/problem+json` (RFC 9457) with a stable `code`. \
Times are RFC 3339 in UTC with milliseconds. Ids are opaque strings, and a malformed one is 404. \
Requests that change something are refused when they come from another origin (403 `cross_origin`); unknown fields are \
refused (422 `validation_failed`); too many requests get 429 `rate_limited` with `Retry-After`.

Live: `/ws/chat/` carries all rooms of the signed-in person, `/ws/chat/{room}/` one. The first frame is `ready`; \
`send`, `read` and `typing` go up; `message`, `read`, `delivered`, `typing`, `presence`, `room`, \
`resync` and `error` come down. A message is acknowledged by its own `message` frame. `delivered` \
(`room`, `user`, `seq`) says that what one wrote reached a device of the other's: as `message` frames, or by a socket that \
opened; one that is missed calls for no `resync`, the room's `other_delivered_seq` tells. `presence` says who of those one \
shares a room with is online, and `last_seen` when they went; after `resync` and `ready` all who are online are told \
anew, and of the others nothing is known. After `resync` or a new `ready`, page `/rooms` and ask each room whose `rev` \
moved for its changes.";

fn json(document: String) -> impl Endpoint {
    poem::endpoint::make_sync(move |_| {
        Response::builder().content_type("application/json").body(document.clone())
    })
}
