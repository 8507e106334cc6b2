//! What a race leaves to chance, so that a seed repeats it.
use std::time::Duration;

/// Where a seed comes from, if somebody wants one.
const SEED: &str = "TEST_SEED";

/// `SplitMix64`: small, and good enough to choose by.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// What chooses as it did when it was given this seed before.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// One for somebody else, who chooses otherwise.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below another.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("small");
        usize::try_from(self.next() % end).expect("small")
    }

    /// Whether something of so many in a hundred happens.
    pub fn percent(&mut self, of_hundred: usize) -> bool {
        self.below(100) < of_hundred
    }

    /// One of several.
    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// A while of at most so many milliseconds.
    pub fn a_while(&mut self, milliseconds: usize) -> Duration {
        let while_of = self.below(milliseconds + 1);
        Duration::from_millis(u64::try_from(while_of).expect("small"))
    }
}

/// The seed that `TEST_SEED` names, or a new one; it is printed, which shows where the test fails.
pub fn seed() -> u64 {
    let seed = match std::env::var(SEED) {
        Ok(given) => given.parse().unwrap_or_else(|_| panic!("{SEED} is {given}: say a number")),
        Err(_) => crate::random(),
    };
    eprintln!("{SEED}={seed}");
    seed
}
