//! The contract of `UserRepository`.
use super::at_once;
use crate::{StoreUnderTest, a_user, an_email, later};
use domain::{
    identity::ExternalIdentity,
    name::PersonName,
    password::PasswordHash,
    picture::PictureId,
    user::{Privacy, PrivacyChange, ProfileChange, Taken, User},
    username::Username,
};

fn named(n: u32, username: &str) -> User {
    User { username: name(username), ..a_user(n) }
}

fn identity(subject: &str) -> ExternalIdentity {
    ExternalIdentity { issuer: "https://id.example".to_owned(), subject: subject.to_owned() }
}

fn name(username: &str) -> Username {
    Username::parse(username).expect("a username")
}

async fn insert(store: &StoreUnderTest, user: &User) -> Result<(), Taken> {
    store.users.insert(user).await.expect("answers")
}

async fn found_by_prefix(store: &StoreUnderTest, prefix: &str, limit: usize) -> Vec<String> {
    let users = store.users.list_by_username_prefix(prefix, limit).await.expect("answers");
    users.iter().map(|user| user.username.as_str().to_owned()).collect()
}

fn renamed(username: &str) -> ProfileChange {
    ProfileChange { username: Some(name(username)), ..ProfileChange::default() }
}

pub async fn what_was_inserted_is_found_in_every_way(store: &StoreUnderTest) {
    let google = User {
        password: None,
        google: Some(identity("1")),
        picture: Some(PictureId::mint([7; 16])),
        disabled_at: Some(later(5)),
        privacy: Privacy { receipts: false, presence: true },
        ..a_user(2)
    };
    for user in [a_user(1), google] {
        assert_eq!(insert(store, &user).await, Ok(()));
        let found = Some(user.clone());
        assert_eq!(store.users.find(user.id).await.expect("answers"), found);
        assert_eq!(store.users.find_by_email(&user.email).await.expect("answers"), found);
        assert_eq!(store.users.find_by_username(&user.username).await.expect("answers"), found);
        assert!(store.users.has_username_like(&user.username).await.expect("answers"));
    }
    let stranger = a_user(3);
    assert_eq!(store.users.find(stranger.id).await.expect("answers"), None);
    assert_eq!(store.users.find_by_email(&stranger.email).await.expect("answers"), None);
    assert_eq!(store.users.find_by_username(&stranger.username).await.expect("answers"), None);
    assert!(!store.users.has_username_like(&stranger.username).await.expect("answers"));
}

pub async fn an_address_belongs_to_one_user(store: &StoreUnderTest) {
    assert_eq!(insert(store, &a_user(1)).await, Ok(()));
    let second = User { email: an_email(1), ..a_user(2) };
    assert_eq!(insert(store, &second).await, Err(Taken::Email));
    assert_eq!(store.users.find(second.id).await.expect("answers"), None);
}

pub async fn an_account_elsewhere_belongs_to_one_user(store: &StoreUnderTest) {
    let linked = |n, subject| User { google: Some(identity(subject)), ..a_user(n) };
    assert_eq!(insert(store, &linked(1, "1")).await, Ok(()));
    assert_eq!(insert(store, &linked(2, "1")).await, Err(Taken::Identity));
    assert_eq!(store.users.find(a_user(2).id).await.expect("answers"), None);
    assert_eq!(insert(store, &linked(3, "2")).await, Ok(()));
    let elsewhere =
        ExternalIdentity { issuer: "https://other.example".to_owned(), ..identity("1") };
    assert_eq!(insert(store, &User { google: Some(elsewhere), ..a_user(4) }).await, Ok(()));
}

pub async fn a_username_belongs_to_one_user_together_with_what_reads_like_it(
    store: &StoreUnderTest,
) {
    assert_eq!(insert(store, &named(1, "Bill")).await, Ok(()));
    for (n, like) in [(2, "bill"), (3, "BiII"), (4, "B1ll")] {
        assert_eq!(insert(store, &named(n, like)).await, Err(Taken::Username), "{like}");
        assert!(store.users.has_username_like(&name(like)).await.expect("answers"), "{like}");
    }
    let found = store.users.find_by_username(&name("B1ll")).await.expect("answers");
    assert_eq!(found, None, "reading alike is not being the same");
    assert_eq!(insert(store, &named(5, "Will")).await, Ok(()));
}

pub async fn of_users_that_race_for_one_address_one_gets_it(store: &StoreUnderTest) {
    let outcomes = at_once(16, |n| {
        let users = store.users.clone();
        async move { users.insert(&User { email: an_email(99), ..a_user(n) }).await }
    });
    assert_one_wins(outcomes.await, Taken::Email);
}

pub async fn of_users_that_race_for_names_that_read_alike_one_gets_it(store: &StoreUnderTest) {
    let outcomes = at_once(16, |n| {
        let users = store.users.clone();
        let like = ["nora", "n0ra", "Nora", "NORA"][n as usize % 4];
        async move { users.insert(&named(n, like)).await }
    });
    assert_one_wins(outcomes.await, Taken::Username);
}

fn assert_one_wins<E: std::fmt::Debug>(outcomes: Vec<Result<Result<(), Taken>, E>>, lost: Taken) {
    let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("answers")).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(())) || *outcome == Err(lost)));
}

pub async fn case_does_not_count_in_a_username(store: &StoreUnderTest) {
    let ann = named(1, "Ann.B");
    assert_eq!(insert(store, &ann).await, Ok(()));
    let found = store.users.find_by_username(&name("aNN.b")).await.expect("answers");
    assert_eq!(found.expect("is found").username.as_str(), "Ann.B", "shown as it was typed");
}

pub async fn those_that_exist_are_listed(store: &StoreUnderTest) {
    for n in 1..=3 {
        assert_eq!(insert(store, &a_user(n)).await, Ok(()));
    }
    let ids = [3, 9, 1].map(|n| a_user(n).id);
    let mut listed = store.users.list(&ids).await.expect("answers");
    listed.sort_by_key(|user| user.id);
    assert_eq!(listed, [a_user(1), a_user(3)]);
    assert_eq!(store.users.list(&[]).await.expect("answers"), []);
}

pub async fn a_prefix_finds_users_by_key_and_in_order(store: &StoreUnderTest) {
    for (n, username) in [(1, "anna"), (2, "Andy"), (3, "ann"), (4, "bob"), (5, "an-9")] {
        assert_eq!(insert(store, &named(n, username)).await, Ok(()));
    }
    assert_eq!(found_by_prefix(store, "an", 10).await, ["an-9", "Andy", "ann", "anna"]);
    assert_eq!(found_by_prefix(store, "an", 2).await, ["an-9", "Andy"]);
    assert_eq!(found_by_prefix(store, "ann", 10).await, ["ann", "anna"]);
    assert_eq!(found_by_prefix(store, "", 10).await.len(), 5);
    for nobodys in ["annab", "é", "zz", "an\u{10ffff}"] {
        assert_eq!(found_by_prefix(store, nobodys, 10).await, Vec::<String>::new(), "{nobodys}");
    }
}

pub async fn marks_in_a_prefix_are_taken_literally(store: &StoreUnderTest) {
    for (n, username) in [(1, "a_b"), (2, "axb"), (3, "a.b"), (4, "a-b")] {
        assert_eq!(insert(store, &named(n, username)).await, Ok(()));
    }
    assert_eq!(found_by_prefix(store, "a_", 10).await, ["a_b"]);
    assert_eq!(found_by_prefix(store, "a.", 10).await, ["a.b"]);
    for pattern in ["a%", "%", "a*", "a?b", "[a]", ".*", "^a", "a\\"] {
        assert_eq!(found_by_prefix(store, pattern, 10).await, Vec::<String>::new(), "{pattern}");
    }
}

pub async fn a_profile_changes_where_it_is_asked_to(store: &StoreUnderTest) {
    let user = a_user(1);
    assert_eq!(insert(store, &user).await, Ok(()));
    let nothing = ProfileChange::default();
    let unchanged = store.users.update_profile(user.id, &nothing).await.expect("answers");
    assert_eq!(unchanged, Some(Ok(user.clone())));

    let change = ProfileChange {
        username: Some(name("Somebody")),
        first_name: Some(PersonName::parse("Zoë").expect("a name")),
        last_name: None,
    };
    let expected = User {
        username: name("Somebody"),
        first_name: PersonName::parse("Zoë").expect("a name"),
        ..user.clone()
    };
    let changed = store.users.update_profile(user.id, &change).await.expect("answers");
    assert_eq!(changed, Some(Ok(expected.clone())));
    assert_eq!(store.users.find(user.id).await.expect("answers"), Some(expected));
    assert!(!store.users.has_username_like(&user.username).await.expect("answers"), "free again");

    let nobody = store.users.update_profile(a_user(2).id, &change).await.expect("answers");
    assert_eq!(nobody, None);
}

pub async fn a_profile_cannot_take_a_name_that_reads_like_another(store: &StoreUnderTest) {
    let (bill, ann) = (named(1, "bill"), named(2, "ann"));
    assert_eq!(insert(store, &bill).await, Ok(()));
    assert_eq!(insert(store, &ann).await, Ok(()));
    let taken = store.users.update_profile(ann.id, &renamed("B1LL")).await.expect("answers");
    assert_eq!(taken, Some(Err(Taken::Username)));
    assert_eq!(store.users.find(ann.id).await.expect("answers"), Some(ann));

    let own = store.users.update_profile(bill.id, &renamed("BiII")).await.expect("answers");
    let own = own.expect("exists").expect("one's own name may change its looks");
    assert_eq!(own.username.as_str(), "BiII");
}

pub async fn of_profiles_that_race_for_a_name_one_gets_it(store: &StoreUnderTest) {
    for n in 0..8 {
        assert_eq!(insert(store, &a_user(n)).await, Ok(()));
    }
    let outcomes = at_once(8, |n| {
        let users = store.users.clone();
        async move { users.update_profile(a_user(n).id, &renamed("wanted")).await }
    });
    let outcomes =
        outcomes.await.into_iter().map(|outcome| outcome.map(|o| o.expect("exists").map(drop)));
    assert_one_wins(outcomes.collect(), Taken::Username);
}

pub async fn a_password_is_replaced_or_given_for_the_first_time(store: &StoreUnderTest) {
    let new = PasswordHash::new("plain:another".to_owned());
    for user in [a_user(1), User { password: None, ..a_user(2) }] {
        assert_eq!(insert(store, &user).await, Ok(()));
        assert!(store.users.replace_password(user.id, &new).await.expect("answers"));
        let expected = User { password: Some(new.clone()), ..user };
        assert_eq!(store.users.find(expected.id).await.expect("answers"), Some(expected));
    }
    assert!(!store.users.replace_password(a_user(3).id, &new).await.expect("answers"));
}

pub async fn an_address_is_replaced_unless_it_is_taken(store: &StoreUnderTest) {
    let [ann, bob] = [a_user(1), a_user(2)];
    assert_eq!(insert(store, &ann).await, Ok(()));
    assert_eq!(insert(store, &bob).await, Ok(()));
    let replace = async |id, n| store.users.replace_email(id, &an_email(n)).await.expect("answers");
    assert_eq!(replace(ann.id, 2).await, Some(Err(Taken::Email)));
    assert_eq!(store.users.find(ann.id).await.expect("answers"), Some(ann.clone()));
    let moved = User { email: an_email(9), ..ann.clone() };
    assert_eq!(replace(ann.id, 9).await, Some(Ok(moved.clone())));
    assert_eq!(replace(ann.id, 9).await, Some(Ok(moved.clone())), "its own is not taken");
    assert_eq!(store.users.find_by_email(&an_email(9)).await.expect("answers"), Some(moved));
    assert_eq!(store.users.find_by_email(&an_email(1)).await.expect("answers"), None);
    assert_eq!(replace(a_user(3).id, 7).await, None);
}

pub async fn of_people_that_race_for_one_new_address_one_gets_it(store: &StoreUnderTest) {
    for n in 0..8 {
        assert_eq!(insert(store, &a_user(n)).await, Ok(()));
    }
    let outcomes = at_once(8, |n| {
        let users = store.users.clone();
        async move { users.replace_email(a_user(n).id, &an_email(99)).await }
    });
    let outcomes =
        outcomes.await.into_iter().map(|outcome| outcome.map(|o| o.expect("exists").map(drop)));
    assert_one_wins(outcomes.collect(), Taken::Email);
}

pub async fn all_users_are_paged_in_the_order_in_which_they_joined(store: &StoreUnderTest) {
    let page = async |after, limit| store.users.list_page(after, limit).await.expect("answers");
    assert_eq!(page(None, 10).await, []);
    for n in [3, 1, 5, 2, 4] {
        assert_eq!(insert(store, &a_user(n)).await, Ok(()));
    }
    let mut everybody: Vec<User> = (1..=5).map(a_user).collect();
    everybody.sort_by_key(|user| user.id);
    assert_eq!(page(None, 10).await, everybody);
    assert_eq!(page(None, 0).await, []);
    let mut paged = page(None, 2).await;
    while let Some(last) = paged.last()
        && let more = page(Some(last.id), 2).await
        && !more.is_empty()
    {
        assert!(more.len() <= 2);
        paged.extend(more);
    }
    assert_eq!(paged, everybody);
}

pub async fn who_is_kept_out_is_known_but_found_by_no_prefix(store: &StoreUnderTest) {
    for n in 1..=2 {
        assert_eq!(insert(store, &a_user(n)).await, Ok(()));
    }
    let user = a_user(1);
    let out = User { disabled_at: Some(later(5)), ..user.clone() };
    let set = async |since| store.users.set_disabled(user.id, since).await.expect("answers");
    assert_eq!(set(Some(later(5))).await, Some(out.clone()));
    assert_eq!(store.users.find(user.id).await.expect("answers"), Some(out));
    let others = found_by_prefix(store, "person-", 10).await;
    assert_eq!(others, [a_user(2).username.as_str()]);
    assert_eq!(set(None).await, Some(user.clone()));
    assert_eq!(found_by_prefix(store, "person-", 10).await.len(), 2);
    let nobody = store.users.set_disabled(a_user(3).id, Some(later(1))).await.expect("answers");
    assert_eq!(nobody, None);
}

async fn change_privacy(
    store: &StoreUnderTest,
    n: u32,
    receipts: Option<bool>,
    presence: Option<bool>,
) -> Option<Privacy> {
    let change = PrivacyChange { receipts, presence };
    store.users.change_privacy(a_user(n).id, change).await.expect("answers")
}

pub async fn what_somebody_shows_changes_where_it_is_asked_to(store: &StoreUnderTest) {
    for n in 1..=2 {
        assert_eq!(insert(store, &a_user(n)).await, Ok(()));
    }
    let privacy = |receipts, presence| Privacy { receipts, presence };
    let stored = async || store.users.find(a_user(1).id).await.expect("answers").expect("is there");
    assert_eq!(change_privacy(store, 1, None, None).await, Some(Privacy::default()));
    assert_eq!(stored().await, a_user(1));
    assert_eq!(change_privacy(store, 1, Some(false), None).await, Some(Privacy::default()));
    assert_eq!(stored().await, User { privacy: privacy(false, true), ..a_user(1) });
    assert_eq!(change_privacy(store, 1, None, Some(false)).await, Some(privacy(false, true)));
    assert_eq!(stored().await, User { privacy: privacy(false, false), ..a_user(1) });
    let listed = store.users.list(&[a_user(1).id]).await.expect("answers");
    assert_eq!(listed, [stored().await], "wherever somebody is read");
    let before = change_privacy(store, 1, Some(true), Some(true)).await;
    assert_eq!(before, Some(privacy(false, false)), "what it was until then");
    assert_eq!(stored().await, a_user(1));
    assert_eq!(store.users.find(a_user(2).id).await.expect("answers"), Some(a_user(2)));
    assert_eq!(change_privacy(store, 3, Some(false), None).await, None);
    assert_eq!(change_privacy(store, 3, None, None).await, None);
}

pub async fn of_changes_of_what_is_shown_that_race_each_finds_what_the_last_left(
    store: &StoreUnderTest,
) {
    assert_eq!(insert(store, &a_user(1)).await, Ok(()));
    let outcomes = at_once(16, |n| {
        let users = store.users.clone();
        let change = match n % 2 {
            0 => PrivacyChange { receipts: Some(false), presence: None },
            _ => PrivacyChange { receipts: None, presence: Some(false) },
        };
        async move { users.change_privacy(a_user(1).id, change).await }
    });
    let before: Vec<Privacy> = outcomes
        .await
        .into_iter()
        .map(|outcome| outcome.expect("answers").expect("is there"))
        .collect();
    let changed = |n: usize, shown: fn(&Privacy) -> bool| {
        before.iter().skip(n).step_by(2).filter(|privacy| shown(privacy)).count()
    };
    assert_eq!(changed(0, |privacy| privacy.receipts), 1, "one of them changed it: {before:?}");
    assert_eq!(changed(1, |privacy| privacy.presence), 1, "one of them changed it: {before:?}");
    let after = store.users.find(a_user(1).id).await.expect("answers").expect("is there");
    assert_eq!(after.privacy, Privacy { receipts: false, presence: false }, "nothing is lost");
}

async fn link(store: &StoreUnderTest, n: u32, subject: &str) -> Option<Result<User, Taken>> {
    store.users.link_identity(a_user(n).id, &identity(subject)).await.expect("answers")
}

async fn found_by_identity(store: &StoreUnderTest, subject: &str) -> Option<User> {
    store.users.find_by_identity(&identity(subject)).await.expect("answers")
}

fn linked(n: u32, subject: &str) -> User {
    User { google: Some(identity(subject)), ..a_user(n) }
}

pub async fn an_account_elsewhere_is_linked_unless_it_is_taken(store: &StoreUnderTest) {
    for n in 1..=2 {
        assert_eq!(insert(store, &a_user(n)).await, Ok(()));
    }
    assert_eq!(found_by_identity(store, "1").await, None);
    for _ in 0..2 {
        assert_eq!(link(store, 1, "1").await, Some(Ok(linked(1, "1"))), "its own is not taken");
    }
    assert_eq!(found_by_identity(store, "1").await, Some(linked(1, "1")));
    assert_eq!(link(store, 2, "1").await, Some(Err(Taken::Identity)));
    assert_eq!(store.users.find(a_user(2).id).await.expect("answers"), Some(a_user(2)));
    let elsewhere =
        ExternalIdentity { issuer: "https://other.example".to_owned(), ..identity("1") };
    assert_eq!(store.users.find_by_identity(&elsewhere).await.expect("answers"), None);
    let same_subject = store.users.link_identity(a_user(2).id, &elsewhere).await.expect("answers");
    assert!(same_subject.is_some_and(|user| user.is_ok()), "of another provider, another account");
    assert_eq!(link(store, 3, "3").await, None);
}

pub async fn whoever_has_another_account_linked_keeps_that(store: &StoreUnderTest) {
    for user in [linked(1, "1"), linked(2, "2")] {
        assert_eq!(insert(store, &user).await, Ok(()));
    }
    assert_eq!(link(store, 1, "7").await, Some(Ok(linked(1, "1"))));
    assert_eq!(link(store, 1, "2").await, Some(Ok(linked(1, "1"))), "also where that is taken");
    assert_eq!(found_by_identity(store, "7").await, None);
    assert_eq!(found_by_identity(store, "1").await, Some(linked(1, "1")));
}

pub async fn of_people_that_race_for_one_account_elsewhere_one_gets_it(store: &StoreUnderTest) {
    for n in 0..8 {
        assert_eq!(insert(store, &a_user(n)).await, Ok(()));
    }
    let outcomes = at_once(8, |n| {
        let users = store.users.clone();
        async move { users.link_identity(a_user(n).id, &identity("1")).await }
    });
    let outcomes =
        outcomes.await.into_iter().map(|outcome| outcome.map(|o| o.expect("exists").map(drop)));
    assert_one_wins(outcomes.collect(), Taken::Identity);
}

pub async fn of_accounts_elsewhere_that_race_for_one_person_one_is_linked(store: &StoreUnderTest) {
    assert_eq!(insert(store, &a_user(1)).await, Ok(()));
    let outcomes = at_once(8, |n| {
        let users = store.users.clone();
        async move { users.link_identity(a_user(1).id, &identity(&n.to_string())).await }
    });
    let seen: Vec<_> =
        outcomes.await.into_iter().map(|outcome| outcome.expect("answers")).collect();
    assert!(seen.iter().all(|user| *user == seen[0]), "all see the one that is linked");
    assert!(matches!(&seen[0], Some(Ok(user)) if user.google.is_some()));
}

pub async fn an_account_elsewhere_is_unlinked_where_there_is_a_password(store: &StoreUnderTest) {
    let alone = User { password: None, ..linked(2, "2") };
    for user in [&linked(1, "1"), &alone] {
        assert_eq!(insert(store, user).await, Ok(()));
    }
    let unlink = async |n| store.users.unlink_identity(a_user(n).id).await.expect("answers");
    for _ in 0..2 {
        assert_eq!(unlink(1).await, Some(a_user(1)));
    }
    assert_eq!(found_by_identity(store, "1").await, None);
    assert_eq!(unlink(2).await, Some(alone.clone()), "nobody is left without a way in");
    assert_eq!(found_by_identity(store, "2").await, Some(alone));
    assert_eq!(link(store, 1, "3").await, Some(Ok(linked(1, "3"))));
    assert_eq!(unlink(3).await, None);
}

pub async fn who_was_removed_is_gone_and_their_names_are_free(store: &StoreUnderTest) {
    let linked = User { google: Some(identity("1")), ..a_user(1) };
    for user in [&linked, &a_user(2)] {
        assert_eq!(insert(store, user).await, Ok(()));
    }
    for _ in 0..2 {
        store.users.remove(linked.id).await.expect("answers");
    }
    assert_eq!(store.users.find(linked.id).await.expect("answers"), None);
    assert_eq!(store.users.find_by_email(&linked.email).await.expect("answers"), None);
    assert_eq!(store.users.find(a_user(2).id).await.expect("answers"), Some(a_user(2)));
    let next = User { id: a_user(3).id, ..linked };
    assert_eq!(insert(store, &next).await, Ok(()));
}
