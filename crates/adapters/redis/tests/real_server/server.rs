//! A Redis server of a test's own, to kill, stop and start again.
use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub struct OwnServer {
    dir: TempDir,
    port: u16,
    arguments: Vec<String>,
    child: Child,
}

impl OwnServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A server with more arguments than where it is.
    pub fn with(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self::within(dir, arguments)
    }

    /// A server in a directory that holds something already.
    pub fn within(dir: TempDir, arguments: &[&str]) -> Self {
        let port = a_free_port();
        let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        let child = spawn(&dir, port, &arguments);
        Self { dir, port, arguments, child }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Ends it without a word; what it held is gone.
    pub fn kill(&mut self) {
        self.child.kill().expect("runs");
        self.child.wait().expect("ends");
    }

    pub fn start_again(&mut self) {
        self.child = spawn(&self.dir, self.port, &self.arguments);
    }

    /// Lets it hang, its connections open.
    pub fn stop(&self) {
        self.signal("-STOP");
    }

    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("runs").success());
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn a_free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.local_addr().expect("bound").port()
}

fn spawn(dir: &TempDir, port: u16, arguments: &[String]) -> Child {
    // With a TLS port of its own the plain one is off.
    let port_option = if arguments.iter().any(|a| a.starts_with("--tls")) {
        ["--port", "0", "--tls-port"].as_slice()
    } else {
        ["--port"].as_slice()
    };
    let child = Command::new("redis-server")
        .args(port_option)
        .arg(port.to_string())
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(arguments)
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed");
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "redis-server comes up");
        sleep(Duration::from_millis(20));
    }
    child
}
