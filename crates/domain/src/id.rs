//! Identifiers: UUIDs of version 7 (RFC 9562), so that ids minted later sort later.
use crate::Timestamp;
use uuid::Uuid;

/// The text was not an id of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The 16 bytes a store keeps.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Back from what a store kept.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            /// Takes the hyphenated form alone, so that one thing has one address.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != uuid::fmt::Hyphenated::LENGTH {
                    return Err(InvalidId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

macro_rules! minted_id {
    ($(#[$doc:meta])* $name:ident) => {
        id!($(#[$doc])* $name);

        impl $name {
            /// Mints an id from the caller's clock and randomness.
            pub fn mint(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }
        }
    };
}

minted_id!(
    /// Names a file that comes with a message.
    AttachmentId
);
minted_id!(
    /// Names one account.
    UserId
);
minted_id!(
    /// Names one sign-up whose address is not proved yet.
    RegistrationId
);
minted_id!(
    /// Names one signed-in browser.
    SessionId
);
minted_id!(
    /// Names the one room of two people.
    RoomId
);
minted_id!(
    /// Names one message.
    MessageId
);
minted_id!(
    /// Names one passkey.
    PasskeyId
);
minted_id!(
    /// Names one mail on its way out.
    MailId
);
id!(
    /// The name a client gives a message before it sends it, so that sending it again is harmless.
    ClientId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = MessageId::mint(Timestamp::UNIX_EPOCH, [7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        for text in
            ["", "x", "67e5504410b1426f9247bb680e5fe0c8", "{67e55044-10b1-426f-9247-bb680e5fe0c8}"]
        {
            assert_eq!(text.parse::<RoomId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn ids_minted_later_sort_later() {
        let early = RoomId::mint(Timestamp::UNIX_EPOCH, [255; 10]);
        let late = RoomId::mint(Timestamp::UNIX_EPOCH + crate::TimeDelta::milliseconds(1), [0; 10]);
        assert!(early < late);
    }
}
