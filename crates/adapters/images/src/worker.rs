//! The process that an image is decoded in, from both sides.
use crate::picture;
use application::ports::{PictureRefused, ShownPicture};
use std::{
    io::{self, Read, Write},
    path::Path,
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time::timeout,
};

/// What a program is called with to be the worker.
pub const ARGUMENT: &str = "draw-picture";

/// The memory it may take for itself. A photo of 12 megapixels fits, with the file it came in.
const MEMORY: u64 = 46 * 1024 * 1024;
/// How long it may take: several times what the largest images need.
const PATIENCE: Duration = Duration::from_millis(900);

/// The exit codes that say why there is no picture.
const UNREADABLE: u8 = 2;
const TOO_LARGE: u8 = 3;

/// The whole life of a worker: an image comes in by the standard input, and a picture goes out.
pub fn run_worker() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(PictureRefused::TooLarge) => ExitCode::from(TOO_LARGE),
        Err(PictureRefused::Unreadable | PictureRefused::Busy) => ExitCode::from(UNREADABLE),
    }
}

fn work() -> Result<(), PictureRefused> {
    let busy = |_: io::Error| PictureRefused::Busy;
    rlimit::Resource::DATA.set(MEMORY, MEMORY).map_err(busy)?;
    rlimit::Resource::CORE.set(0, 0).map_err(busy)?;
    let mut image = Vec::new();
    io::stdin().lock().read_to_end(&mut image).map_err(busy)?;
    image.shrink_to_fit();
    let ShownPicture(picture) = picture::draw(image)?;
    io::stdout().lock().write_all(&picture).map_err(busy)
}

/// Has one image drawn by a worker.
pub async fn ask(program: &Path, image: Vec<u8>) -> Result<ShownPicture, PictureRefused> {
    let worker = Command::new(program)
        .arg(ARGUMENT)
        // It has no use for secrets.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let worker = worker.map_err(|error| failed(&error))?;
    match timeout(PATIENCE, talk(worker, image)).await {
        Ok(Ok((status, picture))) => understand(status, picture),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(PictureRefused::TooLarge),
    }
}

/// It reads all before it says anything.
async fn talk(mut worker: Child, image: Vec<u8>) -> io::Result<(ExitStatus, Vec<u8>)> {
    let (input, output) = (worker.stdin.take(), worker.stdout.take());
    let give = async {
        if let Some(mut input) = input {
            // One that ended before it had read all says why by its end.
            let _ = input.write_all(&image).await;
        }
        drop(image);
    };
    let take = async {
        let mut picture = Vec::new();
        if let Some(mut output) = output {
            output.read_to_end(&mut picture).await?;
        }
        io::Result::Ok(picture)
    };
    let ((), picture) = tokio::join!(give, take);
    Ok((worker.wait().await?, picture?))
}

fn understand(status: ExitStatus, picture: Vec<u8>) -> Result<ShownPicture, PictureRefused> {
    match status.code() {
        Some(0) if !picture.is_empty() => Ok(ShownPicture(picture)),
        // The system ended it: it wanted more memory than it may have.
        None => Err(PictureRefused::TooLarge),
        Some(code) if code == i32::from(TOO_LARGE) => Err(PictureRefused::TooLarge),
        Some(_) => Err(PictureRefused::Unreadable),
    }
}

fn failed(error: &io::Error) -> PictureRefused {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "pictures cannot be made");
    PictureRefused::Busy
}
