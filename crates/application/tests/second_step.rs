use crate::world::{
    FROM, MILLISECOND, PASSWORD, World, a_browser, a_browser_with, limits_but, no_limits,
};
use adapter_local::LocalRateLimiter;
use application::{
    accounts::{
        Named, OpenedSession, Outstanding, Proof, SecondStep, SecondStepError, SignIn, SignInError,
    },
    limits::Limits,
    ports::{Mail, MockPasswordHasher, MockSecondFactorRepository, SecondFactorNews},
};
use domain::{
    TimeDelta,
    ceremony::Ceremony,
    second_factor::{FactorKind, RecoveryCode, TypedCode},
    token::FlowToken,
    totp::{TotpSecret, TotpStep},
};
use std::sync::Arc;
use testkit::{a_user, an_email};

/// What person 1 has in hand.
struct Phone {
    secret: TotpSecret,
    recovery_codes: Vec<String>,
}

/// Person 1, who has an app since a minute ago.
async fn with_an_app(w: &World) -> Phone {
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let (own, proof) = (w.own_second_factor(), Proof::Password("password 1".to_owned()));
    let set_up = own.begin(me, FROM, &proof).await.expect("begins");
    let code = TypedCode::parse(&set_up.secret.code(TotpStep::at(w.now())));
    let codes = own.finish(me, FROM, &set_up.sealed, &code).await.expect("is set up");
    w.clock.advance(TimeDelta::minutes(1));
    let recovery_codes = codes.iter().map(RecoveryCode::show).collect();
    Phone { secret: set_up.secret, recovery_codes }
}

impl Phone {
    fn code(&self, w: &World) -> String {
        self.secret.code(TotpStep::at(w.now()))
    }
}

/// The first step of person 1.
async fn first_step(w: &World) -> Outstanding {
    match w.sign_in().execute(a_browser(), "person-b", "password 1").await.err() {
        Some(SignInError::SecondFactor(outstanding)) => outstanding,
        other => panic!("expected to be asked for more, got {other:?}"),
    }
}

async fn second_step(
    w: &World,
    flow: &FlowToken,
    typed: &str,
) -> Result<OpenedSession, SecondStepError> {
    w.second_step().execute(a_browser(), Some(flow.clone()), typed).await
}

async fn sessions(w: &World) -> usize {
    w.store.sessions.list_by_user(a_user(1).id).await.expect("answers").len()
}

#[tokio::test]
async fn the_password_alone_opens_no_session_and_the_code_does() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let before = sessions(&w).await;
    let Outstanding { flow, kinds } = first_step(&w).await;
    assert_eq!(kinds, [FactorKind::App, FactorKind::RecoveryCode]);
    assert_eq!(sessions(&w).await, before);
    let waiting = w.second_step().find_waiting(Some(flow.clone())).await.expect("answers");
    assert_eq!(waiting, Some(kinds));
    let opened = second_step(&w, &flow, &phone.code(&w)).await.expect("signs in");
    assert_eq!(opened.user, a_user(1));
    assert!(w.authenticate().execute(&opened.token).await.expect("answers").is_some());
    assert_eq!(w.second_step().find_waiting(Some(flow)).await.expect("answers"), None);
}

#[tokio::test]
async fn a_wrong_password_is_refused_before_anybody_asks_for_more() {
    let w = World::new();
    with_an_app(&w).await;
    let mut sign_in = w.sign_in();
    // Would panic if anything of it were looked at.
    sign_in.sessions.second_factors.factors = Arc::new(MockSecondFactorRepository::new());
    for login in ["person-b", "nobody"] {
        let outcome = sign_in.execute(a_browser(), login, "password 2").await.err();
        assert!(matches!(outcome, Some(SignInError::InvalidCredentials)), "{login}");
    }
}

#[tokio::test]
async fn the_session_that_a_browser_had_goes_on_until_the_second_step() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    w.an_account(2).await;
    let previous = w.sign_in_as(2).await.token;
    let browser = || a_browser_with(Some(previous.clone()));
    let outcome = w.sign_in().execute(browser(), "person-b", "password 1").await.err();
    let Some(SignInError::SecondFactor(Outstanding { flow, .. })) = outcome else {
        panic!("{outcome:?}");
    };
    let is_there = async || w.authenticate().execute(&previous).await.expect("answers").is_some();
    assert!(is_there().await);
    w.second_step().execute(browser(), Some(flow), &phone.code(&w)).await.expect("signs in");
    assert!(!is_there().await);
}

#[tokio::test]
async fn no_code_counts_twice() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let code = phone.code(&w);
    second_step(&w, &first_step(&w).await.flow, &code).await.expect("signs in");
    let Outstanding { flow, .. } = first_step(&w).await;
    let again = second_step(&w, &flow, &code).await.err();
    assert!(matches!(again, Some(SecondStepError::Wrong { attempts_left: 4 })), "{again:?}");
    let older = phone.secret.code(TotpStep(TotpStep::at(w.now()).0 - 1));
    let older = second_step(&w, &flow, &older).await.err();
    assert!(matches!(older, Some(SecondStepError::Wrong { attempts_left: 3 })), "{older:?}");
    w.clock.advance(TimeDelta::seconds(30));
    assert!(second_step(&w, &flow, &phone.code(&w)).await.is_ok());
}

#[tokio::test]
async fn of_two_that_come_at_once_with_one_code_one_gets_in() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let (one, other) = (first_step(&w).await.flow, first_step(&w).await.flow);
    let code = phone.code(&w);
    let (one, other) = tokio::join!(second_step(&w, &one, &code), second_step(&w, &other, &code));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
}

#[tokio::test]
async fn a_recovery_code_gets_in_once_and_its_owner_is_told() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let code = phone.recovery_codes[3].to_uppercase();
    second_step(&w, &first_step(&w).await.flow, &code).await.expect("signs in");
    let told = w.mailer.sent_to(&an_email(1)).into_iter().any(|mail| {
        let news = SecondFactorNews::RecoveryCodeUsed { left: 9 };
        matches!(mail, Mail::SecondFactor { news: told, .. } if told == news)
    });
    assert!(told);
    let Outstanding { flow, .. } = first_step(&w).await;
    let again = second_step(&w, &flow, &code).await.err();
    assert!(matches!(again, Some(SecondStepError::Wrong { .. })));
    assert!(second_step(&w, &flow, &phone.recovery_codes[4]).await.is_ok());
}

#[tokio::test]
async fn a_sign_in_ends_after_five_wrong_codes_and_keeps_nobody_out() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let Outstanding { flow, .. } = first_step(&w).await;
    for left in (0..5).rev() {
        let outcome = second_step(&w, &flow, "nonsense").await.err();
        let Some(SecondStepError::Wrong { attempts_left }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(attempts_left, left);
    }
    let outcome = second_step(&w, &flow, &phone.code(&w)).await.err();
    assert!(matches!(outcome, Some(SecondStepError::NotWaiting)));
    assert_eq!(w.second_step().find_waiting(Some(flow)).await.expect("answers"), None);
    assert!(second_step(&w, &first_step(&w).await.flow, &phone.code(&w)).await.is_ok());
}

#[tokio::test]
async fn only_the_browser_of_the_first_step_can_take_the_second_and_in_time() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let Outstanding { flow, .. } = first_step(&w).await;
    let strange = FlowToken::mint([99; 32]);
    for foreign in [None, Some(strange)] {
        let outcome = w.second_step().execute(a_browser(), foreign, &phone.code(&w)).await.err();
        assert!(matches!(outcome, Some(SecondStepError::NotWaiting)));
    }
    w.clock.advance(Ceremony::LIFETIME - MILLISECOND);
    let wrong = second_step(&w, &flow, "nonsense").await.err();
    assert!(
        matches!(wrong, Some(SecondStepError::Wrong { attempts_left: 4 })),
        "nothing was counted"
    );
    w.clock.advance(MILLISECOND);
    let late = second_step(&w, &flow, &phone.code(&w)).await.err();
    assert!(matches!(late, Some(SecondStepError::NotWaiting)));
}

#[tokio::test]
async fn a_password_changed_between_the_steps_ends_the_sign_in() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let Outstanding { flow, .. } = first_step(&w).await;
    let named = Named::Email(an_email(1));
    w.administer().set_password(&named, PASSWORD).await.expect("is set");
    let outcome = second_step(&w, &flow, &phone.code(&w)).await.err();
    assert!(matches!(outcome, Some(SecondStepError::NotWaiting)), "{outcome:?}");
}

#[tokio::test]
async fn a_forgotten_password_leaves_the_second_factor_in_place() {
    let w = World::new();
    with_an_app(&w).await;
    let forgot = w.forgot_password();
    forgot.execute(FROM, &an_email(1)).await.expect("answers");
    forgot.tasks.close();
    forgot.tasks.wait().await;
    let token = w.mailer.last_reset(&an_email(1)).expect("a link was mailed");
    w.reset_password().execute(&a_browser(), &token, PASSWORD).await.expect("is set");
    let outcome = w.sign_in().execute(a_browser(), "person-b", PASSWORD).await.err();
    assert!(matches!(outcome, Some(SignInError::SecondFactor(_))), "{outcome:?}");
}

#[tokio::test]
async fn who_is_kept_out_is_told_so_at_either_step() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let Outstanding { flow, .. } = first_step(&w).await;
    w.store.users.set_disabled(a_user(1).id, Some(w.now())).await.expect("answers");
    let outcome = second_step(&w, &flow, &phone.code(&w)).await.err();
    assert!(matches!(outcome, Some(SecondStepError::AccountDisabled)));
    let outcome = w.sign_in().execute(a_browser(), "person-b", "password 1").await.err();
    assert!(matches!(outcome, Some(SignInError::AccountDisabled)));
}

#[tokio::test]
async fn a_second_factor_turned_off_between_the_steps_ends_the_sign_in() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let Outstanding { flow, .. } = first_step(&w).await;
    let named = Named::Email(an_email(1));
    w.administer().reset_second_factor(&named).await.expect("is off");
    let outcome = second_step(&w, &flow, &phone.code(&w)).await.err();
    assert!(matches!(outcome, Some(SecondStepError::NotWaiting)));
}

#[tokio::test]
async fn guesses_at_an_app_are_bounded_for_the_account_and_lock_its_owner_out_nowhere() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let limiter = Arc::new(LocalRateLimiter::new(w.clock.clone()));
    let limits = Limits { limiter: limiter.clone(), code_limiter: limiter };
    let step = SecondStep { limits, ..w.second_step() };
    let guess = async |flow: &FlowToken, typed: &str| {
        step.execute(a_browser(), Some(flow.clone()), typed).await
    };
    let mut compared = 0;
    let throttled = 'all: {
        for _ in 0..10 {
            let Outstanding { flow, .. } = first_step(&w).await;
            for _ in 0..4 {
                match guess(&flow, "000000").await.err() {
                    Some(SecondStepError::Wrong { .. }) => compared += 1,
                    Some(SecondStepError::Throttled(_)) => break 'all flow,
                    other => panic!("{other:?}"),
                }
            }
        }
        panic!("never throttled");
    };
    assert_eq!(compared, 10);
    assert!(matches!(guess(&throttled, &phone.code(&w)).await, Err(SecondStepError::Throttled(_))));
    guess(&throttled, &phone.recovery_codes[0]).await.expect("a recovery code gets in");
    // And what was counted is forgotten by then.
    guess(&first_step(&w).await.flow, &phone.code(&w)).await.expect("the app gets in");
}

#[tokio::test]
async fn tries_beyond_the_limits_are_not_judged() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let Outstanding { flow, .. } = first_step(&w).await;
    for limit in ["code_try", "app_codes"] {
        let step = SecondStep { limits: limits_but(limit), ..w.second_step() };
        let outcome = step.execute(a_browser(), Some(flow.clone()), &phone.code(&w)).await.err();
        assert!(matches!(outcome, Some(SecondStepError::Throttled(_))), "{limit}");
    }
    let step = SecondStep { limits: no_limits(), ..w.second_step() };
    assert!(step.execute(a_browser(), Some(flow), &phone.code(&w)).await.is_ok());
}

#[tokio::test]
async fn one_password_is_compared_with_a_second_factor_as_without() {
    let w = World::new();
    with_an_app(&w).await;
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_verify().once().returning(|_, _| Ok(true));
    let sign_in = SignIn { hasher: Arc::new(hasher), ..w.sign_in() };
    let outcome = sign_in.execute(a_browser(), "person-b", "password 1").await.err();
    assert!(matches!(outcome, Some(SignInError::SecondFactor(_))));
}

fn warnings(w: &World) -> usize {
    let refused =
        |mail: &Mail| matches!(mail, Mail::SecondFactor { news: SecondFactorNews::Refused, .. });
    w.mailer.sent_to(&an_email(1)).iter().filter(|mail| refused(mail)).count()
}

#[tokio::test]
async fn an_owner_is_told_that_somebody_may_have_their_password_but_not_for_ever() {
    let w = World::new();
    with_an_app(&w).await;
    let limiter = Arc::new(LocalRateLimiter::new(w.clock.clone()));
    let limits = Limits { limiter: limiter.clone(), code_limiter: limiter };
    let step = SecondStep { limits, ..w.second_step() };
    for mailed in [1, 2, 3, 3] {
        let Outstanding { flow, .. } = first_step(&w).await;
        for _ in 0..5 {
            let outcome = step.execute(a_browser(), Some(flow.clone()), "nonsense").await;
            assert!(matches!(outcome.err(), Some(SecondStepError::Wrong { .. })));
        }
        assert_eq!(warnings(&w), mailed);
    }
}

#[tokio::test]
async fn whoever_gets_in_before_the_last_try_warns_nobody() {
    let w = World::new();
    let phone = with_an_app(&w).await;
    let Outstanding { flow, .. } = first_step(&w).await;
    for _ in 0..4 {
        assert!(second_step(&w, &flow, "nonsense").await.is_err());
    }
    assert!(second_step(&w, &flow, &phone.code(&w)).await.is_ok());
    assert_eq!(warnings(&w), 0);
}
