//! Signing people in by an OpenID provider (OpenID Connect Core 1.0): Google, or another one for
//! tests and private set-ups.
//!
//! Nothing that a provider says is taken on trust: only what it signed with a key that it publishes,
//! for us, for the one sign-in that is under way, and just now.
mod directory;
mod http;
mod id_token;
mod issuer;
mod provider;

pub use {
    issuer::{InvalidIssuer, Issuer},
    provider::{Client, OpenIdProvider},
};
