//! The memory argon2 fills, kept between hashes.
//!
//! argon2 wants blocks aligned to 64 bytes. Asked for 19 MiB of them again and again, the allocator
//! of glibc before 2.38 (sourceware bug 14581) finds no use for what was freed before and grows by
//! gigabytes. Buffers that are made once and lent out keep memory where it should be: one buffer
//! for each hash that runs at the same time.
use argon2::Block;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lends out buffers of one size.
pub struct Scratch {
    blocks: usize,
    idle: Mutex<Vec<Vec<Block>>>,
}

impl Scratch {
    /// Buffers of so many blocks (of 1 KiB); none is made before it is needed.
    pub fn new(blocks: usize) -> Self {
        Self { blocks, idle: Mutex::default() }
    }

    /// Lends a buffer, and wipes it afterwards: what a hash leaves would speed up guessing.
    pub fn lend<T>(&self, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let spare = self.idle().pop();
        let mut buffer = spare.unwrap_or_else(|| vec![Block::new(); self.blocks]);
        let result = work(&mut buffer);
        buffer.fill(Block::new());
        self.idle().push(buffer);
        result
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_blank(buffer: &[Block]) -> bool {
        buffer.iter().all(|block| block.as_ref().iter().all(|&word| word == 0))
    }

    #[test]
    fn a_buffer_is_used_again_and_comes_back_blank() {
        let scratch = Scratch::new(8);
        let address = scratch.lend(|buffer| {
            buffer[3].as_mut()[5] = 7;
            assert!(!is_blank(buffer));
            buffer.as_ptr() as usize
        });
        scratch.lend(|buffer| {
            assert!(is_blank(buffer));
            assert_eq!(buffer.as_ptr() as usize, address);
        });
    }

    #[test]
    fn there_are_as_many_buffers_as_were_lent_at_once() {
        let scratch = Scratch::new(8);
        for _ in 0..10 {
            scratch.lend(|_| scratch.lend(|_| ()));
        }
        assert_eq!(scratch.idle().len(), 2);
    }
}
