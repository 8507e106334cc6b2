use crate::world::{
    FROM, MILLISECOND, PASSWORD, World, a_browser, a_browser_with, a_name, a_sign_up, down,
    limits_but, other_than,
};
use application::{
    accounts::{SignInError, SignUp, VerifyOtp, VerifyOtpError},
    ports::{Mail, MockMailer, MockRegistrationRepository, MockUserRepository, Unavailable},
};
use domain::{
    otp::{Otp, OtpRejected},
    registration::Registration,
    token::FlowToken,
    user::User,
};
use std::sync::Arc;
use testkit::{a_user, an_email};
use tokio::task::JoinSet;

fn rejected(outcome: Result<impl Sized, VerifyOtpError>) -> OtpRejected {
    match outcome.err() {
        Some(VerifyOtpError::Rejected(why)) => why,
        other => panic!("expected a rejection, got {other:?}"),
    }
}

#[tokio::test]
async fn the_mailed_code_opens_the_account_and_signs_in() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let opened = w.verify(&flow, 1, &w.code(1)).await.expect("the code is right");
    let User { username, email, first_name, last_name, joined_at, .. } = a_user(1);
    let stored = w.store.users.find(opened.user.id).await.expect("answers").expect("is there");
    assert_eq!(stored, opened.user);
    assert_eq!((&stored.username, &stored.email), (&username, &email));
    assert_eq!((&stored.first_name, &stored.last_name), (&first_name, &last_name));
    assert_eq!(stored.joined_at, joined_at);
    let who = w.authenticate().execute(&opened.token).await.expect("answers");
    assert_eq!(who.map(|who| who.user), Some(opened.user.id));
    assert_eq!(w.attempts_left(&flow).await, None, "nothing waits any more");
    let mails = w.mailer.sent_to(&email);
    assert!(matches!(&*mails, [_, Mail::Welcome { username: name }] if *name == username));
}

#[tokio::test]
async fn three_wrong_guesses_kill_the_code() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let code = w.code(1);
    for attempts_left in [2, 1, 0] {
        let outcome = w.verify(&flow, 1, &other_than(&code)).await;
        assert_eq!(rejected(outcome), OtpRejected::Wrong { attempts_left });
    }
    assert_eq!(rejected(w.verify(&flow, 1, &code).await), OtpRejected::Exhausted);
    assert_eq!(w.store.users.find_by_email(&an_email(1)).await.expect("answers"), None);
}

#[tokio::test]
async fn the_third_try_still_counts() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let code = w.code(1);
    for _ in 0..2 {
        assert!(w.verify(&flow, 1, &other_than(&code)).await.is_err());
    }
    assert!(w.verify(&flow, 1, &code).await.is_ok());
}

#[tokio::test]
async fn of_many_guesses_at_once_three_are_judged() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let wrong = other_than(&w.code(1));
    let mut guesses = JoinSet::new();
    for _ in 0..10 {
        let (verify, flow, wrong) = (w.verify_otp(), flow.clone(), wrong.clone());
        guesses.spawn(async move {
            rejected(verify.execute(a_browser(), Some(flow), &an_email(1), &wrong).await)
        });
    }
    let mut judged: Vec<_> = guesses.join_all().await;
    judged.retain(|why| *why != OtpRejected::Exhausted);
    judged.sort_by_key(|why| format!("{why:?}"));
    assert_eq!(judged, [0, 1, 2].map(|attempts_left| OtpRejected::Wrong { attempts_left }));
}

#[tokio::test]
async fn a_code_lives_for_ten_minutes_to_the_millisecond() {
    let w = World::new();
    let [early, late] = [w.sign_up_as(1).await, w.sign_up_as(2).await];
    w.clock.advance(Otp::LIFETIME - MILLISECOND);
    assert!(w.verify(&early, 1, &w.code(1)).await.is_ok());
    w.clock.advance(MILLISECOND);
    assert_eq!(rejected(w.verify(&late, 2, &w.code(2)).await), OtpRejected::Expired);
}

#[tokio::test]
async fn another_browser_or_address_counts_no_try() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let code = w.code(1);
    let stranger = FlowToken::mint([1; 32]);
    for (flow, n) in [(None, 1), (Some(stranger), 1), (Some(flow.clone()), 2)] {
        let outcome = w.verify_otp().execute(a_browser(), flow, &an_email(n), &code).await.err();
        assert!(matches!(outcome, Some(VerifyOtpError::NotWaiting)));
    }
    assert_eq!(w.attempts_left(&flow).await, Some(3));
    assert!(w.verify(&flow, 1, &code).await.is_ok());
}

#[tokio::test]
async fn a_sign_up_ends_after_a_day_however_fresh_its_code() {
    let w = World::new();
    let [early, late] = [w.sign_up_as(1).await, w.sign_up_as(2).await];
    w.clock.advance(Registration::LIFETIME - MILLISECOND);
    for (flow, n) in [(&early, 1), (&late, 2)] {
        let resent = w.resend_otp().execute(Some(flow.clone()), &an_email(n)).await;
        resent.expect("a code was mailed");
    }
    assert!(w.verify(&early, 1, &w.code(1)).await.is_ok());
    w.clock.advance(MILLISECOND);
    let outcome = w.verify(&late, 2, &w.code(2)).await.err();
    assert!(matches!(outcome, Some(VerifyOtpError::NotWaiting)));
    assert_eq!(w.attempts_left(&late).await, None);
}

#[tokio::test]
async fn a_lost_welcome_does_not_undo_the_account() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let mut mailer = MockMailer::new();
    let failed = |_: &_, _| Err(Unavailable::of("mail", std::io::Error::other("refused")));
    mailer.expect_send().once().returning(failed);
    let verify_otp = VerifyOtp { mailer: Arc::new(mailer), ..w.verify_otp() };
    let opened = verify_otp.execute(a_browser(), Some(flow), &an_email(1), &w.code(1)).await;
    let opened = opened.expect("the account is open");
    assert!(w.authenticate().execute(&opened.token).await.expect("answers").is_some());
}

/// The sign-ups of a store that fails to forget them.
async fn not_forgetting(w: &World, flow: &FlowToken) -> MockRegistrationRepository {
    let found = w.store.registrations.find_by_flow(&flow.digest()).await;
    let found = found.expect("answers").expect("waits");
    let mut registrations = MockRegistrationRepository::new();
    let waiting = found.clone();
    registrations.expect_find_by_flow().returning(move |_| Ok(Some(waiting.clone())));
    registrations.expect_begin_attempt().returning(move |_| Ok(Some(found.clone())));
    registrations
}

#[tokio::test]
async fn the_account_is_there_before_the_sign_up_is_forgotten() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let mut registrations = not_forgetting(&w, &flow).await;
    registrations.expect_remove_by_email().once().returning(|_| Err(down()));
    let verify_otp = VerifyOtp { registrations: Arc::new(registrations), ..w.verify_otp() };
    let outcome = verify_otp.execute(a_browser(), Some(flow), &an_email(1), &w.code(1)).await.err();
    assert!(matches!(outcome, Some(VerifyOtpError::Unavailable(_))));
    let name = a_user(1).username;
    let signed_in = w.sign_in().execute(a_browser(), name.as_str(), PASSWORD).await;
    assert!(signed_in.is_ok(), "nothing is lost");
}

#[tokio::test]
async fn a_sign_up_whose_account_was_not_stored_still_waits() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let mut users = MockUserRepository::new();
    users.expect_insert().once().returning(|_| Err(down()));
    let verify_otp = VerifyOtp { users: Arc::new(users), ..w.verify_otp() };
    let outcome =
        verify_otp.execute(a_browser(), Some(flow.clone()), &an_email(1), &w.code(1)).await.err();
    assert!(matches!(outcome, Some(VerifyOtpError::Unavailable(_))));
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok(), "the code may be tried again");
}

#[tokio::test]
async fn proving_an_address_ends_every_other_sign_up_with_it() {
    let w = World::new();
    let trap = SignUp {
        username: a_name("trapper"),
        password: "the trap is set well".to_owned(),
        ..a_sign_up(1)
    };
    let attacker = w.register().execute(FROM, None, trap).await.expect("begins");
    let code_of_the_trap = w.code(1);
    let victim = w.sign_up_as(1).await;
    let code = w.code(1);
    assert!(
        w.verify(&victim, 1, &code_of_the_trap).await.is_err(),
        "the code of another sign-up proves nothing"
    );

    let opened = w.verify(&victim, 1, &code).await.expect("the code is right");
    assert_eq!(opened.user.username, a_user(1).username);
    assert_eq!(w.attempts_left(&attacker).await, None);
    let outcome = w.verify(&attacker, 1, &code_of_the_trap).await.err();
    assert!(matches!(outcome, Some(VerifyOtpError::NotWaiting)));
    let sign_in = async |password| {
        w.sign_in().execute(a_browser(), an_email(1).as_str(), password).await.err()
    };
    let outcome = sign_in("the trap is set well").await;
    assert!(matches!(outcome, Some(SignInError::InvalidCredentials)));
    assert!(sign_in(PASSWORD).await.is_none());
}

#[tokio::test]
async fn of_two_sign_ups_with_one_name_the_first_to_prove_its_address_gets_it() {
    let w = World::new();
    let named = async |n, name| {
        let sign_up = SignUp { username: a_name(name), ..a_sign_up(n) };
        w.register().execute(FROM, None, sign_up).await.expect("begins")
    };
    let flows = [named(1, "nora").await, named(2, "Nora").await, named(3, "n0ra").await];
    assert!(w.verify(&flows[1], 2, &w.code(2)).await.is_ok());
    for (flow, n) in [(&flows[0], 1), (&flows[2], 3)] {
        let outcome = w.verify(flow, n, &w.code(n)).await.err();
        assert!(matches!(outcome, Some(VerifyOtpError::UsernameTaken)), "{n}");
    }
    let renamed = w.register().execute(FROM, Some(flows[0].clone()), a_sign_up(1)).await;
    let renamed = renamed.expect("begins");
    assert!(w.verify(&renamed, 1, &w.code(1)).await.is_ok(), "under another name");
}

#[tokio::test]
async fn a_right_guess_for_an_address_with_an_account_is_wrong() {
    let w = World::new();
    let sign_up = SignUp { username: a_name("somebody-else"), ..a_sign_up(1) };
    let flow = w.register().execute(FROM, None, sign_up).await.expect("begins");
    w.an_account(1).await;
    let outcome = w.verify(&flow, 1, &w.code(1)).await;
    assert_eq!(rejected(outcome), OtpRejected::Wrong { attempts_left: 2 });
    let account = w.store.users.find_by_email(&an_email(1)).await.expect("answers");
    assert_eq!(account, Some(a_user(1)), "it stays as it was");
}

#[tokio::test]
async fn tries_beyond_the_limit_are_not_counted_against_the_code() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let verify_otp = VerifyOtp { limits: limits_but("code_try"), ..w.verify_otp() };
    let outcome =
        verify_otp.execute(a_browser(), Some(flow.clone()), &an_email(1), &w.code(1)).await.err();
    assert!(matches!(outcome, Some(VerifyOtpError::Throttled(_))));
    assert_eq!(w.attempts_left(&flow).await, Some(3));
}

#[tokio::test]
async fn a_browser_without_a_flow_has_nothing_waiting() {
    let w = World::new();
    w.sign_up_as(1).await;
    assert_eq!(w.verify_otp().find_waiting(None).await.expect("answers"), None);
    assert_eq!(w.attempts_left(&FlowToken::mint([1; 32])).await, None);
}

#[tokio::test]
async fn proving_an_address_ends_the_session_the_browser_had() {
    let w = World::new();
    w.an_account(2).await;
    let before = w.sign_in_as(2).await;
    let flow = w.sign_up_as(1).await;
    let previous = Some(before.token.clone());
    let opened = w
        .verify_otp()
        .execute(a_browser_with(previous), Some(flow), &an_email(1), &w.code(1))
        .await;
    assert!(opened.is_ok());
    assert_eq!(w.authenticate().execute(&before.token).await.expect("answers"), None);
}
