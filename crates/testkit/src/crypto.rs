//! Cryptography that hides nothing, and is checked like the real one.
use application::ports::{
    Digester, HashingBusy, MessageSealer, PasswordHasher, PayloadPurpose, PayloadSealer,
    PieceSealer, Purpose,
};
use async_trait::async_trait;
use domain::{
    attachment::{PiecePlace, SealedPiece},
    message::MessageBody,
    password::{Password, PasswordHash},
    sealing::{KeyedDigest, SealedBody, SealedPayload, SealedPlace, Unreadable},
};

/// Sets a body down as its place and the text with every bit turned over: readable to anyone, but
/// only taken back from where it was put.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainSealer;

impl MessageSealer for PlainSealer {
    fn seal(&self, place: &SealedPlace, body: &MessageBody) -> SealedBody {
        let mut sealed = bytes_of(place);
        sealed.extend(turned_over(body.as_str().as_bytes()));
        SealedBody::new(sealed)
    }

    fn open(&self, place: &SealedPlace, sealed: &SealedBody) -> Result<MessageBody, Unreadable> {
        let text = sealed.as_bytes().strip_prefix(&*bytes_of(place)).ok_or(Unreadable)?;
        let text = String::from_utf8(turned_over(text)).map_err(|_| Unreadable)?;
        Ok(MessageBody::opened(text))
    }
}

/// Sets a payload down as its purpose, its context and the payload with every bit turned over.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainPayloadSealer;

impl PayloadSealer for PlainPayloadSealer {
    fn seal(&self, purpose: PayloadPurpose, context: &[u8], payload: &[u8]) -> SealedPayload {
        let mut sealed = format!("{purpose:?} {context:?} ").into_bytes();
        sealed.extend(turned_over(payload));
        SealedPayload::new(sealed)
    }

    fn open(
        &self,
        purpose: PayloadPurpose,
        context: &[u8],
        sealed: &SealedPayload,
    ) -> Result<Vec<u8>, Unreadable> {
        let front = format!("{purpose:?} {context:?} ");
        sealed.as_bytes().strip_prefix(front.as_bytes()).map(turned_over).ok_or(Unreadable)
    }
}

/// Sets a piece down as its place and the piece with every bit turned over.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainPieceSealer;

impl PieceSealer for PlainPieceSealer {
    fn seal(&self, place: &PiecePlace, piece: &[u8]) -> SealedPiece {
        let mut sealed = bytes_of_piece(place);
        sealed.extend(turned_over(piece));
        SealedPiece::new(sealed)
    }

    fn open(&self, place: &PiecePlace, sealed: &SealedPiece) -> Result<Vec<u8>, Unreadable> {
        let front = bytes_of_piece(place);
        sealed.as_bytes().strip_prefix(&*front).map(turned_over).ok_or(Unreadable)
    }
}

/// "Digests" that spell out what they are of.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainDigester;

impl Digester for PlainDigester {
    fn digest(&self, purpose: Purpose, parts: &[Vec<u8>]) -> KeyedDigest {
        KeyedDigest::new(turned_over(format!("{purpose:?} {parts:?}").as_bytes()))
    }

    fn matches(&self, purpose: Purpose, parts: &[Vec<u8>], digest: &KeyedDigest) -> bool {
        self.digest(purpose, parts) == *digest
    }
}

/// "Hashes" that are the password after a colon.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainHasher;

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashingBusy> {
        Ok(PasswordHash::new(format!("plain:{}", password.reveal())))
    }

    async fn verify(
        &self,
        password: &Password,
        hash: Option<PasswordHash>,
    ) -> Result<bool, HashingBusy> {
        Ok(hash == Some(self.hash(password).await?))
    }
}

fn bytes_of(place: &SealedPlace) -> Vec<u8> {
    [*place.room.as_bytes(), *place.message.as_bytes(), *place.sender.as_bytes()].concat()
}

fn bytes_of_piece(place: &PiecePlace) -> Vec<u8> {
    let PiecePlace { attachment, part, index, last } = place;
    [&attachment.as_bytes()[..], &[*part as u8, u8::from(*last)], &index.to_be_bytes()].concat()
}

fn turned_over(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{a_message, a_user};
    use domain::id::RoomId;

    #[test]
    fn what_is_moved_elsewhere_does_not_open() {
        let place = |n| {
            let message = a_message(RoomId::from_bytes([9; 16]), a_user(1).id, n);
            message.numbered(1, 1).place()
        };
        let body = MessageBody::parse("hi").expect("a body");
        let sealed = PlainSealer.seal(&place(1), &body);
        assert!(PlainSealer.open(&place(1), &sealed) == Ok(body));
        assert!(PlainSealer.open(&place(2), &sealed) == Err(Unreadable));
    }

    #[test]
    fn a_digest_is_of_its_purpose_and_parts_alone() {
        let parts =
            |list: &[&str]| list.iter().map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>();
        let digest = PlainDigester.digest(Purpose::OtpCode, &parts(&["ab", "c"]));
        assert!(PlainDigester.matches(Purpose::OtpCode, &parts(&["ab", "c"]), &digest));
        assert!(!PlainDigester.matches(Purpose::OtpCode, &parts(&["a", "bc"]), &digest));
        assert!(!PlainDigester.matches(Purpose::MessageFingerprint, &parts(&["ab", "c"]), &digest));
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash() {
        let [right, wrong] =
            ["correct horse", "wrong horse"].map(|p| Password::typed(p).expect("short"));
        let hash = PlainHasher.hash(&right).await.expect("never busy");
        assert_eq!(PlainHasher.verify(&right, Some(hash.clone())).await, Ok(true));
        assert_eq!(PlainHasher.verify(&wrong, Some(hash)).await, Ok(false));
        assert_eq!(PlainHasher.verify(&right, None).await, Ok(false));
    }
}
