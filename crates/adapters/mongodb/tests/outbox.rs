//! Mail that waits is handed out once at a time.

mod support;

use adapter_mongodb::MongoStore;
use application::ports::OutboxRepository;
use domain::{
    outbox::{MailId, OutgoingMail},
    sealing::SealedPayload,
};
use std::{collections::BTreeSet, sync::Arc};
use support::TestDatabase;
use testkit::{RecordingBus, START, later};

fn a_mail(n: u8) -> OutgoingMail {
    OutgoingMail {
        id: MailId::from_bytes([n; 16]),
        sealed: SealedPayload::new(vec![n]),
        created_at: START,
        due_at: later(n.into()),
        attempts: 0,
    }
}

async fn opened(database: &TestDatabase, mails: u8) -> MongoStore {
    let bus = Arc::new(RecordingBus::default());
    let store = MongoStore::open(&database.uri, bus).await.expect("opens");
    for n in 1..=mails {
        store.insert(&a_mail(n)).await.expect("answers");
    }
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_callers_that_race_none_gets_a_mail_that_another_has() {
    let database = TestDatabase::fresh().await;
    let store = opened(&database, 20).await;
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.claim_due(later(60), later(180), 5).await })
        })
        .collect();
    let mut claimed = Vec::new();
    for caller in callers {
        claimed.extend(caller.await.expect("no panic").expect("answers"));
    }
    assert_eq!(claimed.len(), 20);
    assert!(claimed.iter().all(|mail| mail.attempts == 1 && mail.due_at == later(180)));
    let different: BTreeSet<_> = claimed.iter().map(|mail| mail.id).collect();
    assert_eq!(different.len(), 20);
}

#[tokio::test]
async fn the_longest_due_come_first_and_what_was_taken_comes_up_again() {
    let database = TestDatabase::fresh().await;
    let store = opened(&database, 3).await;
    let ids = async |now, limit| {
        let claimed = store.claim_due(now, later(100), limit).await.expect("answers");
        claimed.into_iter().map(|mail| (mail.id, mail.attempts)).collect::<Vec<_>>()
    };
    assert_eq!(ids(later(2), 5).await, [(a_mail(1).id, 1), (a_mail(2).id, 1)]);
    assert_eq!(ids(later(99), 1).await, [(a_mail(3).id, 1)]);
    assert_eq!(ids(later(99), 5).await, []);
    store.postpone(a_mail(1).id, later(200)).await.expect("answers");
    store.postpone(a_mail(9).id, later(5)).await.expect("answers");
    for _ in 0..2 {
        store.remove(a_mail(2).id).await.expect("answers");
    }
    assert_eq!(store.count().await.expect("answers"), 2);
    assert_eq!(ids(later(100), 1).await, [(a_mail(3).id, 2)]);
}
