//! Passwords, hashed with argon2id (RFC 9106).
use crate::{queue::HashingQueue, scratch::Scratch};
use application::ports::{Entropy, EntropyExt, HashingBusy, PasswordHasher};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as PhcHash, Salt},
};
use domain::password::{Password, PasswordHash};
use std::{num::NonZero, sync::Arc, thread::available_parallelism};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// How many may wait for their turn: about a second's work for a core.
const WAITING: usize = 64;

/// How much a hash costs whoever makes one, and whoever guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashingStrength {
    memory_kib: u32,
    passes: u32,
}

impl HashingStrength {
    /// 19 MiB, two passes, one lane: what OWASP asks at least.
    pub const PRODUCTION: Self = Self { memory_kib: 19 * 1024, passes: 2 };
    /// As little as argon2 can do. Protects nothing.
    pub const FOR_TESTS: Self = Self { memory_kib: 8, passes: 1 };

    fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, 1, None)
            .expect("both strengths are within argon2's bounds")
    }
}

/// Hashes with argon2id on as many threads as there are cores.
///
/// Keeps the memory it works in: the strength's, once for each core that was ever busy.
pub struct Argon2PasswordHasher {
    bench: Arc<Bench>,
    /// What to compare with when there is nothing to compare with.
    dummy: PasswordHash,
    entropy: Arc<dyn Entropy>,
    queue: HashingQueue,
}

impl Argon2PasswordHasher {
    /// Verifies hashes that ask for no more memory than this strength. Makes one hash, of a
    /// password nobody knows, before it is ready.
    pub fn new(strength: HashingStrength, entropy: Arc<dyn Entropy>) -> Self {
        let bench = Bench::new(strength.params());
        let dummy = bench.hash(&entropy.bytes::<HASH_BYTES>(), &entropy.bytes());
        let cores = available_parallelism().map_or(1, NonZero::get);
        let queue = HashingQueue::new(cores, WAITING);
        Self { bench: Arc::new(bench), dummy, entropy, queue }
    }

    /// Another one with a line of its own, on one thread: whoever stands in it waits for nobody in
    /// the first.
    #[must_use]
    pub fn express(&self) -> Self {
        Self {
            bench: self.bench.clone(),
            dummy: self.dummy.clone(),
            entropy: self.entropy.clone(),
            queue: HashingQueue::new(1, WAITING),
        }
    }
}

#[async_trait::async_trait]
impl PasswordHasher for Argon2PasswordHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashingBusy> {
        let (bench, password, salt) = (self.bench.clone(), password.clone(), self.entropy.bytes());
        self.queue.run(move || bench.hash(password.reveal().as_bytes(), &salt)).await
    }

    async fn verify(
        &self,
        password: &Password,
        hash: Option<PasswordHash>,
    ) -> Result<bool, HashingBusy> {
        let (bench, password, dummy) = (self.bench.clone(), password.clone(), self.dummy.clone());
        self.queue
            .run(move || {
                let verdict = hash.and_then(|hash| bench.verify(&password, &hash));
                verdict.unwrap_or_else(|| {
                    bench.verify(&password, &dummy);
                    false
                })
            })
            .await
    }
}

/// Where the work is done, one thread at a time on each buffer.
struct Bench {
    params: Params,
    scratch: Scratch,
}

impl Bench {
    fn new(params: Params) -> Self {
        let scratch = Scratch::new(params.block_count());
        Self { params, scratch }
    }

    fn hash(&self, password: &[u8], salt: &[u8; SALT_BYTES]) -> PasswordHash {
        let mut output = [0; HASH_BYTES];
        self.digest(self.params.clone(), password, salt, &mut output)
            .expect("a password and a salt of these lengths can be hashed");
        let params = ParamsString::try_from(&self.params);
        let phc = PhcHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: params.expect("three small numbers fit"),
            salt: Some(Salt::new(salt).expect("a salt has 8 to 48 bytes")),
            hash: Some(Output::new(&output).expect("a hash has 10 to 64 bytes")),
        };
        PasswordHash::new(phc.to_string())
    }

    /// `None` if the hash is not one we could have made, in which case no time was spent on it.
    fn verify(&self, password: &Password, hash: &PasswordHash) -> Option<bool> {
        let phc = PhcHash::new(hash.as_str()).ok()?;
        let (salt, expected) = (phc.salt?, phc.hash?);
        if phc.algorithm != Algorithm::Argon2id.ident()
            || phc.version != Some(Version::V0x13.into())
        {
            return None;
        }
        let params = Params::try_from(&phc).ok()?;
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..expected.len())?;
        self.digest(params, password.reveal().as_bytes(), &salt, output).ok()?;
        // `Output` compares in constant time.
        Some(Output::new(output).ok()? == expected)
    }

    /// Fails before it starts, or not at all.
    fn digest(
        &self,
        params: Params,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), argon2::Error> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        self.scratch
            .lend(|memory| argon2.hash_password_into_with_memory(password, salt, output, memory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;
    use argon2::{AssociatedData, ParamsBuilder};
    use std::time::{Duration, Instant};

    fn hasher() -> Argon2PasswordHasher {
        Argon2PasswordHasher::new(HashingStrength::FOR_TESTS, Arc::new(OsEntropy))
    }

    fn password(text: &str) -> Password {
        Password::typed(text).expect("short")
    }

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_right() {
        let hasher = hasher();
        let hash = hasher.hash(&password("correct horse")).await.expect("idle");
        assert_eq!(hasher.verify(&password("correct horse"), Some(hash.clone())).await, Ok(true));
        assert_eq!(hasher.verify(&password("correct house"), Some(hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_hash_says_how_it_was_made_and_has_a_salt_of_its_own() {
        let hasher = Argon2PasswordHasher::new(HashingStrength::PRODUCTION, Arc::new(OsEntropy));
        let first = hasher.hash(&password("correct horse")).await.expect("idle");
        let second = hasher.hash(&password("correct horse")).await.expect("idle");
        assert!(
            first.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            first.as_str()
        );
        assert_ne!(first, second);
        let phc = PhcHash::new(first.as_str()).expect("PHC");
        assert_eq!(phc.salt.expect("salted").len(), SALT_BYTES);
        assert_eq!(phc.hash.expect("hashed").len(), 32);
    }

    #[tokio::test]
    async fn whoever_stands_in_the_express_line_does_not_wait_for_the_other() {
        let hasher = Argon2PasswordHasher {
            queue: HashingQueue::new(0, 0),
            ..Argon2PasswordHasher::new(HashingStrength::FOR_TESTS, Arc::new(OsEntropy))
        };
        let express = hasher.express();
        let hash = express.hash(&password("correct horse")).await.expect("idle");
        assert_eq!(hasher.hash(&password("correct horse")).await, Err(HashingBusy));
        assert_eq!(express.verify(&password("correct horse"), Some(hash)).await, Ok(true));
        assert_eq!(express.verify(&password("correct horse"), None).await, Ok(false));
    }

    #[tokio::test]
    async fn weaker_hashes_still_verify() {
        let hash = hasher().hash(&password("correct horse")).await.expect("idle");
        let stronger = Argon2PasswordHasher::new(HashingStrength::PRODUCTION, Arc::new(OsEntropy));
        assert_eq!(stronger.verify(&password("correct horse"), Some(hash)).await, Ok(true));
    }

    const UNREADABLE: [&str; 7] = [
        "",
        "correct horse",
        "$2b$10$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=8,t=1,p=1",
        "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=1,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    ];

    #[tokio::test]
    async fn nobodys_password_and_an_unreadable_hash_are_never_right() {
        let hasher = hasher();
        for text in UNREADABLE {
            let hash = Some(PasswordHash::new(text.to_owned()));
            assert_eq!(hasher.verify(&password("correct horse"), hash).await, Ok(false), "{text}");
        }
        assert_eq!(hasher.verify(&password("correct horse"), None).await, Ok(false));
    }

    #[tokio::test]
    async fn comparing_with_nothing_takes_as_long_as_comparing() {
        let hasher = Argon2PasswordHasher::new(HashingStrength::PRODUCTION, Arc::new(OsEntropy));
        let hash = hasher.hash(&password("correct horse")).await.expect("idle");
        let mut shortest = Vec::new();
        for candidate in [Some(hash), None, Some(PasswordHash::new(String::new()))] {
            let mut best = Duration::MAX;
            for _ in 0..5 {
                let begun = Instant::now();
                let _ = hasher.verify(&password("a guess"), candidate.clone()).await;
                best = best.min(begun.elapsed());
            }
            shortest.push(best);
        }
        // Without the dummy it would be a thousand times less.
        assert!(shortest[1] > shortest[0] / 3 && shortest[2] > shortest[0] / 3, "{shortest:?}");
    }

    #[test]
    fn argon2id_is_the_one_of_rfc_9106_section_5_3() {
        let data = AssociatedData::new(&[4; 12]).expect("12 bytes");
        let params = ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(data)
            .build()
            .expect("the RFC's parameters");
        let secret = [3; 8];
        let argon2 = Argon2::new_with_secret(&secret, Algorithm::Argon2id, Version::V0x13, params)
            .expect("8 bytes");
        let mut tag = [0; 32];
        argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag).expect("the RFC's input");
        assert_eq!(
            tag,
            [
                0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b,
                0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9,
                0x6b, 0x01, 0xe6, 0x59
            ]
        );
    }
}
