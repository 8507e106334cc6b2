//! Everything secret: the key ring, sealed messages, keyed digests, password hashes, randomness.
//!
//! One ring of keys stands behind all of it. Each use has a key of its own, derived with HKDF
//! (RFC 5869) under a label that names the use, so that what one gives away says nothing of another.

mod a256cbc_hs512;
mod digester;
mod entropy;
mod envelope;
mod framing;
mod hasher;
mod keyring;
mod payload;
mod pieces;
mod queue;
mod scratch;
mod sealer;

pub use {
    digester::HmacDigester,
    entropy::OsEntropy,
    hasher::{Argon2PasswordHasher, HashingStrength},
    keyring::{InvalidKeyRing, KeyRing},
    payload::AesPayloadSealer,
    pieces::AesPieceSealer,
    sealer::AesMessageSealer,
};
