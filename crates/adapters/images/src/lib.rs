//! Pictures of people and previews of what they send, made with pure Rust decoders.
//!
//! An image is a stranger's: what it is goes by its first bytes, and it has to be whole and nothing
//! else. It is decoded in a process of its own, in which nothing is worth stealing, and which the
//! system ends when it takes more memory than it may; one is worked on at a time and a few wait.
//! What comes out is drawn anew as a JPEG, so that nothing of the file goes on but what is seen in
//! it.

mod picture;
mod whole;
mod worker;

pub use worker::{PICTURE, PREVIEW, run_preview_worker, run_worker};

use application::ports::{PictureProcessor, PictureRefused, Preview, ShownPicture};
use async_trait::async_trait;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Semaphore;

/// How many are made or wait: each holds up to 5 MiB that were sent.
const ADMITTED: usize = 8;

/// Makes pictures, one after another.
pub struct ImageProcessor {
    program: PathBuf,
    admitted: Arc<Semaphore>,
    turn: Arc<Semaphore>,
    /// Larger images have a turn of their own, so that pictures needn't wait for them.
    preview_turn: Arc<Semaphore>,
}

impl ImageProcessor {
    /// Each picture is made by a process of this program, which is to call [`run_worker`] when its
    /// one argument is [`PICTURE`], and [`run_preview_worker`] when it is [`PREVIEW`].
    pub fn new(program: PathBuf) -> Self {
        let one = || Arc::new(Semaphore::new(1));
        let admitted = Arc::new(Semaphore::new(ADMITTED));
        Self { program, admitted, turn: one(), preview_turn: one() }
    }
}

#[async_trait]
impl PictureProcessor for ImageProcessor {
    async fn make(&self, image: Vec<u8>) -> Result<ShownPicture, PictureRefused> {
        let _place = self.admitted.try_acquire().map_err(|_| PictureRefused::Busy)?;
        let _turn = self.turn.acquire().await.map_err(|_| PictureRefused::Busy)?;
        worker::ask(&self.program, image).await
    }

    /// Whoever has one made has read a whole file into memory, so nobody waits here.
    async fn preview(&self, image: Vec<u8>) -> Result<Preview, PictureRefused> {
        let _turn = self.preview_turn.try_acquire().map_err(|_| PictureRefused::Busy)?;
        worker::ask_preview(&self.program, image).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
        path::Path,
        time::{Duration, Instant},
    };

    /// A processor whose program is a script.
    fn processor(folder: &Path, script: &str) -> ImageProcessor {
        let path = folder.join("program");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("can be run");
        ImageProcessor::new(path)
    }

    async fn made(script: &str) -> Result<ShownPicture, PictureRefused> {
        let folder = tempfile::tempdir().expect("a folder");
        processor(folder.path(), script).make(vec![7; 300_000]).await
    }

    #[tokio::test]
    async fn who_finds_too_many_waiting_is_turned_away_at_once() {
        let processor = ImageProcessor::new(PathBuf::from("/bin/false"));
        let places = processor.admitted.clone().acquire_many_owned(8).await.expect("free");
        assert_eq!(processor.make(Vec::new()).await, Err(PictureRefused::Busy));
        drop(places);
        assert_eq!(processor.make(Vec::new()).await, Err(PictureRefused::Unreadable));
    }

    #[tokio::test]
    async fn what_the_worker_says_goes_on() {
        let image = made("exec cat").await;
        assert_eq!(image, Ok(ShownPicture(vec![7; 300_000])), "more than a pipe holds");
        assert_eq!(made("exit 3").await, Err(PictureRefused::TooLarge));
        assert_eq!(made("cat; exit 4").await, Err(PictureRefused::Unreadable));
    }

    #[tokio::test]
    async fn a_worker_that_is_ended_had_too_much_to_do() {
        assert_eq!(made("kill -ABRT $$").await, Err(PictureRefused::TooLarge));
        let start = Instant::now();
        assert_eq!(made("exec sleep 20").await, Err(PictureRefused::TooLarge));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn without_a_worker_others_may_try_again() {
        let processor = ImageProcessor::new(PathBuf::from("/nowhere/at/all"));
        assert_eq!(processor.make(Vec::new()).await, Err(PictureRefused::Busy));
    }
}
