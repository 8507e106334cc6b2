use application::ports::Entropy;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that look random, never repeat, and are the same in every run.
#[derive(Debug, Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            chunk.copy_from_slice(&scrambled(count).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Throws that are the same in every run from the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice of their own for each seed.
    pub fn seeded(seed: u64) -> Self {
        Self(scrambled(seed))
    }

    /// A number below `sides`.
    pub fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        scrambled(self.0) % sides
    }
}

/// `SplitMix64`: a bijection, so different numbers stay different.
fn scrambled(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use application::ports::EntropyExt;
    use std::collections::HashSet;

    #[test]
    fn no_draw_repeats_and_every_run_draws_the_same() {
        let (one, other) = (CountingEntropy::default(), CountingEntropy::default());
        let draws: Vec<[u8; 10]> = (0..1000).map(|_| one.bytes()).collect();
        assert_eq!(draws.iter().collect::<HashSet<_>>().len(), draws.len());
        assert!(draws.iter().all(|draw| *draw == other.bytes::<10>()));
    }
}
