//! A zip archive that leaves as it is written: nothing of it is kept but the list of its files.
use bytes::Bytes;
use domain::{Timestamp, rfc3339};
use futures_util::stream;
use poem::Body;
use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use zip::{
    CompressionMethod, DateTime, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

/// Bytes that leave at once.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for a slow reader; then writing waits as well.
const WAITING: usize = 2;
/// Bytes that are compressed in one go: about a millisecond for which others wait.
const MORSEL: usize = 16 * 1024;
/// How long a reader may keep us waiting, in all, beyond what [`SLOWEST`] grants.
const PATIENCE: Duration = Duration::from_mins(1);
/// Bytes a second that we expect a reader to take: who takes less holds a place that others want.
const SLOWEST: u32 = 16 * 1024;

/// Where the archive goes.
pub struct Exit {
    sender: mpsc::Sender<Part>,
    /// How long the reader may still keep us waiting.
    patience: Duration,
}

enum Part {
    Bytes(Bytes),
    /// Only behind this is the archive whole.
    End,
}

/// The reader has gone, or might as well have.
#[derive(Debug, thiserror::Error)]
pub enum ReaderLost {
    /// It hung up.
    #[error("the reader hung up")]
    Gone,
    /// It takes too little.
    #[error("the reader takes too long")]
    TooSlow,
}

/// Why the archive ends early.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Nobody reads it.
    #[error(transparent)]
    Reader(#[from] ReaderLost),
    /// It can't be written.
    #[error(transparent)]
    Writing(#[from] io::Error),
}

/// A body that a writer elsewhere fills. Unless the writer says that it came to its end, the body
/// fails, and whoever reads it can tell that something is missing.
pub fn body() -> (Exit, Body) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let parts = stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Part::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Part::End) => None,
            None => Some((Err(io::Error::other("the archive ends early")), None)),
        }
    });
    (Exit { sender, patience: PATIENCE }, Body::from_bytes_stream(parts))
}

impl Exit {
    async fn send(&mut self, bytes: Bytes) -> Result<(), ReaderLost> {
        let granted = Duration::from_secs(1) * u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.patience += granted / SLOWEST;
        let began = Instant::now();
        let sent = timeout(self.patience, self.sender.send(Part::Bytes(bytes))).await;
        self.patience = self.patience.saturating_sub(began.elapsed());
        sent.map_err(|_| ReaderLost::TooSlow)?.map_err(|_| ReaderLost::Gone)
    }

    async fn end(self) -> Result<(), ReaderLost> {
        let sent = timeout(self.patience, self.sender.send(Part::End)).await;
        sent.map_err(|_| ReaderLost::TooSlow)?.map_err(|_| ReaderLost::Gone)
    }
}

/// Where the zip writer puts what it has made, until it leaves.
#[derive(Clone, Default)]
struct Tray(Arc<Mutex<Vec<u8>>>);

impl Tray {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.bytes())
    }
}

impl Write for Tray {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An archive under way. Sizes stand behind each file (APPNOTE 4.3.9), in 64 bits: nobody knows
/// them before.
pub struct Archive {
    zip: ZipWriter<StreamWriter<Tray>>,
    tray: Tray,
    exit: Exit,
    options: SimpleFileOptions,
}

impl Archive {
    /// Begins an archive whose files bear this moment.
    pub fn begin(exit: Exit, at: Timestamp) -> Self {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(stamp(at))
            .unix_permissions(0o600)
            .large_file(true);
        let tray = Tray::default();
        Self { zip: ZipWriter::new_stream(tray.clone()), tray, exit, options }
    }

    /// Begins the next file.
    pub async fn file(&mut self, name: &str) -> Result<(), Broken> {
        self.zip.start_file(name, self.options).map_err(io::Error::from)?;
        self.leave().await
    }

    /// Writes more of the file that was begun last.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        for morsel in bytes.chunks(MORSEL) {
            self.zip.write_all(morsel)?;
            self.leave().await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Writes what holds the archive together, and says that it is whole.
    pub async fn end(self) -> Result<(), Broken> {
        let Self { zip, tray, mut exit, .. } = self;
        drop(zip.finish().map_err(io::Error::from)?);
        exit.send(tray.take().into()).await?;
        Ok(exit.end().await?)
    }

    /// Has what was made leave, once that is worth it.
    async fn leave(&mut self) -> Result<(), Broken> {
        if self.tray.bytes().len() >= PIECE {
            self.exit.send(self.tray.take().into()).await?;
        }
        Ok(())
    }
}

/// As zip writes a moment: to two seconds, and without saying where.
fn stamp(at: Timestamp) -> DateTime {
    let text = rfc3339(at);
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u8>().ok();
    let parts = || {
        let year = text.get(..4)?.parse().ok()?;
        let (month, day) = (number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        DateTime::from_date_and_time(year, month, day, hour, minute, second).ok()
    };
    parts().unwrap_or_default()
}
