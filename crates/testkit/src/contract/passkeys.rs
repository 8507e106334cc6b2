//! The contract of `PasskeyRepository`.
use super::at_once;
use crate::{StoreUnderTest, a_passkey, a_user, later};
use domain::{id::PasskeyId, passkey::Passkey};

async fn insert(store: &StoreUnderTest, passkey: &Passkey) -> bool {
    store.passkeys.insert(passkey).await.expect("answers")
}

async fn listed(store: &StoreUnderTest, n: u32) -> Vec<Passkey> {
    store.passkeys.list_by_user(a_user(n).id).await.expect("answers")
}

/// Passkey `n` of person 1.
fn ours(n: u32) -> Passkey {
    a_passkey(n, a_user(1).id)
}

pub async fn a_passkey_is_listed_as_it_was_inserted(store: &StoreUnderTest) {
    let theirs = Passkey { last_used_at: Some(later(9)), ..a_passkey(3, a_user(2).id) };
    for passkey in [&ours(2), &theirs, &ours(1)] {
        assert!(insert(store, passkey).await);
    }
    assert_eq!(listed(store, 1).await, [ours(1), ours(2)], "in the order in which they were made");
    assert_eq!(listed(store, 2).await, [theirs]);
    assert_eq!(listed(store, 3).await, []);
}

pub async fn a_credential_is_kept_once(store: &StoreUnderTest) {
    assert!(insert(store, &ours(1)).await);
    let again = Passkey { credential_id: ours(1).credential_id, ..a_passkey(2, a_user(2).id) };
    assert!(!insert(store, &again).await);
    assert_eq!(listed(store, 1).await, [ours(1)]);
    assert_eq!(listed(store, 2).await, []);
}

pub async fn of_passkeys_that_race_with_one_credential_one_is_kept(store: &StoreUnderTest) {
    let inserted = at_once(12, |n| {
        let passkeys = store.passkeys.clone();
        let passkey = Passkey { credential_id: vec![7], ..ours(n) };
        async move { passkeys.insert(&passkey).await.expect("answers") }
    });
    assert_eq!(inserted.await.into_iter().filter(|inserted| *inserted).count(), 1);
    assert_eq!(listed(store, 1).await.len(), 1);
}

pub async fn use_of_a_passkey_is_noted(store: &StoreUnderTest) {
    assert!(insert(store, &ours(1)).await && insert(store, &ours(2)).await);
    let note = async |user, id: PasskeyId| {
        store.passkeys.note_use(user, id, b"counted", later(60)).await.expect("answers");
    };
    note(a_user(2).id, ours(1).id).await;
    assert_eq!(listed(store, 1).await, [ours(1), ours(2)], "another's use is none");
    note(a_user(1).id, ours(1).id).await;
    let used =
        Passkey { credential: b"counted".to_vec(), last_used_at: Some(later(60)), ..ours(1) };
    assert_eq!(listed(store, 1).await, [used, ours(2)]);
}

pub async fn a_removed_passkey_is_gone_and_its_use_brings_it_not_back(store: &StoreUnderTest) {
    assert!(insert(store, &ours(1)).await && insert(store, &ours(2)).await);
    let remove = async |n| store.passkeys.remove(a_user(n).id, ours(1).id).await.expect("answers");
    assert!(!remove(2).await, "nobody else's");
    assert!(remove(1).await && !remove(1).await);
    store.passkeys.note_use(a_user(1).id, ours(1).id, b"x", later(60)).await.expect("answers");
    assert_eq!(listed(store, 1).await, [ours(2)]);
    assert!(insert(store, &ours(1)).await, "its credential may come again");
}

pub async fn passkeys_of_a_person_are_forgotten_together(store: &StoreUnderTest) {
    let theirs = a_passkey(3, a_user(2).id);
    for passkey in [&ours(1), &ours(2), &theirs] {
        assert!(insert(store, passkey).await);
    }
    store.passkeys.remove_by_user(a_user(1).id).await.expect("answers");
    assert_eq!(listed(store, 1).await, []);
    assert_eq!(listed(store, 2).await, [theirs]);
}
