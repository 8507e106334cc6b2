//! The contract of `KeyFingerprintRepository`.
use crate::StoreUnderTest;
use application::ports::KeyFingerprint;
use domain::sealing::KeyId;

fn a_fingerprint(id: &str, byte: u8) -> KeyFingerprint {
    KeyFingerprint { id: KeyId::parse(id).expect("a key id"), digest: [byte; 32] }
}

async fn listed(store: &StoreUnderTest) -> Vec<KeyFingerprint> {
    let mut all = store.keys.list_fingerprints().await.expect("answers");
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

pub async fn a_fingerprint_is_listed(store: &StoreUnderTest) {
    assert_eq!(listed(store).await, []);
    let both = [a_fingerprint("k1", 1), a_fingerprint("k2", 2)];
    for fingerprint in &both {
        store.keys.insert(fingerprint).await.expect("answers");
    }
    assert_eq!(listed(store).await, both);
}

pub async fn the_first_fingerprint_under_an_id_stays(store: &StoreUnderTest) {
    store.keys.insert(&a_fingerprint("k1", 1)).await.expect("answers");
    store.keys.insert(&a_fingerprint("k1", 2)).await.expect("answers");
    assert_eq!(listed(store).await, [a_fingerprint("k1", 1)]);
}
