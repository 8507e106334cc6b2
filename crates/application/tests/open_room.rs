use crate::world::{World, a_name, limits_but};
use application::chat::{OpenRoom, OpenRoomError};
use domain::{event::ChatEvent, history::Limit, id::UserId, user::User};
use testkit::a_user;

async fn rooms_of(w: &World, me: UserId) -> usize {
    w.rooms().list(me, None, Limit::default()).await.expect("answers").rooms.len()
}

#[tokio::test]
async fn two_people_have_one_room_however_often_and_from_whichever_side_it_is_asked_for() {
    let w = World::new();
    let [ann, bob] = [w.an_account(1).await, w.an_account(2).await];
    let open =
        async |me: &User, name: &str| w.open_room().execute(me.id, name).await.expect("opens");
    let (first, began) = open(&ann, bob.username.as_str()).await;
    assert!(began);
    assert_eq!(first.other.as_ref(), Some(&bob));
    assert_eq!(first.view.room.created_at, w.now());
    for (me, other, name) in [(&ann, &bob, " PERSON-C "), (&bob, &ann, "person-b")] {
        let (entry, began) = open(me, name).await;
        assert!(!began);
        assert_eq!(entry.view.room, first.view.room);
        assert_eq!(entry.other.as_ref(), Some(other));
    }
    assert_eq!([rooms_of(&w, ann.id).await, rooms_of(&w, bob.id).await], [1, 1]);
}

#[tokio::test]
async fn both_hear_of_a_room_once() {
    let w = World::new();
    let [ann, bob] = [w.an_account(1).await, w.an_account(2).await];
    let (entry, _) = w.open_room().execute(ann.id, bob.username.as_str()).await.expect("opens");
    w.open_room().execute(ann.id, bob.username.as_str()).await.expect("opens");
    let events = w.store.bus.events();
    let [event @ ChatEvent::RoomChanged { room, .. }] = &*events else {
        panic!("expected one event, got {events:?}");
    };
    assert_eq!(*room, entry.view.room.id);
    let mut audience: Vec<_> = event.audience().collect();
    audience.sort();
    assert_eq!(audience, [ann.id, bob.id]);
}

#[tokio::test]
async fn nobody_is_there_under_another_name() {
    let w = World::new();
    let ann = w.an_account(1).await;
    let nora = User { username: a_name("nora"), ..a_user(2) };
    w.store.users.insert(&nora).await.expect("answers").expect("is new");
    for name in ["nobody", "n0ra", "nor", "", "not a name", "person2@example.com"] {
        let outcome = w.open_room().execute(ann.id, name).await;
        assert!(matches!(outcome, Err(OpenRoomError::NobodyThere)), "{name:?}");
    }
    assert_eq!(rooms_of(&w, ann.id).await, 0);
    assert!(w.open_room().execute(ann.id, "Nora").await.is_ok());
}

#[tokio::test]
async fn nobody_has_a_room_with_themselves() {
    let w = World::new();
    let ann = w.an_account(1).await;
    for name in ["person-b", "Person-B"] {
        let outcome = w.open_room().execute(ann.id, name).await;
        assert!(matches!(outcome, Err(OpenRoomError::SamePerson(_))));
    }
    assert_eq!(rooms_of(&w, ann.id).await, 0);
}

#[tokio::test]
async fn too_many_rooms_are_not_opened() {
    let w = World::new();
    let [ann, bob] = [w.an_account(1).await, w.an_account(2).await];
    let open_room = OpenRoom { limits: limits_but("open_room"), ..w.open_room() };
    let outcome = open_room.execute(ann.id, bob.username.as_str()).await;
    assert!(matches!(outcome, Err(OpenRoomError::Throttled(_))));
    assert_eq!(rooms_of(&w, ann.id).await, 0);
    assert_eq!(w.store.bus.events(), []);
}
