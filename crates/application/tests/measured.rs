//! Ports that count: what they note, and that they change nothing.
use crate::world::{World, a_draft};
use application::{
    chat::SendMessages,
    measured::{MeasuredBroadcast, MeasuredHasher, MeasuredMessages},
    ports::{
        Broadcast, BroadcastNews, CallOutcome, Figure, HashingBusy, MessageOutcome,
        MessageRepository, Metrics, MockBroadcast, MockMessageRepository, MockPasswordHasher,
        PasswordHasher, Received, StoreOperation, Unavailable,
    },
};
use domain::{history::Limit, password::Password};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::a_user;

/// Remembers every figure, without the times.
#[derive(Default)]
struct Notes(Mutex<Vec<Figure>>);

impl Metrics for Notes {
    fn note(&self, figure: Figure) {
        let timeless = match figure {
            Figure::StoreCalled { operation, outcome, .. } => {
                Figure::StoreCalled { operation, outcome, took: Duration::ZERO }
            }
            Figure::HashingEnded { outcome, .. } => {
                Figure::HashingEnded { outcome, took: Duration::ZERO }
            }
            other => other,
        };
        self.0.lock().expect("not poisoned").push(timeless);
    }
}

impl Notes {
    fn take(&self) -> Vec<Figure> {
        std::mem::take(&mut *self.0.lock().expect("not poisoned"))
    }
}

fn called(operation: StoreOperation, outcome: CallOutcome) -> Figure {
    Figure::StoreCalled { operation, outcome, took: Duration::ZERO }
}

fn down() -> Unavailable {
    Unavailable::of("store", anyhow::anyhow!("planted"))
}

#[tokio::test]
async fn what_becomes_of_a_message_and_of_the_call_that_stores_it_is_counted() {
    let w = World::new();
    let (ours, theirs) = (w.a_room(1, 2).await, w.a_room(2, 3).await);
    let notes = Arc::new(Notes::default());
    let messages = MeasuredMessages { inner: w.store.messages.clone(), metrics: notes.clone() };
    let sending =
        SendMessages { messages: Arc::new(messages), metrics: notes.clone(), ..w.send_messages() };
    let drafts = vec![a_draft(ours, 1, "a"), a_draft(theirs, 2, "b"), a_draft(ours, 1, "c")];
    let outcomes = sending.execute_batch(a_user(1).id, drafts).await;
    assert!(outcomes[0].is_ok() && outcomes[1].is_err() && outcomes[2].is_err());
    assert_eq!(
        notes.take(),
        [
            Figure::MessagesBatched(2),
            called(StoreOperation::Append, CallOutcome::Done),
            Figure::Message(MessageOutcome::New),
            Figure::Message(MessageOutcome::Refused),
            Figure::Message(MessageOutcome::Refused),
        ]
    );
    sending.execute(a_user(1).id, a_draft(ours, 1, "a")).await.expect("known");
    assert_eq!(notes.take().last(), Some(&Figure::Message(MessageOutcome::Known)));
    sending.execute_batch(a_user(1).id, vec![a_draft(theirs, 9, "x")]).await;
    assert_eq!(notes.take(), [Figure::Message(MessageOutcome::Refused)], "no call for nothing");
}

#[tokio::test]
async fn a_store_that_fails_is_counted_as_such() {
    let notes = Arc::new(Notes::default());
    let mut failing = MockMessageRepository::new();
    failing.expect_list_changes().once().returning(|_, _, _| Err(down()));
    let messages = MeasuredMessages { inner: Arc::new(failing), metrics: notes.clone() };
    let w = World::new();
    let room = w.a_room(1, 2).await;
    assert!(messages.list_changes(room, 0, Limit::of(1).expect("some")).await.is_err());
    assert_eq!(notes.take(), [called(StoreOperation::ListChanges, CallOutcome::Failed)]);
}

#[tokio::test]
async fn whoever_waits_for_a_hash_is_counted_until_they_leave() {
    let notes = Arc::new(Notes::default());
    let mut busy = MockPasswordHasher::new();
    busy.expect_hash().once().returning(|_| Err(HashingBusy));
    let hasher = MeasuredHasher { inner: Arc::new(busy), metrics: notes.clone() };
    let password = Password::typed("plum tractor velvet").expect("fits");
    assert_eq!(hasher.hash(&password).await, Err(HashingBusy));
    let ended = Figure::HashingEnded { outcome: CallOutcome::Failed, took: Duration::ZERO };
    assert_eq!(notes.take(), [Figure::HashingBegan, ended.clone()]);
    // Given up before it began is begun never.
    drop(hasher.hash(&password));
    assert_eq!(notes.take(), []);
}

#[tokio::test]
async fn what_comes_from_other_instances_is_counted_by_kind() {
    let notes = Arc::new(Notes::default());
    let mut others = MockBroadcast::new();
    others.expect_receive().once().returning(|| Received::LostFor(vec![]));
    let broadcast = MeasuredBroadcast { inner: Arc::new(others), metrics: notes.clone() };
    assert_eq!(broadcast.receive().await, Received::LostFor(vec![]));
    assert_eq!(notes.take(), [Figure::BroadcastReceived(BroadcastNews::LostForSome)]);
}
