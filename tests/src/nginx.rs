//! The real nginx in front of a server, with the configuration that is shipped.
use crate::{Answer, Entrance, PATIENCE, process::Process, random, run};
use reqwest::{
    Certificate, Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode, Upgraded,
    header, redirect::Policy,
};
use serde_json::Value;
use std::{
    fs,
    net::{IpAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};
use tempfile::TempDir;
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

/// Says when nginx listens, then becomes nginx: its process id is ours, and is killed with us.
const ANNOUNCED: &str = r#"
pid_file=$1
shift
(until [ -s "$pid_file" ] || ! kill -0 $$ 2>/dev/null; do sleep 0.02; done; echo ready) &
exec "$@"
"#;

/// nginx on ports of its own, with a certificate of its own; dies with the test process.
pub struct Nginx {
    folder: TempDir,
    http: u16,
    https: u16,
    process: Option<Process>,
    output: Arc<Mutex<Vec<u8>>>,
}

/// A socket through nginx, over TLS.
pub type SecureSocket = WebSocketStream<Upgraded>;

impl Nginx {
    /// Chooses ports and makes a certificate. Whoever stands behind has to know the address before
    /// nginx can start in front of it.
    pub fn prepare() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = repository().join("scripts/certificate");
        let mut command = Command::new(script);
        command.arg(folder.path().join("certs")).env("PATH", path());
        let made = run(&command, "");
        assert!(made.success, "{}", made.errors);
        let (http, https) = (free_port(), free_port());
        Self { folder, http, https, process: None, output: Arc::default() }
    }

    /// Starts in front of what listens on an address.
    pub fn start(&mut self, upstream: &str) {
        self.start_before(&[upstream]);
    }

    /// Starts in front of several instances.
    pub fn start_before(&mut self, upstreams: &[&str]) {
        let folder = self.folder.path();
        fs::copy(repository().join("nginx/nginx.conf"), folder.join("nginx.conf"))
            .expect("the shipped configuration");
        let place = folder.join("place");
        fs::create_dir_all(&place).expect("a folder");
        // Who is not root can't write where nginx would by itself.
        let own = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};\n", self.buffers().join(name).display()))
            .concat();
        fs::create_dir_all(self.buffers()).expect("a folder");
        let log = format!("access_log {} sotto;\n", self.access_log().display());
        // The kernel holds little of what a client does not read, so that nginx has to.
        for (name, listen) in [
            ("http.conf", format!("listen 127.0.0.1:{};\n", self.http)),
            ("https.conf", format!("listen 127.0.0.1:{} ssl http2 sndbuf=16k;\n", self.https)),
        ] {
            fs::write(place.join(name), format!("{listen}{log}{own}")).expect("written");
        }
        let root = format!("root {};\n", self.files().display());
        fs::write(place.join("files.conf"), root).expect("written");
        let shipped = fs::read_to_string(repository().join("nginx/place/instances.conf"));
        let shipped = shipped.expect("the shipped instances");
        let server = shipped.lines().find(|line| line.starts_with("server ")).expect("an instance");
        let instances: String =
            upstreams.iter().map(|upstream| server.replace("127.0.0.1:8000", upstream)).collect();
        fs::write(place.join("instances.conf"), instances).expect("written");

        self.launch();
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("a running nginx");
        process.signal("KILL");
        process.wait();
    }

    /// Starts again as it was started before, after it was killed.
    pub fn restart(&mut self) {
        fs::create_dir_all(self.buffers()).expect("a folder");
        // What a killed one leaves behind.
        fs::remove_file(self.folder.path().join("nginx.pid")).expect("its process id");
        self.launch();
    }

    /// Where people come in.
    pub fn entrance(&self) -> Entrance {
        Entrance::trusting(self.origin(), &fs::read(self.certificate()).expect("a certificate"))
    }

    fn launch(&mut self) {
        let folder = self.folder.path();
        let pid_file = folder.join("nginx.pid");
        let mut command = Command::new("sh");
        command.args(["-c", ANNOUNCED, "announced"]).arg(&pid_file);
        command.arg("nginx").arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
        // One process, which dies at once when it is killed.
        let globals = format!("daemon off; master_process off; pid {};", pid_file.display());
        command.args(["-e", "stderr", "-g", &globals]).env("PATH", path());
        match Process::start(&command, "ready", self.output.clone()) {
            Ok(process) => self.process = Some(process),
            Err(said) => panic!("nginx did not start (scripts/setup installs it): {said}"),
        }
        // Where a message waited in a file it would lie there in clear. Without the folders for
        // such files, whatever wants one fails.
        fs::remove_dir_all(self.buffers()).expect("removed");
    }

    /// Where the files lie that it sends by itself, in `static` and `media`.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    fn buffers(&self) -> PathBuf {
        self.folder.path().join("buffers")
    }

    fn access_log(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    /// What people come by.
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.https)
    }

    /// Where plain http is answered.
    pub fn http_address(&self) -> String {
        format!("127.0.0.1:{}", self.http)
    }

    /// Where TLS is spoken.
    pub fn https_address(&self) -> String {
        format!("127.0.0.1:{}", self.https)
    }

    /// The certificate's file.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certs/fullchain.pem")
    }

    /// All it has logged.
    pub fn logs(&self) -> String {
        let mut logs = fs::read_to_string(self.access_log()).expect("a log");
        let errors = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        logs.push_str(&String::from_utf8_lossy(&errors));
        logs
    }

    /// What a client that trusts the certificate begins with.
    pub fn client(&self) -> ClientBuilder {
        let pem = fs::read(self.certificate()).expect("a certificate");
        Client::builder()
            .add_root_certificate(Certificate::from_pem(&pem).expect("a certificate"))
            .cookie_store(true)
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .no_proxy()
    }

    /// Somebody's browser.
    pub fn visitor(&self) -> Visitor {
        self.visitor_with(self.client())
    }

    /// Somebody who comes from another address of this machine.
    pub fn visitor_from(&self, address: [u8; 4]) -> Visitor {
        self.visitor_with(self.client().local_address(IpAddr::from(address)))
    }

    /// Somebody whose client has been told more.
    pub fn visitor_with(&self, client: ClientBuilder) -> Visitor {
        Visitor::at(&self.origin(), client)
    }
}

/// Somebody who comes through nginx.
#[derive(Clone)]
pub struct Visitor {
    origin: String,
    client: Client,
}

impl Visitor {
    /// Somebody whose client knows the way to an origin.
    pub fn at(origin: &str, client: ClientBuilder) -> Self {
        Self { origin: origin.to_owned(), client: client.build().expect("a client") }
    }

    /// A request to add to.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin))
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `GET`, where nobody may answer.
    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        let answer = self.request(Method::GET, path).send().await.ok()?;
        Some(Answer::read(answer).await)
    }

    /// `POST` with JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// Sends a request that was added to.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// Asks for a socket, as a page of an origin would. The client must speak HTTP/1.1.
    pub async fn ask_for_socket(&self, path: &str, origin: &str) -> Response {
        self.request(Method::GET, path)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
            .header(header::ORIGIN, origin)
            .send()
            .await
            .expect("an answer")
    }

    /// A socket from our own origin.
    pub async fn socket(&self, path: &str) -> SecureSocket {
        self.try_socket(path).await.expect("a socket")
    }

    /// A socket from our own origin, or the status of whoever has none to give.
    pub async fn try_socket(&self, path: &str) -> Result<SecureSocket, StatusCode> {
        let answer = self.ask_for_socket(path, &self.origin).await;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(answer.status());
        }
        let stream = answer.upgrade().await.expect("an upgrade");
        Ok(WebSocketStream::from_raw_socket(stream, Role::Client, None).await)
    }
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Where programs are; nginx is where only administrators look.
fn path() -> String {
    format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Below the ports that the system gives to outgoing connections.
fn free_port() -> u16 {
    loop {
        let port = 10_000 + u16::try_from(random() % 22_000).expect("small");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
