//! Two people of each room write, edit, delete, react and take back from two doors at once, while
//! sockets and readers of `changes` watch and somebody kills what they talk to. In the end all that
//! anybody was told is held against the history.

mod chance;
mod holding;
mod ledger;
mod racer;
mod watcher;

pub use {
    chance::{Chance, seed},
    holding::{ANNOUNCED_WITHIN, Hearing, Holding, Order, Told, late},
    ledger::{Deed, Ledger, Outcome, Wish},
};

use crate::{Entrance, Person, Traffic};
use racer::Racer;
use serde_json::Value;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use watcher::{Reader, Watched, Watcher};

/// Between tries where something is away.
const BACKOFF: Duration = Duration::from_millis(150);
/// Within this everybody has an answer to what they sent, once all is well again.
const SETTLED_WITHIN: Duration = Duration::from_mins(1);
/// How many faults are told of.
const TOLD: usize = 12;

/// One room that is raced in.
struct Arena {
    room: String,
    /// The ids of its two people.
    people: [String; 2],
    traffic: Arc<Traffic>,
    began: Instant,
    ledger: Mutex<Ledger>,
    told: Mutex<Vec<Told>>,
    /// Id and sender of what is known to be there, in the order it was told of.
    messages: Mutex<Vec<(String, String)>>,
    /// Nothing happens any more.
    settled: AtomicBool,
}

impl Arena {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// A change was acknowledged.
    fn tell(&self, asked: Duration, message: &Value) {
        let ((seq, rev), at) = (ledger::place(message), self.now());
        lock(&self.told).push(Told { asked, at, seq, rev });
        self.traffic.acknowledge();
    }
}

/// Everybody who takes part.
pub struct Race {
    /// What goes on, to be ended.
    pub traffic: Arc<Traffic>,
    doors: [Entrance; 2],
    people: Vec<Person>,
    arenas: Vec<Arc<Arena>>,
    racers: JoinSet<()>,
    readers: JoinSet<(String, Arc<Arena>, Holding)>,
    watchers: Vec<(JoinHandle<()>, Arc<Mutex<Watched>>)>,
    began: Instant,
    /// When what keeps everything was away.
    outages: Vec<(Duration, Duration)>,
}

impl Race {
    /// Begins a race of these people, each with each, who all come in by both doors.
    pub async fn begin(doors: [Entrance; 2], people: Vec<Person>, mut chance: Chance) -> Self {
        let (traffic, began) = (Arc::new(Traffic::default()), Instant::now());
        let mut race = Self {
            traffic,
            doors,
            people,
            arenas: Vec::new(),
            racers: JoinSet::new(),
            readers: JoinSet::new(),
            watchers: Vec::new(),
            began,
            outages: Vec::new(),
        };
        let people = race.people.clone();
        for (place, one) in people.iter().enumerate() {
            for other in &people[place + 1..] {
                let arena = race.arena(one.open_room_with(other).await, [one, other]);
                race.arenas.push(arena.clone());
                race.racers_of(&arena, [one, other], &mut chance);
            }
        }
        race.watch();
        race
    }

    fn arena(&self, room: String, people: [&Person; 2]) -> Arc<Arena> {
        Arc::new(Arena {
            room,
            people: people.map(|person| person.id.clone()),
            traffic: self.traffic.clone(),
            began: self.began,
            ledger: Mutex::default(),
            told: Mutex::default(),
            messages: Mutex::default(),
            settled: AtomicBool::new(false),
        })
    }

    /// Each of two people from either door, and each with a reader of the changes.
    fn racers_of(&mut self, arena: &Arc<Arena>, people: [&Person; 2], chance: &mut Chance) {
        for person in people {
            let here = [0, 1].map(|door| person.at(&self.doors[door]));
            for own in 0..2 {
                let racer = Racer::new(here.clone(), own, arena.clone(), chance.split());
                self.racers.spawn(racer.run());
            }
            self.readers.spawn(Reader::new(here, arena.clone(), chance.split()).read());
            // A socket of this room alone.
            let door = chance.below(2);
            let path = format!("/ws/chat/{}/", arena.room);
            self.watch_at(&person.at(&self.doors[door]), door, &path, vec![arena.clone()]);
        }
    }

    /// A socket of each person at each door.
    fn watch(&mut self) {
        for person in self.people.clone() {
            for door in 0..2 {
                let arenas = self.arenas.iter().filter(|arena| arena.people.contains(&person.id));
                let arenas = arenas.cloned().collect();
                self.watch_at(&person.at(&self.doors[door]), door, "/ws/chat/", arenas);
            }
        }
    }

    fn watch_at(&mut self, person: &Person, door: usize, path: &str, arenas: Vec<Arc<Arena>>) {
        let name = format!("{}'s socket {path} at door {door}", person.username);
        let watched = Arc::new(Mutex::new(Watched::of(name, &arenas)));
        let socket = Watcher::new(person.clone(), path.to_owned(), arenas, watched.clone());
        self.watchers.push((tokio::spawn(socket.watch()), watched));
    }

    /// Since it began.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// What keeps everything was away from then until now.
    pub fn was_away_since(&mut self, from: Duration) {
        self.outages.push((from, self.now()));
    }

    /// Waits until so many more changes are acknowledged.
    pub async fn after_more(&self, changes: usize) {
        let goal = self.traffic.acknowledged() + changes;
        let waiting = async {
            while self.traffic.acknowledged() < goal {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let came = timeout(SETTLED_WITHIN, waiting).await;
        assert!(came.is_ok(), "{} of {goal} were acknowledged", self.traffic.acknowledged());
    }

    /// Ends it while all is well, and holds all that was told against what is there.
    pub async fn finish(mut self) -> Summary {
        self.traffic.end();
        self.settle().await;
        let mut faults = Vec::new();
        let mut histories = Vec::new();
        for arena in &self.arenas {
            let history = self.history_of(arena, &mut faults).await;
            faults.extend(arena.ledger().faults_of(&history));
            histories.push((arena.clone(), history));
        }
        self.wait_for_watchers(&histories).await;
        let (watchers, due) = self.faults_of_watchers(&histories).await;
        faults.extend(watchers);
        faults.extend(self.faults_of_readers(&histories).await);
        let summary = self.summary(&histories, due);
        // Shown where the test fails, or with `--nocapture`.
        eprintln!("{summary:?}");
        let more = faults.len().saturating_sub(TOLD);
        faults.truncate(TOLD);
        assert!(faults.is_empty(), "{}\n… and {more} more", faults.join("\n"));
        summary
    }

    /// Until each of those who race has an answer to all they sent.
    async fn settle(&mut self) {
        let ended = timeout(SETTLED_WITHIN, async {
            while let Some(ended) = self.racers.join_next().await {
                ended.expect("a racer who ends well");
            }
        });
        if ended.await.is_err() {
            let waiting = |arena: &Arc<Arena>| format!("{:?}", arena.ledger().unanswered());
            let waiting: Vec<_> = self.arenas.iter().map(waiting).collect();
            panic!("{} still race; there is no answer to {waiting:?}", self.racers.len());
        }
    }

    /// The history, which is one by whatever door, and all that the room says of it.
    async fn history_of(&self, arena: &Arena, faults: &mut Vec<String>) -> Vec<Value> {
        let mut told: Vec<Vec<Value>> = Vec::new();
        let mut members = 0;
        for person in &self.people {
            for door in &self.doors {
                let person = person.at(door);
                let answer = person.get(&format!("/api/rooms/{}", arena.room)).await;
                if answer.status == 404 {
                    continue;
                }
                let room = answer.must(200);
                members += 1;
                let history = person.history(&arena.room).await;
                let newest = history.iter().map(|message| ledger::place(message).1).max();
                if room["last_seq"] != history.len() || room["rev"].as_u64() < newest {
                    faults.push(format!("{room} is not of {} messages", history.len()));
                }
                told.push(history);
            }
        }
        assert_eq!(members, 4, "two people and two doors");
        if told.iter().any(|history| *history != told[0]) {
            faults.push(format!("{} has more than one history", arena.room));
        }
        told.remove(0)
    }

    /// Until everybody who watches holds what is there; no longer than that may take.
    async fn wait_for_watchers(&self, histories: &[(Arc<Arena>, Vec<Value>)]) {
        let began = Instant::now();
        let settled =
            || self.watchers.iter().all(|(_, watched)| lock(watched).lacks(histories).is_empty());
        while began.elapsed() < ANNOUNCED_WITHIN && !settled() {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What is wrong with what the sockets told, and how many changes they were to tell of in time.
    async fn faults_of_watchers(
        &mut self,
        histories: &[(Arc<Arena>, Vec<Value>)],
    ) -> (Vec<String>, usize) {
        let (mut faults, mut all_due, until) = (Vec::new(), 0, self.now());
        for (task, watched) in self.watchers.drain(..) {
            task.abort();
            match task.await {
                Err(error) if error.is_panic() => panic!("a watcher failed: {error}"),
                _ => {}
            }
            let watched = lock(&watched);
            faults.extend(watched.lacks(histories));
            faults.extend(watched.faults.iter().map(|fault| watched.names(fault)));
            for (arena, _) in histories {
                let Some(holding) = watched.holdings.get(&arena.room) else { continue };
                let told = lock(&arena.told);
                let (late, due) = late(&told, holding, &watched.hearing, &self.outages, until);
                faults.extend(late.iter().map(|fault| watched.names(fault)));
                all_due += due;
            }
        }
        (faults, all_due)
    }

    async fn faults_of_readers(&mut self, histories: &[(Arc<Arena>, Vec<Value>)]) -> Vec<String> {
        for arena in &self.arenas {
            arena.settled.store(true, Ordering::Release);
        }
        let mut faults = Vec::new();
        loop {
            let read = timeout(SETTLED_WITHIN, self.readers.join_next()).await;
            let read = read.unwrap_or_else(|_| panic!("{} still read", self.readers.len()));
            let Some(read) = read else { return faults };
            let (name, arena, holding) = read.expect("a reader who ends well");
            let found = histories.iter().find(|(raced, _)| raced.room == arena.room);
            let (_, history) = found.expect("a room that was raced in");
            let wrong = holding.faults_of(history);
            faults.extend(wrong.iter().map(|fault| format!("{name} {fault}")));
        }
    }

    fn summary(&self, histories: &[(Arc<Arena>, Vec<Value>)], due: usize) -> Summary {
        let (mut messages, mut wishes) = (0, 0);
        for (arena, history) in histories {
            let (sent, others) = arena.ledger().size();
            assert_eq!(sent, history.len(), "each message has an answer by now");
            messages += sent;
            wishes += others;
        }
        let (connections, resyncs, unanswered) = self.traffic.troubles();
        let (acknowledged, took) = (self.traffic.acknowledged(), self.now());
        Summary { messages, wishes, acknowledged, unanswered, due, connections, resyncs, took }
    }
}

/// What a race was like.
#[derive(Debug)]
pub struct Summary {
    /// How many messages there are in the end.
    pub messages: usize,
    /// How much else was wanted.
    pub wishes: usize,
    /// How much of both was acknowledged, what was sent again included.
    pub acknowledged: usize,
    /// How much had no answer, or a refusal that leaves it unknown.
    pub unanswered: usize,
    /// How often a socket that stood had to tell of a change in time.
    pub due: usize,
    /// How often a watching socket was opened.
    pub connections: usize,
    /// How often one was told that something may be lost.
    pub resyncs: usize,
    /// How long it took.
    pub took: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
