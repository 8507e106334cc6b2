use crate::world::{PASSWORD, World, a_browser, a_name, a_sign_up};
use application::{
    accounts::{AdministerError, Known, Named, NewPasswordError, SignInError, VerifyOtpError},
    ports::{Mail, SecondFactorNews, UserRepository},
};
use domain::{event::ChatEvent, password::WeakPassword, registration::Registration, user::User};
use std::sync::Arc;
use testkit::{a_second_factor, a_user, an_email};

fn person(n: u32) -> Named {
    Named::Username(a_user(n).username)
}

async fn sessions_of(w: &World, n: u32) -> usize {
    w.store.sessions.list_by_user(a_user(n).id).await.expect("answers").len()
}

fn has_ended(w: &World, n: u32) -> bool {
    let ended = |event: &ChatEvent| matches!(event, ChatEvent::SessionEnded { user, .. } if *user == a_user(n).id);
    w.store.bus.events().iter().any(ended)
}

#[tokio::test]
async fn somebody_is_found_by_name_and_by_address_proved_or_not() {
    let w = World::new();
    w.an_account(1).await;
    w.sign_up_as(2).await;
    for named in [person(1), Named::Email(an_email(1))] {
        let found = w.administer().find(&named).await;
        assert!(matches!(found, Ok(Known::Account(user)) if *user == a_user(1)), "{named:?}");
    }
    for named in [person(2), Named::Email(an_email(2))] {
        let found = w.administer().find(&named).await;
        let Ok(Known::SignUp(waiting)) = found else { panic!("{named:?}") };
        assert_eq!(waiting.email, an_email(2));
    }
    let nobody = w.administer().find(&person(3)).await;
    assert!(matches!(nobody, Err(AdministerError::NoSuchUser)));
    w.clock.advance(Registration::LIFETIME);
    let late = w.administer().find(&person(2)).await;
    assert!(matches!(late, Err(AdministerError::NoSuchUser)));
}

#[tokio::test]
async fn who_is_disabled_is_signed_out_and_stays_out_until_enabled() {
    let w = World::new();
    w.an_account(1).await;
    w.sign_in_as(1).await;
    let user = w.administer().disable(&person(1)).await.expect("is there");
    assert_eq!(user.disabled_at, Some(w.now()));
    assert_eq!(sessions_of(&w, 1).await, 0);
    assert!(has_ended(&w, 1));

    let sign_in = async |password| w.sign_in().execute(a_browser(), "person-b", password).await;
    let right = sign_in("password 1").await.err();
    assert!(matches!(right, Some(SignInError::AccountDisabled)), "{right:?}");
    let wrong = sign_in("password 2").await.err();
    assert!(matches!(wrong, Some(SignInError::InvalidCredentials)), "it tells strangers nothing");
    assert_eq!(sessions_of(&w, 1).await, 0);

    w.administer().enable(&person(1)).await.expect("is there");
    assert!(sign_in("password 1").await.is_ok());
}

#[tokio::test]
async fn disabling_twice_keeps_the_first_moment() {
    let w = World::new();
    w.an_account(1).await;
    let first = w.administer().disable(&person(1)).await.expect("is there");
    w.clock.advance(domain::TimeDelta::hours(1));
    let second = w.administer().disable(&person(1)).await.expect("is there");
    assert_eq!(second.disabled_at, first.disabled_at);
}

#[tokio::test]
async fn whoever_signs_in_while_they_are_disabled_is_not_let_in() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let code = w.code(1);
    let mut verify = w.verify_otp();
    let mut users = application::ports::MockUserRepository::new();
    users
        .expect_find()
        .returning(|id| Ok(Some(User { id, disabled_at: Some(testkit::START), ..a_user(1) })));
    verify.sessions.users = Arc::new(users) as Arc<dyn UserRepository>;
    let outcome = verify.execute(a_browser(), Some(flow), &an_email(1), &code).await.err();
    assert!(matches!(outcome, Some(VerifyOtpError::AccountDisabled)), "{outcome:?}");
    let user = w.store.users.find_by_email(&an_email(1)).await.expect("answers").expect("is there");
    assert!(w.store.sessions.list_by_user(user.id).await.expect("answers").is_empty());
}

#[tokio::test]
async fn a_sign_up_is_verified_by_the_operator_once() {
    let w = World::new();
    w.sign_up_as(1).await;
    let user = w.administer().verify(&person(1)).await.expect("waits");
    assert_eq!(user.email, an_email(1));
    let again = w.administer().verify(&person(1)).await;
    assert!(matches!(again, Err(AdministerError::Proved)));
    assert!(w.sign_in().execute(a_browser(), "person-b", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_sign_up_whose_name_was_taken_meanwhile_is_not_verified() {
    let w = World::new();
    w.sign_up_as(1).await;
    let holder = User { username: a_user(1).username, ..a_user(2) };
    w.store.users.insert(&holder).await.expect("answers").expect("is new");
    let outcome = w.administer().verify(&Named::Email(an_email(1))).await;
    assert!(matches!(outcome, Err(AdministerError::Taken(_))));
}

#[tokio::test]
async fn what_needs_an_account_refuses_a_sign_up() {
    let w = World::new();
    w.register().execute(crate::world::FROM, None, a_sign_up(1)).await.expect("begins");
    let administer = w.administer();
    for outcome in [
        administer.disable(&person(1)).await,
        administer.enable(&person(1)).await,
        administer.set_password(&person(1), PASSWORD).await,
    ] {
        assert!(matches!(outcome, Err(AdministerError::Unproved)));
    }
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_its_owner_is_told() {
    let w = World::new();
    w.an_account(1).await;
    w.sign_in_as(1).await;
    let weak = w.administer().set_password(&person(1), "password").await;
    assert!(matches!(
        weak,
        Err(AdministerError::Password(NewPasswordError::Weak(WeakPassword::TooCommon)))
    ));
    assert_eq!(sessions_of(&w, 1).await, 1, "nothing changed");
    w.administer().set_password(&person(1), PASSWORD).await.expect("is set");
    assert_eq!(sessions_of(&w, 1).await, 0);
    assert!(w.sign_in().execute(a_browser(), "person-b", PASSWORD).await.is_ok());
    let told = |mail: &Mail| matches!(mail, Mail::PasswordChanged { .. });
    assert!(w.mailer.sent().iter().any(|(_, mail)| told(mail)));
}

#[tokio::test]
async fn a_sign_up_is_deleted_with_all_others_of_its_address() {
    let w = World::new();
    w.sign_up_as(1).await;
    let known = w.administer().delete(&person(1)).await.expect("is there");
    assert!(matches!(known, Known::SignUp(_)));
    let gone = w.administer().delete(&person(1)).await;
    assert!(matches!(gone, Err(AdministerError::NoSuchUser)));
}

#[tokio::test]
async fn a_second_factor_is_shown_and_taken_away_and_its_owner_is_told() {
    let w = World::new();
    let user = w.an_account(1).await;
    let reset = async || w.administer().reset_second_factor(&person(1)).await;
    assert!(!w.administer().has_second_factor(&user).await.expect("answers"));
    assert!(matches!(reset().await, Err(AdministerError::NoSecondFactor)));
    assert!(w.store.second_factors.put(&a_second_factor(1)).await.expect("answers"));
    assert!(w.administer().has_second_factor(&user).await.expect("answers"));
    assert_eq!(reset().await.expect("is reset"), user);
    assert!(!w.administer().has_second_factor(&user).await.expect("answers"));
    let [(to, Mail::SecondFactor { news: SecondFactorNews::TurnedOff, .. })] = &w.mailer.sent()[..]
    else {
        panic!("one mail");
    };
    assert_eq!(*to, an_email(1));
    assert!(w.sign_in().execute(a_browser(), "person-b", "password 1").await.is_ok());
}

#[test]
fn a_username_and_an_address_are_told_apart() {
    assert_eq!(Named::parse("ann"), Some(Named::Username(a_name("ann"))));
    assert_eq!(Named::parse(an_email(1).as_str()), Some(Named::Email(an_email(1))));
    for neither in ["", "a b", "@", "-ann"] {
        assert_eq!(Named::parse(neither), None, "{neither}");
    }
}
