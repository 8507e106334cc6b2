//! Whether answers tell who has an account, by the time they take, in pairs that take turns; and what
//! a flood of sign-ins does to the messages of everybody else and to who signs in with a known
//! browser. Prints figures and judges nothing:
//! what counts as good enough depends on the machine. `docs/performance.md` keeps a run.
//!
//! `-- equal` or `-- flood` runs one of the two alone.
#![expect(clippy::print_stdout, reason = "it prints figures")]

use futures_util::future::join_all;
use journeys::{Answer, Browser, PASSWORD, Person, Server, client_id, send_frame, unique};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// How often each pair is measured; as many go before, unmeasured, as a tenth.
const PAIRS: usize = 200;
/// Messages measured with and without a flood.
const MESSAGES: usize = 300;
/// Apart from one another, as people type.
const PACE: Duration = Duration::from_millis(10);
/// Sign-ins with a known browser, with and without a flood.
const KNOWN_SIGN_INS: usize = 20;
/// Sign-ins of a flood, and how many of them wait for their answers at once.
const SIGN_INS: usize = 500;
const AT_ONCE: usize = 50;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with("--"));
    let asked = |part: &str| only.as_deref().is_none_or(|only| only == part);
    if asked("equal") {
        equal().await;
    }
    if asked("flood") {
        flood().await;
    }
}

/// What somebody asks who wants to know whether an account exists.
struct Question {
    name: &'static str,
    path: &'static str,
    ask: fn(&str) -> Value,
    known: fn(&Person) -> String,
    unknown: fn() -> String,
}

const QUESTIONS: [Question; 5] = [
    Question {
        name: "sign in by name",
        path: "/api/login",
        ask: |login| json!({"login": login, "password": "not the password"}),
        known: |person| person.username.clone(),
        unknown: || unique("ann"),
    },
    Question {
        name: "sign in by address",
        path: "/api/login",
        ask: |login| json!({"login": login, "password": "not the password"}),
        known: |person| person.email.clone(),
        unknown: an_address,
    },
    Question {
        name: "sign up",
        path: "/api/register",
        ask: |email| json!({"username": unique("new"), "email": email, "password": PASSWORD}),
        known: |person| person.email.clone(),
        unknown: an_address,
    },
    Question {
        name: "ask for a code again",
        path: "/api/resend-otp",
        ask: |email| json!({"email": email}),
        known: |person| person.email.clone(),
        unknown: an_address,
    },
    Question {
        name: "forget a password",
        path: "/api/password/forgot",
        ask: |email| json!({"email": email}),
        known: |person| person.email.clone(),
        unknown: an_address,
    },
];

fn an_address() -> String {
    format!("{}@example.com", unique("ann"))
}

async fn equal() {
    println!("answers for people who exist and who don't, {PAIRS} pairs that take turns, in ms\n");
    println!("{:<22}   known   unknown   difference   in percent", "");
    for question in QUESTIONS {
        let server = Server::start_unlimited();
        // So many that nobody is asked about so often that a limit is met.
        let mut people = Vec::new();
        for _ in 0..PAIRS / 5 {
            people.push(Person::created(&server, "ann").await);
        }
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for (n, person) in people.iter().cycle().take(PAIRS + PAIRS / 10).enumerate() {
            let about_known = (question.known)(person);
            let about_unknown = (question.unknown)();
            let (first, second) = if n % 2 == 0 {
                let first = timed(&server, &question, &about_known).await;
                (first, timed(&server, &question, &about_unknown).await)
            } else {
                let second = timed(&server, &question, &about_unknown).await;
                (timed(&server, &question, &about_known).await, second)
            };
            assert!(
                first.0.status != 404 && first.0.status == second.0.status,
                "{first:?} {second:?}"
            );
            if n >= PAIRS / 10 {
                known.push(first.1);
                unknown.push(second.1);
            }
        }
        let (known, unknown) = (percentile(known, 0.5), percentile(unknown, 0.5));
        let apart = (known - unknown).abs();
        let percent = 100.0 * apart / known.min(unknown);
        let name = question.name;
        println!("{name:<22}   {known:>5.2}   {unknown:>7.2}   {apart:>10.2}   {percent:>10.1}");
    }
}

/// Asks with a new browser; the answer, and how long it took.
async fn timed(server: &Server, question: &Question, about: &str) -> (Answer, f64) {
    let browser = Browser::new(server);
    let body = (question.ask)(about);
    let began = Instant::now();
    let answer = browser.post(question.path, body).await;
    (answer, began.elapsed().as_secs_f64() * 1_000.0)
}

async fn flood() {
    let server = Server::start_unlimited();
    let (ann, bob, room) = Person::pair(&server).await;
    println!("\nmessages while {SIGN_INS} sign-ins come in, {AT_ONCE} at once, in ms\n");
    println!("{:<22}   median   99th percentile   longest", "");
    print_latencies("nobody signs in", messages(&ann, &bob, &room).await);
    let flooding = begin_flood(&server).await;
    print_latencies("a flood", messages(&ann, &bob, &room).await);
    print_answers(&flooding.await.expect("a flood"));

    println!("\nsign-ins with a known browser meanwhile, in ms\n");
    println!("{:<22}   median   99th percentile   longest", "");
    print_latencies("nobody else signs in", known_sign_ins(&ann).await);
    let flooding = begin_flood(&server).await;
    print_latencies("a flood", known_sign_ins(&ann).await);
    print_answers(&flooding.await.expect("a flood"));
}

/// A flood that has had its first answer.
async fn begin_flood(server: &Server) -> JoinHandle<BTreeMap<u16, usize>> {
    let answered = Arc::new(AtomicUsize::new(0));
    let flooding = tokio::spawn(sign_ins(Browser::new(server), answered.clone()));
    while answered.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    flooding
}

fn print_answers(statuses: &BTreeMap<u16, usize>) {
    println!("\nthe flood was answered {statuses:?} (503: the line was full)");
}

/// How long somebody's own browser takes to sign in again.
async fn known_sign_ins(person: &Person) -> Vec<f64> {
    let mut latencies = Vec::new();
    for _ in 0..KNOWN_SIGN_INS {
        let form = json!({"login": person.username, "password": PASSWORD});
        let began = Instant::now();
        person.post("/api/login", form).await.must(200);
        latencies.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    latencies
}

fn print_latencies(name: &str, latencies: Vec<f64>) {
    let longest = latencies.iter().copied().fold(0.0, f64::max);
    let (median, most) = (percentile(latencies.clone(), 0.5), percentile(latencies, 0.99));
    println!("{name:<22}   {median:>6.2}   {most:>15.2}   {longest:>7.2}");
}

/// How long messages take to the other's socket.
async fn messages(ann: &Person, bob: &Person, room: &str) -> Vec<f64> {
    let (mut hers, mut his) = (ann.socket().await, bob.socket().await);
    let mut latencies = Vec::new();
    for _ in 0..MESSAGES {
        let client_id = client_id();
        let began = Instant::now();
        hers.send(&send_frame(room, &client_id, "See you at the station at six.")).await;
        while his.next_of("message").await["client_id"] != client_id.as_str() {}
        latencies.push(began.elapsed().as_secs_f64() * 1_000.0);
        tokio::time::sleep(PACE).await;
    }
    latencies
}

/// Signs in as nobody, again and again; how often each status came.
async fn sign_ins(browser: Browser, answered: Arc<AtomicUsize>) -> BTreeMap<u16, usize> {
    let callers = (0..AT_ONCE).map(|_| async {
        let mut statuses = Vec::new();
        while answered.fetch_add(1, Ordering::Relaxed) < SIGN_INS {
            let form = json!({"login": unique("ann"), "password": "not the password"});
            statuses.push(browser.post("/api/login", form).await.status);
        }
        statuses
    });
    let mut counts = BTreeMap::new();
    for status in join_all(callers).await.into_iter().flatten() {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

fn percentile(mut latencies: Vec<f64>, share: f64) -> f64 {
    latencies.sort_by(f64::total_cmp);
    let last = latencies.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a list of latencies"
    )]
    let index = (last as f64 * share) as usize;
    latencies.get(index).copied().unwrap_or_default()
}
