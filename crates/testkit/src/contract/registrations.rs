//! The contract of `RegistrationRepository`.
use super::at_once;
use crate::{StoreUnderTest, a_registration, an_email, later};
use domain::{otp::Otp, registration::Registration, sealing::KeyedDigest, username::Username};

async fn insert(store: &StoreUnderTest, registration: &Registration) {
    store.registrations.insert(registration).await.expect("answers");
}

async fn found(store: &StoreUnderTest, like: &Registration) -> Option<Registration> {
    store.registrations.find_by_flow(&like.flow).await.expect("answers")
}

fn a_code(n: u32) -> Otp {
    Otp::sent(KeyedDigest::new(format!("code {n}").into_bytes()), later(60 + n))
}

pub async fn what_was_inserted_is_found_by_its_flow(store: &StoreUnderTest) {
    let registration = a_registration(1);
    assert_eq!(found(store, &registration).await, None);
    insert(store, &registration).await;
    assert_eq!(found(store, &registration).await, Some(registration));
    assert_eq!(found(store, &a_registration(2)).await, None);
}

pub async fn a_second_sign_up_of_a_flow_replaces_the_first(store: &StoreUnderTest) {
    let first = a_registration(1);
    let second = Registration { flow: first.flow, ..a_registration(2) };
    insert(store, &first).await;
    insert(store, &second).await;
    assert_eq!(found(store, &first).await, Some(second));
    let gone = store.registrations.find_newest_by_email(&first.email).await.expect("answers");
    assert_eq!(gone, None);
}

pub async fn several_may_wait_for_one_address_and_the_newest_is_found(store: &StoreUnderTest) {
    let begun =
        |n: u32| Registration { email: an_email(99), created_at: later(n), ..a_registration(n) };
    for n in [2, 3, 1] {
        insert(store, &begun(n)).await;
    }
    let newest = store.registrations.find_newest_by_email(&an_email(99)).await.expect("answers");
    assert_eq!(newest, Some(begun(3)));
    assert_eq!(found(store, &begun(1)).await, Some(begun(1)), "none holds it against another");
    let none = store.registrations.find_newest_by_email(&an_email(98)).await.expect("answers");
    assert_eq!(none, None);
}

pub async fn several_may_wait_for_one_username_and_the_newest_is_found(store: &StoreUnderTest) {
    let name = |text| Username::parse(text).expect("a username");
    let begun = |n: u32, username| Registration {
        username: name(username),
        created_at: later(n),
        ..a_registration(n)
    };
    for (n, username) in [(2, "Nora"), (3, "noRA"), (1, "nora"), (4, "n0ra")] {
        insert(store, &begun(n, username)).await;
    }
    let found = store.registrations.find_newest_by_username(&name("NORA")).await.expect("answers");
    assert_eq!(found, Some(begun(3, "noRA")), "compared by key, not by looks");
    assert_eq!(found.map(|it| it.username.as_str().to_owned()).as_deref(), Some("noRA"));
}

pub async fn every_attempt_sees_a_count_of_its_own(store: &StoreUnderTest) {
    let registration = a_registration(1);
    insert(store, &registration).await;
    let counts = at_once(50, |_| {
        let registrations = store.registrations.clone();
        let flow = registration.flow;
        async move { registrations.begin_attempt(&flow).await.expect("answers").expect("exists") }
    });
    let mut counts: Vec<_> = counts.await.iter().map(|counted| counted.otp.attempts).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=50).collect::<Vec<_>>());
    let stranger = store.registrations.begin_attempt(&a_registration(2).flow).await;
    assert_eq!(stranger.expect("answers"), None);
}

pub async fn what_is_amended_keeps_its_code_and_every_try_counted(store: &StoreUnderTest) {
    let registration = a_registration(1);
    insert(store, &registration).await;
    let other = a_registration(2);
    let amended = Registration {
        username: other.username.clone(),
        first_name: other.first_name.clone(),
        last_name: other.last_name.clone(),
        password: other.password.clone(),
        ..registration.clone()
    };
    let tries = at_once(20, |n| {
        let registrations = store.registrations.clone();
        let (flow, amended) = (registration.flow, amended.clone());
        async move {
            registrations.begin_attempt(&flow).await.expect("answers");
            if n % 4 == 0 {
                registrations.amend(&amended).await.expect("answers");
            }
        }
    });
    tries.await;
    let now = found(store, &registration).await.expect("exists");
    assert_eq!(now.otp, Otp { attempts: 20, ..registration.otp.clone() });
    assert_eq!((&now.username, &now.password), (&other.username, &other.password));
    let by_name = store.registrations.find_newest_by_username(&other.username).await;
    assert!(by_name.expect("answers").is_some(), "it is found under its new name");

    store.registrations.remove_by_email(&registration.email).await.expect("answers");
    store.registrations.amend(&amended).await.expect("answers");
    assert_eq!(found(store, &registration).await, None, "what is gone is not brought back");
}

pub async fn a_code_is_replaced_once(store: &StoreUnderTest) {
    let registration = a_registration(1);
    insert(store, &registration).await;
    store.registrations.begin_attempt(&registration.flow).await.expect("answers");
    let replace = |sent_before, otp| async move {
        store.registrations.replace_otp(registration.id, sent_before, &otp).await.expect("answers")
    };
    let before = registration.otp.sent_at;
    assert!(replace(before, a_code(1)).await);
    assert!(!replace(before, a_code(2)).await, "that one is no longer there");
    let now = found(store, &a_registration(1)).await.expect("exists");
    assert_eq!(now.otp, a_code(1), "the count begins anew");
    let stranger = a_registration(2).id;
    let replaced = store.registrations.replace_otp(stranger, before, &a_code(1)).await;
    assert!(!replaced.expect("answers"));
}

pub async fn of_replacements_that_race_one_wins(store: &StoreUnderTest) {
    let registration = a_registration(1);
    insert(store, &registration).await;
    let outcomes = at_once(16, |n| {
        let registrations = store.registrations.clone();
        let (id, sent_before) = (registration.id, registration.otp.sent_at);
        async move { registrations.replace_otp(id, sent_before, &a_code(n)).await.expect("answers") }
    });
    let outcomes = outcomes.await;
    let winner = outcomes.iter().position(|won| *won).expect("one wins");
    assert_eq!(outcomes.iter().filter(|won| **won).count(), 1);
    let now = found(store, &registration).await.expect("exists");
    assert_eq!(now.otp, a_code(u32::try_from(winner).expect("small")));
}

pub async fn a_sign_up_that_moved_is_found_under_its_new_flow_alone(store: &StoreUnderTest) {
    let registration = a_registration(1);
    let elsewhere = a_registration(2).flow;
    insert(store, &registration).await;
    store.registrations.move_flow(registration.id, &elsewhere).await.expect("answers");
    assert_eq!(found(store, &registration).await, None);
    let moved = Registration { flow: elsewhere, ..registration };
    assert_eq!(found(store, &moved).await, Some(moved.clone()));
    store.registrations.move_flow(moved.id, &elsewhere).await.expect("answers");
    assert_eq!(found(store, &moved).await, Some(moved), "where it is already");
}

pub async fn moving_to_a_flow_that_has_a_sign_up_replaces_that(store: &StoreUnderTest) {
    let (moving, replaced) = (a_registration(1), a_registration(2));
    insert(store, &moving).await;
    insert(store, &replaced).await;
    store.registrations.move_flow(moving.id, &replaced.flow).await.expect("answers");
    let now = found(store, &replaced).await.expect("exists");
    assert_eq!(now, Registration { flow: replaced.flow, ..moving });
    let gone = store.registrations.find_newest_by_email(&replaced.email).await.expect("answers");
    assert_eq!(gone, None);
}

pub async fn an_address_is_forgotten_with_all_its_sign_ups(store: &StoreUnderTest) {
    let same = Registration { email: an_email(1), ..a_registration(2) };
    let other = a_registration(3);
    for registration in [&a_registration(1), &same, &other] {
        insert(store, registration).await;
    }
    store.registrations.remove_by_email(&an_email(1)).await.expect("answers");
    assert_eq!(found(store, &a_registration(1)).await, None);
    assert_eq!(found(store, &same).await, None);
    assert_eq!(found(store, &other).await, Some(other));
}

pub async fn old_sign_ups_are_forgotten(store: &StoreUnderTest) {
    let begun = |n: u32| Registration { created_at: later(n), ..a_registration(n) };
    for n in 1..=3 {
        insert(store, &begun(n)).await;
    }
    store.registrations.remove_begun_before(later(2)).await.expect("answers");
    assert_eq!(found(store, &begun(1)).await, None);
    assert_eq!(found(store, &begun(2)).await, Some(begun(2)), "begun at that moment");
    assert_eq!(found(store, &begun(3)).await, Some(begun(3)));
}
