use crate::world::{
    MILLISECOND, PASSWORD, World, a_browser, a_browser_at, a_browser_with, a_known_browser,
    limits_but, no_limits,
};
use adapter_local::LocalRateLimiter;
use application::{
    accounts::{SignIn, SignInError},
    limits::Limits,
    ports::{HashingBusy, MockPasswordHasher, MockRateLimiter},
};
use domain::{
    TimeDelta, event::ChatEvent, otp::Otp, registration::Registration, throttle::Throttled,
    token::FlowToken,
};
use std::{net::IpAddr, sync::Arc};
use testkit::{a_registration, a_user, an_email};

/// Signs in as the unproved person 1 and gives the flow of the new browser.
async fn handed_over(w: &World) -> FlowToken {
    let outcome = w.sign_in().execute(a_browser(), an_email(1).as_str(), PASSWORD).await.err();
    match outcome {
        Some(SignInError::EmailUnverified { flow }) => flow,
        other => panic!("expected to be asked for a code, got {other:?}"),
    }
}

#[tokio::test]
async fn one_signs_in_by_username_or_address_in_any_case() {
    let w = World::new();
    let ann = w.an_account(1).await;
    for login in
        ["person-b", "PERSON-b", " person-b ", "person1@example.com", "Person1@Example.Com"]
    {
        let opened = w.sign_in().execute(a_browser(), login, "password 1").await.expect(login);
        assert_eq!(opened.user, ann);
        let who = w.authenticate().execute(&opened.token).await.expect("answers");
        assert_eq!(who.map(|who| who.user), Some(ann.id));
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_alike() {
    let w = World::new();
    w.an_account(1).await;
    for (login, password) in [
        ("person-b", "password 2"),
        ("person1@example.com", "password 2"),
        ("nobody", "password 1"),
        ("nobody@example.com", "password 1"),
        ("neither a name nor an address", "password 1"),
        ("@", "password 1"),
        ("", ""),
    ] {
        let outcome = w.sign_in().execute(a_browser(), login, password).await.err();
        assert!(matches!(outcome, Some(SignInError::InvalidCredentials)), "{login}");
    }
}

#[tokio::test]
async fn one_password_is_compared_whoever_the_login_names() {
    let w = World::new();
    w.an_account(1).await;
    w.sign_up_as(2).await;
    for (login, somebody) in [
        ("person-b", true),
        ("person1@example.com", true),
        ("person-c", true),
        ("person2@example.com", true),
        ("nobody", false),
        ("nobody@example.com", false),
        ("neither a name nor an address", false),
    ] {
        let mut hasher = MockPasswordHasher::new();
        hasher
            .expect_verify()
            .once()
            .withf(move |_, hash| hash.is_some() == somebody)
            .returning(|_, _| Ok(false));
        let sign_in = SignIn { hasher: Arc::new(hasher), ..w.sign_in() };
        let outcome = sign_in.execute(a_browser(), login, "password 1").await.err();
        assert!(matches!(outcome, Some(SignInError::InvalidCredentials)), "{login}");
    }
}

#[tokio::test]
async fn nobody_never_signs_in_whatever_the_hasher_says() {
    let w = World::new();
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_verify().once().returning(|_, _| Ok(true));
    let sign_in = SignIn { hasher: Arc::new(hasher), ..w.sign_in() };
    let outcome = sign_in.execute(a_browser(), "nobody", "password 1").await.err();
    assert!(matches!(outcome, Some(SignInError::InvalidCredentials)));
}

#[tokio::test]
async fn a_password_longer_than_any_costs_no_hashing() {
    let w = World::new();
    w.an_account(1).await;
    // Would panic if anything were compared.
    let hasher = Arc::new(MockPasswordHasher::new());
    let sign_in = SignIn { hasher, ..w.sign_in() };
    let outcome = sign_in.execute(a_browser(), "person-b", &"x".repeat(129)).await.err();
    assert!(matches!(outcome, Some(SignInError::InvalidCredentials)));
}

#[tokio::test]
async fn the_session_a_browser_had_ends_when_it_signs_in_anew() {
    let w = World::new();
    let [ann, bob] = [w.an_account(1).await, w.an_account(2).await];
    for (before, after) in [(1, 1), (1, 2)] {
        let previous = w.sign_in_as(before).await;
        let was = w.authenticate().execute(&previous.token).await.expect("answers");
        let was = was.expect("is signed in");
        let name = if after == 1 { &ann.username } else { &bob.username };
        let password = format!("password {after}");
        let token = Some(previous.token.clone());
        let opened = w.sign_in().execute(a_browser_with(token), name.as_str(), &password).await;
        let opened = opened.expect("signs in");
        assert_eq!(w.authenticate().execute(&previous.token).await.expect("answers"), None);
        assert!(w.authenticate().execute(&opened.token).await.expect("answers").is_some());
        let told = ChatEvent::SessionEnded { user: ann.id, session: was.session };
        assert_eq!(w.store.bus.events().last(), Some(&told));
    }
    assert_eq!(w.store.bus.events().len(), 2, "nothing else was told");
}

#[tokio::test]
async fn the_session_a_browser_had_outlives_a_sign_in_that_fails() {
    let w = World::new();
    w.an_account(1).await;
    let previous = w.sign_in_as(1).await.token;
    let outcome =
        w.sign_in().execute(a_browser_with(Some(previous.clone())), "person-b", "wrong one").await;
    assert!(outcome.is_err());
    assert!(w.authenticate().execute(&previous).await.expect("answers").is_some());
    assert_eq!(w.store.bus.events(), []);
}

#[tokio::test]
async fn other_browsers_stay_signed_in() {
    let w = World::new();
    w.an_account(1).await;
    let [one, other] = [w.sign_in_as(1).await, w.sign_in_as(1).await];
    for token in [&one.token, &other.token] {
        assert!(w.authenticate().execute(token).await.expect("answers").is_some());
    }
}

#[tokio::test]
async fn the_right_password_of_an_unproved_sign_up_moves_it_to_this_browser() {
    let w = World::new();
    let old_flow = w.sign_up_as(1).await;
    let old_code = w.code(1);
    w.clock.advance(Otp::RESEND_AFTER);
    let flow = handed_over(&w).await;
    assert_eq!(w.attempts_left(&old_flow).await, None, "the old browser has lost it");
    assert_eq!(w.attempts_left(&flow).await, Some(3));
    assert_eq!(w.mailer.sent().len(), 2, "a fresh code was mailed");
    assert!(w.verify(&flow, 1, &old_code).await.is_err());
    assert!(w.verify(&old_flow, 1, &w.code(1)).await.is_err());
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok());
}

#[tokio::test]
async fn within_a_minute_the_code_that_was_sent_moves_along() {
    let w = World::new();
    w.sign_up_as(1).await;
    w.clock.advance(Otp::RESEND_AFTER - MILLISECOND);
    let flow = handed_over(&w).await;
    assert_eq!(w.mailer.sent().len(), 1);
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok());
}

#[tokio::test]
async fn an_address_mailed_too_often_keeps_its_code() {
    let w = World::new();
    w.sign_up_as(1).await;
    w.clock.advance(Otp::RESEND_AFTER);
    let sign_in = SignIn { limits: limits_but("code_mail"), ..w.sign_in() };
    let outcome = sign_in.execute(a_browser(), an_email(1).as_str(), PASSWORD).await.err();
    let Some(SignInError::EmailUnverified { flow }) = outcome else {
        panic!("expected to be asked for a code, got {outcome:?}");
    };
    assert_eq!(w.mailer.sent().len(), 1);
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok());
}

#[tokio::test]
async fn a_wrong_password_of_an_unproved_sign_up_moves_nothing() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    w.clock.advance(Otp::RESEND_AFTER);
    let outcome = w.sign_in().execute(a_browser(), an_email(1).as_str(), "wrong one").await.err();
    assert!(matches!(outcome, Some(SignInError::InvalidCredentials)));
    assert_eq!(w.mailer.sent().len(), 1);
    assert!(w.verify(&flow, 1, &w.code(1)).await.is_ok());
}

#[tokio::test]
async fn a_sign_up_counts_for_a_day() {
    let w = World::new();
    w.sign_up_as(1).await;
    w.clock.advance(Registration::LIFETIME - MILLISECOND);
    handed_over(&w).await;
    w.clock.advance(MILLISECOND);
    let outcome = w.sign_in().execute(a_browser(), an_email(1).as_str(), PASSWORD).await.err();
    assert!(matches!(outcome, Some(SignInError::InvalidCredentials)));
}

#[tokio::test]
async fn nobody_shadows_an_account_by_signing_up() {
    let w = World::new();
    let ann = w.an_account(1).await;
    let shadow = Registration { username: ann.username, email: ann.email, ..a_registration(2) };
    w.store.registrations.insert(&shadow).await.expect("answers");
    for login in ["person-b", "person1@example.com"] {
        let outcome = w.sign_in().execute(a_browser(), login, "password 2").await.err();
        assert!(matches!(outcome, Some(SignInError::InvalidCredentials)), "{login}");
        let outcome = w.sign_in().execute(a_browser(), login, "password 1").await;
        assert_eq!(outcome.map(|opened| opened.user.id).expect(login), ann.id);
    }
    assert!(w.mailer.last_code(&an_email(1)).is_none());
}

#[tokio::test]
async fn an_account_without_a_password_is_not_signed_in_to_with_one() {
    let w = World::new();
    let ann = domain::user::User { password: None, ..a_user(1) };
    w.store.users.insert(&ann).await.expect("answers").expect("is new");
    for password in ["", "password 1"] {
        let outcome = w.sign_in().execute(a_browser(), "person-b", password).await.err();
        assert!(matches!(outcome, Some(SignInError::InvalidCredentials)));
    }
}

#[tokio::test]
async fn tries_beyond_the_limit_cost_no_hashing() {
    let w = World::new();
    w.an_account(1).await;
    for limit in ["sign_in", "sign_in_name"] {
        let hasher = Arc::new(MockPasswordHasher::new());
        let sign_in = SignIn { hasher, limits: limits_but(limit), ..w.sign_in() };
        let outcome = sign_in.execute(a_browser(), "person-b", "password 1").await.err();
        assert!(matches!(outcome, Some(SignInError::Throttled(_))), "{limit}");
    }
}

#[tokio::test]
async fn guessing_at_somebody_locks_them_out_nowhere_else() {
    let w = World::new();
    w.an_account(1).await;
    let limiter = Arc::new(LocalRateLimiter::new(w.clock.clone()));
    let limits = Limits { limiter: limiter.clone(), code_limiter: limiter };
    let sign_in = SignIn { limits, ..w.sign_in() };
    let elsewhere: IpAddr = "192.0.2.1".parse().expect("an address");
    for login in ["person-b", "Person-B", " person-b "].iter().cycle().take(20) {
        let outcome = sign_in.execute(a_browser_at(elsewhere), login, "wrong one").await.err();
        assert!(matches!(outcome, Some(SignInError::InvalidCredentials)));
    }
    let outcome = sign_in.execute(a_browser_at(elsewhere), "person-b", "password 1").await.err();
    assert!(matches!(outcome, Some(SignInError::Throttled(_))), "however it is written");
    assert!(sign_in.execute(a_browser(), "person-b", "password 1").await.is_ok());
    w.clock.advance(TimeDelta::minutes(1));
    assert!(sign_in.execute(a_browser_at(elsewhere), "person-b", "password 1").await.is_ok());
}

/// A sign-in that counts tries.
fn counting(w: &World) -> SignIn {
    let limiter = Arc::new(LocalRateLimiter::new(w.clock.clone()));
    SignIn { limits: Limits { limiter: limiter.clone(), code_limiter: limiter }, ..w.sign_in() }
}

/// Wrong passwords from a new network each, until no more are compared; how many were.
async fn guess_until_throttled(sign_in: &SignIn, login: &str) -> u8 {
    for n in 0..u8::MAX {
        let stranger = a_known_browser(n, IpAddr::from([198, 51, 100, n]));
        match sign_in.execute(stranger, login, "wrong one").await.err() {
            Some(SignInError::InvalidCredentials) => {}
            Some(SignInError::Throttled(_)) => return n,
            other => panic!("{other:?}"),
        }
    }
    panic!("never throttled");
}

#[tokio::test]
async fn guesses_at_one_account_are_bounded_over_all_networks_whoever_exists() {
    let w = World::new();
    w.an_account(1).await;
    w.sign_up_as(2).await;
    let sign_in = counting(&w);
    for login in ["person-b", "person1@example.com", "person-c", "nobody", "no@example.com"] {
        assert_eq!(guess_until_throttled(&sign_in, login).await, 50, "{login}");
    }
    let stranger = IpAddr::from([203, 0, 113, 1]);
    for login in [" Person-B ", "PERSON1@example.com"] {
        let outcome = sign_in.execute(a_browser_at(stranger), login, "password 1").await.err();
        assert!(matches!(outcome, Some(SignInError::Throttled(_))), "however it is written");
    }
    w.clock.advance(TimeDelta::minutes(10));
    let outcome = sign_in.execute(a_browser_at(stranger), "person-b", "password 1").await;
    assert!(outcome.is_ok(), "six an hour pass");
}

#[tokio::test]
async fn whoever_signed_in_before_is_never_kept_out_by_guessing() {
    let w = World::new();
    w.an_account(1).await;
    let sign_in = counting(&w);
    let home = IpAddr::from([203, 0, 113, 1]);
    let hers = || a_known_browser(200, home);
    assert!(sign_in.execute(hers(), "person-b", "password 1").await.is_ok());
    guess_until_throttled(&sign_in, "person-b").await;
    let moved = a_known_browser(200, IpAddr::from([203, 0, 113, 2]));
    assert!(sign_in.execute(moved, "person-b", "password 1").await.is_ok(), "by her browser");

    guess_until_throttled(&sign_in, "person-b").await;
    let new = a_known_browser(201, IpAddr::from([203, 0, 113, 2]));
    assert!(sign_in.execute(new, "person-b", "password 1").await.is_ok(), "by where she was");

    // From her own network, beyond what it may.
    guess_until_throttled(&sign_in, "person-b").await;
    let mut refused = 0;
    for n in 0..120 {
        let outcome = sign_in.execute(a_known_browser(n, home), "person-b", "wrong one").await;
        refused += u8::from(matches!(outcome.err(), Some(SignInError::Throttled(_))));
    }
    assert!(refused > 90, "{refused}");
    assert!(sign_in.execute(hers(), "person-b", "password 1").await.is_ok());
}

#[tokio::test]
async fn success_forgets_what_strangers_tried_and_failure_does_not() {
    let w = World::new();
    w.an_account(1).await;
    let sign_in = counting(&w);
    let home = || a_known_browser(200, IpAddr::from([203, 0, 113, 1]));
    assert!(sign_in.execute(home(), "person-b", "password 1").await.is_ok());
    for (password, left) in [("wrong one", 0), ("password 1", 50)] {
        guess_until_throttled(&sign_in, "person-b").await;
        assert_eq!(sign_in.execute(home(), "person-b", password).await.is_ok(), left > 0);
        w.clock.advance(TimeDelta::seconds(59));
        assert_eq!(guess_until_throttled(&sign_in, "person-b").await, left);
    }
}

#[tokio::test]
async fn one_known_browser_may_try_so_often_and_not_at_other_accounts() {
    let w = World::new();
    w.an_account(1).await;
    w.an_account(2).await;
    let sign_in = counting(&w);
    let hers = |n| a_known_browser(200, IpAddr::from([203, 0, 113, n]));
    assert!(sign_in.execute(hers(0), "person-b", "password 1").await.is_ok());
    for n in 1..=20 {
        let outcome = sign_in.execute(hers(n), "person-b", "wrong one").await.err();
        assert!(matches!(outcome, Some(SignInError::InvalidCredentials)));
    }
    let outcome = sign_in.execute(hers(21), "person-b", "password 1").await.err();
    assert!(matches!(outcome, Some(SignInError::Throttled(_))));
    guess_until_throttled(&sign_in, "person-c").await;
    let outcome = sign_in.execute(hers(22), "person-c", "password 2").await.err();
    assert!(matches!(outcome, Some(SignInError::Throttled(_))), "a stranger to him");
}

#[tokio::test]
async fn a_known_browser_stands_in_no_line() {
    let w = World::new();
    w.an_account(1).await;
    let hers = || a_known_browser(200, IpAddr::from([203, 0, 113, 1]));
    assert!(w.sign_in().execute(hers(), "person-b", "password 1").await.is_ok());
    let mut full = MockPasswordHasher::new();
    full.expect_verify().times(2).returning(|_, _| Err(HashingBusy));
    let sign_in = SignIn { hasher: Arc::new(full), ..w.sign_in() };
    assert!(sign_in.execute(hers(), "person-b", "password 1").await.is_ok());
    for (browser, login) in [(a_browser(), "person-b"), (hers(), "nobody")] {
        let outcome = sign_in.execute(browser, login, "password 1").await.err();
        assert!(matches!(outcome, Some(SignInError::Busy(HashingBusy))), "{login}");
    }
}

#[tokio::test]
async fn when_hashing_is_busy_nothing_happens() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_verify().once().returning(|_, _| Err(HashingBusy));
    let sign_in = SignIn { hasher: Arc::new(hasher), ..w.sign_in() };
    let outcome = sign_in.execute(a_browser(), an_email(1).as_str(), PASSWORD).await.err();
    assert!(matches!(outcome, Some(SignInError::Busy(HashingBusy))));
    assert_eq!(w.attempts_left(&flow).await, Some(3));
}

#[tokio::test]
async fn what_a_throttled_address_asks_for_is_not_remembered() {
    let w = World::new();
    let mut limiter = MockRateLimiter::new();
    let refused = Throttled { retry_after: TimeDelta::seconds(1) };
    limiter
        .expect_admit()
        .withf(|key, _| key.name == "sign_in")
        .returning(move |_, _| Err(refused));
    let limits = Limits { limiter: Arc::new(limiter), ..no_limits() };
    let sign_in = SignIn { limits, ..w.sign_in() };
    let outcome = sign_in.execute(a_browser(), "person-b", "password 1").await.err();
    assert!(matches!(outcome, Some(SignInError::Throttled(_))), "no other limit was asked");
}

#[tokio::test]
async fn a_login_longer_than_any_name_is_refused_before_it_is_counted() {
    let w = World::new();
    let limits = Limits { limiter: Arc::new(MockRateLimiter::new()), ..no_limits() };
    let sign_in = SignIn { limits, ..w.sign_in() };
    let login = "a".repeat(60_000);
    let outcome = sign_in.execute(a_browser(), &login, "password 1").await.err();
    assert!(matches!(outcome, Some(SignInError::InvalidCredentials)));
}
