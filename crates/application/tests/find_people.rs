use crate::world::{World, a_name, limits_but};
use application::{
    people::{FindPeople, FindPeopleError},
    ports::MockUserRepository,
};
use domain::user::User;
use std::sync::Arc;
use testkit::a_user;

async fn somebody_called(w: &World, n: u32, name: &str) {
    let user = User { username: a_name(name), ..a_user(n) };
    w.store.users.insert(&user).await.expect("answers").expect("is new");
}

/// The names that person 1 finds.
async fn found(w: &World, query: &str) -> Vec<String> {
    let found = w.find_people().execute(a_user(1).id, query).await.expect(query);
    found.into_iter().map(|user| user.username.as_str().to_owned()).collect()
}

#[tokio::test]
async fn people_are_found_by_how_their_name_begins_in_any_case() {
    let w = World::new();
    for (n, name) in [(1, "zoe"), (2, "Bob"), (3, "bobby"), (4, "carol"), (5, "jim-bob")] {
        somebody_called(&w, n, name).await;
    }
    for query in ["bo", "BO", " Bob "] {
        assert_eq!(found(&w, query).await, ["Bob", "bobby"], "{query:?}");
    }
    assert_eq!(found(&w, "bobb").await, ["bobby"]);
    assert_eq!(found(&w, "dave").await, [""; 0]);
}

#[tokio::test]
async fn one_does_not_find_oneself() {
    let w = World::new();
    for (n, name) in [(1, "bob"), (2, "bobby")] {
        somebody_called(&w, n, name).await;
    }
    assert_eq!(found(&w, "bob").await, ["bobby"]);
}

#[tokio::test]
async fn twenty_others_are_found_even_when_one_is_among_the_first() {
    let w = World::new();
    for n in 1..=22 {
        w.an_account(n).await;
    }
    let names = found(&w, "person").await;
    assert_eq!(names.len(), FindPeople::MOST);
    assert!(!names.contains(&a_user(1).username.as_str().to_owned()));
}

#[tokio::test]
async fn a_search_takes_two_characters() {
    let w = World::new();
    w.an_account(2).await;
    for query in ["", "p", " p ", "\u{a0}p", "é"] {
        let outcome = w.find_people().execute(a_user(1).id, query).await;
        assert!(matches!(outcome, Err(FindPeopleError::TooShort)), "{query:?}");
    }
    assert_eq!(found(&w, "pe").await.len(), 1);
}

#[tokio::test]
async fn nothing_in_a_search_is_a_pattern() {
    let w = World::new();
    w.an_account(2).await;
    for query in ["%%", "__", "pe%", "person_", "pe*", "pe'", "перс", "pe\0"] {
        assert_eq!(found(&w, query).await, [""; 0], "{query:?}");
    }
    assert_eq!(found(&w, "person-").await.len(), 1);
}

#[tokio::test]
async fn too_many_searches_ask_the_store_nothing() {
    let users = Arc::new(MockUserRepository::new());
    let find_people = FindPeople { users, limits: limits_but("search") };
    let outcome = find_people.execute(a_user(1).id, "person").await;
    assert!(matches!(outcome, Err(FindPeopleError::Throttled(_))));
}
