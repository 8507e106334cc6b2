//! The contract of `SecondFactorRepository`.
use super::at_once;
use crate::{StoreUnderTest, a_second_factor, a_user, later};
use domain::{
    sealing::{KeyedDigest, SealedPayload},
    second_factor::{AuthenticatorApp, SecondFactor},
    totp::TotpStep,
};

async fn put(store: &StoreUnderTest, factor: &SecondFactor) -> bool {
    store.second_factors.put(factor).await.expect("answers")
}

async fn found(store: &StoreUnderTest, n: u32) -> Option<SecondFactor> {
    store.second_factors.find(a_user(n).id).await.expect("answers")
}

fn set_up_at(seconds: u32) -> SecondFactor {
    let secret = SealedPayload::new(seconds.to_be_bytes().to_vec());
    let app = Some(AuthenticatorApp { secret, last_step: TotpStep(7) });
    let recovery_codes = vec![KeyedDigest::new(seconds.to_be_bytes().to_vec())];
    SecondFactor { since: later(seconds), app, recovery_codes, ..a_second_factor(1) }
}

pub async fn a_second_factor_is_found_as_it_was_put(store: &StoreUnderTest) {
    assert_eq!(found(store, 1).await, None);
    assert!(put(store, &a_second_factor(1)).await && put(store, &a_second_factor(2)).await);
    assert_eq!(found(store, 1).await, Some(a_second_factor(1)));
    assert_eq!(found(store, 2).await, Some(a_second_factor(2)));
}

pub async fn an_app_takes_the_place_of_one_set_up_before_alone(store: &StoreUnderTest) {
    assert!(put(store, &set_up_at(10)).await);
    assert!(!put(store, &set_up_at(10)).await, "this very one");
    assert!(!put(store, &set_up_at(9)).await, "an older one");
    assert_eq!(found(store, 1).await, Some(set_up_at(10)), "with its codes");
    assert!(put(store, &set_up_at(11)).await);
    assert_eq!(found(store, 1).await, Some(set_up_at(11)));
}

pub async fn of_callers_that_race_with_one_app_one_puts_it(store: &StoreUnderTest) {
    for seconds in [10, 20] {
        let put = at_once(12, |n| {
            let factors = store.second_factors.clone();
            let codes = vec![KeyedDigest::new(vec![u8::try_from(n).expect("small")])];
            let factor = SecondFactor { recovery_codes: codes, ..set_up_at(seconds) };
            async move { factors.put(&factor).await.expect("answers").then_some(factor) }
        });
        let put: Vec<_> = put.await.into_iter().flatten().collect();
        assert_eq!(put.len(), 1, "set up at {seconds}");
        assert_eq!(found(store, 1).await, put.into_iter().next(), "whose codes count");
    }
}

pub async fn a_half_minute_is_used_once_and_no_earlier_one_after_it(store: &StoreUnderTest) {
    let user = a_user(1).id;
    let counts_once =
        async |step| store.second_factors.use_step(user, TotpStep(step)).await.expect("answers");
    assert!(!counts_once(9).await, "there is no app");
    assert!(put(store, &set_up_at(10)).await);
    for (step, counts) in [(6, false), (7, false), (9, true), (9, false), (8, false), (10, true)] {
        assert_eq!(counts_once(step).await, counts, "{step}");
    }
    let factor = found(store, 1).await.expect("is there");
    assert_eq!(factor.app.map(|app| app.last_step), Some(TotpStep(10)));
    assert_eq!(factor.recovery_codes, set_up_at(10).recovery_codes);
}

pub async fn where_a_passkey_is_asked_for_no_half_minute_is_used(store: &StoreUnderTest) {
    let factor = SecondFactor { app: None, ..a_second_factor(1) };
    assert!(put(store, &factor).await);
    assert_eq!(found(store, 1).await, Some(factor.clone()));
    let counts = store.second_factors.use_step(factor.user, TotpStep(u64::from(u32::MAX))).await;
    assert!(!counts.expect("answers"));
    assert_eq!(found(store, 1).await, Some(factor));
    assert!(put(store, &set_up_at(10)).await, "an app takes its place");
    assert_eq!(found(store, 1).await, Some(set_up_at(10)));
}

pub async fn of_callers_that_race_with_one_code_one_uses_it(store: &StoreUnderTest) {
    assert!(put(store, &set_up_at(10)).await);
    let used = at_once(12, |_| {
        let factors = store.second_factors.clone();
        async move { factors.use_step(a_user(1).id, TotpStep(8)).await.expect("answers") }
    });
    assert_eq!(used.await.into_iter().filter(|used| *used).count(), 1);
}

pub async fn of_callers_that_race_for_a_recovery_code_one_takes_it(store: &StoreUnderTest) {
    assert!(put(store, &a_second_factor(1)).await && put(store, &a_second_factor(2)).await);
    let [first, rest @ ..] = a_second_factor(1).recovery_codes.try_into().unwrap_or_else(
        |codes: Vec<KeyedDigest>| -> [KeyedDigest; 3] { panic!("{} codes", codes.len()) },
    );
    let taken = at_once(12, |_| {
        let (factors, code) = (store.second_factors.clone(), first.clone());
        async move { factors.take_recovery_code(a_user(1).id, &code).await.expect("answers") }
    });
    assert_eq!(taken.await.into_iter().filter(|taken| *taken).count(), 1);
    let left = found(store, 1).await.expect("is there").recovery_codes;
    assert_eq!(left, rest);
    assert_eq!(found(store, 2).await, Some(a_second_factor(2)), "others keep theirs");
    let foreign = &a_second_factor(2).recovery_codes[0];
    let taken = store.second_factors.take_recovery_code(a_user(1).id, foreign).await;
    assert!(!taken.expect("answers"));
}

pub async fn recovery_codes_are_replaced_together(store: &StoreUnderTest) {
    let user = a_user(1).id;
    let codes = vec![KeyedDigest::new(vec![1]), KeyedDigest::new(vec![2])];
    let replace =
        async || store.second_factors.replace_recovery_codes(user, &codes).await.expect("answers");
    assert!(!replace().await, "there is nothing to recover");
    assert_eq!(found(store, 1).await, None);
    assert!(put(store, &a_second_factor(1)).await);
    assert!(replace().await && replace().await);
    let factor = found(store, 1).await.expect("is there");
    assert_eq!(factor, SecondFactor { recovery_codes: codes.clone(), ..a_second_factor(1) });
}

pub async fn of_callers_that_race_to_remove_a_second_factor_one_does(store: &StoreUnderTest) {
    assert!(put(store, &a_second_factor(1)).await && put(store, &a_second_factor(2)).await);
    let removed = at_once(8, |_| {
        let factors = store.second_factors.clone();
        async move { factors.remove(a_user(1).id).await.expect("answers") }
    });
    assert_eq!(removed.await.into_iter().filter(|removed| *removed).count(), 1);
    assert_eq!(found(store, 1).await, None);
    assert!(found(store, 2).await.is_some());
    let anew = SecondFactor { recovery_codes: vec![], ..a_second_factor(1) };
    assert!(put(store, &anew).await);
    assert_eq!(found(store, 1).await, Some(anew), "no code of before comes back");
}
