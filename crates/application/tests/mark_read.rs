use crate::world::{World, a_draft};
use application::{
    chat::{MarkRead, MarkReadError},
    ports::MockRoomRepository,
};
use domain::{
    event::ChatEvent,
    id::RoomId,
    room::{Participants, ReadMark},
};
use std::sync::Arc;
use testkit::{START, a_user};

/// A room where person 1 wrote three messages, and what was told so far.
async fn a_room_with_three(w: &World) -> (RoomId, usize) {
    let room = w.a_room(1, 2).await;
    for n in 1..=3 {
        w.send(1, a_draft(room, n, "hello")).await;
    }
    (room, w.store.bus.events().len())
}

/// Unread messages of person 2, and up to where person 1 sees them read.
async fn seen(w: &World, room: RoomId) -> (u64, u64) {
    let find = async |n| w.rooms().find(a_user(n).id, room).await.expect("answers");
    let [ann, bob] = [find(1).await.expect("is there"), find(2).await.expect("is there")];
    (bob.view.unread, ann.view.other_read_seq)
}

#[tokio::test]
async fn a_mark_that_moved_is_told_once() {
    let w = World::new();
    let (room, before) = a_room_with_three(&w).await;
    let bob = a_user(2).id;
    assert_eq!(seen(&w, room).await, (3, 0));
    for moved in [true, false] {
        let mark = w.mark_read().execute(bob, room, 2).await.expect("answers");
        assert_eq!(mark, ReadMark { seq: 2, moved });
    }
    assert_eq!(seen(&w, room).await, (1, 2));
    let participants = Participants::pair(a_user(1).id, bob).expect("two people");
    let told = ChatEvent::Read { participants, room, user: bob, seq: 2, shown: true };
    assert_eq!(w.store.bus.events()[before..], [told]);
}

#[tokio::test]
async fn a_mark_never_moves_back_nor_past_the_head() {
    let w = World::new();
    let (room, before) = a_room_with_three(&w).await;
    let bob = a_user(2).id;
    for (wanted, seq, moved) in [(2, 2, true), (1, 2, false), (u64::MAX, 3, true), (0, 3, false)] {
        let mark = w.mark_read().execute(bob, room, wanted).await.expect("answers");
        assert_eq!(mark, ReadMark { seq, moved }, "{wanted}");
    }
    let told: Vec<_> = w.store.bus.events()[before..]
        .iter()
        .map(|event| match event {
            ChatEvent::Read { seq, .. } => *seq,
            other => panic!("expected marks alone, got {other:?}"),
        })
        .collect();
    assert_eq!(told, [2, 3], "the place itself, not what was asked for");
}

#[tokio::test]
async fn a_stranger_marks_nothing() {
    let w = World::new();
    let (room, before) = a_room_with_three(&w).await;
    w.an_account(3).await;
    let nowhere = RoomId::mint(START, [200; 10]);
    for (person, room) in [(3, room), (2, nowhere)] {
        let outcome = w.mark_read().execute(a_user(person).id, room, 3).await;
        assert!(matches!(outcome, Err(MarkReadError::NoSuchRoom)));
    }
    assert_eq!(seen(&w, room).await, (3, 0));
    assert_eq!(w.store.bus.events().len(), before);
}

#[tokio::test]
async fn a_mark_that_was_not_stored_is_not_told() {
    let w = World::new();
    let (room, before) = a_room_with_three(&w).await;
    let bob = a_user(2).id;
    let mut rooms = MockRoomRepository::new();
    let participants = Participants::pair(a_user(1).id, bob).expect("two people");
    rooms.expect_find_participants().returning(move |_, _| Ok(Some(participants)));
    rooms.expect_mark_read_up_to().once().returning(|_, _, _| Err(crate::world::down()));
    let mark_read = MarkRead { rooms: Arc::new(rooms), ..w.mark_read() };
    let outcome = mark_read.execute(bob, room, 2).await;
    assert!(matches!(outcome, Err(MarkReadError::Unavailable(_))));
    assert_eq!(w.store.bus.events().len(), before);
}
