//! A server as a child process, in a folder of its own.
use crate::{GLANCE, PATIENCE, guard::Guard};
use std::{
    fs::File,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};
use tempfile::TempDir;

/// A temporary folder that goes with the test program.
pub struct Folder {
    folder: TempDir,
    _guard: Guard,
}

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sotto-test-").tempdir().expect("a folder");
        let path = folder.path().to_str().expect("a readable path").to_owned();
        // A server that is just being killed may still write here.
        let clean_up = r#"for try in 1 2 3 4 5 6 7 8 9; do rm -rf "$1" && break; sleep 0.2; done"#;
        Self { folder, _guard: Guard::new(clean_up, &[&path]) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of something in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

/// A server that listens on one port of 127.0.0.1. It is killed when this is dropped, and when the
/// test program is gone.
pub struct Process {
    child: Child,
    guard: Option<Guard>,
}

impl Process {
    /// Starts it; what it prints goes to `output`.
    pub fn start(program: &Path, arguments: &[String], output: &Path) -> Self {
        let output = File::options().create(true).append(true).open(output).expect("a log");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a log"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let guard = Guard::new(r#"kill -9 "$1""#, &[&child.id().to_string()]);
        Self { child, guard: Some(guard) }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Waits until `port` is listened on. Answers `false` where the process ends before.
    pub async fn listens(&mut self, port: u16) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if self.has_ended() {
                return false;
            }
            assert!(Instant::now() < deadline, "the server neither listens nor ends");
            tokio::time::sleep(GLANCE).await;
        }
        true
    }

    /// Sends a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill starts");
        assert!(sent.success(), "the server is gone already");
    }
}

impl Drop for Process {
    /// Killed, and its guard ends while the process id still can't be anybody else's.
    fn drop(&mut self) {
        let _ = self.child.kill();
        drop(self.guard.take());
        let _ = self.child.wait();
    }
}

/// The last lines of some files, those that are there.
pub fn end_of(files: &[&Path]) -> String {
    let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let ends = texts.map(|text| {
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    });
    ends.collect::<Vec<_>>().join("\n")
}
