use crate::world::{FROM, World, a_browser, other_than};
use application::{
    accounts::{ChallengeError, ChangeEmailError, ConfirmError, Proof, SignedIn},
    ports::Mail,
};
use domain::{otp::OtpCode, user::User};
use testkit::{a_user, an_email};

async fn begin(w: &World, me: SignedIn, n: u32) -> Result<(), ChangeEmailError> {
    let proof = Proof::Password("password 1".to_owned());
    w.change_email().begin(me, FROM, &an_email(n), &proof).await
}

async fn verify(w: &World, me: SignedIn, code: &OtpCode) -> Result<User, ChangeEmailError> {
    w.change_email().verify(me, FROM, code).await
}

fn is_wrong(outcome: &Result<User, ChangeEmailError>) -> bool {
    matches!(outcome, Err(ChangeEmailError::Code(ChallengeError::Rejected(_))))
}

#[tokio::test]
async fn an_address_changes_once_it_is_proved_and_the_old_one_is_told() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    begin(&w, me, 9).await.expect("a code is mailed");
    let unchanged = w.store.users.find(me.user).await.expect("answers").expect("is there");
    assert_eq!(unchanged.email, an_email(1));
    let user = verify(&w, me, &w.code(9)).await.expect("is proved");
    assert_eq!(user.email, an_email(9));
    let told = w.mailer.sent_to(&an_email(1));
    assert!(told.iter().any(|mail| matches!(mail, Mail::EmailChanged { .. })));
    let signed_in = w.sign_in().execute(a_browser(), an_email(9).as_str(), "password 1").await;
    assert!(signed_in.is_ok());
}

#[tokio::test]
async fn without_the_password_no_code_is_mailed() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let wrong = Proof::Password("password 2".to_owned());
    let outcome = w.change_email().begin(me, FROM, &an_email(9), &wrong).await;
    assert!(matches!(outcome, Err(ChangeEmailError::Confirm(ConfirmError::WrongPassword))));
    assert!(w.mailer.sent_to(&an_email(9)).is_empty());
    let same = begin(&w, me, 1).await;
    assert!(matches!(same, Err(ChangeEmailError::SameAddress)));
}

#[tokio::test]
async fn an_address_with_an_account_is_told_and_nobody_else_learns_of_it() {
    let w = World::new();
    w.an_account(1).await;
    w.an_account(2).await;
    let me = w.session_of(1).await;
    begin(&w, me, 2).await.expect("looks the same");
    let [mail] = &w.mailer.sent_to(&an_email(2))[..] else { panic!("one mail") };
    assert!(matches!(mail, Mail::AlreadyRegistered { .. }));
    assert!(is_wrong(&verify(&w, me, &OtpCode::typed("000000")).await));
}

#[tokio::test]
async fn an_address_taken_meanwhile_is_not_given_away() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    begin(&w, me, 2).await.expect("a code is mailed");
    let code = w.code(2);
    w.an_account(2).await;
    assert!(is_wrong(&verify(&w, me, &code).await));
    let unchanged = w.store.users.find(me.user).await.expect("answers").expect("is there");
    assert_eq!(unchanged.email, an_email(1));
}

#[tokio::test]
async fn a_wrong_code_changes_nothing_and_the_right_one_of_another_session_neither() {
    let w = World::new();
    w.an_account(1).await;
    let [me, elsewhere] = [w.session_of(1).await, w.session_of(1).await];
    begin(&w, me, 9).await.expect("a code is mailed");
    let code = w.code(9);
    assert!(is_wrong(&verify(&w, me, &other_than(&code)).await));
    let outcome = verify(&w, elsewhere, &code).await;
    assert!(matches!(outcome, Err(ChangeEmailError::Code(ChallengeError::NotWaiting))));
    verify(&w, me, &code).await.expect("is proved");
}

#[tokio::test]
async fn sign_ups_that_wait_for_the_new_address_are_dropped() {
    let w = World::new();
    w.an_account(1).await;
    let flow = w.sign_up_as(9).await;
    let me = w.session_of(1).await;
    begin(&w, me, 9).await.expect("a code is mailed");
    verify(&w, me, &w.code(9)).await.expect("is proved");
    assert_eq!(w.attempts_left(&flow).await, None);
    assert_eq!(a_user(9).email, an_email(9));
}
