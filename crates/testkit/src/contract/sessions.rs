//! The contract of `SessionRepository`.
use super::at_once;
use crate::{START, StoreUnderTest, a_session, a_user, later};
use domain::session::Session;
use std::collections::BTreeSet;

fn session(n: u32) -> Session {
    a_session(n, a_user(1).id)
}

async fn insert(store: &StoreUnderTest, session: &Session) {
    store.sessions.insert(session).await.expect("answers");
}

async fn found(store: &StoreUnderTest, like: &Session) -> Option<Session> {
    let by_id = store.sessions.find(like.id).await.expect("answers");
    let by_token = store.sessions.find_by_token(&like.token).await.expect("answers");
    assert_eq!(by_id, by_token);
    by_id
}

pub async fn a_session_is_found_by_id_and_token(store: &StoreUnderTest) {
    assert_eq!(found(store, &session(1)).await, None);
    insert(store, &session(1)).await;
    insert(store, &session(2)).await;
    assert_eq!(found(store, &session(1)).await, Some(session(1)));
    assert_eq!(found(store, &session(2)).await, Some(session(2)));
}

pub async fn use_is_noted(store: &StoreUnderTest) {
    insert(store, &session(1)).await;
    store.sessions.touch(session(1).id, later(300)).await.expect("answers");
    let expected = Session { last_used_at: later(300), ..session(1) };
    assert_eq!(found(store, &session(1)).await, Some(expected));
}

pub async fn touching_never_brings_back_a_session(store: &StoreUnderTest) {
    insert(store, &session(1)).await;
    store.sessions.remove(session(1).id).await.expect("answers");
    store.sessions.touch(session(1).id, later(300)).await.expect("answers");
    assert_eq!(found(store, &session(1)).await, None);
}

pub async fn touching_and_removing_may_race(store: &StoreUnderTest) {
    insert(store, &session(1)).await;
    let outcomes = at_once(16, |n| {
        let sessions = store.sessions.clone();
        async move {
            match n {
                8 => sessions.remove(session(1).id).await,
                _ => sessions.touch(session(1).id, later(n)).await,
            }
        }
    });
    assert!(outcomes.await.iter().all(Result::is_ok));
    assert_eq!(found(store, &session(1)).await, None);
}

pub async fn a_removed_session_is_gone(store: &StoreUnderTest) {
    insert(store, &session(1)).await;
    insert(store, &session(2)).await;
    for _ in 0..2 {
        store.sessions.remove(session(1).id).await.expect("removing what is gone is fine");
    }
    assert_eq!(found(store, &session(1)).await, None);
    assert_eq!(found(store, &session(2)).await, Some(session(2)));
}

pub async fn stale_sessions_are_forgotten(store: &StoreUnderTest) {
    let of = |n, created: u32, used: u32| Session {
        created_at: later(created),
        last_used_at: later(used),
        ..session(n)
    };
    let (idle, old, fresh) = (of(1, 50, 99), of(2, 49, 200), of(3, 50, 100));
    for session in [&idle, &old, &fresh] {
        insert(store, session).await;
    }
    store.sessions.remove_stale(START, START).await.expect("answers");
    assert_eq!(found(store, &idle).await, Some(idle.clone()));
    store.sessions.remove_stale(later(100), later(50)).await.expect("answers");
    assert_eq!(found(store, &idle).await, None, "last used before");
    assert_eq!(found(store, &old).await, None, "begun before");
    assert_eq!(found(store, &fresh).await, Some(fresh));
}

pub async fn sessions_of_a_person_are_listed_with_the_one_used_last_first(store: &StoreUnderTest) {
    for n in 1..=3 {
        insert(store, &session(n)).await;
    }
    insert(store, &a_session(4, a_user(2).id)).await;
    store.sessions.touch(session(2).id, later(300)).await.expect("answers");
    let listed = store.sessions.list_by_user(a_user(1).id).await.expect("answers");
    let used = Session { last_used_at: later(300), ..session(2) };
    assert_eq!(listed, [used, session(3), session(1)]);
    assert_eq!(store.sessions.list_by_user(a_user(3).id).await.expect("answers"), []);
}

pub async fn all_sessions_of_a_person_end_but_the_one_to_keep(store: &StoreUnderTest) {
    for n in 1..=3 {
        insert(store, &session(n)).await;
    }
    let others = a_session(4, a_user(2).id);
    insert(store, &others).await;
    let end = async |keep| {
        let ended = store.sessions.remove_by_user(a_user(1).id, keep).await.expect("answers");
        ended.into_iter().collect::<BTreeSet<_>>()
    };
    let expected = BTreeSet::from([session(1).id, session(3).id]);
    assert_eq!(end(Some(session(2).id)).await, expected);
    assert_eq!(found(store, &session(1)).await, None);
    assert_eq!(found(store, &session(2)).await, Some(session(2)));
    assert_eq!(end(None).await, BTreeSet::from([session(2).id]));
    assert_eq!(end(None).await, BTreeSet::new());
    assert_eq!(found(store, &others).await, Some(others));
}
