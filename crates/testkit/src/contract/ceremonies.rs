//! The contract of `CeremonyRepository`.
use super::at_once;
use crate::{StoreUnderTest, a_ceremony, a_user, later};
use domain::{ceremony::Ceremony, sealing::SealedPayload};

async fn put(store: &StoreUnderTest, ceremony: &Ceremony) {
    store.ceremonies.put(ceremony).await.expect("answers");
}

async fn found(store: &StoreUnderTest, like: &Ceremony) -> Option<Ceremony> {
    store.ceremonies.find(&like.flow, like.kind).await.expect("answers")
}

pub async fn a_ceremony_is_found_by_the_browser_that_began_it(store: &StoreUnderTest) {
    let [ours, theirs] = [a_ceremony(1), a_ceremony(2)];
    assert_eq!(found(store, &ours).await, None);
    put(store, &ours).await;
    put(store, &theirs).await;
    assert_eq!(found(store, &ours).await, Some(ours));
    assert_eq!(found(store, &theirs).await, Some(theirs));
}

pub async fn a_ceremony_takes_the_place_of_the_one_before(store: &StoreUnderTest) {
    put(store, &Ceremony { attempts: 3, ..a_ceremony(1) }).await;
    let state = SealedPayload::new(b"another".to_vec());
    let anew = Ceremony { user: None, state, begun_at: later(60), ..a_ceremony(1) };
    put(store, &anew).await;
    assert_eq!(found(store, &anew).await, Some(anew));
}

pub async fn of_ceremonies_that_race_for_a_browser_one_is_kept(store: &StoreUnderTest) {
    at_once(12, |n| {
        let ceremonies = store.ceremonies.clone();
        let ceremony = Ceremony { begun_at: later(n), ..a_ceremony(1) };
        async move { ceremonies.put(&ceremony).await.expect("answers") }
    })
    .await;
    let kept = found(store, &a_ceremony(1)).await.expect("is there");
    assert_eq!(
        Ceremony { begun_at: later(0), ..kept },
        Ceremony { begun_at: later(0), ..a_ceremony(1) }
    );
    assert!(store.ceremonies.take(&a_ceremony(1).flow, a_ceremony(1).kind).await.expect("answers"));
    assert_eq!(found(store, &a_ceremony(1)).await, None);
}

pub async fn every_try_of_a_ceremony_sees_a_count_of_its_own(store: &StoreUnderTest) {
    put(store, &a_ceremony(1)).await;
    let counts = at_once(16, |_| {
        let (ceremonies, Ceremony { flow, kind, .. }) = (store.ceremonies.clone(), a_ceremony(1));
        async move { ceremonies.begin_attempt(&flow, kind).await.expect("answers") }
    });
    let mut counts: Vec<_> =
        counts.await.into_iter().map(|counted| counted.expect("is there").attempts).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=16).collect::<Vec<_>>());
    let tried = Ceremony { attempts: 16, ..a_ceremony(1) };
    assert_eq!(found(store, &a_ceremony(1)).await, Some(tried));
    let nobodys = a_ceremony(2);
    let counted = store.ceremonies.begin_attempt(&nobodys.flow, nobodys.kind).await;
    assert_eq!(counted.expect("answers"), None);
}

pub async fn of_takers_that_race_one_takes_the_ceremony(store: &StoreUnderTest) {
    put(store, &a_ceremony(1)).await;
    put(store, &a_ceremony(2)).await;
    let taken = at_once(8, |_| {
        let (ceremonies, Ceremony { flow, kind, .. }) = (store.ceremonies.clone(), a_ceremony(1));
        async move { ceremonies.take(&flow, kind).await.expect("answers") }
    });
    assert_eq!(taken.await.into_iter().filter(|taken| *taken).count(), 1);
    assert_eq!(found(store, &a_ceremony(1)).await, None);
    assert!(found(store, &a_ceremony(2)).await.is_some());
}

pub async fn ceremonies_of_a_person_are_forgotten_together(store: &StoreUnderTest) {
    let elsewhere = Ceremony { user: Some(a_user(1).id), ..a_ceremony(9) };
    for ceremony in [&a_ceremony(1), &elsewhere, &a_ceremony(2)] {
        put(store, ceremony).await;
    }
    store.ceremonies.remove_by_user(a_user(1).id).await.expect("answers");
    assert_eq!(found(store, &a_ceremony(1)).await, None);
    assert_eq!(found(store, &elsewhere).await, None);
    assert!(found(store, &a_ceremony(2)).await.is_some());
}

pub async fn old_ceremonies_are_forgotten(store: &StoreUnderTest) {
    put(store, &Ceremony { begun_at: later(9), ..a_ceremony(1) }).await;
    put(store, &Ceremony { begun_at: later(10), ..a_ceremony(2) }).await;
    store.ceremonies.remove_begun_before(later(10)).await.expect("answers");
    assert_eq!(found(store, &a_ceremony(1)).await, None);
    assert!(found(store, &a_ceremony(2)).await.is_some());
}
