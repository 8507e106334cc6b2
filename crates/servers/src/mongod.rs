//! A MongoDB server of a test's own.
use crate::{
    binaries::mongod_binary,
    ports::free_port,
    process::{Folder, Process},
    replica_set,
};
use std::{
    fs::{OpenOptions, create_dir},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const USER: &str = "sotto";

/// How many gigabytes of what it stores it keeps at hand.
const CACHE: &str = "--wiredTigerCacheSizeGB";

/// A replica set of one, on a port that stays the same and a data dir that vanishes.
pub struct Mongod {
    // Dropped in this order: first the server, then its folder.
    process: Option<Process>,
    folder: Folder,
    binary: PathBuf,
    port: u16,
    arguments: Vec<String>,
    password: Option<String>,
}

impl Mongod {
    /// Starts a server that is primary when this returns. Everybody may use it.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more arguments for `mongod`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        Self::begin(arguments, None).await
    }

    /// A server that asks for a user and a password: those of [`Mongod::uri`].
    pub async fn start_secured(password: &str) -> Self {
        Self::begin(&[], Some(password.to_owned())).await
    }

    async fn begin(arguments: &[&str], password: Option<String>) -> Self {
        let mut mongod = Self {
            process: None,
            folder: Folder::new(),
            binary: mongod_binary().unwrap_or_else(|remedy| panic!("{remedy}")),
            port: 0,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            password,
        };
        create_dir(mongod.data_dir()).expect("a data dir");
        if mongod.password.is_some() {
            mongod.write_key_file();
        }
        // Between finding a port free and taking it, somebody else may.
        let mut tries = 10;
        loop {
            mongod.port = free_port();
            if mongod.launch().await {
                break;
            }
            tries -= 1;
            assert!(tries > 0 && mongod.said("Address already in use"), "{}", mongod.last_words());
        }
        mongod.make_set().await.unwrap_or_else(|error| panic!("{error}"));
        mongod
    }

    /// The connection string, with the user and password it takes, without a database.
    pub fn uri(&self) -> String {
        let (who, source) = match &self.password {
            Some(password) => (format!("{USER}:{password}@"), "&authSource=admin"),
            None => (String::new(), ""),
        };
        format!("mongodb://{who}{}/?replicaSet={}{source}", self.address(), replica_set::NAME)
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    /// Where its data is.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What it logs, all starts in one file.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Every document of every collection of every database as it is stored, the log of all
    /// changes included, all of it written to its files. Where everybody may use it.
    pub async fn dump(&self) -> Vec<(String, Vec<u8>)> {
        let dumped = replica_set::dump(&self.open_uri()).await;
        dumped.unwrap_or_else(|error| panic!("what is stored can't be read: {error}"))
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        drop(self.process.take().expect("a running mongod"));
    }

    /// Starts again on the same port and data, after [`Mongod::kill`] or without; it is primary when
    /// this returns.
    pub async fn restart(&mut self) {
        drop(self.process.take());
        assert!(self.launch().await, "{}", self.last_words());
        let primary = replica_set::primary(&self.open_uri()).await;
        primary.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Halts it: connections stay open, and nothing answers.
    pub fn halt(&self) {
        self.process().signal("STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.process().signal("CONT");
    }

    /// Whether it listens; `false` where it ends instead.
    async fn launch(&mut self) -> bool {
        let process = Process::start(&self.binary, &self.arguments(), &self.folder.join("output"));
        self.process.insert(process).listens(self.port).await
    }

    fn arguments(&self) -> Vec<String> {
        let path = |path: &Path| path.to_str().expect("a readable path").to_owned();
        let mut arguments = vec![
            format!("--port={}", self.port),
            format!("--dbpath={}", path(&self.data_dir())),
            format!("--logpath={}", path(&self.log())),
            format!("--replSet={}", replica_set::NAME),
        ];
        // Small, quiet, for this machine alone. Nothing here makes a write less durable.
        let rest = "--logappend --bind_ip=127.0.0.1 --nounixsocket --oplogSize=256 \
                    --setParameter=diagnosticDataCollectionEnabled=false";
        arguments.extend(rest.split_whitespace().map(str::to_owned));
        if !self.arguments.iter().any(|argument| argument.starts_with(CACHE)) {
            arguments.push(format!("{CACHE}=0.25"));
        }
        if self.password.is_some() {
            arguments.push(format!("--keyFile={}", path(&self.key_file())));
        }
        arguments.extend_from_slice(&self.arguments);
        arguments
    }

    async fn make_set(&self) -> Result<(), String> {
        let uri = self.open_uri();
        replica_set::initiate(&uri, &self.address()).await?;
        replica_set::primary(&uri).await?;
        if let Some(password) = &self.password {
            replica_set::create_root(&uri, USER, password).await?;
        }
        Ok(())
    }

    /// For what needs no user.
    fn open_uri(&self) -> String {
        format!("mongodb://{}/", self.address())
    }

    fn key_file(&self) -> PathBuf {
        self.folder.join("key")
    }

    /// Members of a set know each other by this file, which has to be there also for one.
    fn write_key_file(&self) {
        let file =
            OpenOptions::new().create_new(true).write(true).mode(0o600).open(self.key_file());
        let key = uuid::Uuid::new_v4().simple().to_string();
        file.and_then(|mut file| file.write_all(key.as_bytes())).expect("a key file");
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a running mongod")
    }

    fn said(&self, text: &str) -> bool {
        self.last_words().contains(text)
    }

    /// The end of its log, for a failure.
    fn last_words(&self) -> String {
        crate::process::end_of(&[&self.folder.join("output"), &self.log()])
    }
}
