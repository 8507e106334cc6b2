//! The process that an image is decoded in, from both sides.
use crate::picture;
use application::ports::{PictureRefused, Preview, ShownPicture};
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

/// What a program is called with to be the worker that draws pictures of people.
pub const PICTURE: &str = "draw-picture";
/// What it is called with to be the worker that draws previews.
pub const PREVIEW: &str = "draw-preview";

/// What a worker does, and what it may take for it.
#[derive(Clone, Copy)]
pub struct Job {
    /// What the program is called with.
    argument: &'static str,
    /// The memory it may take for itself, in bytes, with the file the image came in.
    memory: u64,
    /// How long it may take: several times what the largest images need.
    patience: Duration,
}

/// A photo of 12 megapixels fits.
const PICTURES: Job =
    Job { argument: PICTURE, memory: 46 * 1024 * 1024, patience: Duration::from_millis(900) };
/// A photo of 24 megapixels fits, of 20 MiB.
const PREVIEWS: Job =
    Job { argument: PREVIEW, memory: 160 * 1024 * 1024, patience: Duration::from_secs(4) };

/// The exit codes that say why there is no picture.
const UNREADABLE: u8 = 2;
const TOO_LARGE: u8 = 3;

/// The whole life of a worker that draws pictures: an image comes in by the standard input, and a
/// picture goes out.
pub fn run_worker() -> ExitCode {
    end(work(PICTURES, |image| Ok(picture::draw(image)?.0)))
}

/// The same of one that draws previews. Before the preview go the pixels of the image.
pub fn run_preview_worker() -> ExitCode {
    end(work(PREVIEWS, |image| {
        let Preview { shown, width, height } = picture::draw_preview(image)?;
        Ok([&width.to_be_bytes(), &height.to_be_bytes(), &shown.0[..]].concat())
    }))
}

fn end(worked: Result<(), PictureRefused>) -> ExitCode {
    match worked {
        Ok(()) => ExitCode::SUCCESS,
        Err(PictureRefused::TooLarge) => ExitCode::from(TOO_LARGE),
        Err(PictureRefused::Unreadable | PictureRefused::Busy) => ExitCode::from(UNREADABLE),
    }
}

fn work(
    job: Job,
    draw: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, PictureRefused>,
) -> Result<(), PictureRefused> {
    let busy = |_: io::Error| PictureRefused::Busy;
    rlimit::Resource::DATA.set(job.memory, job.memory).map_err(busy)?;
    rlimit::Resource::CORE.set(0, 0).map_err(busy)?;
    let mut image = Vec::new();
    io::stdin().lock().read_to_end(&mut image).map_err(busy)?;
    image.shrink_to_fit();
    let drawn = draw(image)?;
    io::stdout().lock().write_all(&drawn).map_err(busy)
}

/// Has a picture drawn by a worker.
pub async fn ask(program: &Path, image: Vec<u8>) -> Result<ShownPicture, PictureRefused> {
    have_done(PICTURES, program, image).await.map(ShownPicture)
}

/// Has a preview drawn by a worker.
pub async fn ask_preview(program: &Path, image: Vec<u8>) -> Result<Preview, PictureRefused> {
    let drawn = have_done(PREVIEWS, program, image).await?;
    let read = |rest: &[u8]| {
        let (width, rest) = rest.split_first_chunk()?;
        let (height, shown) = rest.split_first_chunk()?;
        let [width, height] = [*width, *height].map(u32::from_be_bytes);
        Some(Preview { shown: ShownPicture(shown.to_vec()), width, height })
    };
    read(&drawn).filter(|preview| !preview.shown.0.is_empty()).ok_or(PictureRefused::Unreadable)
}

async fn have_done(job: Job, program: &Path, image: Vec<u8>) -> Result<Vec<u8>, PictureRefused> {
    let worker = Command::new(program)
        .arg(job.argument)
        // It has no use for secrets.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let worker = worker.map_err(|error| failed(&error))?;
    match timeout(job.patience, talk(worker, image)).await {
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

fn understand(status: ExitStatus, picture: Vec<u8>) -> Result<Vec<u8>, PictureRefused> {
    match status.code() {
        Some(0) if !picture.is_empty() => Ok(picture),
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
