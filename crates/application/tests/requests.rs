use crate::world::{World, a_draft};
use adapter_local::LocalPresence;
use application::{
    accounts::SignedIn,
    chat::{Attendance, Follow, Following, LiveEvent, RequestError, RoomEntry, Scope},
};
use domain::{
    event::{ChatEvent, Sight},
    history::Limit,
    id::{RoomId, UserId},
    room::Standing,
};
use std::{sync::Arc, time::Duration};
use testkit::{START, a_session, a_user};
use tokio::time::timeout;

/// In which whatever is to come has come.
const A_MOMENT: Duration = Duration::from_millis(100);

/// A room that person 1 opened with person 2.
async fn a_request(w: &World) -> RoomId {
    let [ann, bob] = [w.an_account(1).await, w.an_account(2).await];
    let opened = w.open_room().execute(ann.id, bob.username.as_str()).await;
    opened.expect("opens").0.view.room.id
}

fn me(n: u32) -> UserId {
    a_user(n).id
}

async fn seen(w: &World, room: RoomId, n: u32) -> Option<RoomEntry> {
    w.rooms().find(me(n), room).await.expect("answers")
}

async fn standing(w: &World, room: RoomId, n: u32) -> Option<Standing> {
    seen(w, room, n).await.map(|entry| entry.view.standing)
}

async fn listed(w: &World, n: u32) -> usize {
    w.rooms().list(me(n), None, Limit::default()).await.expect("answers").rooms.len()
}

/// Everything that somebody hears from now on, once nothing more comes.
async fn hear(following: &mut Following) -> Vec<LiveEvent> {
    let mut heard = Vec::new();
    while let Ok(event) = timeout(A_MOMENT, following.next()).await {
        heard.push(event);
    }
    heard
}

async fn follow(w: &World, attendance: &Arc<Attendance>, n: u32) -> Following {
    let who = SignedIn { user: me(n), session: a_session(n, me(n)).id };
    let follow = Follow { attendance: attendance.clone(), ..w.follow() };
    follow.execute(who, Scope::AllRooms).await.expect("answers").expect("may follow")
}

fn attendance(w: &World) -> Arc<Attendance> {
    Arc::new(w.attendance(Arc::new(LocalPresence::default())))
}

#[tokio::test]
async fn a_room_is_a_request_for_whoever_did_not_open_it() {
    let w = World::new();
    let room = a_request(&w).await;
    w.send(1, a_draft(room, 1, "hello")).await;
    assert_eq!(standing(&w, room, 1).await, Some(Standing::Open));
    assert_eq!(standing(&w, room, 2).await, Some(Standing::Request));
    assert_eq!(seen(&w, room, 2).await.expect("theirs").view.unread, 1, "messages arrive");
}

#[tokio::test]
async fn an_answer_accepts_and_both_hear_of_it_once() {
    let w = World::new();
    let room = a_request(&w).await;
    w.send(1, a_draft(room, 1, "hello")).await;
    let before = w.store.bus.events().len();
    for n in 1..=2 {
        w.send(2, a_draft(room, n, "hello yourself")).await;
    }
    assert_eq!(standing(&w, room, 2).await, Some(Standing::Open));
    let changed = |event: &&ChatEvent| matches!(event, ChatEvent::RoomChanged { .. });
    assert_eq!(w.store.bus.events()[before..].iter().filter(changed).count(), 1);
}

#[tokio::test]
async fn nothing_about_the_recipient_shows_until_they_accept() {
    let w = World::new();
    let room = a_request(&w).await;
    w.send(1, a_draft(room, 1, "hello")).await;
    let attendance = attendance(&w);
    let mut anns = follow(&w, &attendance, 1).await;
    let mut bobs = follow(&w, &attendance, 2).await;
    w.mark_read().execute(me(2), room, 1).await.expect("answers");
    assert!(w.typing().execute(me(2), room).await.expect("answers"), "it is their room");
    assert_eq!(hear(&mut anns).await, [], "neither presence, nor reading, nor typing");
    let ann_is_online = LiveEvent::Presence { user: me(1), sight: Sight::Online };
    let heard = hear(&mut bobs).await;
    assert!(heard.contains(&ann_is_online), "who asks does not hide: {heard:?}");
    let read = LiveEvent::Read { room, user: me(2), seq: 1 };
    assert!(heard.contains(&read), "one's own browsers hear of it: {heard:?}");
    assert_eq!(seen(&w, room, 1).await.expect("theirs").view.other_read_seq, 0);

    let entry = w.requests().accept(me(2), room).await.expect("accepts");
    assert_eq!(entry.view.standing, Standing::Open);
    let heard = hear(&mut anns).await;
    let LiveEvent::Room(shown) = &heard[0] else { panic!("expected the room, got {heard:?}") };
    assert_eq!(shown.view.other_read_seq, 1);
    assert!(
        heard.contains(&LiveEvent::Presence { user: me(2), sight: Sight::Online }),
        "{heard:?}"
    );
    w.typing().execute(me(2), room).await.expect("answers");
    assert_eq!(hear(&mut anns).await, [LiveEvent::Typing { room, user: me(2) }]);
}

#[tokio::test]
async fn what_is_declined_is_out_of_sight_and_its_sender_never_learns() {
    let w = World::new();
    let room = a_request(&w).await;
    w.send(1, a_draft(room, 1, "hello")).await;
    let before = w.store.bus.events().len();
    let attendance = attendance(&w);
    let mut bobs = follow(&w, &attendance, 2).await;
    hear(&mut bobs).await;
    for _ in 0..2 {
        w.requests().decline(me(2), room).await.expect("declines");
    }
    let events = w.store.bus.events()[before..].to_vec();
    let told: Vec<_> = events
        .iter()
        .filter(|event| event.room().is_some())
        .flat_map(ChatEvent::audience)
        .collect();
    assert_eq!(told, [me(2)], "one's own devices, once");
    let heard = hear(&mut bobs).await;
    let unlisted = matches!(&*heard, [LiveEvent::Room(entry), ..] if !entry.view.is_listed());
    assert!(unlisted, "{heard:?}");
    assert_eq!((listed(&w, 1).await, listed(&w, 2).await), (1, 0));
    assert_eq!(seen(&w, room, 2).await, None);
    w.send(1, a_draft(room, 2, "are you there?")).await;
    w.typing().execute(me(1), room).await.expect("answers");
    w.mark_read().execute(me(1), room, 2).await.expect("answers");
    assert_eq!(hear(&mut bobs).await, []);
    assert_eq!(standing(&w, room, 1).await, Some(Standing::Open));
}

#[tokio::test]
async fn what_was_declined_comes_back_when_it_is_asked_for() {
    let w = World::new();
    let room = a_request(&w).await;
    w.send(1, a_draft(room, 1, "hello")).await;
    w.requests().decline(me(2), room).await.expect("declines");
    let attendance = attendance(&w);
    let mut bobs = follow(&w, &attendance, 2).await;
    hear(&mut bobs).await;
    let ann = a_user(1).username;
    let (entry, created) = w.open_room().execute(me(2), ann.as_str()).await.expect("opens");
    assert!(!created);
    assert_eq!((entry.view.room.id, entry.view.standing), (room, Standing::Request));
    assert_eq!(listed(&w, 2).await, 1);
    assert!(matches!(&hear(&mut bobs).await[..], [LiveEvent::Room(_)]));
    w.send(1, a_draft(room, 2, "still here")).await;
    assert!(matches!(&hear(&mut bobs).await[..], [LiveEvent::Message(_)]));
}

#[tokio::test]
async fn two_who_ask_for_each_other_before_a_word_is_said_both_talk() {
    let w = World::new();
    let room = a_request(&w).await;
    let ann = a_user(1).username;
    w.open_room().execute(me(2), ann.as_str()).await.expect("opens");
    assert_eq!(standing(&w, room, 2).await, Some(Standing::Open));
}

#[tokio::test]
async fn asking_for_a_room_in_which_something_was_written_does_not_accept_it() {
    let w = World::new();
    let room = a_request(&w).await;
    w.send(1, a_draft(room, 1, "hello")).await;
    let ann = a_user(1).username;
    w.open_room().execute(me(2), ann.as_str()).await.expect("opens");
    assert_eq!(standing(&w, room, 2).await, Some(Standing::Request));
}

#[tokio::test]
async fn what_is_no_request_can_not_be_declined_and_is_accepted_without_a_word() {
    let w = World::new();
    let room = a_request(&w).await;
    let before = w.store.bus.events().len();
    let outcome = w.requests().decline(me(1), room).await;
    assert!(matches!(outcome, Err(RequestError::AlreadyOpen)));
    w.requests().accept(me(1), room).await.expect("answers");
    assert_eq!(w.store.bus.events().len(), before);
    assert_eq!(standing(&w, room, 1).await, Some(Standing::Open));
}

#[tokio::test]
async fn a_stranger_accepts_and_declines_nothing() {
    let w = World::new();
    let room = a_request(&w).await;
    w.an_account(3).await;
    for (n, room) in [(3, room), (2, RoomId::mint(START, [200; 10]))] {
        assert!(matches!(w.requests().accept(me(n), room).await, Err(RequestError::NoSuchRoom)));
        assert!(matches!(w.requests().decline(me(n), room).await, Err(RequestError::NoSuchRoom)));
    }
    assert_eq!(standing(&w, room, 2).await, Some(Standing::Request));
}
