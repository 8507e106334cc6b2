use super::{StoreUnderTest, at_once};
use crate::builders::a_user;
use application::ports::{NewPicture, ShownPicture};
use domain::{id::UserId, picture::PictureId, user::User};

fn picture(n: u8) -> NewPicture {
    NewPicture { id: PictureId::mint([n; 16]), shown: ShownPicture(vec![n; 40_000]) }
}

async fn replace(
    store: &StoreUnderTest,
    user: UserId,
    picture: Option<NewPicture>,
) -> Option<User> {
    store.pictures.replace(user, picture).await.expect("answers")
}

async fn find(store: &StoreUnderTest, n: u8) -> Option<ShownPicture> {
    store.pictures.find(picture(n).id).await.expect("answers")
}

pub async fn a_picture_is_shown_until_it_is_replaced(store: &StoreUnderTest) {
    let user = a_user(1);
    store.users.insert(&user).await.expect("answers").expect("free");
    for n in [1, 2] {
        let expected = User { picture: Some(picture(n).id), ..user.clone() };
        assert_eq!(replace(store, user.id, Some(picture(n))).await, Some(expected.clone()));
        assert_eq!(store.users.find(user.id).await.expect("answers"), Some(expected));
        assert_eq!(find(store, n).await, Some(picture(n).shown));
    }
    assert_eq!(find(store, 1).await, None, "what was replaced is gone");
    assert_eq!(replace(store, user.id, None).await, Some(user.clone()));
    assert_eq!(find(store, 2).await, None);
    assert_eq!(replace(store, user.id, None).await, Some(user), "none may stay none");
}

pub async fn a_picture_of_nobody_is_not_kept(store: &StoreUnderTest) {
    assert_eq!(replace(store, a_user(1).id, Some(picture(1))).await, None);
    assert_eq!(find(store, 1).await, None);
}

pub async fn a_picture_goes_with_its_person(store: &StoreUnderTest) {
    let user = a_user(1);
    store.users.insert(&user).await.expect("answers").expect("free");
    replace(store, user.id, Some(picture(1))).await.expect("exists");
    store.users.remove(user.id).await.expect("answers");
    assert_eq!(find(store, 1).await, None);
}

pub async fn of_pictures_that_race_exactly_one_is_kept(store: &StoreUnderTest) {
    let user = a_user(1);
    store.users.insert(&user).await.expect("answers").expect("free");
    let outcomes = at_once(8, |n| {
        let pictures = store.pictures.clone();
        let new = picture(u8::try_from(n).expect("few"));
        async move { pictures.replace(user.id, Some(new)).await }
    });
    for outcome in outcomes.await {
        assert!(outcome.expect("answers").is_some());
    }
    let theirs = store.users.find(user.id).await.expect("answers").and_then(|user| user.picture);
    let mut kept = Vec::new();
    for n in 0..8 {
        if find(store, n).await.is_some() {
            kept.push(picture(n).id);
        }
    }
    assert_eq!(kept, Vec::from_iter(theirs), "as many as are shown");
    assert_eq!(kept.len(), 1);
}
