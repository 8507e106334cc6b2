//! People with accounts.
use crate::{Answer, Browser, Entrance, Server, Socket, client_id, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::ops::Deref;

/// Everybody's password; nothing depends on its being secret.
pub const PASSWORD: &str = "correct horse battery staple";

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their username.
    pub username: String,
    /// Their address.
    pub email: String,
    browser: Browser,
}

impl Deref for Person {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Person {
    /// Signs up as people do, with the mailed code. The username begins with `name`.
    pub async fn sign_up(server: &Server, name: &str) -> Self {
        let username = unique(name);
        let email = format!("{username}@example.com");
        let browser = Browser::new(server);
        let form = json!({"username": username, "email": email, "password": PASSWORD});
        browser.post("/api/register", form).await.must(202);
        let code = server.code_for(&email).await;
        let me = browser.post("/api/verify-otp", json!({"email": email, "code": code})).await;
        Self::of(&me.must(200), browser)
    }

    /// Gets an account from the operator and signs in.
    pub async fn created(server: &Server, name: &str) -> Self {
        Self::created_at(server, &Entrance::from(server), name).await
    }

    /// The same, and comes in by another door than the server's own.
    pub async fn created_at(server: &Server, entrance: &Entrance, name: &str) -> Self {
        let username = unique(name);
        server.create_user(&username, &format!("{username}@example.com"), PASSWORD);
        Self::sign_in(entrance, &username).await
    }

    /// Signs in with a new browser.
    pub async fn sign_in(entrance: impl Into<Entrance>, username: &str) -> Self {
        let browser = Browser::new(entrance);
        let form = json!({"login": username, "password": PASSWORD});
        let me = browser.post("/api/login", form).await.must(200);
        Self::of(&me, browser)
    }

    /// The same person with the same cookies at another door of the same house.
    #[must_use]
    pub fn at(&self, entrance: impl Into<Entrance>) -> Self {
        Self { browser: self.browser.at(entrance), ..self.clone() }
    }

    fn of(me: &Value, browser: Browser) -> Self {
        let text = |field: &str| me[field].as_str().expect("a text").to_owned();
        Self { id: text("id"), username: text("username"), email: text("email"), browser }
    }

    /// Two people who talk, and their room.
    pub async fn pair(server: &Server) -> (Self, Self, String) {
        let (ann, bob) = (Self::created(server, "ann").await, Self::created(server, "bob").await);
        let room = ann.open_room_with(&bob).await;
        (ann, bob, room)
    }

    /// The room with another person, who accepts it.
    pub async fn open_room_with(&self, other: &Self) -> String {
        let room = self.room_with(other).await;
        other.accept(&room).await;
        room
    }

    /// Accepts a request.
    pub async fn accept(&self, room: &str) -> Value {
        self.ask(Method::POST, &format!("/api/rooms/{room}/accept")).await.must(200)
    }

    /// The room with another person.
    pub async fn room_with(&self, other: &Self) -> String {
        let answer = self.post("/api/rooms", json!({"username": other.username})).await;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Sends a message under a name of its own.
    pub async fn say(&self, room: &str, body: &str) -> Value {
        self.try_say(room, &client_id(), body).await.must(201)
    }

    /// Sends a message, whatever comes of it.
    pub async fn try_say(&self, room: &str, client_id: &str, body: &str) -> Answer {
        let message = json!({"client_id": client_id, "body": body});
        self.post(&format!("/api/rooms/{room}/messages"), message).await
    }

    /// The room as this person sees it.
    pub async fn room(&self, room: &str) -> Value {
        self.get(&format!("/api/rooms/{room}")).await.must(200)
    }

    /// The whole history of a room, page by page.
    pub async fn history(&self, room: &str) -> Vec<Value> {
        let mut history: Vec<Value> = Vec::new();
        loop {
            let after = history.last().map_or(0, |message| message["seq"].as_u64().expect("a seq"));
            let path = format!("/api/rooms/{room}/messages?after={after}&limit=200");
            let page = self.get(&path).await.must(200);
            history.extend(page["messages"].as_array().expect("a list").iter().cloned());
            if page["has_more"] == false {
                return history;
            }
        }
    }

    /// Everything that changed after a position, and the new position.
    pub async fn changes(&self, room: &str, after: u64) -> (Vec<Value>, u64) {
        let (mut changes, mut position) = (Vec::new(), after);
        loop {
            let path = format!("/api/rooms/{room}/changes?after={position}&limit=200");
            let page = self.get(&path).await.must(200);
            changes.extend(page["messages"].as_array().expect("a list").iter().cloned());
            position = page["rev"].as_u64().expect("a rev");
            if page["has_more"] == false {
                return (changes, position);
            }
        }
    }

    /// A socket for all rooms, `ready` already heard.
    pub async fn socket(&self) -> Socket {
        self.socket_at("/ws/chat/").await
    }

    /// A socket, `ready` already heard.
    pub async fn socket_at(&self, path: &str) -> Socket {
        let mut socket = Socket::open(self, path).await.expect("a socket");
        let ready = socket.next_frame().await;
        assert_eq!(ready, json!({"type": "ready", "user": self.id}), "the first frame");
        socket
    }
}
