use crate::world::{World, a_name};
use application::{accounts::ProfileError, ports::MockUserRepository};
use domain::{
    name::PersonName,
    user::{ProfileChange, User},
};
use std::sync::Arc;
use testkit::a_user;

fn rename(name: &str) -> ProfileChange {
    ProfileChange { username: Some(a_name(name)), ..ProfileChange::default() }
}

#[tokio::test]
async fn only_what_is_given_changes() {
    let w = World::new();
    let before = w.an_account(1).await;
    let first_name = PersonName::parse("Zoë").expect("a name");
    let change = ProfileChange { first_name: Some(first_name.clone()), ..ProfileChange::default() };
    let after = w.profile().change(before.id, &change).await.expect("changes");
    assert_eq!(after, User { first_name, ..before });
    assert_eq!(w.profile().find(after.id).await.expect("answers"), Some(after));
}

#[tokio::test]
async fn a_new_name_is_used_at_once_and_the_old_one_is_free() {
    let w = World::new();
    let [ann, bob] = [w.an_account(1).await, w.an_account(2).await];
    let renamed = w.profile().change(ann.id, &rename("Nora")).await.expect("changes");
    assert_eq!(renamed.username.as_str(), "Nora");
    let found = w.store.users.find_by_username(&a_name("nora")).await.expect("answers");
    assert_eq!(found.map(|user| user.id), Some(ann.id));
    assert!(w.profile().change(bob.id, &rename(ann.username.as_str())).await.is_ok());
}

#[tokio::test]
async fn a_name_that_reads_like_anothers_is_refused() {
    let w = World::new();
    let [ann, bob] = [w.an_account(1).await, w.an_account(2).await];
    w.profile().change(bob.id, &rename("nora")).await.expect("changes");
    for name in ["nora", "Nora", "N0RA"] {
        let change = ProfileChange { last_name: Some(PersonName::default()), ..rename(name) };
        let outcome = w.profile().change(ann.id, &change).await;
        assert!(matches!(outcome, Err(ProfileError::UsernameTaken)), "{name}");
    }
    assert_eq!(w.profile().find(ann.id).await.expect("answers"), Some(ann.clone()));
    assert!(w.profile().change(ann.id, &rename("nova")).await.is_ok());
}

#[tokio::test]
async fn ones_own_name_may_be_written_another_way() {
    let w = World::new();
    let ann = w.an_account(1).await;
    for name in ["Nora", "NORA", "n0ra"] {
        let after = w.profile().change(ann.id, &rename(name)).await.expect("changes");
        assert_eq!(after.username.as_str(), name);
    }
}

#[tokio::test]
async fn a_reserved_name_is_kept_but_not_taken() {
    let w = World::new();
    let ann = w.an_account(1).await;
    let outcome = w.profile().change(ann.id, &rename("Admin")).await;
    assert!(matches!(outcome, Err(ProfileError::UsernameTaken)));
    let admin = User { username: a_name("admin"), ..a_user(2) };
    w.store.users.insert(&admin).await.expect("answers").expect("is new");
    let first_name = PersonName::parse("Ada").expect("a name");
    let change = ProfileChange { first_name: Some(first_name.clone()), ..rename("Admin") };
    let after = w.profile().change(admin.id, &change).await.expect("changes");
    assert_eq!((after.username.as_str(), after.first_name), ("Admin", first_name));
    let outcome = w.profile().change(admin.id, &rename("root")).await;
    assert!(matches!(outcome, Err(ProfileError::UsernameTaken)), "another reserved one");
}

#[tokio::test]
async fn an_account_that_is_gone_has_no_profile() {
    let w = World::new();
    let nobody = a_user(1).id;
    assert_eq!(w.profile().find(nobody).await.expect("answers"), None);
    for name in ["nora", "admin"] {
        let outcome = w.profile().change(nobody, &rename(name)).await;
        assert!(matches!(outcome, Err(ProfileError::Gone)), "{name}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_changes_nothing() {
    let mut users = MockUserRepository::new();
    users.expect_update_profile().once().returning(|_, _| Err(crate::world::down()));
    let profile = application::accounts::Profile { users: Arc::new(users) };
    let outcome = profile.change(a_user(1).id, &rename("nora")).await;
    assert!(matches!(outcome, Err(ProfileError::Unavailable(_))));
}
