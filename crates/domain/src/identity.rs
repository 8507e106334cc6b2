//! Who somebody is elsewhere: at a provider that signs people in for us.

/// An account at an OpenID provider. The address known there may change; these two never do
/// (OpenID Connect Core 1.0, section 5.7), so they alone tell who it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExternalIdentity {
    /// The provider: `iss`.
    pub issuer: String,
    /// The provider's own name for the person: `sub`.
    pub subject: String,
}
