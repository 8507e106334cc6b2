//! The first step: every collection, with the indexes that its queries need and no others: each is
//! paid for by every write.
use super::{Collection, Index, index};
use domain::{outbox::OutgoingMail, registration::Registration, session::Session};
use mongodb::bson::doc;

/// Each with its indexes. `_id` is indexed always; a collection that needs no other comes with its
/// first document.
pub(crate) const COLLECTIONS: &[Collection] = &[
    Collection {
        name: "users",
        indexes: &[
            index("users_by_email", &[("email", 1)]).unique(),
            index(USERS_BY_USERNAME, &[("username_key", 1)]).unique(),
            index(USERS_BY_SKELETON, &[("skeleton", 1)]).unique(),
        ],
    },
    Collection {
        name: "registrations",
        indexes: &[
            index(REGISTRATIONS_BY_FLOW, &[("flow", 1)]).unique(),
            index("registrations_by_email", &[("email", 1), ("created_at", -1), ("_id", -1)]),
            index(
                "registrations_by_username",
                &[("username_key", 1), ("created_at", -1), ("_id", -1)],
            ),
            index("registrations_by_age", &[("created_at", 1)]).expiring(Registration::LIFETIME),
        ],
    },
    Collection {
        name: "sessions",
        indexes: &[
            index("sessions_by_token", &[("token", 1)]).unique(),
            index("sessions_by_user", &[("user", 1)]),
            index("sessions_by_age", &[("created_at", 1)]).expiring(Session::ABSOLUTE),
            index("sessions_by_use", &[("last_used_at", 1)]).expiring(Session::IDLE),
        ],
    },
    Collection {
        name: "outbox",
        indexes: &[
            index(OUTBOX_BY_DUE, &[("due_at", 1), ("_id", 1)]),
            index("outbox_by_age", &[("created_at", 1)]).expiring(OutgoingMail::LIFETIME),
        ],
    },
    Collection { name: "rooms", indexes: ROOMS },
    Collection { name: "messages", indexes: MESSAGES },
];

/// Holds every mail once.
pub(crate) const OUTBOX_BY_DUE: &str = "outbox_by_due";
/// Holds a browser's flow once.
pub(crate) const REGISTRATIONS_BY_FLOW: &str = "registrations_by_flow";
/// Has the deleted messages, to leave them out where unread ones are counted.
pub(crate) const MESSAGES_DELETED: &str = "messages_deleted";
/// Holds two people once.
pub(crate) const ROOMS_BY_PAIR: &str = "rooms_by_pair";
/// Holds a username's key once.
pub(crate) const USERS_BY_USERNAME: &str = "users_by_username";
/// Holds a username's skeleton once.
pub(crate) const USERS_BY_SKELETON: &str = "users_by_skeleton";

const ROOMS: &[Index] = &[
    index(ROOMS_BY_PAIR, &[("low", 1), ("high", 1)]).unique(),
    index("rooms_by_activity", &[("participants", 1), ("active_at", -1), ("_id", -1)]),
    index("rooms_by_change", &[("changed_at", 1)]),
];

const MESSAGES: &[Index] = &[
    index("messages_by_seq", &[("room", 1), ("seq", 1)]).unique(),
    index("messages_by_revs", &[("room", 1), ("revs", 1)]).unique(),
    index("messages_by_rev", &[("room", 1), ("rev", 1)]),
    index("messages_by_client_id", &[("sender", 1), ("client_id", 1)]).unique(),
    index(MESSAGES_DELETED, &[("room", 1), ("sender", 1), ("seq", 1)])
        .only(|| doc! { "deleted": true }),
];
