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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Read};
    use tokio::time::sleep;
    use zip::ZipArchive;

    /// An archive, and whoever reads it to its end.
    fn begin() -> (Archive, impl Future<Output = Option<Vec<u8>>>) {
        let (exit, body) = body();
        let reading = async { body.into_bytes().await.ok().map(|bytes| bytes.to_vec()) };
        (Archive::begin(exit, Timestamp::UNIX_EPOCH), reading)
    }

    #[tokio::test]
    async fn what_was_written_is_in_the_archive() {
        let (mut archive, reading) = begin();
        let long: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let writing = async {
            archive.file("empty").await?;
            archive.file("rooms/long").await?;
            archive.write(&long).await?;
            archive.end().await
        };
        let (written, read) = tokio::join!(writing, reading);
        written.expect("to the end");
        let mut zip = ZipArchive::new(Cursor::new(read.expect("whole"))).expect("an archive");
        assert_eq!(zip.len(), 2);
        assert_eq!(zip.by_name("empty").expect("is there").size(), 0);
        let mut content = Vec::new();
        zip.by_name("rooms/long").expect("is there").read_to_end(&mut content).expect("reads");
        assert!(content == long);
    }

    #[tokio::test]
    async fn there_may_be_more_files_than_sixteen_bits_count() {
        const FILES: usize = 66_000;
        let (mut archive, reading) = begin();
        let writing = async {
            for n in 0..FILES {
                archive.file(&n.to_string()).await?;
            }
            archive.end().await
        };
        let (written, read) = tokio::join!(writing, reading);
        written.expect("to the end");
        let zip = ZipArchive::new(Cursor::new(read.expect("whole"))).expect("an archive");
        assert_eq!(zip.len(), FILES);
    }

    #[tokio::test]
    async fn what_ends_early_is_seen_to_be_broken() {
        let (mut archive, reading) = begin();
        let writing = async {
            archive.file("one").await.expect("is read");
            archive.write(b"some").await.expect("is read");
            drop(archive);
        };
        let ((), read) = tokio::join!(writing, reading);
        assert_eq!(read, None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_is_let_go_and_whoever_is_slow_is_not() {
        let patient = PATIENCE.as_secs();
        let piece = || Bytes::from(vec![0; PIECE]);
        let (mut exit, _body) = body();
        for _ in 0..WAITING {
            exit.send(piece()).await.expect("there is room");
        }
        let began = Instant::now();
        assert!(matches!(exit.send(piece()).await, Err(ReaderLost::TooSlow)));
        let waited = began.elapsed().as_secs();
        assert!((patient..patient + 20).contains(&waited), "{waited} s");

        let (sender, mut receiver) = mpsc::channel(WAITING);
        let mut exit = Exit { sender, patience: PATIENCE };
        let reading = tokio::spawn(async move {
            while receiver.recv().await.is_some() {
                sleep(Duration::from_secs(3)).await;
            }
        });
        for _ in 0..100 {
            exit.send(piece()).await.expect("is read in time");
        }
        drop(exit);
        reading.await.expect("ends");
    }

    #[tokio::test]
    async fn whoever_hangs_up_ends_the_work() {
        let (mut exit, body) = body();
        drop(body);
        let sent = exit.send(Bytes::from_static(b"x")).await;
        assert!(matches!(sent, Err(ReaderLost::Gone)));
    }

    #[test]
    fn files_bear_the_moment_in_utc() {
        let at = Timestamp::from_timestamp_millis(1_700_000_000_123).expect("in range");
        assert_eq!(stamp(at).to_string(), "2023-11-14 22:13:20");
        assert_eq!(stamp(Timestamp::UNIX_EPOCH), DateTime::default(), "before zip's time");
    }
}
