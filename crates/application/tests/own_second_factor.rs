use crate::world::{FROM, MILLISECOND, World, a_browser, down, limits_but};
use application::{
    accounts::{
        ChallengeError, ConfirmError, OwnSecondFactor, OwnSecondFactorError, Proof, SetUp,
        SignInError, SignedIn,
    },
    ports::{Mail, MockMailer, SecondFactorNews},
};
use domain::{
    TimeDelta,
    sealing::SealedPayload,
    second_factor::{FactorKind, RecoveryCode, SecondFactor, TypedCode},
    totp::TotpStep,
};
use std::{collections::HashSet, sync::Arc};
use testkit::{a_second_factor, an_email};

fn password() -> Proof {
    Proof::Password("password 1".to_owned())
}

async fn begun(w: &World, me: SignedIn) -> SetUp {
    w.own_second_factor().begin(me, FROM, &password()).await.expect("begins")
}

/// What the app shows now.
fn code_of(w: &World, set_up: &SetUp) -> TypedCode {
    TypedCode::parse(&set_up.secret.code(TotpStep::at(w.now())))
}

async fn finish(
    w: &World,
    me: SignedIn,
    set_up: &SetUp,
) -> Result<Vec<String>, OwnSecondFactorError> {
    let codes = w.own_second_factor().finish(me, FROM, &set_up.sealed, &code_of(w, set_up)).await?;
    Ok(codes.iter().map(RecoveryCode::show).collect())
}

async fn found(w: &World, me: SignedIn) -> Option<SecondFactor> {
    w.own_second_factor().find(me).await.expect("answers")
}

fn news(w: &World) -> Vec<SecondFactorNews> {
    let sent = w.mailer.sent_to(&an_email(1)).into_iter();
    sent.filter_map(|mail| match mail {
        Mail::SecondFactor { news, .. } => Some(news),
        _ => None,
    })
    .collect()
}

#[tokio::test]
async fn an_app_counts_once_its_first_code_has_come() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let set_up = begun(&w, me).await;
    assert_eq!(set_up.expires_at, w.now() + TimeDelta::minutes(15));
    assert_eq!(found(&w, me).await, None);
    assert!(w.sign_in().execute(a_browser(), "person-b", "password 1").await.is_ok());

    let codes = finish(&w, me, &set_up).await.expect("is set up");
    assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 10);
    let factor = found(&w, me).await.expect("is on");
    assert_eq!(factor.kinds(false), [FactorKind::App, FactorKind::RecoveryCode]);
    assert_eq!(news(&w), [SecondFactorNews::AppSetUp]);
    let outcome = w.sign_in().execute(a_browser(), "person-b", "password 1").await.err();
    assert!(matches!(outcome, Some(SignInError::SecondFactor(_))), "{outcome:?}");
}

#[tokio::test]
async fn nothing_of_the_secret_or_the_codes_is_kept_in_clear() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let set_up = begun(&w, me).await;
    let codes = finish(&w, me, &set_up).await.expect("is set up");
    let factor = found(&w, me).await.expect("is on");
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(!holds(
        factor.app.as_ref().expect("an app").secret.as_bytes(),
        set_up.secret.as_bytes()
    ));
    assert!(!holds(set_up.sealed.as_bytes(), set_up.secret.as_bytes()));
    for code in codes {
        for kept in &factor.recovery_codes {
            assert!(!holds(kept.as_bytes(), code.replace('-', "").as_bytes()));
        }
    }
}

#[tokio::test]
async fn without_the_right_proof_nothing_begins_and_nothing_changes() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    finish(&w, me, &begun(&w, me).await).await.expect("is set up");
    let before = found(&w, me).await;
    let wrong = Proof::Password("password 2".to_owned());
    let own = w.own_second_factor();
    for outcome in [
        own.begin(me, FROM, &wrong).await.map(|_| ()),
        own.renew_codes(me, FROM, &wrong).await.map(|_| ()),
        own.turn_off(me, FROM, &wrong).await,
        own.turn_off(me, FROM, &Proof::Code(domain::otp::OtpCode::typed("123456"))).await,
    ] {
        let Err(OwnSecondFactorError::Confirm(error)) = outcome else { panic!("{outcome:?}") };
        assert!(matches!(
            error,
            ConfirmError::WrongPassword | ConfirmError::Code(ChallengeError::NotWaiting)
        ));
    }
    assert_eq!(found(&w, me).await, before);
}

#[tokio::test]
async fn a_wrong_first_code_sets_nothing_up_and_may_be_followed_by_the_right_one() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let set_up = begun(&w, me).await;
    let now = TotpStep::at(w.now());
    let stale = TypedCode::parse(&set_up.secret.code(TotpStep(now.0 - 2)));
    for code in [stale, TypedCode::parse("abcde-fghjk"), TypedCode::parse("")] {
        let outcome = w.own_second_factor().finish(me, FROM, &set_up.sealed, &code).await.err();
        assert!(matches!(outcome, Some(OwnSecondFactorError::WrongCode)), "{outcome:?}");
    }
    assert_eq!(found(&w, me).await, None);
    assert!(finish(&w, me, &set_up).await.is_ok());
}

#[tokio::test]
async fn setting_up_ends_in_time_and_in_its_own_session() {
    let w = World::new();
    w.an_account(1).await;
    let (me, elsewhere) = (w.session_of(1).await, w.session_of(1).await);
    let set_up = begun(&w, me).await;
    let outcome = finish(&w, elsewhere, &set_up).await.err();
    assert!(matches!(outcome, Some(OwnSecondFactorError::NotWaiting)));
    let made_up = SetUp { sealed: SealedPayload::new(vec![1; 80]), ..begun(&w, me).await };
    assert!(matches!(finish(&w, me, &made_up).await, Err(OwnSecondFactorError::NotWaiting)));
    w.clock.advance(SecondFactor::SETTING_UP - MILLISECOND);
    let late = begun(&w, me).await;
    assert!(finish(&w, me, &set_up).await.is_ok(), "the last moment");
    w.clock.advance(SecondFactor::SETTING_UP);
    assert!(matches!(finish(&w, me, &late).await, Err(OwnSecondFactorError::NotWaiting)));
}

#[tokio::test]
async fn one_setting_up_gives_recovery_codes_once() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let set_up = begun(&w, me).await;
    finish(&w, me, &set_up).await.expect("is set up");
    let kept = found(&w, me).await;
    assert!(matches!(finish(&w, me, &set_up).await, Err(OwnSecondFactorError::NotWaiting)));
    assert_eq!(found(&w, me).await, kept);
}

#[tokio::test]
async fn a_new_phone_takes_the_place_of_the_old_with_new_recovery_codes() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    finish(&w, me, &begun(&w, me).await).await.expect("is set up");
    let old = found(&w, me).await.expect("is on");
    w.clock.advance(TimeDelta::minutes(1));
    finish(&w, me, &begun(&w, me).await).await.expect("is set up");
    let new = found(&w, me).await.expect("is on");
    assert_ne!(new.app, old.app);
    assert!(new.recovery_codes.iter().all(|code| !old.recovery_codes.contains(code)));
}

#[tokio::test]
async fn recovery_codes_are_made_anew_where_there_is_something_to_recover() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let own = w.own_second_factor();
    let outcome = own.renew_codes(me, FROM, &password()).await.err();
    assert!(matches!(outcome, Some(OwnSecondFactorError::Off)));
    assert!(w.store.second_factors.put(&a_second_factor(1)).await.expect("answers"));
    let codes = own.renew_codes(me, FROM, &password()).await.expect("are made");
    assert_eq!(codes.len(), SecondFactor::RECOVERY_CODES);
    let factor = found(&w, me).await.expect("is on");
    assert_eq!(factor.app, a_second_factor(1).app);
    assert_eq!(factor.recovery_codes.len(), codes.len());
    assert_eq!(news(&w), [SecondFactorNews::NewRecoveryCodes]);
}

#[tokio::test]
async fn whoever_turns_it_off_signs_in_by_the_password_alone() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let own = w.own_second_factor();
    let outcome = own.turn_off(me, FROM, &password()).await.err();
    assert!(matches!(outcome, Some(OwnSecondFactorError::Off)));
    finish(&w, me, &begun(&w, me).await).await.expect("is set up");
    w.confirm().send_code(me).await.expect("is mailed");
    own.turn_off(me, FROM, &Proof::Code(w.code(1))).await.expect("is off");
    assert_eq!(found(&w, me).await, None);
    assert!(w.sign_in().execute(a_browser(), "person-b", "password 1").await.is_ok());
    assert_eq!(news(&w), [SecondFactorNews::AppSetUp, SecondFactorNews::TurnedOff]);
}

#[tokio::test]
async fn a_notice_that_is_lost_undoes_nothing() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let set_up = begun(&w, me).await;
    let mut mailer = MockMailer::new();
    mailer.expect_send().returning(|_, _| Err(down()));
    let mut own = w.own_second_factor();
    own.second_factors.mailer = Arc::new(mailer);
    assert!(own.finish(me, FROM, &set_up.sealed, &code_of(&w, &set_up)).await.is_ok());
    assert!(own.turn_off(me, FROM, &password()).await.is_ok());
}

#[tokio::test]
async fn tries_of_the_first_code_are_bounded() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let set_up = begun(&w, me).await;
    let own = OwnSecondFactor { limits: limits_but("code_try"), ..w.own_second_factor() };
    let outcome = own.finish(me, FROM, &set_up.sealed, &code_of(&w, &set_up)).await.err();
    assert!(matches!(outcome, Some(OwnSecondFactorError::Throttled(_))));
    assert_eq!(found(&w, me).await, None);
}
