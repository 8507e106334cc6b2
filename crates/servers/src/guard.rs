//! What ends with the test program, however that ends.
//!
//! Statics are never dropped, and a killed program drops nothing at all. But the system closes its
//! pipes: a shell that reads one learns of the end and puts away what was started.
use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

/// Runs a clean-up when it is dropped, and when this process is gone.
pub struct Guard(Child);

impl Guard {
    /// `clean_up` is for `sh`, with `arguments` as `$1` and so on. It may find its work done already.
    pub fn new(clean_up: &str, arguments: &[&str]) -> Self {
        let shell = Command::new("sh")
            .args(["-c", &format!("cat >/dev/null; {clean_up}"), "guard"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the test program; this one has to stay a moment longer.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        Self(shell)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
