use crate::world::{MILLISECOND, World, other_than};
use application::accounts::{ChallengeError, ConfirmError, Proof, SignedIn};
use domain::{
    TimeDelta,
    otp::{Otp, OtpCode, OtpRejected},
    throttle::Throttled,
};
use testkit::a_user;

use crate::world::FROM;

async fn by_code(w: &World, me: SignedIn, code: &OtpCode) -> Result<(), ConfirmError> {
    w.confirm().execute(me, FROM, &Proof::Code(code.clone())).await.map(drop)
}

async fn by_password(w: &World, me: SignedIn, password: &str) -> Result<(), ConfirmError> {
    w.confirm().execute(me, FROM, &Proof::Password(password.to_owned())).await.map(drop)
}

fn rejected(outcome: Result<(), ConfirmError>) -> OtpRejected {
    match outcome {
        Err(ConfirmError::Code(ChallengeError::Rejected(rejected))) => rejected,
        other => panic!("expected a code that is rejected, got {other:?}"),
    }
}

/// Person 1, signed in, and the code they were mailed.
async fn mailed(w: &World) -> (SignedIn, OtpCode) {
    w.an_account(1).await;
    let me = w.session_of(1).await;
    w.confirm().send_code(me).await.expect("is sent");
    (me, w.code(1))
}

#[tokio::test]
async fn the_password_confirms_and_another_does_not() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let user = w.confirm().execute(me, FROM, &Proof::Password("password 1".to_owned())).await;
    assert_eq!(user.expect("confirms").id, a_user(1).id);
    for wrong in ["password 2", "", &"x".repeat(200)] {
        let outcome = by_password(&w, me, wrong).await;
        assert!(matches!(outcome, Err(ConfirmError::WrongPassword)), "{wrong}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_mailed_code_confirms_once() {
    let w = World::new();
    let (me, code) = mailed(&w).await;
    by_code(&w, me, &code).await.expect("confirms");
    let again = by_code(&w, me, &code).await;
    assert!(matches!(again, Err(ConfirmError::Code(ChallengeError::NotWaiting))), "{again:?}");
}

#[tokio::test]
async fn a_code_belongs_to_the_session_that_asked_for_it() {
    let w = World::new();
    let (me, code) = mailed(&w).await;
    let elsewhere = w.session_of(1).await;
    let outcome = by_code(&w, elsewhere, &code).await;
    assert!(matches!(outcome, Err(ConfirmError::Code(ChallengeError::NotWaiting))));
    by_code(&w, me, &code).await.expect("nobody else used it up");
}

#[tokio::test]
async fn three_wrong_tries_kill_the_code() {
    let w = World::new();
    let (me, code) = mailed(&w).await;
    let wrong = other_than(&code);
    for attempts_left in [2, 1, 0] {
        let outcome = rejected(by_code(&w, me, &wrong).await);
        assert_eq!(outcome, OtpRejected::Wrong { attempts_left });
    }
    assert_eq!(rejected(by_code(&w, me, &code).await), OtpRejected::Exhausted);
}

#[tokio::test]
async fn a_code_dies_after_ten_minutes_and_another_is_sent_after_one() {
    let w = World::new();
    let (me, code) = mailed(&w).await;
    w.clock.advance(Otp::RESEND_AFTER - MILLISECOND);
    let outcome = w.confirm().send_code(me).await;
    let throttled = matches!(outcome, Err(ConfirmError::Code(ChallengeError::Throttled(
        Throttled { retry_after }))) if retry_after <= TimeDelta::seconds(60));
    assert!(throttled);
    w.clock.advance(Otp::LIFETIME - Otp::RESEND_AFTER + MILLISECOND);
    assert_eq!(rejected(by_code(&w, me, &code).await), OtpRejected::Expired);
    w.confirm().send_code(me).await.expect("is sent");
    by_code(&w, me, &w.code(1)).await.expect("confirms");
}
