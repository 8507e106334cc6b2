use crate::world::{World, down};
use application::{
    operations::{AdoptKeys, AdoptKeysError},
    ports::{KeyFingerprint, MockKeyFingerprintRepository},
};
use domain::sealing::KeyId;
use std::sync::Arc;

fn a_key_id(id: &str) -> KeyId {
    KeyId::parse(id).expect("a key id")
}

fn a_key(id: &str, digest: u8) -> KeyFingerprint {
    KeyFingerprint { id: a_key_id(id), digest: [digest; 32] }
}

async fn known(w: &World) -> Vec<KeyFingerprint> {
    let mut known = w.store.keys.list_fingerprints().await.expect("answers");
    known.sort_by(|one, other| one.id.cmp(&other.id));
    known
}

#[tokio::test]
async fn a_new_store_takes_any_ring_and_knows_it_again() {
    let w = World::new();
    let ring = [a_key("a", 1), a_key("b", 2)];
    for _ in 0..2 {
        w.adopt_keys().execute(&ring).await.expect("accepts");
        assert_eq!(known(&w).await, ring);
    }
}

#[tokio::test]
async fn a_key_may_be_added_in_any_place() {
    let w = World::new();
    w.adopt_keys().execute(&[a_key("b", 2)]).await.expect("accepts");
    w.adopt_keys().execute(&[a_key("a", 1), a_key("b", 2)]).await.expect("accepts");
    w.adopt_keys().execute(&[a_key("b", 2), a_key("c", 3), a_key("a", 1)]).await.expect("accepts");
    assert_eq!(known(&w).await, [a_key("a", 1), a_key("b", 2), a_key("c", 3)]);
}

#[tokio::test]
async fn a_ring_without_a_key_the_store_was_used_with_is_refused() {
    let w = World::new();
    let before = [a_key("a", 1), a_key("b", 2)];
    w.adopt_keys().execute(&before).await.expect("accepts");
    for ring in [&[a_key("a", 1), a_key("c", 3)][..], &[a_key("a", 1)]] {
        let outcome = w.adopt_keys().execute(ring).await;
        assert!(matches!(outcome, Err(AdoptKeysError::Missing(id)) if id == a_key_id("b")));
    }
    let nothing = w.adopt_keys().execute(&[]).await;
    assert!(matches!(nothing, Err(AdoptKeysError::Missing(_))));
    assert_eq!(known(&w).await, before, "and nothing of it is noted");
}

#[tokio::test]
async fn another_key_under_a_known_id_is_refused() {
    let w = World::new();
    w.adopt_keys().execute(&[a_key("a", 1)]).await.expect("accepts");
    let outcome = w.adopt_keys().execute(&[a_key("c", 3), a_key("a", 2)]).await;
    assert!(matches!(outcome, Err(AdoptKeysError::Changed(id)) if id == a_key_id("a")));
    assert_eq!(known(&w).await, [a_key("a", 1)]);
    w.adopt_keys().execute(&[a_key("a", 1)]).await.expect("the old one is still accepted");
}

#[tokio::test]
async fn a_key_that_was_not_noted_is_not_adopted() {
    let mut keys = MockKeyFingerprintRepository::new();
    keys.expect_list_fingerprints().returning(|| Ok(Vec::new()));
    keys.expect_insert().once().returning(|_| Err(down()));
    let outcome = AdoptKeys { known: Arc::new(keys) }.execute(&[a_key("a", 1)]).await;
    assert!(matches!(outcome, Err(AdoptKeysError::Unavailable(_))));
}
