use crate::world::{MILLISECOND, World, down};
use application::{operations::Sweep, ports::MockSessionRepository};
use domain::{
    TimeDelta, Timestamp, ceremony::Ceremony, external_sign_in::ExternalSignIn,
    registration::Registration, session::Session,
};
use std::sync::Arc;
use testkit::{START, a_ceremony, a_registration, a_session, a_user, an_errand};

fn after(time: TimeDelta) -> Timestamp {
    START + time
}

#[tokio::test]
async fn sign_ups_are_swept_once_they_have_expired() {
    let w = World::new();
    let hour = TimeDelta::hours(1);
    let late = Registration { created_at: after(hour), ..a_registration(2) };
    for registration in [&a_registration(1), &late] {
        w.store.registrations.insert(registration).await.expect("answers");
    }
    let kept = async || {
        w.sweep().execute().await.expect("sweeps");
        let find = async |n| {
            let found = w.store.registrations.find_by_flow(&a_registration(n).flow).await;
            found.expect("answers").is_some()
        };
        [find(1).await, find(2).await]
    };
    w.clock.advance(Registration::LIFETIME - MILLISECOND);
    assert_eq!(kept().await, [true, true]);
    w.clock.advance(MILLISECOND + MILLISECOND);
    assert_eq!(kept().await, [false, true]);
    w.clock.advance(hour);
    assert_eq!(kept().await, [false, false]);
}

#[tokio::test]
async fn what_was_begun_and_not_finished_is_swept_once_it_has_expired() {
    let w = World::new();
    let begun = a_ceremony(1);
    w.store.ceremonies.put(&begun).await.expect("answers");
    for (time, kept) in [(Ceremony::LIFETIME, true), (MILLISECOND, false)] {
        w.clock.advance(time);
        w.sweep().execute().await.expect("sweeps");
        let found = w.store.ceremonies.find(&begun.flow, begun.kind).await.expect("answers");
        assert_eq!(found.is_some(), kept);
    }
}

#[tokio::test]
async fn sessions_are_swept_once_they_have_expired() {
    let w = World::new();
    let user = a_user(1).id;
    let a_session_used = |n, created_at, last_used_at| Session {
        created_at: after(created_at),
        last_used_at: after(last_used_at),
        ..a_session(n, user)
    };
    let (start, later) = (TimeDelta::zero(), TimeDelta::days(89));
    let sessions = [
        a_session_used(1, start, start),
        a_session_used(2, start, later),
        a_session_used(3, later, later),
    ];
    for session in &sessions {
        w.store.sessions.insert(session).await.expect("answers");
    }
    let kept = async || {
        w.sweep().execute().await.expect("sweeps");
        let mut kept = Vec::new();
        for session in &sessions {
            let found = w.store.sessions.find(session.id).await.expect("answers").is_some();
            assert!(found || !session.is_live(w.now()), "only what has expired goes");
            kept.push(found);
        }
        kept
    };
    w.clock.advance(Session::IDLE - MILLISECOND);
    assert_eq!(kept().await, [true, true, true]);
    w.clock.advance(MILLISECOND + MILLISECOND);
    assert_eq!(kept().await, [false, true, true], "unused for two weeks");
    w.clock.advance(Session::ABSOLUTE - Session::IDLE);
    assert_eq!(kept().await, [false, false, true], "ninety days old");
}

#[tokio::test]
async fn those_who_never_came_back_from_a_provider_are_swept() {
    let w = World::new();
    w.store.external_sign_ins.insert(&an_errand(1)).await.expect("answers");
    let kept = async || {
        w.sweep().execute().await.expect("sweeps");
        w.store.external_sign_ins.find(&an_errand(1).key).await.expect("answers").is_some()
    };
    w.clock.advance(ExternalSignIn::LIFETIME);
    assert!(kept().await);
    w.clock.advance(MILLISECOND);
    assert!(!kept().await);
}

#[tokio::test]
async fn a_sweep_that_fails_says_so() {
    let w = World::new();
    let mut sessions = MockSessionRepository::new();
    sessions.expect_remove_stale().once().returning(|_, _| Err(down()));
    let sweep = Sweep { sessions: Arc::new(sessions), ..w.sweep() };
    assert!(sweep.execute().await.is_err());
}
