use crate::world::{MILLISECOND, World, down};
use application::{
    accounts::{SignOut, SignedIn},
    ports::{MockEventBus, MockSessionRepository},
};
use domain::{TimeDelta, event::ChatEvent, session::Session, token::SessionToken};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use testkit::{START, a_session, a_user};

/// Person 1 signed in, and by which token.
async fn signed_in(w: &World) -> (SessionToken, SignedIn) {
    w.an_account(1).await;
    let token = w.sign_in_as(1).await.token;
    let who = authenticate(w, &token).await.expect("is signed in");
    (token, who)
}

async fn authenticate(w: &World, token: &SessionToken) -> Option<SignedIn> {
    w.authenticate().execute(token).await.expect("answers")
}

async fn last_used(w: &World, who: SignedIn) -> TimeDelta {
    let session = w.store.sessions.find(who.session).await.expect("answers").expect("is there");
    session.last_used_at - START
}

#[tokio::test]
async fn signing_out_ends_the_session_and_tells_its_sockets() {
    let w = World::new();
    let (token, who) = signed_in(&w).await;
    let other = w.sign_in_as(1).await.token;
    w.sign_out().execute(who.user, who.session).await.expect("answers");
    assert_eq!(authenticate(&w, &token).await, None);
    assert!(!w.authenticate().still_counts(who.session).await.expect("answers"));
    let told = ChatEvent::SessionEnded { user: who.user, session: who.session };
    assert_eq!(w.store.bus.events(), [told]);
    assert!(authenticate(&w, &other).await.is_some(), "another browser stays");
}

#[tokio::test]
async fn the_session_is_gone_before_its_sockets_hear_of_it() {
    let gone = Arc::new(AtomicBool::new(false));
    let (mut sessions, mut bus) = (MockSessionRepository::new(), MockEventBus::new());
    let removed = gone.clone();
    sessions.expect_remove().once().returning(move |_| {
        removed.store(true, Ordering::SeqCst);
        Ok(())
    });
    bus.expect_publish().once().returning(move |_| assert!(gone.load(Ordering::SeqCst)));
    let sign_out = SignOut { sessions: Arc::new(sessions), bus: Arc::new(bus) };
    let user = a_user(1).id;
    sign_out.execute(user, a_session(1, user).id).await.expect("answers");
}

#[tokio::test]
async fn nobody_is_told_of_an_end_that_failed() {
    let mut sessions = MockSessionRepository::new();
    sessions.expect_remove().once().returning(|_| Err(down()));
    // Would panic if anything were published.
    let sign_out = SignOut { sessions: Arc::new(sessions), bus: Arc::new(MockEventBus::new()) };
    let user = a_user(1).id;
    assert!(sign_out.execute(user, a_session(1, user).id).await.is_err());
}

#[tokio::test]
async fn a_token_that_was_never_given_out_is_nobodys() {
    let w = World::new();
    let (token, who) = signed_in(&w).await;
    assert_eq!(authenticate(&w, &SessionToken::mint([1; 32])).await, None);
    let read_back = SessionToken::parse(&token.reveal()).expect("a token");
    assert_eq!(authenticate(&w, &read_back).await, Some(who));
}

#[tokio::test]
async fn a_session_unused_for_two_weeks_ends() {
    let w = World::new();
    let (token, who) = signed_in(&w).await;
    w.clock.advance(Session::IDLE - MILLISECOND);
    assert!(w.authenticate().still_counts(who.session).await.expect("answers"));
    w.clock.advance(MILLISECOND);
    assert!(!w.authenticate().still_counts(who.session).await.expect("answers"));
    assert_eq!(authenticate(&w, &token).await, None);
}

#[tokio::test]
async fn use_keeps_a_session_alive_for_ninety_days_and_no_longer() {
    let w = World::new();
    let (token, who) = signed_in(&w).await;
    for _ in 0..7 {
        w.clock.advance(TimeDelta::days(12));
        assert_eq!(authenticate(&w, &token).await, Some(who));
    }
    w.clock.advance(Session::ABSOLUTE - TimeDelta::days(84) - MILLISECOND);
    assert_eq!(authenticate(&w, &token).await, Some(who));
    w.clock.advance(MILLISECOND);
    assert_eq!(authenticate(&w, &token).await, None);
}

#[tokio::test]
async fn use_is_noted_every_five_minutes_at_most() {
    let w = World::new();
    let (token, who) = signed_in(&w).await;
    w.clock.advance(Session::TOUCH_EVERY - MILLISECOND);
    authenticate(&w, &token).await;
    assert_eq!(last_used(&w, who).await, TimeDelta::zero());
    w.clock.advance(MILLISECOND);
    authenticate(&w, &token).await;
    assert_eq!(last_used(&w, who).await, Session::TOUCH_EVERY);
    w.clock.advance(MILLISECOND);
    authenticate(&w, &token).await;
    assert_eq!(last_used(&w, who).await, Session::TOUCH_EVERY);
}

#[tokio::test]
async fn asking_whether_a_session_still_counts_is_no_use_of_it() {
    let w = World::new();
    let (_, who) = signed_in(&w).await;
    w.clock.advance(Session::TOUCH_EVERY);
    assert!(w.authenticate().still_counts(who.session).await.expect("answers"));
    assert_eq!(last_used(&w, who).await, TimeDelta::zero());
}

#[tokio::test]
async fn all_sessions_but_one_end_and_their_sockets_are_told() {
    let w = World::new();
    w.an_account(1).await;
    let [kept, ended] = [w.sign_in_as(1).await, w.sign_in_as(1).await];
    let stays = w.authenticate().execute(&kept.token).await.expect("answers").expect("is live");
    let goes = w.authenticate().execute(&ended.token).await.expect("answers").expect("is live");
    w.sign_out().end_all(stays.user, Some(stays.session)).await.expect("answers");
    assert_eq!(w.authenticate().execute(&ended.token).await.expect("answers"), None);
    assert!(w.authenticate().execute(&kept.token).await.expect("answers").is_some());
    let told = ChatEvent::SessionEnded { user: goes.user, session: goes.session };
    assert_eq!(w.store.bus.events(), [told]);
}
