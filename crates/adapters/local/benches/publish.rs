//! How many messages a second an instance tells. `cargo bench -p adapter-local`
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#[expect(dead_code, reason = "the tests do more with it")]
#[path = "../tests/relay/history.rs"]
mod history;

use adapter_local::RelayEventBus;
use application::ports::{EventBus, MessageRepository, RoomHeads};
use domain::{
    event::ChatEvent,
    id::{RoomId, UserId},
    room::Participants,
};
use history::SharedHistory;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::a_message;

/// What is told between two readings: no more than fits the buffer of a socket.
const ROUND: u64 = 1_000;
const ROUNDS: u64 = 500;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let people = [1, 2].map(|n| UserId::from_bytes([n; 16]));
    let participants = Participants::pair(people[0], people[1]).expect("two people");
    let history = Arc::new(SharedHistory::default());
    let room = history.open(people[0], people[1]);
    let heads: Arc<dyn RoomHeads> = history.clone();
    let messages: Arc<dyn MessageRepository> = history;
    let bus = RelayEventBus::new(None);
    bus.attach(&heads, &messages).await.expect("answers");
    for listeners in [0, 1, 2] {
        let mut sockets = Vec::new();
        for user in &people[..listeners] {
            sockets.push(bus.subscribe(*user).await.expect("answers"));
        }
        let mut spent = Duration::ZERO;
        for round in 0..ROUNDS {
            // Without sockets the revs don't count.
            let first = (listeners.saturating_sub(1) as u64 * ROUNDS + round) * ROUND;
            let revs = first + 1..=first + ROUND;
            let events: Vec<ChatEvent> =
                revs.map(|rev| an_event(room, participants, rev)).collect();
            let began = Instant::now();
            for event in events {
                bus.publish(event);
            }
            spent += began.elapsed();
            for socket in &mut sockets {
                while socket.try_next().is_some() {}
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
        let rate = (ROUND * ROUNDS) as f64 / spent.as_secs_f64() / 1e6;
        assert_eq!(bus.figures().repairs, 0, "all of it went the fast way");
        println!("{listeners} sockets: {rate:.2} million messages/s");
    }
}

fn an_event(room: RoomId, participants: Participants, rev: u64) -> ChatEvent {
    let [sender, _] = participants.both();
    ChatEvent::Message { participants, message: a_message(room, sender, 1).numbered(rev, rev) }
}
