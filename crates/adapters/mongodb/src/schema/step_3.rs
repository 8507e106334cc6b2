//! The third step: second factors, what browsers have begun on their way in, pictures,
//! and whom people keep away.
use super::{Collection, index};
use domain::{ceremony::Ceremony, external_sign_in::ExternalSignIn};

/// What is new.
pub(crate) const COLLECTIONS: &[Collection] = &[
    Collection {
        name: "passkeys",
        indexes: &[
            index("passkeys_by_credential", &[("credential_id", 1)]).unique(),
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
    Collection {
        name: "blocks",
        indexes: &[
            index("blocks_by_age", &[("blocker", 1), ("created_at", -1), ("_id", -1)]),
            index("blocks_by_pair", &[("blocked", 1), ("blocker", 1)]).unique(),
        ],
    },
    // Looked for by name alone.
    Collection { name: "pictures", indexes: &[] },
];
