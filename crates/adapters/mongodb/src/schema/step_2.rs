//! The second step: other ways to sign in, the browsers that people signed in with, and what they
//! confirm by mail.
use super::{Collection, index};
use domain::{
    ceremony::Ceremony, external_sign_in::ExternalSignIn, known_device::KnownDevice, otp::Otp,
    password_reset::PasswordReset,
};
use mongodb::bson::doc;

/// What is new, in collections that may be there already.
pub(crate) const COLLECTIONS: &[Collection] = &[
    Collection {
        name: "users",
        indexes: &[index(USERS_BY_GOOGLE, &[("google.issuer", 1), ("google.subject", 1)])
            .unique()
            .only(|| doc! { "google.subject": { "$exists": true } })],
    },
    Collection {
        name: "known_devices",
        indexes: &[
            index(
                "known_devices_by_use_of_user",
                &[("user", 1), ("last_used_at", -1), ("_id", -1)],
            ),
            index("known_devices_by_use", &[("last_used_at", 1)]).expiring(KnownDevice::LIFETIME),
        ],
    },
    Collection {
        name: "challenges",
        indexes: &[
            index("challenges_by_user", &[("user", 1)]),
            index("challenges_by_age", &[("otp_sent_at", 1)]).expiring(Otp::LIFETIME),
        ],
    },
    Collection {
        name: "password_resets",
        indexes: &[
            index("password_resets_by_token", &[("token", 1)]).unique(),
            index("password_resets_by_age", &[("created_at", 1)]).expiring(PasswordReset::LIFETIME),
        ],
    },
    Collection {
        name: "passkeys",
        indexes: &[
            index(PASSKEYS_BY_CREDENTIAL, &[("credential_id", 1)]).unique(),
            index("passkeys_by_user", &[("user", 1), ("created_at", 1), ("_id", 1)]),
        ],
    },
    Collection {
        name: "ceremonies",
        indexes: &[
            index("ceremonies_by_user", &[("user", 1)]),
            index("ceremonies_by_age", &[("begun_at", 1)]).expiring(Ceremony::LIFETIME),
        ],
    },
    Collection {
        name: "external_sign_ins",
        indexes: &[index("external_sign_ins_by_age", &[("begun_at", 1)])
            .expiring(ExternalSignIn::LIFETIME)],
    },
];

/// Holds a credential once.
pub(crate) const PASSKEYS_BY_CREDENTIAL: &str = "passkeys_by_credential";
/// Holds an account at Google once.
pub(crate) const USERS_BY_GOOGLE: &str = "users_by_google";
