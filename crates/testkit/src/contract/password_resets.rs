//! The contract of `PasswordResetRepository`.
use super::at_once;
use crate::{START, StoreUnderTest, a_password_reset, later};
use domain::{password_reset::PasswordReset, token::TokenDigest};

async fn put(store: &StoreUnderTest, reset: &PasswordReset) -> bool {
    store.password_resets.put(reset, START).await.expect("answers")
}

async fn found(store: &StoreUnderTest, like: &PasswordReset) -> Option<PasswordReset> {
    store.password_resets.find(&like.token).await.expect("answers")
}

pub async fn a_link_is_found_by_its_token(store: &StoreUnderTest) {
    let [hers, his] = [a_password_reset(1), a_password_reset(2)];
    assert_eq!(found(store, &hers).await, None);
    assert!(put(store, &hers).await && put(store, &his).await);
    assert_eq!(found(store, &hers).await, Some(hers));
    assert_eq!(found(store, &his).await, Some(his));
}

pub async fn a_link_takes_the_place_of_an_older_one_alone(store: &StoreUnderTest) {
    let first = a_password_reset(1);
    let second =
        PasswordReset { token: TokenDigest([7; 32]), created_at: later(60), ..first.clone() };
    assert!(put(store, &first).await);
    let too_soon = START - domain::TimeDelta::milliseconds(1);
    assert!(!store.password_resets.put(&second, too_soon).await.expect("answers"));
    assert_eq!(found(store, &first).await, Some(first.clone()));
    assert!(put(store, &second).await);
    assert_eq!(found(store, &first).await, None);
    assert_eq!(found(store, &second).await, Some(second));
}

pub async fn of_links_that_race_for_a_person_one_is_put(store: &StoreUnderTest) {
    let put = at_once(12, |n| {
        let resets = store.password_resets.clone();
        let token = TokenDigest([u8::try_from(n).expect("small"); 32]);
        let reset = PasswordReset { token, created_at: later(60), ..a_password_reset(1) };
        async move { resets.put(&reset, START).await.expect("answers") }
    });
    assert_eq!(put.await.into_iter().filter(|put| *put).count(), 1);
}

pub async fn a_link_is_taken_once(store: &StoreUnderTest) {
    let reset = a_password_reset(1);
    assert!(put(store, &reset).await);
    let taken = at_once(8, |_| {
        let resets = store.password_resets.clone();
        async move { resets.take(&a_password_reset(1).token).await.expect("answers") }
    });
    let taken: Vec<_> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken, std::slice::from_ref(&reset));
    assert_eq!(found(store, &reset).await, None);
}

pub async fn a_link_of_a_person_is_forgotten(store: &StoreUnderTest) {
    let [hers, his] = [a_password_reset(1), a_password_reset(2)];
    assert!(put(store, &hers).await && put(store, &his).await);
    for _ in 0..2 {
        store.password_resets.remove_by_user(hers.user).await.expect("forgetting none is fine");
    }
    assert_eq!(found(store, &hers).await, None);
    assert_eq!(found(store, &his).await, Some(his));
}

pub async fn old_links_are_forgotten(store: &StoreUnderTest) {
    let made = |n, seconds| PasswordReset { created_at: later(seconds), ..a_password_reset(n) };
    let [old, young] = [made(1, 9), made(2, 10)];
    assert!(put(store, &old).await && put(store, &young).await);
    store.password_resets.remove_made_before(later(10)).await.expect("answers");
    assert_eq!(found(store, &old).await, None);
    assert_eq!(found(store, &young).await, Some(young));
}
