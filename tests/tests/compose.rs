//! A journey through what docker-compose.yml brings up. `scripts/compose-journey` does so, and
//! says where by the environment.
use futures_util::{SinkExt, StreamExt};
use journeys::{
    PASSWORD, PATIENCE, client_id,
    nginx::{SecureSocket, Visitor},
    send_frame, unique,
};
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use std::{env, fs, net::SocketAddr, path::PathBuf, process::Command, time::Instant};
use tokio::time::{Duration, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

/// What was brought up.
struct Stack {
    folder: PathBuf,
    compose: Vec<String>,
    address: SocketAddr,
}

impl Stack {
    fn from_environment() -> Self {
        let given = |name| env::var(name).expect("scripts/compose-journey sets it");
        let address = format!("{}:443", given("PUBLISH"));
        Self {
            folder: given("COMPOSE_JOURNEY").into(),
            compose: given("COMPOSE_COMMAND").split(' ').map(str::to_owned).collect(),
            address: address.parse().expect("an address"),
        }
    }

    /// Somebody's browser, which speaks HTTP/1.1 as browsers do for sockets.
    fn visitor(&self) -> Visitor {
        let pem = fs::read(self.folder.join("nginx/certs/fullchain.pem")).expect("a certificate");
        let client = Client::builder()
            .add_root_certificate(Certificate::from_pem(&pem).expect("a certificate"))
            .resolve("localhost", self.address)
            .cookie_store(true)
            .http1_only()
            .timeout(PATIENCE)
            .no_proxy();
        Visitor::at("https://localhost", client)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let ran = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .output()
            .expect("it starts");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    /// The containers of a service.
    fn containers(&self, service: &str) -> Vec<String> {
        let (program, rest) = self.compose.split_first().expect("a command");
        let mut arguments: Vec<&str> = rest.iter().map(String::as_str).collect();
        arguments.extend(["ps", "--quiet", service]);
        self.run(program, &arguments).split_whitespace().map(str::to_owned).collect()
    }

    /// Waits until it is answered all the way through.
    async fn until_healthy(&self) {
        let visitor = self.visitor();
        let deadline = Instant::now() + 2 * PATIENCE;
        while visitor.try_get("/health/").await.is_none_or(|answer| answer.status != 200) {
            assert!(Instant::now() < deadline, "nobody answers");
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// The code that was mailed to an address.
    async fn code_for(&self, email: &str) -> String {
        let visitor = self.visitor();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mails = visitor.get("/mail/api/v1/messages").await.must(200);
            let mails = mails["messages"].as_array().expect("a list").iter();
            let code = mails
                .filter(|mail| mail["To"][0]["Address"] == email)
                .filter_map(|mail| mail["Subject"].as_str()?.strip_suffix(" is your Sotto code"))
                .map(str::to_owned)
                .next();
            if let Some(code) = code {
                return code;
            }
            assert!(Instant::now() < deadline, "no code was mailed to {email}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn sign_up(&self, name: &str) -> (String, Visitor) {
        let (username, visitor) = (unique(name), self.visitor());
        let email = format!("{username}@example.com");
        let form = json!({"username": username, "email": email, "password": PASSWORD});
        visitor.post("/api/register", form).await.must(202);
        let code = self.code_for(&email).await;
        visitor.post("/api/verify-otp", json!({"email": email, "code": code})).await.must(200);
        (username, visitor)
    }
}

/// Somebody's conversation over a socket, as their page has it: a socket that ends is opened again,
/// and what was not acknowledged is sent again.
struct Talk {
    visitor: Visitor,
    socket: SecureSocket,
    room: String,
    reconnected: usize,
}

impl Talk {
    async fn open(visitor: &Visitor, room: &str) -> Self {
        let socket = visitor.socket("/ws/chat/").await;
        Self { visitor: visitor.clone(), socket, room: room.to_owned(), reconnected: 0 }
    }

    /// The next frame, or nothing when the socket has ended.
    async fn heard(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a sign of life in time") {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Sends a message until it is acknowledged.
    async fn say(&mut self, body: &str) {
        let id = client_id();
        let frame = send_frame(&self.room, &id, body).to_string();
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "{body} is never acknowledged");
            let _ = self.socket.send(Message::text(frame.clone())).await;
            loop {
                match self.heard().await {
                    Some(frame)
                        if frame["client_id"] == json!(id) && frame["type"] == "message" =>
                    {
                        return;
                    }
                    Some(frame) if frame["client_id"] == json!(id) => {
                        assert_eq!(frame["code"], "unavailable", "{frame}");
                        sleep(Duration::from_millis(200)).await;
                        break;
                    }
                    Some(_) => {}
                    None => {
                        self.reconnect().await;
                        break;
                    }
                }
            }
        }
    }

    /// Asks again while nginx says that nobody is there: it does so to whom it sent to an instance
    /// that had just vanished, when Docker's name server told it so meanwhile.
    async fn reconnect(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        self.socket = loop {
            match self.visitor.try_socket("/ws/chat/").await {
                Ok(socket) => break socket,
                Err(status) => assert_eq!(status, 503),
            }
            assert!(Instant::now() < deadline, "there is no socket any more");
            sleep(Duration::from_millis(500)).await;
        };
        self.reconnected += 1;
    }

    /// Waits for somebody else's message.
    async fn hear(&mut self, body: &str) {
        loop {
            match self.heard().await {
                Some(frame) if frame["type"] == "message" && frame["body"] == body => return,
                Some(_) => {}
                None => panic!("the socket ended before {body} came"),
            }
        }
    }

    async fn history(&self) -> Vec<(u64, String)> {
        let path = format!("/api/rooms/{}/messages?limit=200", self.room);
        let page = self.visitor.get(&path).await.must(200);
        let messages = page["messages"].as_array().expect("a list").iter();
        messages
            .map(|message| {
                let body = message["body"].as_str().expect("a text").to_owned();
                (message["seq"].as_u64().expect("a number"), body)
            })
            .collect()
    }
}

#[tokio::test]
#[ignore = "needs what scripts/compose-journey brings up"]
async fn two_people_go_on_talking_when_an_instance_is_killed() {
    let stack = Stack::from_environment();
    stack.until_healthy().await;
    let instances = stack.containers("web");
    assert_eq!(instances.len(), 2);

    let ((_, ann), (bob_name, bob)) = (stack.sign_up("ann").await, stack.sign_up("bob").await);
    let room = ann.post("/api/rooms", json!({"username": bob_name})).await.must(201);
    let room = room["id"].as_str().expect("an id");
    // The first goes to one instance and the second to the other: where the fewest sockets are.
    let mut hers = Talk::open(&ann, room).await;
    let mut his = Talk::open(&bob, room).await;
    let mut said = Vec::new();
    for n in 0..5 {
        let (one, other) = (format!("ann {n}"), format!("bob {n}"));
        hers.say(&one).await;
        his.hear(&one).await;
        his.say(&other).await;
        hers.hear(&other).await;
        said.extend([one, other]);
    }

    stack.run("docker", &["kill", &instances[0]]);
    for n in 5..15 {
        let (one, other) = (format!("ann {n}"), format!("bob {n}"));
        hers.say(&one).await;
        his.say(&other).await;
        said.extend([one, other]);
    }
    assert_eq!(hers.reconnected + his.reconnected, 1, "each was on an instance of their own");
    // Both are on the same one now, and hear each other live again.
    hers.say("still there?").await;
    his.hear("still there?").await;
    said.push("still there?".to_owned());

    let numbered: Vec<_> = (1..).zip(said).collect();
    for talk in [&hers, &his] {
        assert_eq!(talk.history().await, numbered, "complete, once each and in order");
    }
}
