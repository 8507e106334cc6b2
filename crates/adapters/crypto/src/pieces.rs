//! Files at rest, piece by piece.
//!
//! Each file has a key of its own. What file and part a piece is of, its number and whether it is
//! the last are bound in, as in the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár,
//! 2015): pieces that are swapped, repeated, left out or cut off at the end do not open, and yet
//! each opens without the others.
use crate::{
    envelope::{self, Bindings},
    framing::framed,
    keyring::{KeyRing, RingKey},
};
use application::ports::{Entropy, EntropyExt, PieceSealer};
use domain::{
    attachment::{FilePart, PiecePlace, SealedPiece},
    sealing::Unreadable,
};
use std::sync::Arc;

/// Stands in the label of file keys and in the associated data; changes with the version.
const MAGIC: &[u8] = b"sotto/v1/attachment";

/// Seals with AES-256-CBC and HMAC-SHA-512 (RFC 7518 §5.2) under file keys derived from the ring.
pub struct AesPieceSealer {
    ring: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
}

impl AesPieceSealer {
    /// Seals under the ring's first key and opens under any.
    pub fn new(ring: Arc<KeyRing>, entropy: Arc<dyn Entropy>) -> Self {
        Self { ring, entropy }
    }
}

impl PieceSealer for AesPieceSealer {
    fn seal(&self, place: &PiecePlace, piece: &[u8]) -> SealedPiece {
        let key = self.ring.newest();
        let iv = self.entropy.bytes();
        SealedPiece::new(envelope::seal(key, &bindings(key, place), &iv, piece))
    }

    fn open(&self, place: &PiecePlace, sealed: &SealedPiece) -> Result<Vec<u8>, Unreadable> {
        envelope::open(&self.ring, sealed.as_bytes(), |key| bindings(key, place))
    }
}

fn bindings(key: &RingKey, place: &PiecePlace) -> Bindings {
    let part: &[u8] = match place.part {
        FilePart::Original => b"original",
        FilePart::Preview => b"preview",
    };
    Bindings {
        key_bytes: key.derive_for(MAGIC, place.attachment.as_bytes()),
        associated_data: framed([
            MAGIC,
            key.id_bytes(),
            place.attachment.as_bytes(),
            part,
            &place.index.to_be_bytes(),
            &[u8::from(place.last)],
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use domain::{attachment::PIECE, id::AttachmentId};

    fn place() -> PiecePlace {
        let attachment = AttachmentId::from_bytes([1; 16]);
        PiecePlace { attachment, part: FilePart::Original, index: 0, last: false }
    }

    fn sealer() -> AesPieceSealer {
        let (ring, _) = KeyRing::generate(&OsEntropy);
        AesPieceSealer::new(Arc::new(ring), Arc::new(OsEntropy))
    }

    #[test]
    fn whatever_is_sealed_opens_again_and_fits() {
        let sealer = sealer();
        for length in [0, 1, 15, 16, 17, PIECE - 1, PIECE] {
            let piece = vec![7; length];
            let envelope = sealer.seal(&place(), &piece);
            assert!(envelope.as_bytes().len() <= SealedPiece::MAX, "{length}");
            assert_eq!(sealer.open(&place(), &envelope), Ok(piece), "{length}");
        }
    }

    #[test]
    fn a_piece_opens_in_no_other_place() {
        let sealer = sealer();
        let envelope = sealer.seal(&place(), b"for here only");
        let elsewhere = [
            PiecePlace { attachment: AttachmentId::from_bytes([2; 16]), ..place() },
            PiecePlace { part: FilePart::Preview, ..place() },
            PiecePlace { index: 1, ..place() },
            PiecePlace { last: true, ..place() },
        ];
        for other in elsewhere {
            assert_eq!(sealer.open(&other, &envelope), Err(Unreadable), "{other:?}");
        }
        assert!(sealer.open(&place(), &envelope).is_ok());
    }

    /// A file of so many pieces, and how a reader opens the pieces it is given.
    fn a_file(sealer: &AesPieceSealer, count: u32) -> Vec<SealedPiece> {
        let piece = |index| {
            let place = PiecePlace { index, last: index + 1 == count, ..place() };
            sealer.seal(&place, &[u8::try_from(index).expect("few"); 40])
        };
        (0..count).map(piece).collect()
    }

    fn read(sealer: &AesPieceSealer, pieces: &[SealedPiece]) -> Result<Vec<u8>, Unreadable> {
        let mut file = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let last = index + 1 == pieces.len();
            let index = u32::try_from(index).expect("few");
            file.extend(sealer.open(&PiecePlace { index, last, ..place() }, piece)?);
        }
        Ok(file)
    }

    #[test]
    fn a_file_that_was_cut_lengthened_or_reordered_does_not_open() {
        let sealer = sealer();
        let file = a_file(&sealer, 4);
        assert_eq!(read(&sealer, &file).map(|file| file.len()), Ok(160));
        for length in 1..4 {
            assert_eq!(read(&sealer, &file[..length]), Err(Unreadable), "cut to {length}");
        }
        assert_eq!(read(&sealer, &file[1..]), Err(Unreadable), "without its beginning");
        let longer = [&file[..], &file[3..]].concat();
        assert_eq!(read(&sealer, &longer), Err(Unreadable), "lengthened");
        for (one, other) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
            let mut swapped = file.clone();
            swapped.swap(one, other);
            assert_eq!(read(&sealer, &swapped), Err(Unreadable), "{one} and {other}");
        }
        let mut repeated = file.clone();
        repeated[2] = file[1].clone();
        assert_eq!(read(&sealer, &repeated), Err(Unreadable), "repeated");
        let mut mixed = file.clone();
        mixed[1] = a_file(&sealer, 3)[2].clone();
        assert_eq!(read(&sealer, &mixed), Err(Unreadable), "with an end in its middle");
    }

    #[test]
    fn any_flipped_bit_and_any_part_is_unreadable() {
        let sealer = sealer();
        let envelope = sealer.seal(&place(), b"eighteen letters, or so");
        let bytes = envelope.as_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let opened = sealer.open(&place(), &SealedPiece::new(flipped));
            assert_eq!(opened, Err(Unreadable), "bit {bit}");
        }
        for length in 0..bytes.len() {
            let cut = SealedPiece::new(bytes[..length].to_vec());
            assert_eq!(sealer.open(&place(), &cut), Err(Unreadable), "{length} bytes");
        }
    }

    #[test]
    fn another_ring_does_not_open_it() {
        let envelope = sealer().seal(&place(), b"hello");
        assert_eq!(sealer().open(&place(), &envelope), Err(Unreadable));
    }

    #[test]
    fn nothing_of_it_shows_and_nothing_repeats() {
        let sealer = sealer();
        let [one, other] = [0, 1].map(|_| sealer.seal(&place(), &b"canary".repeat(200)));
        assert!(!one.as_bytes().windows(6).any(|window| window == b"canary"));
        let blocks = |piece: &SealedPiece| -> std::collections::HashSet<Vec<u8>> {
            piece.as_bytes()[32..].chunks_exact(16).map(<[u8]>::to_vec).collect()
        };
        assert!(blocks(&one).is_disjoint(&blocks(&other)));
    }
}
