//! Somebody who writes and changes their mind, by one door or the other.
use super::{Arena, BACKOFF, Chance, Deed, Outcome, Wish, lock};
use crate::{Answer, Heard, Person, Socket, client_id, send_frame, unique};
use reqwest::Method;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

const EMOJI: [(&str, &str); 3] =
    [("👍", "%F0%9F%91%8D"), ("❤️", "%E2%9D%A4%EF%B8%8F"), ("😂", "%F0%9F%98%82")];
/// The longest pause between two deeds, in milliseconds.
const PAUSE: usize = 40;
/// So many of the newest messages are meddled with most: there several meet.
const HOT: usize = 6;
/// How long an acknowledgement is waited for on a socket.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// One person, most of the time at one door.
pub struct Racer {
    /// The same person at both doors.
    doors: [Person; 2],
    own: usize,
    arena: Arc<Arena>,
    chance: Chance,
    socket: Option<Socket>,
}

impl Racer {
    pub fn new(doors: [Person; 2], own: usize, arena: Arc<Arena>, chance: Chance) -> Self {
        Self { doors, own, arena, chance, socket: None }
    }

    fn user(&self) -> &str {
        &self.doors[0].id
    }

    /// Until the race is over, and what was sent is acknowledged.
    pub async fn run(mut self) {
        while !self.arena.traffic.is_over() {
            self.act().await;
            sleep(self.chance.a_while(PAUSE)).await;
        }
    }

    async fn act(&mut self) {
        let what = self.chance.below(100);
        let mine = (45..70).contains(&what);
        let Some(message) = self.choose(mine).filter(|_| what >= 45) else {
            return self.send().await;
        };
        let wish = match what {
            ..62 => Wish::Edit(unique("edited")),
            62..70 => Wish::Delete,
            70..88 => Wish::React(self.chance.one_of(&EMOJI).0, true),
            _ => Wish::React(self.chance.one_of(&EMOJI).0, false),
        };
        self.alter(message, wish).await;
    }

    /// The id of a message, most often of a new one.
    fn choose(&mut self, mine: bool) -> Option<String> {
        let messages = lock(&self.arena.messages);
        let user = &self.doors[0].id;
        let all: Vec<&String> = messages
            .iter()
            .filter(|(_, sender)| !mine || sender == user)
            .map(|(id, _)| id)
            .collect();
        let hot = if self.chance.percent(70) { HOT } else { all.len() };
        let choices = &all[all.len().saturating_sub(hot)..];
        (!choices.is_empty()).then(|| (*self.chance.one_of(choices)).clone())
    }

    /// The door for this once.
    fn door(&mut self) -> Person {
        let door = if self.chance.percent(80) { self.own } else { 1 - self.own };
        self.doors[door].clone()
    }

    // Sending

    /// Sends a message until it is acknowledged, and sometimes once more after that.
    async fn send(&mut self) {
        let (id, body) = (client_id(), unique("written"));
        self.arena.ledger().send(&id, &self.doors[0].id, &body);
        while !self.try_send(&id, &body, false).await {
            sleep(BACKOFF).await;
        }
        if self.chance.percent(15) {
            self.try_send(&id, &body, true).await;
        }
    }

    /// Whether it is acknowledged.
    async fn try_send(&mut self, id: &str, body: &str, again: bool) -> bool {
        let asked = self.arena.now();
        let told = if self.chance.percent(50) {
            self.send_over_socket(id, body).await
        } else {
            self.send_over_http(id, body, again).await
        };
        let Some(message) = told else {
            self.arena.traffic.refuse();
            return false;
        };
        self.arena.ledger().acknowledge(id, &message);
        self.arena.tell(asked, &message);
        if !again {
            let of = |field: &str| message[field].as_str().expect("a text").to_owned();
            lock(&self.arena.messages).push((of("id"), of("sender")));
        }
        true
    }

    async fn send_over_http(&mut self, id: &str, body: &str, again: bool) -> Option<Value> {
        let door = self.door();
        let path = format!("/api/rooms/{}/messages", self.arena.room);
        let request = door.request(Method::POST, &path);
        let answer =
            door.try_request(request.json(&json!({"client_id": id, "body": body}))).await?;
        match answer.status {
            201 if again => self.fault(format!("{id} was stored once more: {}", answer.text())),
            200 | 201 => return Some(answer.json()),
            _ => self.expect_unavailable(&answer),
        }
        None
    }

    async fn send_over_socket(&mut self, id: &str, body: &str) -> Option<Value> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => Socket::try_open(&self.door(), "/ws/chat/").await?,
        };
        let frame = send_frame(&self.arena.room, id, body).to_string();
        socket.try_send(Message::text(frame)).await.ok()?;
        let answer = timeout(ANSWERED_WITHIN, acknowledgement(&mut socket, id)).await.ok()??;
        match answer {
            Ok(message) => {
                // So that it is not always the same.
                self.socket = self.chance.percent(90).then_some(socket);
                Some(message)
            }
            Err(error) => {
                if error["code"] != "unavailable" {
                    self.fault(format!("{id} was refused: {error}"));
                }
                self.socket = Some(socket);
                None
            }
        }
    }

    // Changing

    /// Asks for something, again if there is no answer, unless the wish is given up.
    async fn alter(&mut self, message: String, wish: Wish) {
        loop {
            let asked = self.arena.now();
            let outcome = self.try_alter(&message, &wish).await;
            if let Outcome::Done(told) = &outcome {
                self.arena.tell(asked, told);
            }
            let known = outcome != Outcome::Unknown;
            let (message, user, wish) = (message.clone(), self.user().to_owned(), wish.clone());
            self.arena.ledger().enter(Deed { message, user, wish, outcome });
            if known {
                return;
            }
            self.arena.traffic.refuse();
            if self.chance.percent(40) || self.arena.traffic.is_over() {
                return;
            }
            sleep(BACKOFF).await;
        }
    }

    async fn try_alter(&mut self, message: &str, wish: &Wish) -> Outcome {
        let door = self.door();
        let path = format!("/api/rooms/{}/messages/{message}", self.arena.room);
        let request = match wish {
            Wish::Edit(body) => door.request(Method::PATCH, &path).json(&json!({"body": body})),
            Wish::Delete => door.request(Method::DELETE, &path),
            Wish::React(emoji, on) => {
                let found = EMOJI.iter().find(|(known, _)| known == emoji);
                let (_, escaped) = found.expect("one of ours");
                let method = if *on { Method::PUT } else { Method::DELETE };
                door.request(method, &format!("{path}/reactions/{escaped}"))
            }
        };
        match door.try_request(request).await {
            Some(answer) if answer.status == 200 => Outcome::Done(answer.json()),
            Some(answer) if answer.status == 404 => Outcome::Gone,
            Some(answer) => {
                self.expect_unavailable(&answer);
                Outcome::Unknown
            }
            None => Outcome::Unknown,
        }
    }

    fn expect_unavailable(&self, answer: &Answer) {
        if answer.status != 503 {
            self.fault(format!("{} was answered {}", answer.status, answer.text()));
        }
    }

    fn fault(&self, fault: String) {
        self.arena.ledger().fault(fault);
    }
}

/// The message of that name, or the refusal of it; nothing where the connection ends before.
async fn acknowledgement(socket: &mut Socket, id: &str) -> Option<Result<Value, Value>> {
    loop {
        let Heard::Frame(mut frame) = socket.next().await else { return None };
        if frame["client_id"] != id {
            continue;
        }
        if frame["type"] == "error" {
            return Some(Err(frame));
        }
        frame.as_object_mut().expect("a frame").remove("type");
        return Some(Ok(frame));
    }
}
