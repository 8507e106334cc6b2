//! The contract of `OutboxRepository`.
use super::at_once;
use crate::{START, StoreUnderTest, later};
use domain::{
    Timestamp,
    outbox::{MailId, OutgoingMail},
    sealing::SealedPayload,
};
use std::collections::HashSet;

/// Mail `n`, due after `n` seconds.
fn mail(n: u32) -> OutgoingMail {
    let mut bytes = [255; 10];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    OutgoingMail {
        id: MailId::mint(later(n), bytes),
        // Of the size of a real one, and not text.
        sealed: SealedPayload::new(bytes.repeat(600)),
        created_at: later(n),
        due_at: later(n),
        attempts: 0,
    }
}

/// Mail `n` as whoever claimed it gets it.
fn claimed(n: u32, attempts: u32, until: Timestamp) -> OutgoingMail {
    OutgoingMail { attempts, due_at: until, ..mail(n) }
}

async fn insert(store: &StoreUnderTest, mails: impl IntoIterator<Item = OutgoingMail>) {
    for mail in mails {
        store.outbox.insert(&mail).await.expect("answers");
    }
}

async fn claim(
    store: &StoreUnderTest,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
) -> Vec<OutgoingMail> {
    store.outbox.claim_due(now, until, limit).await.expect("answers")
}

async fn count(store: &StoreUnderTest) -> u64 {
    store.outbox.count().await.expect("answers")
}

pub async fn a_mail_is_claimed_as_it_was_inserted(store: &StoreUnderTest) {
    assert_eq!(claim(store, later(9), later(60), 9).await, []);
    insert(store, [mail(1)]).await;
    assert_eq!(claim(store, later(9), later(60), 9).await, [claimed(1, 1, later(60))]);
}

pub async fn nothing_is_claimed_before_it_is_due(store: &StoreUnderTest) {
    insert(store, [mail(5)]).await;
    assert_eq!(claim(store, later(4), later(60), 9).await, []);
    assert_eq!(claim(store, later(5), later(60), 9).await, [claimed(5, 1, later(60))]);
}

pub async fn the_longest_due_are_claimed_first_and_no_more_than_asked_for(store: &StoreUnderTest) {
    insert(store, [4, 2, 5, 1, 3].map(mail)).await;
    assert_eq!(claim(store, later(9), later(60), 0).await, []);
    let firsts = claim(store, later(9), later(60), 2).await;
    assert_eq!(firsts, [1, 2].map(|n| claimed(n, 1, later(60))));
    let rest = claim(store, later(9), later(60), 9).await;
    assert_eq!(rest, [3, 4, 5].map(|n| claimed(n, 1, later(60))));
}

pub async fn what_was_claimed_and_left_comes_up_again_with_its_attempts_counted(
    store: &StoreUnderTest,
) {
    insert(store, [mail(1)]).await;
    claim(store, later(1), later(60), 9).await;
    assert_eq!(claim(store, later(59), later(90), 9).await, [], "somebody has it");
    for attempts in 2..5 {
        let (now, until) = (later(attempts * 60), later(attempts * 60 + 60));
        assert_eq!(claim(store, now, until, 9).await, [claimed(1, attempts, until)]);
    }
}

pub async fn of_claimers_that_race_none_gets_the_mail_of_another(store: &StoreUnderTest) {
    insert(store, (1..=40).map(mail)).await;
    let claims = at_once(16, |_| {
        let store = store.clone();
        async move {
            let mut mine = Vec::new();
            loop {
                match claim(&store, later(60), later(120), 3).await {
                    mails if mails.is_empty() => return mine,
                    mails => mine.extend(mails),
                }
            }
        }
    });
    let claims: Vec<OutgoingMail> = claims.await.into_iter().flatten().collect();
    let different: HashSet<MailId> = claims.iter().map(|mail| mail.id).collect();
    assert_eq!((claims.len(), different.len()), (40, 40), "each once");
    assert!(claims.iter().all(|mail| mail.attempts == 1));
}

pub async fn a_postponed_mail_waits_for_its_new_moment(store: &StoreUnderTest) {
    insert(store, [1, 2].map(mail)).await;
    claim(store, later(2), later(60), 9).await;
    store.outbox.postpone(mail(2).id, later(30)).await.expect("answers");
    assert_eq!(claim(store, later(29), later(90), 9).await, []);
    assert_eq!(claim(store, later(30), later(90), 9).await, [claimed(2, 2, later(90))]);
    store.outbox.postpone(mail(1).id, later(100)).await.expect("answers");
    assert_eq!(claim(store, later(99), later(200), 9).await, [claimed(2, 3, later(200))]);
}

pub async fn a_removed_mail_is_gone(store: &StoreUnderTest) {
    insert(store, [1, 2].map(mail)).await;
    for _ in 0..2 {
        store.outbox.remove(mail(1).id).await.expect("removing what is gone is fine");
    }
    assert_eq!(claim(store, later(9), later(60), 9).await, [claimed(2, 1, later(60))]);
}

pub async fn postponing_never_brings_back_a_mail(store: &StoreUnderTest) {
    insert(store, [mail(1)]).await;
    store.outbox.remove(mail(1).id).await.expect("answers");
    store.outbox.postpone(mail(1).id, START).await.expect("answers");
    assert_eq!(claim(store, later(9), later(60), 9).await, []);
    assert_eq!(count(store).await, 0);
}

pub async fn those_that_wait_are_counted_claimed_or_not(store: &StoreUnderTest) {
    assert_eq!(count(store).await, 0);
    insert(store, [1, 2, 3].map(mail)).await;
    claim(store, later(2), later(60), 9).await;
    assert_eq!(count(store).await, 3);
    store.outbox.remove(mail(2).id).await.expect("answers");
    assert_eq!(count(store).await, 2);
}
