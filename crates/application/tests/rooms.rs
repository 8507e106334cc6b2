use crate::world::{World, a_body, a_draft, down};
use application::{
    chat::{Content, RoomEntry, Rooms},
    ports::{MockRoomRepository, MockUserRepository},
};
use domain::{
    TimeDelta,
    history::Limit,
    id::RoomId,
    room::{Room, RoomView},
};
use std::sync::Arc;
use testkit::{START, a_message, a_user};

fn limit(n: u64) -> Limit {
    Limit::of(n).expect("positive")
}

fn ids(rooms: &[RoomEntry]) -> Vec<RoomId> {
    rooms.iter().map(|entry| entry.view.room.id).collect()
}

/// Rooms of person 1 with persons 2, 3 …, each more recently active than the one before.
async fn rooms_with(w: &World, others: u32) -> Vec<RoomId> {
    let mut rooms = Vec::new();
    for other in 2..2 + others {
        let room = w.a_room(1, other).await;
        w.clock.advance(TimeDelta::seconds(1));
        w.send(other, a_draft(room, 1, &format!("I am {other}"))).await;
        rooms.push(room);
    }
    rooms
}

#[tokio::test]
async fn rooms_are_shown_latest_first_with_the_other_and_the_newest_message() {
    let w = World::new();
    let [one, other] = rooms_with(&w, 2).await[..] else { panic!("two rooms") };
    let list = w.rooms().list(a_user(1).id, None, Limit::default()).await.expect("answers");
    assert_eq!(ids(&list.rooms), [other, one]);
    let people: Vec<_> = list.rooms.iter().map(|entry| entry.other.clone()).collect();
    assert_eq!(people, [Some(a_user(3)), Some(a_user(2))]);
    let newest = list.rooms[0].last_message.as_ref().expect("a message");
    assert_eq!(newest.content, Content::Text(a_body("I am 3")));
    assert_eq!(list.rooms[0].view.unread, 1);

    w.clock.advance(TimeDelta::seconds(1));
    w.send(1, a_draft(one, 2, "hello again")).await;
    let list = w.rooms().list(a_user(1).id, None, Limit::default()).await.expect("answers");
    assert_eq!(ids(&list.rooms), [one, other]);
}

#[tokio::test]
async fn a_room_without_messages_is_shown_as_such() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let entry = w.rooms().find(a_user(1).id, room).await.expect("answers").expect("is there");
    assert_eq!((entry.last_message, entry.view.unread), (None, 0));
    assert_eq!(entry.other, Some(a_user(2)));
}

#[tokio::test]
async fn there_is_a_next_page_exactly_while_there_are_more() {
    let w = World::new();
    let mut rooms = rooms_with(&w, 4).await;
    rooms.reverse();
    for (size, pages) in [(1, 4), (2, 2), (3, 2), (4, 1), (5, 1)] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        for page in 1..=pages {
            let list = w.rooms().list(a_user(1).id, cursor, limit(size)).await.expect("answers");
            assert!(!list.rooms.is_empty(), "no page is empty");
            seen.extend(ids(&list.rooms));
            cursor = list.next;
            assert_eq!(cursor.is_some(), page < pages, "page {page} of {pages}");
        }
        assert_eq!(seen, rooms, "by {size}");
    }
    let nobody = w.rooms().list(a_user(9).id, None, limit(1)).await.expect("answers");
    assert_eq!((nobody.rooms.len(), nobody.next), (0, None));
}

#[tokio::test]
async fn people_are_looked_up_once_a_page() {
    let w = World::new();
    rooms_with(&w, 3).await;
    let mut users = MockUserRepository::new();
    users
        .expect_list()
        .once()
        .withf(|ids| ids.len() == 4)
        .returning(|_| Ok(vec![a_user(1), a_user(2), a_user(4)]));
    let rooms = Rooms { users: Arc::new(users), ..w.rooms() };
    let list = rooms.list(a_user(1).id, None, Limit::default()).await.expect("answers");
    let people: Vec<_> = list.rooms.into_iter().map(|entry| entry.other).collect();
    assert_eq!(people, [Some(a_user(4)), None, Some(a_user(2))], "whoever is gone is nobody");
}

#[tokio::test]
async fn a_room_is_shown_to_its_people_alone() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    w.an_account(3).await;
    for (person, sees) in [(1, true), (2, true), (3, false)] {
        let me = a_user(person).id;
        let found = w.rooms().find(me, room).await.expect("answers");
        assert_eq!(found.is_some(), sees, "{person}");
        let list = w.rooms().list(me, None, Limit::default()).await.expect("answers");
        assert_eq!(list.rooms.len(), usize::from(sees), "{person}");
    }
    let nowhere = RoomId::mint(START, [200; 10]);
    assert_eq!(w.rooms().find(a_user(1).id, nowhere).await.expect("answers"), None);
}

#[tokio::test]
async fn an_unreadable_newest_message_hides_no_room() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    w.store.messages.append(vec![a_message(room, a_user(2).id, 1)]).await;
    let list = w.rooms().list(a_user(1).id, None, Limit::default()).await.expect("answers");
    let newest = list.rooms[0].last_message.as_ref().expect("a message");
    assert_eq!(newest.content, Content::Unreadable);
}

#[tokio::test]
async fn a_failure_on_the_way_fails_the_page() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let mut users = MockUserRepository::new();
    users.expect_list().once().returning(|_| Err(down()));
    let rooms = Rooms { users: Arc::new(users), ..w.rooms() };
    assert!(rooms.list(a_user(1).id, None, Limit::default()).await.is_err());

    // The look behind a full page fails: better no page than one that seems to be the last.
    let view = w.store.rooms.find(room, a_user(1).id).await.expect("answers").expect("is there");
    let RoomView { room: Room { id, .. }, .. } = view;
    let mut repository = MockRoomRepository::new();
    repository.expect_list_by_user().returning(move |_, behind, _| match behind {
        None => Ok(vec![view.clone()]),
        Some(cursor) if cursor.room == id => Err(down()),
        Some(other) => panic!("asked behind {other:?}"),
    });
    let rooms = Rooms { rooms: Arc::new(repository), ..w.rooms() };
    assert!(rooms.list(a_user(1).id, None, limit(1)).await.is_err());
}
