//! Who somebody is elsewhere: at a provider that signs people in for us.
use crate::{email::Email, name::PersonName};

/// An account at an OpenID provider. The address known there may change; these two never do
/// (OpenID Connect Core 1.0, section 5.7), so they alone tell who it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExternalIdentity {
    /// The provider: `iss`.
    pub issuer: String,
    /// The provider's own name for the person: `sub`.
    pub subject: String,
}

/// What a provider has proved about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenIdentity {
    /// Who they are there.
    pub identity: ExternalIdentity,
    /// Their address, where the provider says that it is theirs. It never tells who somebody is.
    pub email: Option<Email>,
    /// As it is known there; empty where it is none of ours.
    pub first_name: PersonName,
    /// Likewise.
    pub last_name: PersonName,
}
