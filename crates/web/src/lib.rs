//! HTTP and WebSockets. Knows use cases; knows no adapter.
//!
//! [`site`] puts the parts together, [`serve`] answers on a listener. Handlers parse, make one
//! call and convert.

mod allow;
mod api;
mod client_address;
mod cookies;
mod cross_origin;
mod device_cookie;
mod export;
mod gate;
mod headers;
mod json;
mod observed;
mod packed;
mod pages;
mod problem;
mod public_url;
mod qr;
mod request_id;
mod server;
mod shell;
mod site;
mod socket;

pub use {
    api::{
        accounts::AccountsApi, attachments::AttachmentsApi, export::ExportApi, google::GoogleApi,
        me::MeApi, messages::MessagesApi, passkeys::PasskeysApi, people::PeopleApi,
        picture::PictureApi, privacy::PrivacyApi, rooms::RoomsApi, search::SearchApi,
        second_factor::SecondFactorApi, security::SecurityApi, sessions::SessionsApi,
    },
    client_address::{Networks, TrustedProxies},
    cookies::Cookies,
    gate::Gate,
    pages::{assets::Assets, chat::Beginning, google::GooglePages, health::Health},
    public_url::{InvalidPublicUrl, PublicUrl},
    server::{Caps, Shutdown, serve},
    site::{Observation, Site, openapi_document, site},
    socket::{Places, Sockets},
};
