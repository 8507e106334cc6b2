//! A Redis server of a test's own, to kill, stop and start again.
pub use servers::free_port as a_free_port;
use servers::{Folder, Process, redis_server_binary};
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread::sleep,
    time::{Duration, Instant},
};

pub struct OwnServer {
    port: u16,
    arguments: Vec<String>,
    // Dropped in this order: first the server, then its folder.
    process: Option<Process>,
    folder: Folder,
}

impl OwnServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A server with more arguments than where it is.
    pub fn with(arguments: &[&str]) -> Self {
        Self::within(Folder::new(), arguments)
    }

    /// A server in a folder that holds something already.
    pub fn within(folder: Folder, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&a| a.to_owned()).collect();
        let mut server = Self { port: a_free_port(), arguments, process: None, folder };
        server.start_again();
        server
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Ends it without a word; what it held is gone.
    pub fn kill(&mut self) {
        drop(self.process.take().expect("a running server"));
    }

    pub fn start_again(&mut self) {
        let binary = redis_server_binary().unwrap_or_else(|remedy| panic!("{remedy}"));
        let output = self.folder.join("output");
        self.process = Some(Process::start(&binary, &self.all_arguments(), &output));
        let began = Instant::now();
        while !self.answers() {
            assert!(began.elapsed() < Duration::from_secs(20), "redis-server comes up");
            sleep(Duration::from_millis(20));
        }
    }

    /// Whether it says anything at all: it listens before it is ready to, and on a busy machine
    /// long before. (One that speaks TLS would want to be greeted properly.)
    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<usize> {
            let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
            if self.arguments.iter().any(|argument| argument.starts_with("--tls")) {
                return Ok(0);
            }
            connection.set_read_timeout(Some(Duration::from_secs(1)))?;
            connection.write_all(b"PING\r\n")?;
            connection.read(&mut [0; 64])
        };
        ask().is_ok()
    }

    /// Lets it hang, its connections open.
    pub fn stop(&self) {
        self.signal("STOP");
    }

    pub fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        self.process.as_ref().expect("a running server").signal(signal);
    }

    fn all_arguments(&self) -> Vec<String> {
        let folder = self.folder.path().to_str().expect("a readable path");
        // With a TLS port of its own the plain one is off.
        let port_option = if self.arguments.iter().any(|a| a.starts_with("--tls")) {
            ["--port", "0", "--tls-port"].as_slice()
        } else {
            ["--port"].as_slice()
        };
        let port = self.port.to_string();
        let where_it_is = ["--dir", folder].into_iter().chain(port_option.iter().copied());
        where_it_is
            .chain([port.as_str(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .chain(self.arguments.iter().map(String::as_str))
            .map(str::to_owned)
            .collect()
    }
}
