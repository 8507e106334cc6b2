//! The third step: second factors, what browsers have begun on their way in, pictures,
//! whom people keep away, and files that come with messages.
use super::{Collection, index};
use domain::{ceremony::Ceremony, external_sign_in::ExternalSignIn};
use mongodb::bson::doc;

/// Holds the files of which it is not settled that a message has them.
pub(crate) const ATTACHMENTS_LOOSE: &str = "attachments_loose";
/// Holds the whole files that no message has claimed.
pub(crate) const ATTACHMENTS_UNSENT: &str = "attachments_unsent";

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
    Collection {
        name: "attachments",
        indexes: &[
            index("attachments_by_uploader", &[("uploader", 1), ("charge", 1)]),
            index(ATTACHMENTS_LOOSE, &[("loose_since", 1)])
                .only(|| doc! { "loose_since": { "$exists": true } }),
            index(ATTACHMENTS_UNSENT, &[("uploader", 1), ("loose_since", 1)])
                .only(|| doc! { "unsent": true }),
        ],
    },
    // Looked for by name alone.
    Collection { name: "attachment_pieces", indexes: &[] },
    Collection { name: "pictures", indexes: &[] },
];
