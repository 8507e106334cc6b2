use crate::world::{World, a_draft};
use application::{
    accounts::SignedIn,
    chat::{Following, LiveEvent, MuteRoomError, Scope},
    ports::{MockRoomRepository, Unavailable},
};
use domain::{id::RoomId, room::Standing};
use std::{sync::Arc, time::Duration};
use testkit::{a_session, a_user};
use tokio::time::timeout;

async fn mute(w: &World, n: u32, room: RoomId, muted: bool) -> Result<bool, MuteRoomError> {
    let entry = w.mute_room().execute(a_user(n).id, room, muted).await?;
    Ok(entry.view.muted)
}

async fn is_muted(w: &World, n: u32, room: RoomId) -> bool {
    let entry = w.rooms().find(a_user(n).id, room).await.expect("answers").expect("is theirs");
    entry.view.muted
}

async fn follow(w: &World, n: u32) -> Following {
    let user = a_user(n).id;
    let who = SignedIn { user, session: a_session(n, user).id };
    w.follow().execute(who, Scope::AllRooms).await.expect("answers").expect("may follow")
}

/// What is told of the room being muted, until nothing more comes.
async fn told(following: &mut Following) -> Vec<bool> {
    let mut told = Vec::new();
    while let Ok(event) = timeout(Duration::from_millis(100), following.next()).await {
        if let LiveEvent::Room(entry) = event {
            told.push(entry.view.muted);
        }
    }
    told
}

#[tokio::test]
async fn a_room_is_muted_for_oneself_until_it_may_sound_again() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    assert!(!is_muted(&w, 1, room).await);
    assert!(mute(&w, 1, room, true).await.expect("is theirs"));
    assert_eq!((is_muted(&w, 1, room).await, is_muted(&w, 2, room).await), (true, false));
    w.send(2, a_draft(room, 1, "psst")).await;
    let entry = w.rooms().find(a_user(1).id, room).await.expect("answers").expect("is theirs");
    assert_eq!((entry.view.muted, entry.view.unread), (true, 1), "it still counts what is unread");
    assert!(!mute(&w, 1, room, false).await.expect("is theirs"));
    assert!(!is_muted(&w, 1, room).await);
}

#[tokio::test]
async fn ones_own_devices_hear_of_a_change_and_the_other_of_nothing() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let (mut mine, mut theirs) = (follow(&w, 1).await, follow(&w, 2).await);
    for muted in [true, true] {
        mute(&w, 1, room, muted).await.expect("is theirs");
    }
    assert_eq!(told(&mut mine).await, [true], "said twice, it changes nothing");
    for muted in [false, false] {
        mute(&w, 1, room, muted).await.expect("is theirs");
    }
    assert_eq!(told(&mut mine).await, [false]);
    assert_eq!(told(&mut theirs).await, []);
}

#[tokio::test]
async fn nobody_mutes_the_rooms_of_others_nor_one_they_declined() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let refused = mute(&w, 3, room, true).await;
    assert!(matches!(refused, Err(MuteRoomError::NoSuchRoom)), "{refused:?}");
    let nowhere = mute(&w, 1, RoomId::from_bytes([9; 16]), true).await;
    assert!(matches!(nowhere, Err(MuteRoomError::NoSuchRoom)), "{nowhere:?}");
    let (open, declined) = (Standing::Open, Standing::Declined);
    let changed = w.relations.change_standing(room, a_user(2).id, &[open], declined).await;
    assert!(changed.expect("answers"));
    let refused = mute(&w, 2, room, true).await;
    assert!(matches!(refused, Err(MuteRoomError::NoSuchRoom)), "{refused:?}");
    let view = w.store.rooms.find(room, a_user(2).id).await.expect("answers").expect("is there");
    assert!(!view.muted);
}

#[tokio::test]
async fn a_store_that_fails_is_no_room_that_is_not_there() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let view = w.store.rooms.find(room, a_user(1).id).await.expect("answers");
    let mut rooms = MockRoomRepository::new();
    rooms.expect_find().returning(move |_, _| Ok(view.clone()));
    rooms
        .expect_set_muted()
        .returning(|_, _, _| Err(Unavailable::of("store", anyhow::anyhow!("gone"))));
    let mut mute_room = w.mute_room();
    mute_room.views.rooms = Arc::new(rooms);
    let refused = mute_room.execute(a_user(1).id, room, true).await;
    assert!(matches!(refused, Err(MuteRoomError::Unavailable(_))), "{refused:?}");
}
