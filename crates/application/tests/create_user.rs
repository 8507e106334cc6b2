use crate::world::{MILLISECOND, PASSWORD, World, a_browser, a_name};
use application::accounts::{CreateUserError, NewUser, SignInError};
use domain::{password::WeakPassword, registration::Registration, user::Taken};
use testkit::{a_user, an_email};

fn new_user(n: u32, verified: bool) -> NewUser {
    let password = PASSWORD.to_owned();
    NewUser { username: a_user(n).username, email: an_email(n), password, verified }
}

#[tokio::test]
async fn an_account_with_a_vouched_address_signs_in_at_once() {
    let w = World::new();
    let id = w.create_user().execute(new_user(1, true)).await.expect("makes it");
    let opened = w.sign_in().execute(a_browser(), "person-b", PASSWORD).await.expect("signs in");
    assert_eq!(Some(opened.user.id), id);
    assert_eq!(opened.user.email, an_email(1));
    assert!(w.mailer.sent().is_empty());
}

#[tokio::test]
async fn an_unproved_address_is_mailed_a_code_at_the_first_sign_in() {
    let w = World::new();
    let id = w.create_user().execute(new_user(1, false)).await.expect("makes it");
    assert_eq!(id, None);
    assert!(w.mailer.sent().is_empty(), "nobody is mailed before");
    assert_eq!(w.store.users.find_by_email(&an_email(1)).await.expect("answers"), None);
    let outcome = w.sign_in().execute(a_browser(), "person-b", PASSWORD).await.err();
    let Some(SignInError::EmailUnverified { flow }) = outcome else {
        panic!("expected to be asked for a code, got {outcome:?}");
    };
    let opened = w.verify(&flow, 1, &w.code(1)).await.expect("the code is right");
    assert_eq!(opened.user.username, a_user(1).username);
}

#[tokio::test]
async fn an_unproved_address_waits_for_a_day() {
    let w = World::new();
    w.create_user().execute(new_user(1, false)).await.expect("makes it");
    let sign_in = async || w.sign_in().execute(a_browser(), "person-b", PASSWORD).await.err();
    w.clock.advance(Registration::LIFETIME - MILLISECOND);
    assert!(matches!(sign_in().await, Some(SignInError::EmailUnverified { .. })));
    w.clock.advance(MILLISECOND);
    assert!(matches!(sign_in().await, Some(SignInError::InvalidCredentials)));
}

#[tokio::test]
async fn the_operator_may_give_a_reserved_name() {
    let w = World::new();
    let admin = NewUser { username: a_name("admin"), ..new_user(1, true) };
    assert!(w.create_user().execute(admin).await.is_ok());
}

#[tokio::test]
async fn a_name_or_address_that_somebody_has_is_refused() {
    let w = World::new();
    let nora = domain::user::User { username: a_name("nora"), ..a_user(1) };
    w.store.users.insert(&nora).await.expect("answers").expect("is new");
    for verified in [false, true] {
        for (name, address, expected) in
            [("N0ra", 2, Taken::Username), ("somebody-else", 1, Taken::Email)]
        {
            let new = NewUser { username: a_name(name), ..new_user(address, verified) };
            let outcome = w.create_user().execute(new).await;
            assert!(
                matches!(outcome, Err(CreateUserError::Taken(taken)) if taken == expected),
                "{name}, verified: {verified}"
            );
        }
        let new = NewUser { username: a_name("nova"), ..new_user(2, verified) };
        assert!(w.create_user().execute(new).await.is_ok(), "neither is taken");
    }
}

#[tokio::test]
async fn the_operator_chooses_no_weak_password_either() {
    let w = World::new();
    let new = NewUser { password: "password1".to_owned(), ..new_user(1, true) };
    let outcome = w.create_user().execute(new).await;
    assert!(matches!(outcome, Err(CreateUserError::Password(WeakPassword::TooCommon))));
    assert_eq!(w.store.users.find_by_email(&an_email(1)).await.expect("answers"), None);
}
