use crate::world::{FROM, MILLISECOND, World, a_browser, a_known_browser, limits_but};
use adapter_local::LocalRateLimiter;
use application::{
    accounts::{
        ForgotPassword, ForgotPasswordError, NewPasswordError, ResetPassword, ResetPasswordError,
        SignIn, SignInError,
    },
    limits::Limits,
    ports::{Mail, MockUserRepository},
};
use domain::{
    event::ChatEvent,
    password::{PasswordHash, WeakPassword},
    password_reset::PasswordReset,
    token::ResetToken,
    user::User,
};
use std::{net::IpAddr, sync::Arc};
use testkit::{a_user, an_email};
use tokio::sync::Semaphore;

const NEW: &str = "velvet tractor plum";

/// Somebody asks for a link for person `n`'s address; all that follows from it is done.
async fn forget(w: &World, n: u32) {
    let forgot: ForgotPassword = w.forgot_password();
    forgot.execute(FROM, &an_email(n)).await.expect("is the same for everybody");
    forgot.tasks.close();
    forgot.tasks.wait().await;
}

async fn link(w: &World) -> ResetToken {
    forget(w, 1).await;
    w.mailer.last_reset(&an_email(1)).expect("a link was mailed")
}

async fn reset(w: &World, token: &ResetToken, password: &str) -> Result<(), ResetPasswordError> {
    w.reset_password().execute(&a_browser(), token, password).await
}

fn is_expired(outcome: &Result<(), ResetPasswordError>) -> bool {
    matches!(outcome, Err(ResetPasswordError::Expired))
}

async fn signs_in(w: &World, password: &str) -> bool {
    let name = a_user(1).username;
    match w.sign_in().execute(a_browser(), name.as_str(), password).await {
        Ok(_) => true,
        Err(SignInError::InvalidCredentials) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_mailed_link_sets_a_new_password_and_ends_all_sessions() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let token = link(&w).await;
    reset(&w, &token, NEW).await.expect("is set");
    assert!(signs_in(&w, NEW).await);
    assert!(!signs_in(&w, "password 1").await);
    assert!(!w.authenticate().still_counts(me.session).await.expect("answers"));
    let told = ChatEvent::SessionEnded { user: me.user, session: me.session };
    assert!(w.store.bus.events().contains(&told));
    let notice = w.mailer.sent_to(&an_email(1)).into_iter().any(
        |mail| matches!(mail, Mail::PasswordChanged { username } if username == a_user(1).username),
    );
    assert!(notice, "the owner is told");
}

#[tokio::test]
async fn a_link_works_once() {
    let w = World::new();
    w.an_account(1).await;
    let token = link(&w).await;
    reset(&w, &token, NEW).await.expect("is set");
    assert!(is_expired(&reset(&w, &token, "another velvet plum").await));
    assert!(signs_in(&w, NEW).await);
}

#[tokio::test]
async fn a_link_dies_after_half_an_hour() {
    let w = World::new();
    w.an_account(1).await;
    let token = link(&w).await;
    w.clock.advance(PasswordReset::LIFETIME);
    assert!(is_expired(&reset(&w, &token, NEW).await));
    assert!(signs_in(&w, "password 1").await);
}

#[tokio::test]
async fn a_refused_password_leaves_the_link_good() {
    let w = World::new();
    w.an_account(1).await;
    let token = link(&w).await;
    let refused = reset(&w, &token, "password").await;
    let weak = ResetPasswordError::New(NewPasswordError::Weak(WeakPassword::TooCommon));
    assert_eq!(refused.map_err(|e| e.to_string()), Err(weak.to_string()));
    reset(&w, &token, NEW).await.expect("is set");
}

#[tokio::test]
async fn what_was_never_mailed_is_no_link() {
    let w = World::new();
    w.an_account(1).await;
    assert!(is_expired(&reset(&w, &ResetToken::mint([7; 32]), NEW).await));
}

#[tokio::test]
async fn a_newer_link_kills_the_one_before_and_there_is_one_a_minute() {
    let w = World::new();
    w.an_account(1).await;
    let first = link(&w).await;
    w.clock.advance(PasswordReset::AGAIN_AFTER - MILLISECOND);
    assert_eq!(link(&w).await.digest(), first.digest(), "no other is mailed");
    w.clock.advance(MILLISECOND);
    let second = link(&w).await;
    assert_ne!(second.digest(), first.digest());
    assert!(is_expired(&reset(&w, &first, NEW).await));
    reset(&w, &second, NEW).await.expect("is set");
}

#[tokio::test]
async fn nobody_is_mailed_who_has_no_account_or_is_kept_out() {
    let w = World::new();
    w.sign_up_as(2).await;
    let kept_out = User { disabled_at: Some(w.now()), ..a_user(3) };
    w.store.users.insert(&kept_out).await.expect("answers").expect("is new");
    for n in 1..=3 {
        forget(&w, n).await;
        assert!(w.mailer.last_reset(&an_email(n)).is_none(), "person {n}");
    }
}

/// Else whoever asks for a code next would hear whether links had been mailed.
#[tokio::test]
async fn links_are_bounded_by_a_limit_that_codes_do_not_share() {
    for (refused, mailed) in [("code_mail", true), ("reset_mail", false)] {
        let w = World::new();
        w.an_account(1).await;
        let forgot = ForgotPassword { limits: limits_but(refused), ..w.forgot_password() };
        forgot.execute(FROM, &an_email(1)).await.expect("is the same for everybody");
        forgot.tasks.close();
        forgot.tasks.wait().await;
        assert_eq!(w.mailer.last_reset(&an_email(1)).is_some(), mailed, "without {refused}");
    }
}

#[tokio::test]
async fn when_very_many_links_are_under_way_everybody_is_asked_to_come_back() {
    let w = World::new();
    w.an_account(1).await;
    let forgot = ForgotPassword { places: Arc::new(Semaphore::new(0)), ..w.forgot_password() };
    for n in [1, 2] {
        let refused = forgot.execute(FROM, &an_email(n)).await;
        assert!(matches!(refused, Err(ForgotPasswordError::Throttled(_))), "{refused:?}");
    }
    assert!(forgot.tasks.is_empty());
}

#[tokio::test]
async fn somebody_without_a_password_gets_a_first_one() {
    let w = World::new();
    let user = User { password: None, ..a_user(1) };
    w.store.users.insert(&user).await.expect("answers").expect("is new");
    let token = link(&w).await;
    reset(&w, &token, NEW).await.expect("is set");
    assert!(signs_in(&w, NEW).await);
}

#[tokio::test]
async fn of_two_at_once_with_one_link_one_sets_the_password() {
    let w = World::new();
    w.an_account(1).await;
    let token = link(&w).await;
    let (one, other) =
        tokio::join!(reset(&w, &token, NEW), reset(&w, &token, "another velvet plum"));
    assert_ne!(one.is_ok(), other.is_ok());
    assert_ne!(signs_in(&w, NEW).await, signs_in(&w, "another velvet plum").await);
}

#[tokio::test]
async fn whoever_set_the_password_gets_in_while_strangers_guess_and_other_browsers_are_strangers() {
    let w = World::new();
    w.an_account(1).await;
    let limiter = Arc::new(LocalRateLimiter::new(w.clock.clone()));
    let limits = Limits { limiter: limiter.clone(), code_limiter: limiter };
    let sign_in = SignIn { limits: limits.clone(), ..w.sign_in() };
    let reset = ResetPassword { limits, ..w.reset_password() };
    let [old, new] = [1, 2].map(|n| move || a_known_browser(n, IpAddr::from([203, 0, 113, n])));
    assert!(sign_in.execute(old(), "person-b", "password 1").await.is_ok());

    let guess = async || {
        for n in 0..60 {
            let stranger = a_known_browser(100 + n, IpAddr::from([198, 51, 100, n]));
            let _ = sign_in.execute(stranger, "person-b", "wrong one").await;
        }
    };
    guess().await;
    let outcome = sign_in.execute(new(), "person-b", "password 1").await.err();
    assert!(matches!(outcome, Some(SignInError::Throttled(_))));
    reset.execute(&new(), &link(&w).await, NEW).await.expect("is set");
    guess().await;
    let outcome = sign_in.execute(old(), "person-b", NEW).await.err();
    assert!(matches!(outcome, Some(SignInError::Throttled(_))), "a stranger now");
    assert!(sign_in.execute(new(), "person-b", NEW).await.is_ok());
}

#[tokio::test]
async fn an_address_that_the_account_has_just_left_gets_no_link() {
    let w = World::new();
    w.an_account(1).await;
    let mut forgot = w.forgot_password();
    let mut users = MockUserRepository::new();
    users.expect_find_by_email().returning(|_| Ok(Some(a_user(1))));
    users.expect_find().returning(|_| Ok(Some(User { email: an_email(9), ..a_user(1) })));
    forgot.links.users = Arc::new(users);
    forgot.execute(FROM, &an_email(1)).await.expect("is the same for everybody");
    forgot.tasks.close();
    forgot.tasks.wait().await;
    assert!(w.mailer.last_reset(&an_email(1)).is_none());
}

#[tokio::test]
async fn who_compared_the_old_password_just_before_a_reset_is_not_let_in() {
    let w = World::new();
    w.an_account(1).await;
    let mut sign_in = w.sign_in();
    let mut users = MockUserRepository::new();
    let changed =
        || User { password: Some(PasswordHash::new("plain:other".to_owned())), ..a_user(1) };
    users.expect_find().returning(move |_| Ok(Some(changed())));
    sign_in.sessions.users = Arc::new(users);
    let outcome = sign_in.execute(a_browser(), a_user(1).username.as_str(), "password 1").await;
    assert!(matches!(outcome.err(), Some(SignInError::InvalidCredentials)));
    let sessions = w.store.sessions.list_by_user(a_user(1).id).await.expect("answers");
    assert!(sessions.is_empty());
}
