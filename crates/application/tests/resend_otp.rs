use crate::world::{MILLISECOND, World, a_name, a_sign_up, limits_but, other_than};
use application::{
    accounts::{AddressProof, ResendOtp, ResendOtpError, SignUp, VerifyOtpError},
    ports::{Mail, MockMailer, MockRegistrationRepository, Unavailable},
};
use domain::{
    TimeDelta,
    otp::{Otp, OtpRejected},
    registration::Registration,
    token::FlowToken,
};
use std::sync::Arc;
use testkit::an_email;

#[tokio::test]
async fn after_a_minute_a_fresh_code_is_mailed_and_the_old_one_dies() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let old = w.code(1);
    w.clock.advance(Otp::RESEND_AFTER);
    w.resend_otp().execute(Some(flow.clone()), &an_email(1)).await.expect("mailed");
    assert_eq!(w.mailer.sent().len(), 2);
    let outcome = w.verify(&flow, 1, &old).await.err();
    assert!(matches!(
        outcome,
        Some(VerifyOtpError::Rejected(OtpRejected::Wrong { attempts_left: 2 }))
    ));
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok());
}

#[tokio::test]
async fn within_a_minute_no_other_code_is_sent_and_the_one_there_stays_good() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    w.clock.advance(Otp::RESEND_AFTER - MILLISECOND);
    let outcome = w.resend_otp().execute(Some(flow.clone()), &an_email(1)).await.err();
    assert!(
        matches!(outcome, Some(ResendOtpError::Throttled(t)) if t.retry_after == MILLISECOND),
        "says how long to wait"
    );
    assert_eq!(w.mailer.sent().len(), 1);
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok());
}

#[tokio::test]
async fn the_minute_begins_anew_with_each_code() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    for _ in 0..2 {
        w.clock.advance(Otp::RESEND_AFTER);
        w.resend_otp().execute(Some(flow.clone()), &an_email(1)).await.expect("mailed");
    }
    let outcome = w.resend_otp().execute(Some(flow), &an_email(1)).await.err();
    assert!(
        matches!(outcome, Some(ResendOtpError::Throttled(t)) if t.retry_after == Otp::RESEND_AFTER)
    );
}

#[tokio::test]
async fn a_fresh_code_has_three_tries_and_ten_minutes_of_its_own() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let wrong = other_than(&w.code(1));
    for _ in 0..4 {
        assert!(w.verify(&flow, 1, &wrong).await.is_err());
    }
    assert_eq!(w.attempts_left(&flow).await, Some(0));
    w.clock.advance(Otp::LIFETIME);
    w.resend_otp().execute(Some(flow.clone()), &an_email(1)).await.expect("mailed");
    assert_eq!(w.attempts_left(&flow).await, Some(3));
    w.clock.advance(Otp::LIFETIME - MILLISECOND);
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok());
}

#[tokio::test]
async fn whoever_has_no_sign_up_waiting_is_told_nothing_and_nobody_is_mailed() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    w.clock.advance(Otp::RESEND_AFTER);
    let stranger = FlowToken::mint([1; 32]);
    for (flow, n) in [(None, 1), (Some(stranger), 1), (Some(flow.clone()), 2)] {
        w.resend_otp().execute(flow, &an_email(n)).await.expect("the same answer");
        assert_eq!(w.mailer.sent().len(), 1);
    }
    w.resend_otp().execute(Some(flow), &an_email(1)).await.expect("mailed");
    assert_eq!(w.mailer.sent().len(), 2, "its own browser may");
}

#[tokio::test]
async fn a_sign_up_of_yesterday_is_mailed_nothing() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    w.clock.advance(Registration::LIFETIME);
    w.resend_otp().execute(Some(flow), &an_email(1)).await.expect("the same answer");
    assert_eq!(w.mailer.sent().len(), 1);
}

#[tokio::test]
async fn whoever_asks_while_another_request_is_quicker_gets_no_second_mail() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    w.clock.advance(Otp::RESEND_AFTER);
    let waiting = w.store.registrations.find_by_flow(&flow.digest()).await.expect("answers");
    let sent_at = waiting.as_ref().expect("waits").otp.sent_at;
    let mut registrations = MockRegistrationRepository::new();
    registrations.expect_find_by_flow().returning(move |_| Ok(waiting.clone()));
    registrations
        .expect_replace_otp()
        .once()
        .withf(move |_, sent_before, _| *sent_before == sent_at)
        .returning(|_, _, _| Ok(false));
    let resend = ResendOtp { registrations: Arc::new(registrations), ..w.resend_otp() };
    let outcome = resend.execute(Some(flow), &an_email(1)).await.err();
    assert!(
        matches!(outcome, Some(ResendOtpError::Throttled(t)) if t.retry_after == Otp::RESEND_AFTER)
    );
    assert_eq!(w.mailer.sent().len(), 1);
}

#[tokio::test]
async fn too_many_mails_to_an_address_leave_its_code_good() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    w.clock.advance(Otp::RESEND_AFTER);
    let resend = ResendOtp { limits: limits_but("code_mail"), ..w.resend_otp() };
    let outcome = resend.execute(Some(flow.clone()), &an_email(1)).await.err();
    assert!(
        matches!(outcome, Some(ResendOtpError::Throttled(t)) if t.retry_after == TimeDelta::seconds(7))
    );
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok());
}

#[tokio::test]
async fn when_the_mail_fails_the_asker_hears_of_it() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    w.clock.advance(Otp::RESEND_AFTER);
    let mut mailer = MockMailer::new();
    let failed = |_: &_, _| Err(Unavailable::of("mail", std::io::Error::other("refused")));
    mailer.expect_send().once().returning(failed);
    let proof = AddressProof { mailer: Arc::new(mailer), ..w.proof() };
    let outcome = ResendOtp { proof, ..w.resend_otp() }.execute(Some(flow), &an_email(1)).await;
    assert!(matches!(outcome, Err(ResendOtpError::Unavailable(e)) if e.port() == "mail"));
}

#[tokio::test]
async fn an_address_with_an_account_is_never_mailed_a_code() {
    let w = World::new();
    w.an_account(1).await;
    let sign_up = SignUp { username: a_name("somebody-else"), ..a_sign_up(1) };
    let flow = w.register().execute(crate::world::FROM, None, sign_up).await.expect("begins");
    w.clock.advance(Otp::RESEND_AFTER);
    w.resend_otp().execute(Some(flow), &an_email(1)).await.expect("the same answer");
    let mails = w.mailer.sent_to(&an_email(1));
    assert!(matches!(&*mails, [Mail::AlreadyRegistered { .. }, Mail::AlreadyRegistered { .. }]));
}
