//! The second step: other ways to sign in.
use super::{Collection, index};
use mongodb::bson::doc;

/// What is new, in collections that may be there already.
pub(crate) const COLLECTIONS: &[Collection] = &[Collection {
    name: "users",
    indexes: &[index(USERS_BY_GOOGLE, &[("google.issuer", 1), ("google.subject", 1)])
        .unique()
        .only(|| doc! { "google.subject": { "$exists": true } })],
}];

/// Holds an account at Google once.
pub(crate) const USERS_BY_GOOGLE: &str = "users_by_google";
