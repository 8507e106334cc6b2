//! The process that an image is decoded in, from both sides.
use crate::picture;
use application::ports::{PictureRefused, Preview, ShownPicture};
use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    process::{self, ExitCode, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
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
    /// How long it may work: several times what the largest images need.
    time: Duration,
    /// After so long it is ended, however little of it the worker was given to work: on a machine
    /// that is busy, good images take longer and are good all the same.
    patience: Duration,
}

/// A photo of 12 megapixels fits.
const PICTURES: Job = Job {
    argument: PICTURE,
    memory: 46 * 1024 * 1024,
    time: Duration::from_millis(850),
    patience: Duration::from_secs(4),
};
/// A photo of 24 megapixels fits, of 20 MiB.
const PREVIEWS: Job = Job {
    argument: PREVIEW,
    memory: 160 * 1024 * 1024,
    time: Duration::from_secs(4),
    patience: Duration::from_secs(10),
};

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
    watch_the_time(job.time).map_err(busy)?;
    let drawn = draw(image)?;
    io::stdout().lock().write_all(&drawn).map_err(busy)
}

/// Ends the process once it has worked for so long. Decoders know no such limit.
fn watch_the_time(limit: Duration) -> io::Result<()> {
    const STEP: Duration = Duration::from_millis(20);
    let began = Instant::now();
    let watch = move || {
        // Where the system does not tell, the clock on the wall does.
        while worked_for().unwrap_or_else(|| began.elapsed()) < limit {
            thread::sleep(STEP);
        }
        process::exit(i32::from(TOO_LARGE));
    };
    // The stack counts as memory of the worker.
    thread::Builder::new().stack_size(64 * 1024).spawn(watch).map(drop)
}

/// How long this process has worked, in user and system mode: fields 14 and 15 of `/proc/self/stat`,
/// in hundredths of a second.
fn worked_for() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, which comes before, may have blanks in it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let [user, system] = [fields.next()?.parse::<u64>().ok()?, fields.next()?.parse().ok()?];
    Some(Duration::from_millis(10 * (user + system)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_told_from_waiting() {
        let before = worked_for().expect("the system tells");
        let mut n = 0_u64;
        while worked_for().expect("the system tells") < before + Duration::from_millis(50) {
            n = std::hint::black_box(n.wrapping_add(1));
        }
        assert!(n > 0);
    }
}
