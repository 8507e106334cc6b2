//! Message bodies at rest.
//!
//! Each room has a key of its own. The key id, the room, the message and its sender are bound in, so
//! that a body opens only where it was sealed.
use crate::{
    envelope::{self, Bindings},
    framing::framed,
    keyring::{KeyRing, RingKey},
};
use application::ports::{Entropy, EntropyExt, MessageSealer};
use domain::{
    message::MessageBody,
    sealing::{SealedBody, SealedPlace, Unreadable},
};
use std::sync::Arc;

/// Stands in the label of room keys and in the associated data; changes with the version.
const MAGIC: &[u8] = b"sotto/v1/message";

/// Seals with AES-256-CBC and HMAC-SHA-512 (RFC 7518 §5.2) under room keys derived from the ring.
pub struct AesMessageSealer {
    ring: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
}

impl AesMessageSealer {
    /// Seals under the ring's first key and opens under any.
    pub fn new(ring: Arc<KeyRing>, entropy: Arc<dyn Entropy>) -> Self {
        Self { ring, entropy }
    }

    fn open_text(&self, place: &SealedPlace, sealed: &SealedBody) -> Result<String, Unreadable> {
        let text = envelope::open(&self.ring, sealed.as_bytes(), |key| bindings(key, place))?;
        String::from_utf8(text).map_err(|_| Unreadable)
    }
}

impl MessageSealer for AesMessageSealer {
    fn seal(&self, place: &SealedPlace, body: &MessageBody) -> SealedBody {
        let key = self.ring.newest();
        let plaintext = body.as_str().as_bytes();
        let iv = self.entropy.bytes();
        SealedBody::new(envelope::seal(key, &bindings(key, place), &iv, plaintext))
    }

    fn open(&self, place: &SealedPlace, sealed: &SealedBody) -> Result<MessageBody, Unreadable> {
        self.open_text(place, sealed).map(MessageBody::opened)
    }
}

fn bindings(key: &RingKey, place: &SealedPlace) -> Bindings {
    Bindings {
        key_bytes: key.derive_for(MAGIC, place.room.as_bytes()),
        associated_data: framed([
            MAGIC,
            key.id_bytes(),
            place.room.as_bytes(),
            place.message.as_bytes(),
            place.sender.as_bytes(),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use domain::id::{MessageId, RoomId, UserId};
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn place() -> SealedPlace {
        SealedPlace {
            room: RoomId::from_bytes([1; 16]),
            message: MessageId::from_bytes([2; 16]),
            sender: UserId::from_bytes([3; 16]),
        }
    }

    fn body(text: &str) -> MessageBody {
        MessageBody::opened(text.to_owned())
    }

    fn ring_line() -> String {
        KeyRing::generate(&OsEntropy).1.to_string()
    }

    fn sealer_with(line: &str) -> AesMessageSealer {
        let ring = KeyRing::parse(line).expect("generated");
        AesMessageSealer::new(Arc::new(ring), Arc::new(OsEntropy))
    }

    fn sealer() -> AesMessageSealer {
        sealer_with(&ring_line())
    }

    /// Seals bytes that need not be text, as nobody but the holder of the keys could.
    fn seal_bytes(sealer: &AesMessageSealer, plaintext: &[u8]) -> SealedBody {
        let key = sealer.ring.newest();
        SealedBody::new(envelope::seal(key, &bindings(key, &place()), &[9; 16], plaintext))
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_opens_again(text in "\\PC{0,400}") {
            let sealer = sealer();
            let envelope = sealer.seal(&place(), &body(&text));
            prop_assert_eq!(sealer.open(&place(), &envelope), Ok(body(&text)));
        }

        #[test]
        fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(sealer().open(&place(), &SealedBody::new(bytes)), Err(Unreadable));
        }
    }

    #[test]
    fn a_body_opens_in_no_other_place() {
        let sealer = sealer();
        let envelope = sealer.seal(&place(), &body("for here only"));
        let elsewhere = [
            SealedPlace { room: RoomId::from_bytes([9; 16]), ..place() },
            SealedPlace { message: MessageId::from_bytes([9; 16]), ..place() },
            SealedPlace { sender: UserId::from_bytes([9; 16]), ..place() },
        ];
        for other in elsewhere {
            assert_eq!(sealer.open(&other, &envelope), Err(Unreadable), "{other:?}");
        }
        assert!(sealer.open(&place(), &envelope).is_ok());
    }

    #[test]
    fn any_flipped_bit_makes_it_unreadable() {
        let sealer = sealer();
        let envelope = sealer.seal(&place(), &body("eighteen letters, or so"));
        for bit in 0..envelope.as_bytes().len() * 8 {
            let mut bytes = envelope.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                sealer.open(&place(), &SealedBody::new(bytes)),
                Err(Unreadable),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn any_part_of_it_is_unreadable() {
        let sealer = sealer();
        let envelope = sealer.seal(&place(), &body("as long as it takes"));
        for length in 0..envelope.as_bytes().len() {
            let cut = SealedBody::new(envelope.as_bytes()[..length].to_vec());
            assert_eq!(sealer.open(&place(), &cut), Err(Unreadable), "{length} bytes");
        }
        let longer = SealedBody::new([envelope.as_bytes(), &[0; 16]].concat());
        assert_eq!(sealer.open(&place(), &longer), Err(Unreadable));
    }

    #[test]
    fn another_ring_does_not_open_it_even_under_the_same_id() {
        let line = ring_line();
        let (id, _) = line.split_once(':').expect("id:base64");
        let other_line = ring_line();
        let (_, other_secret) = other_line.split_once(':').expect("id:base64");
        let envelope = sealer_with(&line).seal(&place(), &body("hello"));
        for ring in [other_line.clone(), format!("{id}:{other_secret}")] {
            assert_eq!(sealer_with(&ring).open(&place(), &envelope), Err(Unreadable));
        }
    }

    #[test]
    fn the_same_text_twice_gives_unrelated_bytes() {
        let sealer = sealer();
        let bytes = |_| {
            let envelope = sealer.seal(&place(), &body("again and again and again and again"));
            // Version and key id are meant to be alike.
            envelope.as_bytes()[11..].to_vec()
        };
        let all: Vec<Vec<u8>> = (0..100).map(bytes).collect();
        let blocks = all.iter().flat_map(|one| one.chunks_exact(16));
        let count = blocks.clone().count();
        assert_eq!(blocks.collect::<HashSet<_>>().len(), count);
    }

    #[test]
    fn a_new_key_in_front_seals_while_the_old_one_still_opens() {
        let (old, new) = (ring_line(), ring_line());
        let sealed_before = sealer_with(&old).seal(&place(), &body("before"));
        let rotated = sealer_with(&format!("{new},{old}"));
        assert_eq!(rotated.open(&place(), &sealed_before), Ok(body("before")));

        let sealed_after = rotated.seal(&place(), &body("after"));
        assert_eq!(sealer_with(&new).open(&place(), &sealed_after), Ok(body("after")));
        assert_eq!(sealer_with(&old).open(&place(), &sealed_after), Err(Unreadable));
    }

    #[test]
    fn an_authentic_body_that_is_no_text_is_unreadable() {
        let sealer = sealer();
        let bytes = seal_bytes(&sealer, b"\xff\xfe");
        assert_eq!(sealer.open(&place(), &bytes), Err(Unreadable));
        assert_eq!(sealer.open(&place(), &seal_bytes(&sealer, b"text")), Ok(body("text")));
    }

    #[test]
    fn nothing_of_the_text_shows() {
        let envelope = sealer().seal(&place(), &body("canary canary canary canary"));
        assert!(!envelope.as_bytes().windows(6).any(|window| window == b"canary"));
    }
}
