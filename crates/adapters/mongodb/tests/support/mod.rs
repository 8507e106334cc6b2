//! Databases and servers that are gone after a test.
#![expect(dead_code, reason = "no test program uses all of it")]

use mongodb::{Client, bson::doc, options::ClientOptions};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A database that is dropped with this.
pub struct TestDatabase {
    /// Its connection string.
    pub uri: String,
}

impl TestDatabase {
    /// One that no other test uses.
    pub async fn fresh() -> Self {
        Self { uri: servers::mongodb().await }
    }

    /// Its options, read.
    pub async fn options(&self) -> ClientOptions {
        ClientOptions::parse(&self.uri).await.expect("a connection string")
    }

    /// The database by way of a client of its own.
    pub async fn connect(&self) -> mongodb::Database {
        connect(&self.uri).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let uri = self.uri.clone();
        // The runtime of the test is ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let dropping = async { connect(&uri).await.drop().await };
            runtime.expect("a runtime").block_on(dropping)
        });
        drop(dropped.join());
    }
}

async fn connect(uri: &str) -> mongodb::Database {
    let client = Client::with_uri_str(uri).await.expect("a connection string");
    client.default_database().expect("a database")
}

/// A server of a test's own.
pub struct Mongod {
    /// Where it listens.
    pub port: u16,
    process: Child,
    arguments: Vec<String>,
    data: tempfile::TempDir,
}

impl Mongod {
    /// Starts one with these arguments as well, and waits until it answers.
    pub async fn start(arguments: &[&str]) -> Self {
        let port = a_free_port();
        let data = tempfile::tempdir().expect("a directory");
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let process = spawn(port, data.path(), &arguments);
        let started = Self { port, process, arguments, data };
        let mut options =
            ClientOptions::parse(started.uri("directConnection=true")).await.expect("a string");
        options.server_selection_timeout = Some(Duration::from_secs(30));
        let client = Client::with_options(options).expect("options");
        client.database("admin").run_command(doc! { "hello": 1 }).await.expect("answers");
        started
    }

    /// Starts a replica set of one.
    pub async fn start_replica_set() -> Self {
        let started = Self::start(&["--replSet", "rs0"]).await;
        let member = format!("127.0.0.1:{}", started.port);
        let initiated =
            adapter_mongodb::initiate_replica_set(&started.uri(""), "rs0", Some(&member)).await;
        initiated.expect("initiates");
        started
    }

    /// How it is reached, with options.
    pub fn uri(&self, options: &str) -> String {
        format!("mongodb://127.0.0.1:{}/sotto?{options}", self.port)
    }

    /// Kills it in the middle of whatever it does, and starts it again on what is on its disk.
    pub fn kill_and_restart(&mut self) {
        self.process.kill().expect("is killed");
        self.process.wait().expect("ends");
        self.process = spawn(self.port, self.data.path(), &self.arguments);
    }

    /// Stops it where it is, its connections open, until it gets the signal `CONT`.
    pub async fn stand_still(&self) {
        self.signal("STOP");
        let status = format!("/proc/{}/status", self.process.id());
        while !std::fs::read_to_string(&status).expect("is there").contains("T (stopped)") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn spawn(port: u16, data: &Path, arguments: &[String]) -> Child {
    Command::new(binary())
        .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"])
        .args(["--port", &port.to_string()])
        .arg("--dbpath")
        .arg(data)
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .expect("mongod starts; TEST_MONGOD says where it is")
}

/// A port on which nothing listens.
pub fn a_free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn binary() -> PathBuf {
    std::env::var_os("TEST_MONGOD").map_or_else(|| PathBuf::from("mongod"), PathBuf::from)
}
