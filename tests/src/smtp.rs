//! A real mail server, written in Python (`tests/smtp/server.py`), that keeps what it gets.
use crate::{PATIENCE, process::Process, run, server::free_port};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A mail server of this test's own; dies with the test process.
pub struct MailServer {
    folder: TempDir,
    port: u16,
    tls: Tls,
    login: Option<(String, String)>,
    process: Option<Process>,
}

/// How it encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    None,
    /// Asked to, before anything else.
    StartTls,
    /// From the first byte.
    Implicit,
}

impl MailServer {
    /// Chooses a port, and makes a certificate for localhost where one is needed; does not start.
    pub fn prepare(tls: Tls) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        if tls != Tls::None {
            let mut command = Command::new(repository().join("scripts/certificate"));
            command.arg(folder.path());
            let made = run(&command, "");
            assert!(made.success, "{}", made.errors);
        }
        Self { folder, port: free_port(), tls, login: None, process: None }
    }

    /// A running one without TLS, open to everybody.
    pub fn start_open() -> Self {
        let mut server = Self::prepare(Tls::None);
        server.start();
        server
    }

    /// From the next start it demands this user and password.
    pub fn demand(&mut self, user: &str, password: &str) {
        self.login = Some((user.to_owned(), password.to_owned()));
    }

    /// Starts, or starts again on the same port.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let python = repository().join("target/smtp/bin/python");
        assert!(python.exists(), "{} is missing: run scripts/setup", python.display());
        let mut command = Command::new(python);
        command.arg(repository().join("tests/smtp/server.py"));
        command.arg(self.port.to_string()).arg(self.folder.path());
        match self.tls {
            Tls::None => {}
            Tls::StartTls => _ = command.args(["--tls", "starttls"]),
            Tls::Implicit => _ = command.args(["--tls", "implicit"]),
        }
        command.arg("--certificate").arg(self.certificate());
        command.arg("--key").arg(self.folder.path().join("privkey.pem"));
        if let Some((user, password)) = &self.login {
            command.args(["--user", user, "--password", password]);
        }
        match Process::start(&command, "ready", Arc::new(Mutex::default())) {
            Ok(process) => self.process = Some(process),
            Err(said) => panic!("the mail server did not start: {said}"),
        }
    }

    /// Goes away without a word.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.signal("KILL");
        process.wait();
    }

    /// `localhost:port`.
    pub fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The certificate's file.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("fullchain.pem")
    }

    /// Has it misbehave from now on, as `tests/smtp/server.py` tells; empty: no longer.
    pub fn be(&self, mood: &str) {
        fs::write(self.folder.path().join("mood"), mood).expect("written");
    }

    /// The mails it took, oldest first.
    pub fn mails(&self) -> Vec<Value> {
        let lines = self.lines("mails");
        lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// How many mails were begun.
    pub fn tries(&self) -> usize {
        self.lines("tries").len()
    }

    /// Waits until it has taken so many mails.
    pub async fn wait_for_mails(&self, count: usize) -> Vec<Value> {
        self.wait_until("mails", count).await;
        self.mails()
    }

    /// Waits until so many mails were begun.
    pub async fn wait_for_tries(&self, count: usize) {
        self.wait_until("tries", count).await;
    }

    async fn wait_until(&self, file: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.lines(file).len() < count {
            assert!(Instant::now() < deadline, "{:?}", self.lines(file));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Those that are written to their end.
    fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join(file)).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        whole.lines().map(str::to_owned).collect()
    }
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
