//! The contract of `ExternalSignInRepository`.
use super::at_once;
use crate::{START, StoreUnderTest, an_errand, later};
use domain::external_sign_in::ExternalSignIn;

async fn insert(store: &StoreUnderTest, errand: &ExternalSignIn) {
    store.external_sign_ins.insert(errand).await.expect("answers");
}

async fn found(store: &StoreUnderTest, like: &ExternalSignIn) -> Option<ExternalSignIn> {
    store.external_sign_ins.find(&like.key).await.expect("answers")
}

pub async fn an_errand_is_found_by_its_key(store: &StoreUnderTest) {
    let [hers, his] = [an_errand(1), an_errand(2)];
    assert_eq!(found(store, &hers).await, None);
    insert(store, &hers).await;
    insert(store, &his).await;
    for _ in 0..2 {
        assert_eq!(found(store, &hers).await, Some(hers.clone()));
        assert_eq!(found(store, &his).await, Some(his.clone()));
    }
}

pub async fn an_errand_is_taken_once(store: &StoreUnderTest) {
    let [hers, his] = [an_errand(1), an_errand(2)];
    insert(store, &hers).await;
    insert(store, &his).await;
    let take = async || store.external_sign_ins.take(&hers.key).await.expect("answers");
    assert_eq!(take().await, Some(hers.clone()));
    assert_eq!(take().await, None);
    assert_eq!(found(store, &hers).await, None);
    assert_eq!(found(store, &his).await, Some(his));
}

pub async fn of_takers_that_race_one_gets_the_errand(store: &StoreUnderTest) {
    let errand = an_errand(1);
    insert(store, &errand).await;
    let taken = at_once(12, |_| {
        let errands = store.external_sign_ins.clone();
        async move { errands.take(&an_errand(1).key).await.expect("answers") }
    });
    let taken: Vec<_> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken, [errand]);
}

pub async fn old_errands_are_forgotten(store: &StoreUnderTest) {
    let old = an_errand(1);
    let new = ExternalSignIn { begun_at: later(5), ..an_errand(2) };
    insert(store, &old).await;
    insert(store, &new).await;
    let forget = async |moment| {
        store.external_sign_ins.remove_begun_before(moment).await.expect("answers");
    };
    forget(START).await;
    assert_eq!(found(store, &old).await, Some(old.clone()));
    forget(later(5)).await;
    assert_eq!(found(store, &old).await, None);
    assert_eq!(found(store, &new).await, Some(new));
}
