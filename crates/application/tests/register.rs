use crate::world::{FROM, PASSWORD, World, a_name, a_sign_up, down, limits_but, other_than};
use application::{
    accounts::{AddressProof, Register, RegisterError, SignUp},
    ports::{
        HashingBusy, Mail, MockMailer, MockPasswordHasher, MockRegistrationRepository, Unavailable,
    },
};
use domain::{TimeDelta, otp::Otp, password::WeakPassword};
use std::sync::Arc;
use testkit::{a_user, an_email};

#[tokio::test]
async fn a_sign_up_waits_for_its_code_and_is_no_account() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let waiting = w.verify_otp().find_waiting(Some(flow)).await.expect("answers").expect("waits");
    assert_eq!(waiting.email, an_email(1));
    assert_eq!(waiting.sent_at, w.now());
    assert_eq!(waiting.expires_at, w.now() + Otp::LIFETIME);
    assert_eq!(waiting.resend_at, w.now() + Otp::RESEND_AFTER);
    assert_eq!(waiting.attempts_left, 3);
    assert_eq!(w.mailer.sent().len(), 1);
    assert_eq!(w.code(1).reveal().len(), 6);
    assert_eq!(w.store.users.find_by_email(&an_email(1)).await.expect("answers"), None);
}

#[tokio::test]
async fn the_owner_of_an_address_is_told_and_whoever_asked_sees_no_difference() {
    let w = World::new();
    w.an_account(1).await;
    let stranger = SignUp { username: a_name("somebody-else"), ..a_sign_up(1) };
    let flow = w.register().execute(FROM, None, stranger).await.expect("the same answer");
    assert_eq!(w.attempts_left(&flow).await, Some(3));
    let mails = w.mailer.sent_to(&an_email(1));
    assert!(
        matches!(&*mails, [Mail::AlreadyRegistered { username }] if *username == a_user(1).username)
    );
}

#[tokio::test]
async fn a_taken_name_and_all_that_read_like_it_are_refused() {
    let w = World::new();
    let register = async |name| {
        let sign_up = SignUp { username: a_name(name), ..a_sign_up(1) };
        w.register().execute(FROM, None, sign_up).await
    };
    let nora = domain::user::User { username: a_name("Nora.Lil"), ..a_user(2) };
    w.store.users.insert(&nora).await.expect("answers").expect("is new");
    for name in ["Nora.Lil", "nora.lil", "N0ra.Lil", "nora.1i1"] {
        assert!(matches!(register(name).await.err(), Some(RegisterError::UsernameTaken)), "{name}");
    }
    assert!(w.mailer.sent().is_empty());
    assert!(register("nova.lil").await.is_ok());
}

#[tokio::test]
async fn reserved_names_are_refused() {
    let w = World::new();
    for (name, refused) in [("admin", true), ("SOTTO", true), ("sotto-fan", false)] {
        let sign_up = SignUp { username: a_name(name), ..a_sign_up(1) };
        let outcome = w.register().execute(FROM, None, sign_up).await.err();
        assert_eq!(matches!(outcome, Some(RegisterError::UsernameTaken)), refused, "{name}");
    }
}

#[tokio::test]
async fn a_weak_password_begins_nothing() {
    let w = World::new();
    let name = a_user(1).username;
    for (password, why) in [
        ("2 short", WeakPassword::TooShort),
        ("password1", WeakPassword::TooCommon),
        (name.as_str(), WeakPassword::LikeTheUser),
    ] {
        let sign_up = SignUp { password: password.to_owned(), ..a_sign_up(1) };
        let outcome = w.register().execute(FROM, None, sign_up).await.err();
        assert!(matches!(outcome, Some(RegisterError::Password(e)) if e == why), "{password}");
    }
    assert!(w.mailer.sent().is_empty());
}

#[tokio::test]
async fn a_sign_up_blocks_neither_its_name_nor_its_address() {
    let w = World::new();
    let first = w.sign_up_as(1).await;
    let first_code = w.code(1);
    let second = w.sign_up_as(1).await;
    assert_ne!(first.digest(), second.digest());
    assert_eq!(w.mailer.sent_to(&an_email(1)).len(), 2, "each is mailed a code of its own");
    assert_eq!([w.attempts_left(&first).await, w.attempts_left(&second).await], [Some(3); 2]);
    assert!(w.verify(&second, 1, &first_code).await.is_err(), "good in its own browser alone");
    assert!(w.verify(&first, 1, &first_code).await.is_ok());
}

#[tokio::test]
async fn within_a_minute_the_same_browser_keeps_its_code_and_is_mailed_once() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let code = w.code(1);
    w.clock.advance(Otp::RESEND_AFTER - TimeDelta::milliseconds(1));
    let corrected = SignUp {
        username: a_name("corrected"),
        password: "another good phrase".to_owned(),
        ..a_sign_up(1)
    };
    let again = w.register().execute(FROM, Some(flow.clone()), corrected).await.expect("begins");
    assert_eq!(again.digest(), flow.digest());
    assert_eq!(w.mailer.sent().len(), 1);
    let opened = w.verify(&again, 1, &code).await.expect("the code is good");
    assert_eq!(opened.user.username, a_name("corrected"));
    assert_eq!(opened.user.password.map(|p| p.as_str().to_owned()).as_deref(), {
        Some("plain:another good phrase")
    });
}

#[tokio::test]
async fn after_a_minute_the_same_browser_is_mailed_a_fresh_code() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let old_code = w.code(1);
    w.clock.advance(Otp::RESEND_AFTER);
    let flow = w.register().execute(FROM, Some(flow), a_sign_up(1)).await.expect("begins");
    assert_eq!(w.mailer.sent().len(), 2);
    assert!(w.verify(&flow, 1, &old_code).await.is_err());
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok());
}

#[tokio::test]
async fn signing_up_again_gives_no_further_tries() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let wrong = other_than(&w.code(1));
    for _ in 0..2 {
        assert!(w.verify(&flow, 1, &wrong).await.is_err());
    }
    let again = w.register().execute(FROM, Some(flow), a_sign_up(1)).await.expect("begins");
    assert_eq!(w.attempts_left(&again).await, Some(1));
}

#[tokio::test]
async fn another_address_from_the_same_browser_is_mailed_at_once() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let flow = w.register().execute(FROM, Some(flow), a_sign_up(2)).await.expect("begins");
    assert!(w.verify(&flow, 2, &w.code(2)).await.is_ok());
}

#[tokio::test]
async fn when_the_mail_fails_so_does_the_sign_up() {
    let w = World::new();
    let mut mailer = MockMailer::new();
    let failed = |_: &_, _| Err(Unavailable::of("mail", std::io::Error::other("refused")));
    mailer.expect_send().once().returning(failed);
    let register =
        Register { proof: AddressProof { mailer: Arc::new(mailer), ..w.proof() }, ..w.register() };
    let outcome = register.execute(FROM, None, a_sign_up(1)).await.err();
    assert!(matches!(outcome, Some(RegisterError::Unavailable(e)) if e.port() == "mail"));
    assert_eq!(w.store.users.find_by_email(&an_email(1)).await.expect("answers"), None);
    let flow = w.sign_up_as(1).await;
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok(), "and may be tried again at once");
}

#[tokio::test]
async fn too_many_sign_ups_cost_no_hashing() {
    let w = World::new();
    let hasher = Arc::new(MockPasswordHasher::new());
    let register = Register { hasher, limits: limits_but("sign_up"), ..w.register() };
    let outcome = register.execute(FROM, None, a_sign_up(1)).await.err();
    assert!(
        matches!(outcome, Some(RegisterError::Throttled(t)) if t.retry_after == TimeDelta::seconds(7))
    );
}

#[tokio::test]
async fn too_many_mails_to_an_address_leave_nothing_behind() {
    let w = World::new();
    // Would panic if anything were inserted.
    let registrations = Arc::new(MockRegistrationRepository::new());
    let register = Register { registrations, limits: limits_but("code_mail"), ..w.register() };
    let outcome = register.execute(FROM, None, a_sign_up(1)).await.err();
    assert!(matches!(outcome, Some(RegisterError::Throttled(_))));
    assert!(w.mailer.sent().is_empty());
}

#[tokio::test]
async fn when_hashing_is_busy_nobody_is_mailed() {
    let w = World::new();
    let mut hasher = MockPasswordHasher::new();
    hasher
        .expect_hash()
        .once()
        .withf(|password| password.reveal() == PASSWORD)
        .returning(|_| Err(HashingBusy));
    let register = Register { hasher: Arc::new(hasher), ..w.register() };
    let outcome = register.execute(FROM, None, a_sign_up(1)).await.err();
    assert!(matches!(outcome, Some(RegisterError::Busy(HashingBusy))));
    assert!(w.mailer.sent().is_empty());
}

#[tokio::test]
async fn nobody_is_mailed_before_the_sign_up_is_stored() {
    let w = World::new();
    let mut registrations = MockRegistrationRepository::new();
    registrations.expect_insert().once().returning(|_| Err(down()));
    let register = Register { registrations: Arc::new(registrations), ..w.register() };
    let outcome = register.execute(FROM, None, a_sign_up(1)).await.err();
    assert!(matches!(outcome, Some(RegisterError::Unavailable(_))));
    assert!(w.mailer.sent().is_empty());
}
