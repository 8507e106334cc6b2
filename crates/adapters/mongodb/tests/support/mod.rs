//! Databases and servers that are gone after a test.
#![expect(dead_code, reason = "no test program uses all of it")]

use mongodb::{Client, bson::doc, options::ClientOptions};
pub use servers::free_port as a_free_port;
use servers::{Folder, Process};
use std::time::Duration;

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

/// A server of a test's own, in a set only if a test wants that.
pub struct Mongod {
    /// Where it listens.
    pub port: u16,
    arguments: Vec<String>,
    // Dropped in this order: first the server, then its folder.
    process: Option<Process>,
    data: Folder,
}

impl Mongod {
    /// Starts one with these arguments as well, and waits until it answers.
    pub async fn start(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut started =
            Self { port: a_free_port(), arguments, process: None, data: Folder::new() };
        started.spawn();
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
        drop(self.process.take());
        self.spawn();
    }

    /// Stops it where it is, its connections open, until it gets the signal `CONT`.
    pub async fn stand_still(&self) {
        self.signal("STOP");
        let status = format!("/proc/{}/status", self.process().pid());
        while !std::fs::read_to_string(&status).expect("is there").contains("T (stopped)") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        self.process().signal(name);
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("a running mongod")
    }

    fn spawn(&mut self) {
        let binary = servers::mongod_binary().unwrap_or_else(|remedy| panic!("{remedy}"));
        let path = self.data.path().to_str().expect("a readable path");
        let port = self.port.to_string();
        let mut arguments: Vec<_> = ["--bind_ip", "127.0.0.1", "--nounixsocket", "--port", &port]
            .into_iter()
            .chain(["--wiredTigerCacheSizeGB", "0.25", "--dbpath", path])
            .map(str::to_owned)
            .collect();
        arguments.extend_from_slice(&self.arguments);
        self.process = Some(Process::start(&binary, &arguments, &self.data.join("output")));
    }
}
