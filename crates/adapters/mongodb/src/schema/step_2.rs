//! The second step: other ways to sign in, the browsers that people signed in with, and what they
//! confirm by mail.
use super::{Collection, index};
use domain::{known_device::KnownDevice, otp::Otp, password_reset::PasswordReset};
use mongodb::bson::doc;

/// What is new, in collections that may be there already.
pub(crate) const COLLECTIONS: &[Collection] = &[
    Collection {
        name: "users",
        indexes: &[index("users_by_google", &[("google.issuer", 1), ("google.subject", 1)])
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
];
