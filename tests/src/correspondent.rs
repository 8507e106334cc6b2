//! A client as the contract describes one: it names its messages, sends without waiting, keeps what
//! is not acknowledged and sends it again in order, and after every loss asks for the changes.
use crate::{Heard, Person, Socket, client_id, send_frame};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio_tungstenite::tungstenite::Message;

/// How long it waits before it tries a door again.
const BACKOFF: Duration = Duration::from_millis(200);
/// How many messages it sends ahead of their acknowledgements.
const AHEAD: usize = 3;

/// What all correspondents of a test share.
#[derive(Default)]
pub struct Traffic {
    /// No new messages any more.
    over: AtomicBool,
    acknowledged: AtomicUsize,
    resyncs: AtomicUsize,
    connections: AtomicUsize,
    refused: AtomicUsize,
}

impl Traffic {
    /// Lets nobody begin another message.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// How many messages were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// How often a socket was opened, told to resync, and refused a message as unavailable.
    pub fn troubles(&self) -> (usize, usize, usize) {
        let read = |count: &AtomicUsize| count.load(Ordering::Acquire);
        (read(&self.connections), read(&self.resyncs), read(&self.refused))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn acknowledge(&self) {
        self.acknowledged.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn resynced(&self) {
        self.resyncs.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::AcqRel);
    }
}

/// One person who writes into one room, and what they know of it.
pub struct Correspondent {
    person: Person,
    room: String,
    traffic: Arc<Traffic>,
    /// Names of all it ever sent, in order.
    sent: Vec<String>,
    /// Name and text of what is not acknowledged, in order.
    unanswered: VecDeque<(String, String)>,
    /// Those of the unanswered that were refused as unavailable on this socket.
    refused: HashSet<String>,
    acknowledged: HashMap<String, Value>,
    /// The newest version of each message it has heard of.
    known: BTreeMap<u64, Value>,
    /// What the last complete answer to `changes` said.
    position: u64,
}

enum Lost {
    Connection,
}

impl Correspondent {
    /// Somebody who has written nothing yet and knows nothing yet.
    pub fn new(person: &Person, room: &str, traffic: &Arc<Traffic>) -> Self {
        Self {
            person: person.clone(),
            room: room.to_owned(),
            traffic: traffic.clone(),
            sent: Vec::new(),
            unanswered: VecDeque::new(),
            refused: HashSet::new(),
            acknowledged: HashMap::new(),
            known: BTreeMap::new(),
            position: 0,
        }
    }

    /// Writes until the traffic is over, and then until everything is acknowledged.
    pub async fn write(mut self) -> Self {
        while !(self.traffic.is_over() && self.unanswered.is_empty()) {
            if let Some(mut socket) = Socket::try_open(&self.person, "/ws/chat/").await {
                self.traffic.connected();
                let _ = self.converse(&mut socket).await;
            }
            tokio::time::sleep(BACKOFF).await;
        }
        self
    }

    /// Until the connection is lost, or nothing is left to do.
    async fn converse(&mut self, socket: &mut Socket) -> Result<(), Lost> {
        let ready = hear(socket).await?;
        assert_eq!(ready["type"], "ready", "{ready}");
        let mut newest = 0;
        let repeated: HashSet<String> = self.unanswered.iter().map(|(id, _)| id.clone()).collect();
        self.catch_up().await?;
        self.send_again(socket).await?;
        loop {
            self.send_ahead(socket).await?;
            if self.unanswered.is_empty() {
                return Ok(());
            }
            let frame = hear(socket).await?;
            match frame["type"].as_str() {
                Some("message") => {
                    let rev = frame["rev"].as_u64().expect("a rev");
                    let id = frame["client_id"].as_str().expect("a client id");
                    if !repeated.contains(id) {
                        assert!(rev > newest, "rev {rev} came behind {newest}");
                        newest = rev;
                    }
                    self.note(frame);
                }
                Some("resync") => {
                    self.traffic.resynced();
                    self.catch_up().await?;
                }
                Some("error") => self.refuse(socket, &frame).await?,
                _ => {}
            }
        }
    }

    async fn send_ahead(&mut self, socket: &mut Socket) -> Result<(), Lost> {
        while self.unanswered.len() < AHEAD && self.refused.is_empty() && !self.traffic.is_over() {
            let body = format!("{} writes message {}", self.person.username, self.sent.len());
            let id = client_id();
            self.sent.push(id.clone());
            self.unanswered.push_back((id.clone(), body.clone()));
            send(socket, &send_frame(&self.room, &id, &body)).await?;
        }
        Ok(())
    }

    async fn send_again(&mut self, socket: &mut Socket) -> Result<(), Lost> {
        self.refused.clear();
        for (id, body) in &self.unanswered {
            send(socket, &send_frame(&self.room, id, body)).await?;
        }
        Ok(())
    }

    /// Not stored: once each of the unanswered is refused or acknowledged, they go again in order.
    async fn refuse(&mut self, socket: &mut Socket, frame: &Value) -> Result<(), Lost> {
        assert_eq!(frame["code"], "unavailable", "{frame}");
        self.traffic.refuse();
        self.refused.insert(frame["client_id"].as_str().expect("a client id").to_owned());
        if self.unanswered.iter().all(|(id, _)| self.refused.contains(id)) {
            tokio::time::sleep(BACKOFF).await;
            return self.send_again(socket).await;
        }
        Ok(())
    }

    /// Pages through the changes since the last time.
    async fn catch_up(&mut self) -> Result<(), Lost> {
        loop {
            let path =
                format!("/api/rooms/{}/changes?after={}&limit=200", self.room, self.position);
            let request = self.person.request(reqwest::Method::GET, &path);
            let answer = self.person.try_request(request).await.ok_or(Lost::Connection)?;
            if answer.status != 200 {
                return Err(Lost::Connection);
            }
            let page = answer.json();
            for message in page["messages"].as_array().expect("a list") {
                self.note(message.clone());
            }
            self.position = page["rev"].as_u64().expect("a rev");
            if page["has_more"] == false {
                return Ok(());
            }
        }
    }

    /// Takes a version of a message, which acknowledges one's own.
    fn note(&mut self, mut message: Value) {
        message.as_object_mut().expect("a message").remove("type");
        if message["room"] != self.room.as_str() {
            return;
        }
        let (seq, rev) = (message["seq"].as_u64(), message["rev"].as_u64());
        let id = message["client_id"].as_str().expect("a client id").to_owned();
        if let Some(place) = self.unanswered.iter().position(|(own, _)| *own == id) {
            self.unanswered.remove(place);
            self.refused.remove(&id);
            self.acknowledged.insert(id, message.clone());
            self.traffic.acknowledge();
        }
        let known = self.known.entry(seq.expect("a seq")).or_default();
        if known["rev"].as_u64() < rev {
            *known = message;
        }
    }

    /// Asks for the changes one last time, by whatever door, and checks all it was promised against
    /// the history.
    pub async fn check(mut self, history: &[Value]) {
        assert!(self.catch_up().await.is_ok(), "the changes can be had");
        let who = &self.person.username;
        let known: Vec<&Value> = self.known.values().collect();
        assert_eq!(known, history.iter().collect::<Vec<_>>(), "{who} holds the history");
        let mine: Vec<&str> = history
            .iter()
            .filter(|message| message["sender"] == self.person.id.as_str())
            .map(|message| message["client_id"].as_str().expect("a client id"))
            .collect();
        assert_eq!(mine, self.sent, "{who}'s messages are there once each and in order");
        for (id, promised) in &self.acknowledged {
            assert!(history.contains(promised), "{who} was promised {id}: {promised}");
        }
    }

    /// Which room it writes into.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// Who it is.
    pub fn person(&self) -> &Person {
        &self.person
    }
}

async fn hear(socket: &mut Socket) -> Result<Value, Lost> {
    match socket.next().await {
        Heard::Frame(frame) => Ok(frame),
        Heard::End(_) => Err(Lost::Connection),
    }
}

async fn send(socket: &mut Socket, frame: &Value) -> Result<(), Lost> {
    let text = Message::text(frame.to_string());
    socket.try_send(text).await.map_err(|_| Lost::Connection)
}
