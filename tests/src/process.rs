//! Child processes that end with the test, whatever happens to it.
use crate::PATIENCE;
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    time::Instant,
};

/// Runs the program beside a guard that kills it as soon as this process is gone: then the pipe on
/// descriptor 3 closes. First prints the program's process id. Nothing but a closing pipe tells of
/// a parent that was killed, and statics are never dropped.
const GUARDED: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
echo "$program"
(cat <&3 >/dev/null; kill -9 "$program") >/dev/null 2>&1 &
guard=$!
exec 3<&-
wait "$program"
status=$?
kill "$guard" 2>/dev/null
exit "$status"
"#;

/// A server process.
pub struct Process {
    shell: Child,
    pid: u32,
    output: Arc<Mutex<Vec<u8>>>,
}

impl Process {
    /// Starts a command and waits for a line on its standard output; where it ends before, says
    /// what it said. Everything it prints is kept in `output`.
    pub fn start(
        command: &Command,
        ready: &str,
        output: Arc<Mutex<Vec<u8>>>,
    ) -> Result<Self, String> {
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARDED, "guarded"]).arg(command.get_program()).args(command.get_args());
        shell.env_clear();
        for (name, value) in command.get_envs() {
            shell.env(name, value.expect("a value"));
        }
        let mut shell = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let began = output.lock().unwrap_or_else(PoisonError::into_inner).len();
        let errors = shell.stderr.take().expect("piped");
        let errors_kept = keep(errors, output.clone());
        let lines = keep(shell.stdout.take().expect("piped"), output.clone());
        let pid = lines.recv_timeout(PATIENCE).expect("the process id");
        let process = Self { shell, pid: pid.trim().parse().expect("a number"), output };
        let deadline = Instant::now() + PATIENCE;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.trim_end() == ready => return Ok(process),
                Ok(_) => {}
                Err(_) => {
                    assert!(Instant::now() < deadline, "neither ready nor ended in time");
                    // Standard output is at its end; so will be the errors.
                    while errors_kept.recv_timeout(PATIENCE).is_ok() {}
                    let said = process.output.lock().unwrap_or_else(PoisonError::into_inner);
                    return Err(String::from_utf8_lossy(&said[began..]).into_owned());
                }
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args(["-s", signal, &self.pid.to_string()])
            .status()
            .expect("kill starts");
        assert!(sent.success(), "the process is gone already");
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.shell.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard does the rest.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Collects what a pipe says, and hands on its lines.
fn keep(pipe: impl Read + Send + 'static, output: Arc<Mutex<Vec<u8>>>) -> Receiver<String> {
    let (lines, received) = channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut line), Ok(1..)) {
            output.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&line);
            let _ = lines.send(String::from_utf8_lossy(&line).into_owned());
            line.clear();
        }
    });
    received
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether it says it went well.
    pub success: bool,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

/// Runs a command to its end, with `input` on its standard input; one that does not end is killed.
pub fn run(command: &Command, input: &str) -> Ended {
    let mut bounded = Command::new("timeout");
    bounded.args(["--signal=KILL", "30"]).arg(command.get_program()).args(command.get_args());
    bounded.env_clear();
    bounded.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    for (name, value) in command.get_envs() {
        bounded.env(name, value.expect("a value"));
    }
    let mut child = bounded
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("timeout starts");
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("a child");
    Ended {
        success: output.status.success(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
