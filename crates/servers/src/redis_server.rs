//! A Redis server of a test's own.
use crate::{
    GLANCE, PATIENCE,
    binaries::redis_server_binary,
    ports::free_port,
    process::{Folder, Process},
};
use std::{
    fs::create_dir,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// In its log, once it answers.
const READY: &str = "Ready to accept connections";

/// A server on a port that stays the same. It keeps its data at a kill only where it is told to
/// (`--appendonly yes`).
pub struct Redis {
    // Dropped in this order: first the server, then its folder.
    process: Option<Process>,
    folder: Folder,
    binary: PathBuf,
    port: u16,
    arguments: Vec<String>,
    password: Option<String>,
    tls: bool,
}

impl Redis {
    /// Starts a server that everybody may use.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more arguments for `redis-server`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        Self::begin(arguments, None, false).await
    }

    /// A server that asks for a password: the one of [`Redis::url`].
    pub async fn start_secured(password: &str) -> Self {
        Self::begin(&[], Some(password.to_owned()), false).await
    }

    /// A server that asks for a password and speaks TLS alone, as [`Redis::certificate`].
    pub async fn start_with_tls(password: &str) -> Self {
        Self::begin(&[], Some(password.to_owned()), true).await
    }

    async fn begin(arguments: &[&str], password: Option<String>, tls: bool) -> Self {
        let mut redis = Self {
            process: None,
            folder: Folder::new(),
            binary: redis_server_binary().unwrap_or_else(|remedy| panic!("{remedy}")),
            port: 0,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            password,
            tls,
        };
        create_dir(redis.data_dir()).expect("a data dir");
        if tls {
            redis.make_certificate();
        }
        // Between finding a port free and taking it, somebody else may.
        let mut tries = 10;
        loop {
            redis.port = free_port();
            if redis.launch().await {
                return redis;
            }
            tries -= 1;
            assert!(tries > 0 && redis.said("Address already in use"), "{}", redis.last_words());
        }
    }

    /// The connection string, with the password it takes: `redis://…`, or `rediss://…` with TLS.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let who = self.password.as_ref().map_or(String::new(), |password| format!(":{password}@"));
        format!("{scheme}://{who}{}/", self.address())
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its certificate in PEM, signed by itself, for 127.0.0.1 and localhost.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    /// Where its data is, if it keeps any.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What it logs, all starts in one file.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        drop(self.process.take().expect("a running redis-server"));
    }

    /// Starts again on the same port, after [`Redis::kill`] or without; it answers when this returns.
    pub async fn restart(&mut self) {
        drop(self.process.take());
        assert!(self.launch().await, "{}", self.last_words());
    }

    /// Halts it: connections stay open, and nothing answers.
    pub fn halt(&self) {
        self.process().signal("STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.process().signal("CONT");
    }

    /// Whether it answers; `false` where it ends instead.
    async fn launch(&mut self) -> bool {
        let starts = self.times_ready();
        let process = Process::start(&self.binary, &self.arguments(), &self.log());
        self.process = Some(process);
        let deadline = Instant::now() + PATIENCE;
        while self.times_ready() == starts {
            if self.process.as_mut().is_none_or(Process::has_ended) {
                return false;
            }
            assert!(Instant::now() < deadline, "redis-server is neither ready nor ended");
            tokio::time::sleep(GLANCE).await;
        }
        true
    }

    fn arguments(&self) -> Vec<String> {
        let path = |path: &Path| path.to_str().expect("a readable path").to_owned();
        let (plain, tls) = if self.tls { (0, self.port) } else { (self.port, 0) };
        let mut arguments =
            format!("--bind 127.0.0.1 --save  --port {plain} --dir {}", path(&self.data_dir()))
                .split(' ')
                .map(str::to_owned)
                .collect::<Vec<_>>();
        if self.tls {
            let (certificate, key) = (path(&self.certificate()), path(&self.key()));
            let settings = format!(
                "--tls-port {tls} --tls-cert-file {certificate} --tls-key-file {key} \
                 --tls-auth-clients no"
            );
            arguments.extend(settings.split(' ').map(str::to_owned));
        }
        if let Some(password) = &self.password {
            arguments.extend(["--requirepass".to_owned(), password.clone()]);
        }
        arguments.extend_from_slice(&self.arguments);
        arguments
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    fn make_certificate(&self) {
        let made = Command::new("openssl")
            .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(' '))
            .args([
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
            ])
            // Without it, a certificate signed by itself is an authority, which no server may be.
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(self.key())
            .arg("-out")
            .arg(self.certificate())
            .stderr(Stdio::null())
            .status();
        assert!(made.is_ok_and(|ended| ended.success()), "openssl makes no certificate");
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a running redis-server")
    }

    fn times_ready(&self) -> usize {
        std::fs::read_to_string(self.log()).unwrap_or_default().matches(READY).count()
    }

    fn said(&self, text: &str) -> bool {
        self.last_words().contains(text)
    }

    /// The end of its log, for a failure.
    fn last_words(&self) -> String {
        crate::process::end_of(&[&self.log()])
    }
}
