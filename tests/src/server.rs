//! A running server.
use crate::{PATIENCE, browser::Browser, process::Process, program, random, run, store};
use reqwest::Method;
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const READY: &str = "Sotto is ready.";

/// A server of this test's own, on a data dir that vanishes, or on what `TEST_STORE` names.
pub struct Server {
    folder: TempDir,
    port: u16,
    settings: Vec<(String, String)>,
    /// Runs in front of the program, with the program behind it.
    wrapper: Vec<String>,
    process: Option<Process>,
    output: Arc<Mutex<Vec<u8>>>,
}

/// A mail in the development mailbox.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Its subject.
    pub subject: String,
    /// Its plain-text part.
    pub text: String,
}

impl Server {
    /// Starts a server as people run it.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with rate limits lifted, for a test that asks for more than people do.
    pub fn start_unlimited() -> Self {
        Self::start_with(&[("SOTTO_RATE_LIMITS", "off")])
    }

    /// Starts a server on the embedded store whatever is asked for, for a test that meddles with
    /// its files.
    pub fn start_embedded() -> Self {
        Self::start_with(&[("SOTTO_MONGODB_URI", "")])
    }

    /// Starts a server with more settings. `{port}` in a value stands for its port.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_within(&[], settings)
    }

    /// The same inside another command, which gets the folder as its first argument.
    pub fn start_within(wrapper: &[&str], settings: &[(&str, &str)]) -> Self {
        let own = |text: &&str| (*text).to_owned();
        let elsewhere = settings.iter().any(|(name, _)| *name == "SOTTO_MONGODB_URI");
        let store = if elsewhere { Vec::new() } else { store::settings() };
        let given = settings.iter().map(|(name, value)| (own(name), own(value)));
        let mut server = Self {
            folder: tempfile::tempdir().expect("a folder"),
            port: 0,
            // What a test gives comes last, and so wins.
            settings: store.into_iter().chain(given).collect(),
            wrapper: wrapper.iter().map(own).collect(),
            process: None,
            output: Arc::default(),
        };
        std::fs::create_dir(server.temp_dir()).expect("a folder for temporary files");
        // Between finding a port free and taking it, somebody else may.
        for _ in 0..10 {
            server.port = free_port();
            match server.try_restart() {
                Ok(()) => return server,
                Err(said) if said.contains("can't be listened on") => {}
                Err(said) => panic!("the server did not start: {said}"),
            }
        }
        panic!("no free port");
    }

    /// `http://127.0.0.1:port`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address())
    }

    /// What it is told that people come by.
    pub fn public_url(&self) -> String {
        let set = self.settings.iter().rfind(|(name, _)| name == "SOTTO_PUBLIC_URL");
        set.map_or_else(|| self.origin(), |(_, url)| url.clone())
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Holds everything the server may write.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where its data is.
    pub fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    fn temp_dir(&self) -> PathBuf {
        self.folder().join("tmp")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("a running server").pid()
    }

    /// All it has printed and logged.
    pub fn output(&self) -> Vec<u8> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All it has printed and logged, once some words are among it: what is logged is written a
    /// moment after the answer.
    pub async fn wait_for_log(&self, words: &str) -> String {
        self.wait_for_log_after(0, words).await
    }

    /// The same of what came after so many bytes.
    pub async fn wait_for_log_after(&self, before: usize, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = String::from_utf8_lossy(&self.output()[before..]).into_owned();
            if log.contains(words) {
                return log;
            }
            assert!(Instant::now() < deadline, "{words:?} is not logged: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The program with this server's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.wrapper.split_first() {
            None => Command::new(program()),
            Some((wrapper, rest)) => {
                let mut command = Command::new(wrapper);
                command.args(rest).arg(self.folder()).arg(program());
                command
            }
        };
        command.args(arguments);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TMPDIR", self.temp_dir());
        command.env("SOTTO_LISTEN", self.address());
        command.env("SOTTO_PUBLIC_URL", self.origin());
        command.env("SOTTO_DATA_DIR", self.data_dir());
        for (name, value) in &self.settings {
            command.env(name, value.replace("{port}", &self.port.to_string()));
        }
        command
    }

    /// Makes an account by the command, beside the running server.
    pub fn create_user(&self, username: &str, email: &str, password: &str) {
        let arguments = ["user", "create", "--username", username, "--email", email];
        let command = self.command(&[&arguments[..], &["--verified", "--password-stdin"]].concat());
        let ended = run(&command, &format!("{password}\nnot this line"));
        assert!(ended.success, "{}", ended.errors);
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("a running server");
        process.signal("KILL");
        process.wait();
    }

    /// Asks it to stop (SIGTERM).
    pub fn ask_to_stop(&self) {
        self.process.as_ref().expect("a running server").signal("TERM");
    }

    /// Waits until it has stopped.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.take().expect("a running server").wait()
    }

    /// Starts again on the same data dir, after it has ended.
    pub fn restart(&mut self) {
        if let Err(said) = self.try_restart() {
            panic!("the server did not start: {said}");
        }
    }

    /// The same, or what it says instead of starting.
    pub fn try_restart(&mut self) -> Result<(), String> {
        assert!(self.process.is_none(), "it still runs");
        let started = Process::start(&self.command(&["serve"]), READY, self.output.clone())?;
        self.process = Some(started);
        Ok(())
    }

    /// Sets or changes a setting for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(set, _)| set != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// The mails to an address, newest first.
    pub async fn mails_to(&self, email: &str) -> Vec<Mail> {
        let browser = Browser::new(self);
        let mails = browser.ask(Method::GET, "/dev/mailbox.json").await.must(200);
        let mails = mails.as_array().expect("a list").iter();
        mails
            .filter(|mail| mail["to"] == email)
            .map(|mail| Mail {
                subject: mail["subject"].as_str().expect("a subject").to_owned(),
                text: mail["text"].as_str().expect("a text").to_owned(),
            })
            .collect()
    }

    /// The newest code mailed to an address.
    pub async fn code_for(&self, email: &str) -> String {
        let mails = self.mails_to(email).await;
        let codes =
            mails.iter().filter_map(|mail| mail.subject.strip_suffix(" is your Sotto code"));
        codes.map(str::to_owned).next().unwrap_or_else(|| panic!("no code was mailed to {email}"))
    }
}

/// A port below those that the system gives to outgoing connections, so that it is still free when
/// a server comes back to it.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = 10_000 + u16::try_from(random() % 22_000).expect("small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
