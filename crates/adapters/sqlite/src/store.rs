//! Opening the database, and how the repositories reach it.
use crate::{
    files::Files,
    readers::Readers,
    schema,
    writer::{Tx, Writer},
};
use anyhow::Context;
use application::{
    KnownRooms,
    ports::{EventBus, StoreProbe, Unavailable},
};
use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// What the database is called in the data dir. `SQLite` keeps `-wal` and `-shm` files beside it.
pub const FILE_NAME: &str = "sotto.db";

/// How long a transaction waits for another process's to end.
const BUSY: Duration = Duration::from_secs(5);
/// More than there are statements.
const STATEMENT_CACHE: usize = 128;

/// For every connection. Nothing is mapped into memory: a disk error would kill the process
/// instead of failing a call. Freed pages are overwritten where that costs nothing.
const SETTINGS: &str = "
    PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
    PRAGMA secure_delete = FAST;
    PRAGMA cache_size = -16000;
";
/// For a database that lasts: readers never wait for the writer, and each commit is synced. The
/// log is carried over into the database every 16 MiB; busy pages are then written once for many
/// commits.
const DURABLE: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864;
";

/// Every repository on one `SQLite` database. Dropping it waits for what is being written.
pub struct SqliteStore {
    writer: Writer,
    /// In memory there is only the writer's connection, which reads as well.
    readers: Option<Readers>,
    file: Option<OpenedFile>,
    files: Files,
    known_rooms: KnownRooms,
}

impl SqliteStore {
    /// Opens the database in a data dir, and makes both where they are not there: the directory
    /// with mode 0700, files with 0600. Works beside other processes that have it open.
    pub fn open(dir: &Path, bus: Arc<dyn EventBus>) -> anyhow::Result<Self> {
        create_private_dir(dir)?;
        let path = dir.join(FILE_NAME);
        let opened = || -> anyhow::Result<Self> {
            let file = OpenedFile::create(path.clone())?;
            let mut conn = connect(&path)?;
            conn.execute_batch(DURABLE)?;
            schema::migrate(&mut conn)?;
            let files = Files::open(dir)?;
            // The names of the new files are to last as well.
            File::open(dir)?.sync_all()?;
            let readers = (0..reader_threads()).map(|_| read_only(&path));
            let readers = Readers::start(readers.collect::<Result<_, _>>()?)?;
            let writer = Writer::start(conn, bus)?;
            let known_rooms = KnownRooms::default();
            Ok(Self { writer, readers: Some(readers), file: Some(file), files, known_rooms })
        };
        opened().with_context(|| format!("opening the database {}", path.display()))
    }

    /// A database that is gone once dropped; for tests.
    pub fn in_memory(bus: Arc<dyn EventBus>) -> anyhow::Result<Self> {
        let mut conn = Connection::open_in_memory()?;
        settle_in(&conn)?;
        schema::migrate(&mut conn)?;
        let writer = Writer::start(conn, bus)?;
        let files = Files::Memory(Arc::default());
        Ok(Self { writer, readers: None, file: None, files, known_rooms: KnownRooms::default() })
    }

    /// Has work done in a transaction; what it reports is durable. See [`Writer::call`].
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> anyhow::Result<T> + Send + 'static,
    {
        self.writer.call(1, move |tx: &mut Tx<'_>| work(tx.settled()?)).await.map_err(unavailable)
    }

    /// Reads from one moment's state of the database.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> anyhow::Result<T> + Send + 'static,
    {
        match &self.readers {
            Some(readers) => readers.call(work).await.map_err(unavailable),
            None => self.write(work).await,
        }
    }

    /// The bytes of files.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Who is in which room, as far as it was asked before.
    pub(crate) fn known_rooms(&self) -> &KnownRooms {
        &self.known_rooms
    }

    /// The writer itself, for what lengthens histories.
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }
}

/// What a port says of a failure here.
pub(crate) fn unavailable(error: anyhow::Error) -> Unavailable {
    Unavailable::of("store", error)
}

#[async_trait]
impl StoreProbe for SqliteStore {
    async fn check(&self) -> Result<(), Unavailable> {
        if let Some(file) = &self.file {
            file.is_still_there().map_err(unavailable)?;
        }
        let schema_version = |conn: &Connection| {
            Ok(conn.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0))?)
        };
        self.read(schema_version).await?;
        // Goes through the line and a whole transaction, but writes nothing: no sync.
        self.write(|_| Ok(())).await
    }
}

/// The file that was opened, to notice when its path no longer leads to it.
struct OpenedFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl OpenedFile {
    fn create(path: PathBuf) -> anyhow::Result<Self> {
        let options = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600).clone()
        };
        let metadata = options().open(&path)?.metadata()?;
        Ok(Self { path, identity: (metadata.dev(), metadata.ino()) })
    }

    fn is_still_there(&self) -> anyhow::Result<()> {
        let metadata = std::fs::metadata(&self.path).context("the database file is gone")?;
        let same = self.identity == (metadata.dev(), metadata.ino());
        anyhow::ensure!(same, "another file took the place of the database");
        Ok(())
    }
}

/// Makes a directory that only its owner can look into; one that is there is left as it is.
pub(crate) fn create_private_dir(dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("creating the data dir {}", dir.display()))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    settle_in(&conn)?;
    Ok(conn)
}

fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let conn = connect(path)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

fn settle_in(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    conn.execute_batch(SETTINGS)
}

fn reader_threads() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4))
}
