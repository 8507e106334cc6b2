//! How fast two instances behind nginx, on MongoDB and Redis, bring messages from one socket to
//! another, beside a loop that does nothing but insert equal documents into the same mongod. Prints
//! figures and judges nothing: what counts as good enough depends on the machine.
//! `docs/performance.md` keeps a run.
//!
//! Both are measured by turns, so that what else the machine does disturbs both.
#![expect(clippy::print_stdout, reason = "it prints figures")]

use futures_util::{TryStreamExt, future::join_all};
use journeys::{Browser, Deployment, Person, Socket, client_id, send_frame};
use mongodb::{
    Client, Collection,
    bson::{Binary, Bson, Document, doc, spec::BinarySubtype},
    options::{Acknowledgment, CollectionOptions, WriteConcern},
};
use serde_json::Value;
use servers::Mongod;
use std::{collections::HashMap, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use uuid::Uuid;

const PAIRS: usize = 100;
const ROUNDS: usize = 5;
/// In each round, one after another.
const SINGLE_MESSAGES: usize = 200;
const WARM_UP: Duration = Duration::from_secs(1);
/// In each round, of each.
const MEASURED: Duration = Duration::from_secs(3);
/// Of all people together.
const MESSAGES_A_SECOND: u32 = 1_000;
/// As long as people's messages are.
const BODY: &str = "See you at the station at a quarter past six, I will bring the tickets.";

#[tokio::main(worker_threads = 2)]
async fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // As much memory as on a server: with little, mongod writes back every second what it could keep.
    let mongod = Mongod::start_with(&["--wiredTigerCacheSizeGB=2"]).await;
    let deployment = Deployment::start_on(mongod, 2, &[]).await;
    println!(
        "two instances behind nginx (TLS) on one mongod and one Redis, {PAIRS} pairs of people, \
         each pair's two on different instances; {cores} cores shared by everything\n"
    );
    let mut people = Vec::new();
    for _ in 0..PAIRS {
        people.push(deployment.pair().await);
    }
    let mut pair = Pair::sit_down(&deployment, people.remove(0)).await;
    let mut bare = Bare::beside(&deployment, &mut pair).await;
    if is_wanted("latency") {
        one_at_a_time(&mut pair, &mut bare).await;
    }
    // Not before: a socket that nobody reads for long is given up for dead.
    let mut pairs = vec![pair];
    for people in people {
        pairs.push(Pair::sit_down(&deployment, people).await);
    }
    if is_wanted("throughput") {
        pairs = as_fast_as_acknowledged(pairs, &mut bare).await;
    }
    if is_wanted("pace") {
        at_a_pace(pairs, &mut bare).await;
    }
}

/// Whether a comparison was asked for; all are, if none is named.
fn is_wanted(name: &str) -> bool {
    let named: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    named.is_empty() || named.iter().any(|word| word == name)
}

/// Two people of one room, on different instances.
struct Pair {
    room: String,
    ann: Socket,
    bob: Socket,
}

impl Pair {
    async fn sit_down(deployment: &Deployment, people: (Person, Person, String)) -> Self {
        let (ann, bob, room) = people;
        let before = sockets(deployment).await;
        let (ann, bob) = (socket(&ann).await, socket(&bob).await);
        let each_has_one_more: Vec<_> = before.iter().map(|sockets| sockets + 1).collect();
        assert_eq!(sockets(deployment).await, each_has_one_more, "where nginx led them");
        Self { room, ann, bob }
    }
}

/// A socket through nginx.
async fn socket(person: &Person) -> Socket {
    let mut socket = Socket::try_open(person, "/ws/chat/").await.expect("a socket");
    assert_eq!(socket.next_frame().await["type"], "ready");
    socket
}

/// How many sockets each instance has.
async fn sockets(deployment: &Deployment) -> Vec<usize> {
    let count = async |number| {
        let figures = Browser::new(deployment.instance(number)).get("/metrics").await.text();
        let line = figures.lines().find_map(|line| line.strip_prefix("sotto_sockets "));
        line.and_then(|count| count.parse().ok()).expect("a figure")
    };
    join_all((0..deployment.instances.len()).map(count)).await
}

/// From send to receipt on the other's socket, one message at a time.
async fn one_at_a_time(pair: &mut Pair, bare: &mut Bare) {
    let (mut one_way, mut in_turn, mut inserts) = <(Vec<_>, Vec<_>, Vec<_>)>::default();
    for _ in 0..ROUNDS {
        for _ in 0..SINGLE_MESSAGES {
            one_way.push(cross(&pair.room, &mut pair.ann, &mut pair.bob).await);
        }
        inserts.extend(bare.insert_some(SINGLE_MESSAGES).await);
        for _ in 0..SINGLE_MESSAGES / 2 {
            in_turn.push(cross(&pair.room, &mut pair.ann, &mut pair.bob).await);
            in_turn.push(cross(&pair.room, &mut pair.bob, &mut pair.ann).await);
        }
    }
    println!("one message at a time, from send to receipt   p50 ms   p99 ms");
    print_latencies("one writes, the other reads", one_way);
    print_latencies("they write in turn", in_turn);
    print_latencies("bare insert_one", inserts);
    println!();
}

async fn cross(room: &str, from: &mut Socket, to: &mut Socket) -> f64 {
    let id = client_id();
    let begun = Instant::now();
    from.send(&send_frame(room, &id, BODY)).await;
    hear(to, &id).await;
    let took = millis(begun);
    hear(from, &id).await;
    took
}

/// Waits for a message.
async fn hear(socket: &mut Socket, client_id: &str) {
    while name_of(&socket.next_frame().await) != client_id {}
}

/// The name of the message that came.
fn name_of(frame: &Value) -> String {
    assert!(frame["type"] != "error" && frame["type"] != "resync", "{frame}");
    frame["client_id"].as_str().unwrap_or_default().to_owned()
}

/// Everybody sends the next message once the last is acknowledged.
async fn as_fast_as_acknowledged(mut pairs: Vec<Pair>, bare: &mut Bare) -> Vec<Pair> {
    let (mut acknowledged, mut latencies) = (Vec::new(), Vec::new());
    let (mut inserted, mut batches) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = bare.counts().await;
        let begin = Instant::now() + WARM_UP;
        let mut of_round = Vec::new();
        let writing = pairs.into_iter().map(|pair| tokio::spawn(write(pair, begin)));
        pairs = Vec::new();
        for (pair, latencies) in join_all(writing).await.into_iter().flatten() {
            pairs.push(pair);
            of_round.extend(latencies);
        }
        let after = bare.counts().await;
        let batch = usize::try_from((after.0 - before.0) / (after.1 - before.1)).expect("some");
        acknowledged.push(a_second(of_round.len()));
        latencies.extend(of_round);
        batches.push(batch);
        inserted.push(bare.insert_batches(batch).await);
    }
    let median = |mut figures: Vec<f64>| percentile(&mut figures, 0.5);
    let (stored, bare) = (median(acknowledged), median(inserted));
    println!("{} senders, each waits for its last message: {stored:.0} acknowledged/s", 2 * PAIRS);
    println!(
        "bare insert_many, {:.0} documents each:        {bare:.0} documents/s; ratio {:.2}",
        median(batches.into_iter().map(count).collect()),
        stored / bare
    );
    println!("(medians of {ROUNDS} rounds)                      p50 ms   p99 ms");
    print_latencies("from send to acknowledgement", latencies);
    println!();
    pairs
}

async fn write(pair: Pair, begin: Instant) -> (Pair, Vec<f64>) {
    let Pair { room, ann, bob } = pair;
    let [hers, his] = [ann, bob].map(|socket| write_one(socket, &room, begin));
    let ((ann, mut latencies), (bob, his)) = tokio::join!(hers, his);
    latencies.extend(his);
    (Pair { room, ann, bob }, latencies)
}

async fn write_one(mut socket: Socket, room: &str, begin: Instant) -> (Socket, Vec<f64>) {
    let mut latencies = Vec::new();
    while begin.elapsed() < MEASURED {
        let id = client_id();
        let sent = Instant::now();
        socket.send(&send_frame(room, &id, BODY)).await;
        hear(&mut socket, &id).await;
        if sent >= begin {
            latencies.push(millis(sent));
        }
    }
    (socket, latencies)
}

/// So many messages a second, whether or not those before have arrived.
async fn at_a_pace(mut pairs: Vec<Pair>, bare: &mut Bare) {
    let (mut latencies, mut inserts, mut unhurried) = <(Vec<_>, Vec<_>, Vec<_>)>::default();
    for _ in 0..ROUNDS {
        let begin = Instant::now() + WARM_UP;
        let writing = pairs
            .into_iter()
            .enumerate()
            .map(|(place, pair)| tokio::spawn(write_at_a_pace(pair, place, begin)));
        pairs = Vec::new();
        for (pair, of_pair) in join_all(writing).await.into_iter().flatten() {
            pairs.push(pair);
            latencies.extend(of_pair);
        }
        inserts.extend(bare.insert_at_a_pace().await);
        unhurried.extend(bare.insert_for(MEASURED).await);
    }
    println!("{MESSAGES_A_SECOND} messages a second, from send to receipt       p50 ms   p99 ms");
    let received = a_second(latencies.len()) / count(ROUNDS);
    print_latencies(&format!("{received:.0} a second received"), latencies);
    print_latencies("bare insert_one, as many a second", inserts);
    print_latencies("bare insert_one, one at a time", unhurried);
}

/// Both send by turns when it is due, and what reaches the other is timed from then.
async fn write_at_a_pace(mut pair: Pair, place: usize, begin: Instant) -> (Pair, Vec<f64>) {
    let pairs = u32::try_from(PAIRS).expect("few");
    let each = Duration::from_secs(1) * pairs / MESSAGES_A_SECOND;
    // No two pairs begin together.
    let first = begin - WARM_UP + each.mul_f64(count(place) / count(PAIRS));
    let (mut ticks, end) = (interval_at(first, each), begin + MEASURED);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut of_ann, mut of_bob) = <(HashMap<String, Instant>, HashMap<_, _>)>::default();
    let (mut latencies, mut turn, mut is_over) = (Vec::new(), 0, false);
    let mut arrive = |due: Option<Instant>| {
        latencies.extend(due.filter(|due| *due >= begin).map(millis));
    };
    while !(is_over && of_ann.is_empty() && of_bob.is_empty()) {
        tokio::select! {
            due = ticks.tick(), if !is_over => {
                if due >= end {
                    is_over = true;
                    continue;
                }
                turn += 1;
                let even = turn % 2 == 0;
                let (from, of_them) =
                    if even { (&mut pair.ann, &mut of_ann) } else { (&mut pair.bob, &mut of_bob) };
                let id = client_id();
                from.send(&send_frame(&pair.room, &id, BODY)).await;
                of_them.insert(id, due);
            }
            frame = pair.ann.next_frame() => arrive(of_bob.remove(&name_of(&frame))),
            frame = pair.bob.next_frame() => arrive(of_ann.remove(&name_of(&frame))),
        }
    }
    (pair, latencies)
}

/// The loops that do nothing but insert, into a collection with the same indexes, in another
/// database of the same mongod.
struct Bare {
    client: Client,
    messages: Collection<Document>,
    /// A message as the store keeps it.
    pattern: Document,
    rooms: Vec<Bson>,
    inserted: usize,
}

impl Bare {
    async fn beside(deployment: &Deployment, pair: &mut Pair) -> Self {
        cross(&pair.room, &mut pair.ann, &mut pair.bob).await;
        let client = Client::with_uri_str(deployment.mongod.uri()).await.expect("connects");
        let stored = client.database("sotto").collection::<Document>("messages");
        let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        let options = CollectionOptions::builder().write_concern(durable).build();
        let messages = client.database("bare").collection_with_options("messages", options);
        let mut indexes = stored.list_indexes().await.expect("indexes");
        while let Some(index) = indexes.try_next().await.expect("an index") {
            if index.keys != doc! { "_id": 1 } {
                messages.create_index(index).await.expect("an index");
            }
        }
        let pattern = stored.find_one(doc! {}).await.expect("an answer").expect("a message");
        Self {
            client,
            messages,
            pattern,
            rooms: (0..PAIRS).map(|_| uuid(Uuid::new_v4())).collect(),
            inserted: 0,
        }
    }

    /// The next message: of each room by turns, as the pairs' are.
    fn next(&mut self) -> Document {
        let number = i64::try_from(self.inserted / PAIRS + 1).expect("few");
        let mut document = self.pattern.clone();
        document.insert("_id", uuid(Uuid::now_v7()));
        document.insert("room", self.rooms[self.inserted % PAIRS].clone());
        document.insert("client_id", uuid(Uuid::new_v4()));
        document.insert("revs", vec![number]);
        for counted in ["seq", "rev", "low_count"] {
            document.insert(counted, number);
        }
        self.inserted += 1;
        document
    }

    /// How long each of so many took.
    async fn insert_some(&mut self, documents: usize) -> Vec<f64> {
        let mut latencies = Vec::new();
        for _ in 0..documents {
            latencies.push(self.insert_one().await);
        }
        latencies
    }

    /// How long each took, one after another.
    async fn insert_for(&mut self, time: Duration) -> Vec<f64> {
        let begun = Instant::now();
        let mut latencies = Vec::new();
        while begun.elapsed() < time {
            latencies.push(self.insert_one().await);
        }
        latencies
    }

    /// So many a second, whether or not those before are stored, each timed from when it was due.
    async fn insert_at_a_pace(&mut self) -> Vec<f64> {
        let begin = Instant::now() + WARM_UP;
        let each = Duration::from_secs(1) / MESSAGES_A_SECOND;
        let mut ticks = interval_at(begin - WARM_UP, each);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut inserting = Vec::new();
        loop {
            let due = ticks.tick().await;
            if due >= begin + MEASURED {
                break;
            }
            let (messages, document) = (self.messages.clone(), self.next());
            inserting.push(tokio::spawn(async move {
                messages.insert_one(document).await.expect("inserts");
                (due >= begin).then(|| millis(due))
            }));
        }
        join_all(inserting).await.into_iter().filter_map(|took| took.expect("inserts")).collect()
    }

    async fn insert_one(&mut self) -> f64 {
        let document = self.next();
        let begun = Instant::now();
        self.messages.insert_one(document).await.expect("inserts");
        millis(begun)
    }

    /// Documents a second, in batches of a size.
    async fn insert_batches(&mut self, size: usize) -> f64 {
        let (begun, before) = (Instant::now(), self.inserted);
        while begun.elapsed() < MEASURED {
            let documents: Vec<_> = (0..size).map(|_| self.next()).collect();
            self.messages.insert_many(documents).ordered(true).await.expect("inserts");
        }
        count(self.inserted - before) / begun.elapsed().as_secs_f64()
    }

    /// How many documents the mongod has been given, and in how many inserts.
    async fn counts(&self) -> (i64, i64) {
        let status = self.client.database("admin").run_command(doc! { "serverStatus": 1 }).await;
        let status = status.expect("a status");
        let documents = status.get_document("opcounters").expect("counts").get("insert");
        let inserts = ["metrics", "commands", "insert"]
            .into_iter()
            .fold(&status, |within, name| within.get_document(name).expect("counts"))
            .get("total");
        let whole = |number: Option<&Bson>| match number {
            Some(Bson::Int64(number)) => *number,
            Some(Bson::Int32(number)) => i64::from(*number),
            other => panic!("{other:?} is no count"),
        };
        (whole(documents), whole(inserts))
    }
}

fn a_second(in_measured: usize) -> f64 {
    count(in_measured) / MEASURED.as_secs_f64()
}

fn uuid(uuid: Uuid) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: uuid.as_bytes().to_vec() })
}

fn print_latencies(what: &str, mut latencies: Vec<f64>) {
    let [p50, p99] = [0.50, 0.99].map(|share| percentile(&mut latencies, share));
    println!("{what:<44} {p50:>8.2} {p99:>8.2}");
}

fn percentile(figures: &mut [f64], share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a list"
    )]
    let index = (count(figures.len().saturating_sub(1)) * share) as usize;
    figures.get(index).copied().unwrap_or_default()
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}
