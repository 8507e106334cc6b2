//! Those who only watch: sockets that come back and catch up, and readers of `changes`.
use super::{Arena, BACKOFF, Chance, Hearing, Holding, Order, holding::ANNOUNCED_WITHIN, lock};
use crate::{Heard, Person, Socket};
use reqwest::Method;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::Ordering},
};
use tokio::time::{sleep, timeout};

/// What came over somebody's sockets at one door, one connection after the other.
pub struct Watched {
    name: String,
    /// By room.
    pub holdings: BTreeMap<String, Holding>,
    pub hearing: Hearing,
    pub faults: Vec<String>,
}

impl Watched {
    pub fn of(name: String, arenas: &[Arc<Arena>]) -> Self {
        let holdings =
            arenas.iter().map(|arena| (arena.room.clone(), Holding::default())).collect();
        Self { name, holdings, hearing: Hearing::default(), faults: Vec::new() }
    }

    /// A fault, and whose it is.
    pub fn names(&self, fault: &str) -> String {
        format!("{}: {fault}", self.name)
    }

    /// What it lacks of the histories of its rooms.
    pub fn lacks(&self, histories: &[(Arc<Arena>, Vec<Value>)]) -> Vec<String> {
        let of = |(arena, history): &(Arc<Arena>, Vec<Value>)| {
            let holding = self.holdings.get(&arena.room)?;
            Some(holding.faults_of(history))
        };
        histories.iter().filter_map(of).flatten().map(|fault| self.names(&fault)).collect()
    }
}

/// Holds a socket as the contract says a client does.
pub struct Watcher {
    person: Person,
    path: String,
    arenas: Vec<Arc<Arena>>,
    watched: Arc<Mutex<Watched>>,
}

enum Lost {
    Connection,
}

impl Watcher {
    pub fn new(
        person: Person,
        path: String,
        arenas: Vec<Arc<Arena>>,
        watched: Arc<Mutex<Watched>>,
    ) -> Self {
        Self { person, path, arenas, watched }
    }

    /// Until somebody ends it.
    pub async fn watch(self) {
        loop {
            if let Some(mut socket) = Socket::try_open(&self.person, &self.path).await {
                self.arenas[0].traffic.connected();
                let _ = self.follow(&mut socket).await;
                let now = self.arenas[0].now();
                if let Some((_, end @ None)) = lock(&self.watched).hearing.connected.last_mut() {
                    *end = Some(now);
                }
            }
            sleep(BACKOFF).await;
        }
    }

    async fn follow(&self, socket: &mut Socket) -> Result<(), Lost> {
        let ready = hear(socket).await?;
        if ready["type"] != "ready" {
            self.fault(format!("{ready} came first"));
        }
        let now = self.arenas[0].now();
        lock(&self.watched).hearing.connected.push((now, None));
        self.catch_up().await?;
        let mut order = Order::default();
        loop {
            let mut frame = hear(socket).await?;
            match frame["type"].as_str() {
                Some("message") => {
                    let fields = frame.as_object_mut().expect("a frame");
                    fields.remove("type");
                    if let [arena] = &*self.arenas {
                        fields.entry("room").or_insert_with(|| arena.room.clone().into());
                    }
                    if let Some(fault) = order.follow(&frame) {
                        self.fault(fault);
                    }
                    self.take(&frame);
                }
                Some("resync") => {
                    let now = self.arenas[0].now();
                    lock(&self.watched).hearing.resyncs.push(now);
                    self.arenas[0].traffic.resynced();
                    self.catch_up().await?;
                }
                Some("error") => self.fault(frame.to_string()),
                _ => {}
            }
        }
    }

    fn take(&self, message: &Value) {
        let arena = self.arenas.iter().find(|arena| message["room"] == arena.room.as_str());
        let Some(arena) = arena else {
            self.fault(format!("of no room that is raced in: {message}"));
            return;
        };
        arena.ledger().see(message);
        let mut watched = lock(&self.watched);
        let holding = watched.holdings.get_mut(&arena.room).expect("one of its rooms");
        holding.take(message, arena.now());
    }

    /// Pages the rooms, and asks each whose rev moved for its changes.
    async fn catch_up(&self) -> Result<(), Lost> {
        let mut path = "/api/rooms?limit=2".to_owned();
        loop {
            let page = ask(&self.person, &path).await.ok_or(Lost::Connection)?;
            for room in page["rooms"].as_array().expect("a list") {
                let arena = self.arenas.iter().find(|arena| room["id"] == arena.room.as_str());
                let Some(arena) = arena else { continue };
                let position = self.position_in(&arena.room);
                if room["rev"].as_u64().expect("a rev") > position {
                    self.ask_for_changes(arena).await?;
                }
            }
            let Some(cursor) = page["cursor"].as_str() else { return Ok(()) };
            path = format!("/api/rooms?limit=2&cursor={cursor}");
        }
    }

    fn position_in(&self, room: &str) -> u64 {
        lock(&self.watched).holdings[room].position()
    }

    async fn ask_for_changes(&self, arena: &Arena) -> Result<(), Lost> {
        loop {
            let after = self.position_in(&arena.room);
            let path = format!("/api/rooms/{}/changes?after={after}", arena.room);
            let page = ask(&self.person, &path).await.ok_or(Lost::Connection)?;
            see_all(arena, &page);
            let mut watched = lock(&self.watched);
            let holding = watched.holdings.get_mut(&arena.room).expect("one of its rooms");
            let faults = holding.take_page(&page, arena.now());
            watched.faults.extend(faults);
            if page["has_more"] == false {
                return Ok(());
            }
        }
    }

    fn fault(&self, fault: String) {
        lock(&self.watched).faults.push(fault);
    }
}

/// What comes next. Nothing for long is no fault: the peer may be gone, which a ping finds out.
async fn hear(socket: &mut Socket) -> Result<Value, Lost> {
    loop {
        match timeout(ANNOUNCED_WITHIN, socket.next()).await {
            Ok(Heard::Frame(frame)) => return Ok(frame),
            Ok(Heard::End(_)) => return Err(Lost::Connection),
            Err(_) => {}
        }
    }
}

/// Reads `changes` from its position on, by either door, and nothing else.
pub struct Reader {
    doors: [Person; 2],
    arena: Arc<Arena>,
    chance: Chance,
    holding: Holding,
}

impl Reader {
    pub fn new(doors: [Person; 2], arena: Arc<Arena>, chance: Chance) -> Self {
        Self { doors, arena, chance, holding: Holding::default() }
    }

    /// Until nothing happens any more, and there is nothing more to read; what it holds then.
    pub async fn read(mut self) -> (String, Arc<Arena>, Holding) {
        let name = format!("{}, who reads the changes,", self.doors[0].username);
        loop {
            let settled = self.arena.settled.load(Ordering::Acquire);
            let door = self.chance.below(2);
            let limit = 1 + self.chance.below(30);
            let (room, after) = (&self.arena.room, self.holding.position());
            let path = format!("/api/rooms/{room}/changes?after={after}&limit={limit}");
            let Some(page) = ask(&self.doors[door], &path).await else {
                sleep(BACKOFF).await;
                continue;
            };
            see_all(&self.arena, &page);
            for fault in self.holding.take_page(&page, self.arena.now()) {
                self.arena.ledger().fault(format!("{name} met this: {fault}"));
            }
            if page["has_more"] == true {
                continue;
            }
            if settled {
                return (name, self.arena, self.holding);
            }
            sleep(self.chance.a_while(30)).await;
        }
    }
}

fn see_all(arena: &Arena, page: &Value) {
    for message in page["messages"].as_array().expect("a list") {
        arena.ledger().see(message);
    }
}

/// An answer, where there is one.
async fn ask(person: &Person, path: &str) -> Option<Value> {
    let answer = person.try_request(person.request(Method::GET, path)).await?;
    (answer.status == 200).then(|| answer.json())
}
