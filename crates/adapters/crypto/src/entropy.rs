//! Randomness from the operating system.
use application::ports::Entropy;

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// # Panics
    /// If the operating system has no randomness to give: nothing secret can be made then.
    #[expect(clippy::disallowed_methods, reason = "this is the Entropy port's production side")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system's random source works");
    }
}

#[cfg(test)]
mod tests {
    use super::OsEntropy;
    use application::ports::EntropyExt;
    use std::collections::HashSet;

    #[test]
    fn no_two_draws_are_alike() {
        let draws: HashSet<[u8; 16]> = (0..1_000).map(|_| OsEntropy.bytes()).collect();
        assert_eq!(draws.len(), 1_000);
    }
}
