use crate::world::{World, a_draft};
use application::{
    accounts::SignedIn,
    chat::{ClearRoomError, Content, Following, LiveEvent, Scope, SearchFrom},
};
use domain::{
    history::{Limit, Window},
    id::{RoomId, UserId},
    message::{Alteration, SealedMessage},
    reaction::Emoji,
    search::SearchTerm,
};
use std::time::Duration;
use testkit::{a_session, a_user};
use tokio::time::timeout;

/// In which whatever is to come has come.
const A_MOMENT: Duration = Duration::from_millis(100);

fn me(n: u32) -> UserId {
    a_user(n).id
}

/// A room in which person 1 said this much.
async fn a_room_with(w: &World, count: u8) -> (RoomId, Vec<SealedMessage>) {
    let room = w.a_room(1, 2).await;
    let mut messages = Vec::new();
    for n in 1..=count {
        messages.push(w.send(1, a_draft(room, n, &format!("number {n}"))).await.message);
    }
    (room, messages)
}

async fn clear(w: &World, n: u32, room: RoomId) {
    w.clear_room().execute(me(n), room).await.expect("is cleared");
}

async fn read(w: &World, n: u32, room: RoomId, window: Window) -> (Vec<u64>, bool) {
    let two = Limit::of(2).expect("a limit");
    let page = w.history().read(me(n), room, window, two).await.expect("answers");
    (page.messages.iter().map(|opened| opened.message.seq).collect(), page.has_more)
}

async fn changes(w: &World, n: u32, room: RoomId, after: u64) -> (Vec<u64>, u64, bool) {
    let two = Limit::of(2).expect("a limit");
    let page = w.history().changes(me(n), room, after, two).await.expect("answers");
    (page.messages.iter().map(|opened| opened.message.seq).collect(), page.rev, page.has_more)
}

async fn listed(w: &World, n: u32) -> Vec<RoomId> {
    let list = w.rooms().list(me(n), None, Limit::default()).await.expect("answers");
    list.rooms.iter().map(|entry| entry.view.room.id).collect()
}

async fn found(w: &World, n: u32) -> usize {
    let term = SearchTerm::parse("number").expect("a term");
    let search = w.search_messages();
    search.execute(me(n), &term, SearchFrom::AllRooms).await.expect("answers").messages.len()
}

async fn hear(following: &mut Following) -> Vec<LiveEvent> {
    let mut heard = Vec::new();
    while let Ok(event) = timeout(A_MOMENT, following.next()).await {
        heard.push(event);
    }
    heard
}

async fn follow(w: &World, n: u32) -> Following {
    let who = SignedIn { user: me(n), session: a_session(n, me(n)).id };
    w.follow().execute(who, Scope::AllRooms).await.expect("answers").expect("may follow")
}

#[tokio::test]
async fn what_was_cleared_is_nowhere_for_one_and_everywhere_for_the_other() {
    let w = World::new();
    let (room, _) = a_room_with(&w, 3).await;
    clear(&w, 2, room).await;
    assert_eq!(read(&w, 2, room, Window::Latest).await, (vec![], false));
    assert_eq!(changes(&w, 2, room, 0).await, (vec![], 0, false));
    assert_eq!(listed(&w, 2).await, []);
    assert_eq!(found(&w, 2).await, 0);
    let entry = w.rooms().find(me(2), room).await.expect("answers").expect("still theirs");
    assert_eq!((entry.last_message, entry.view.unread), (None, 0));

    assert_eq!(read(&w, 1, room, Window::Latest).await, (vec![2, 3], true));
    assert_eq!(changes(&w, 1, room, 0).await, (vec![1, 2], 2, true));
    assert_eq!(listed(&w, 1).await, [room]);
    assert_eq!(found(&w, 1).await, 3);
}

#[tokio::test]
async fn history_begins_behind_what_was_cleared() {
    let w = World::new();
    let (room, _) = a_room_with(&w, 3).await;
    clear(&w, 2, room).await;
    for n in 4..=8 {
        w.send(1, a_draft(room, n, "number, later")).await;
    }
    for (window, expected) in [
        (Window::Latest, (vec![7, 8], true)),
        (Window::Before(7), (vec![5, 6], true)),
        (Window::Before(6), (vec![4, 5], false)),
        (Window::Before(5), (vec![4], false)),
        (Window::Before(2), (vec![], false)),
        (Window::After(0), (vec![4, 5], true)),
        (Window::After(6), (vec![7, 8], false)),
        (Window::Around(2), (vec![4], true)),
        (Window::Around(6), (vec![5, 6], true)),
    ] {
        assert_eq!(read(&w, 2, room, window).await, expected, "{window:?}");
    }
    assert_eq!(changes(&w, 2, room, 0).await, (vec![4, 5], 5, true));
    assert_eq!(listed(&w, 2).await, [room]);
    assert_eq!(found(&w, 2).await, 5);
}

#[tokio::test]
async fn changes_of_what_was_cleared_are_not_told() {
    let w = World::new();
    let (room, messages) = a_room_with(&w, 4).await;
    clear(&w, 2, room).await;
    let thumb = Alteration::React(Emoji::parse("👍").expect("an emoji"));
    for message in &messages {
        w.alter(message, thumb.clone()).await;
    }
    let later = w.send(1, a_draft(room, 5, "later")).await.message;
    assert_eq!(changes(&w, 2, room, 0).await, (vec![5], later.rev, false));
    assert_eq!(changes(&w, 2, room, later.rev).await, (vec![], later.rev, false));
}

#[tokio::test]
async fn ones_other_devices_hear_of_it_and_nobody_else() {
    let w = World::new();
    let (room, messages) = a_room_with(&w, 2).await;
    let [mut his, mut hers] = [follow(&w, 2).await, follow(&w, 1).await];
    clear(&w, 2, room).await;
    let heard = hear(&mut his).await;
    let [LiveEvent::Room(entry)] = &*heard else { panic!("heard {heard:?}") };
    assert!(!entry.view.is_listed());
    w.edit(&messages[0], "number 1, once more").await;
    let new = w.send(1, a_draft(room, 9, "new")).await;
    w.edit(&messages[1], "number 2, once more").await;
    let heard = hear(&mut his).await;
    let [LiveEvent::Message(message)] = &*heard else { panic!("heard {heard:?}") };
    assert_eq!(message.message.id, new.message.id);
    let heard = hear(&mut hers).await;
    let all_messages = heard.iter().all(|event| matches!(event, LiveEvent::Message(_)));
    assert!(all_messages && heard.len() == 3, "{heard:?}");
}

#[tokio::test]
async fn what_both_have_cleared_is_emptied() {
    let w = World::new();
    let (room, _) = a_room_with(&w, 3).await;
    clear(&w, 2, room).await;
    let kept = w.history().read(me(1), room, Window::Latest, Limit::default()).await;
    let texts = |page: application::chat::Messages| {
        page.messages.iter().filter(|m| matches!(m.content, Content::Text(_))).count()
    };
    assert_eq!(texts(kept.expect("answers")), 3);
    clear(&w, 1, room).await;
    let rest = w.store.messages.list_window(room, Window::Latest, Limit::default()).await;
    let rest = rest.expect("answers").messages;
    assert!(rest.len() == 3 && rest.iter().all(SealedMessage::is_deleted), "{rest:?}");
    let next = w.send(1, a_draft(room, 9, "again")).await.message;
    assert_eq!((next.seq, next.rev), (4, 4));
}

#[tokio::test]
async fn a_sweep_goes_on_where_emptying_was_cut_short() {
    let w = World::new();
    let (room, _) = a_room_with(&w, 3).await;
    for n in 1..=2 {
        w.store.rooms.clear(room, me(n)).await.expect("answers");
    }
    w.sweep().execute().await.expect("answers");
    let rest = w.store.messages.list_window(room, Window::Latest, Limit::default()).await;
    assert!(rest.expect("answers").messages.iter().all(SealedMessage::is_deleted));
}

#[tokio::test]
async fn a_room_comes_back_when_it_is_opened_again() {
    let w = World::new();
    let (room, _) = a_room_with(&w, 1).await;
    clear(&w, 2, room).await;
    let opened = w.open_room().execute(me(2), a_user(1).username.as_str()).await.expect("opens");
    assert!(!opened.1 && opened.0.view.is_listed());
    assert_eq!(listed(&w, 2).await, [room]);
    assert_eq!(read(&w, 2, room, Window::Latest).await, (vec![], false), "still cleared");
}

#[tokio::test]
async fn a_list_goes_on_behind_rooms_that_are_put_away() {
    let w = World::new();
    let mut rooms = Vec::new();
    for n in 2..=8 {
        let room = w.a_room(1, n).await;
        w.clock.advance(domain::TimeDelta::seconds(1));
        w.send(1, a_draft(room, u8::try_from(n).expect("small"), "hello")).await;
        rooms.push(room);
    }
    for n in [1, 2, 4, 5, 6] {
        clear(&w, 1, rooms[n]).await;
    }
    let one = Limit::of(1).expect("a limit");
    let first = w.rooms().list(me(1), None, one).await.expect("answers");
    let second = w.rooms().list(me(1), first.next, one).await.expect("answers");
    let ids: Vec<_> = [&first, &second].iter().map(|list| list.rooms[0].view.room.id).collect();
    assert_eq!(ids, [rooms[3], rooms[0]]);
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn nobody_clears_the_rooms_of_others() {
    let w = World::new();
    let (room, _) = a_room_with(&w, 1).await;
    w.an_account(3).await;
    let refused = w.clear_room().execute(me(3), room).await;
    assert!(matches!(refused, Err(ClearRoomError::NoSuchRoom)), "{refused:?}");
    assert_eq!(found(&w, 1).await, 1);
}

#[tokio::test]
async fn a_conversation_that_both_have_left_is_emptied() {
    let w = World::new();
    let (room, _) = a_room_with(&w, 2).await;
    w.erase().execute(&a_user(1)).await.expect("answers");
    assert_eq!(read(&w, 2, room, Window::Latest).await, (vec![1, 2], false), "the other keeps it");
    w.erase().execute(&a_user(2)).await.expect("answers");
    w.sweep().execute().await.expect("answers");
    let rest = w.store.messages.list_window(room, Window::Latest, Limit::default()).await;
    assert!(rest.expect("answers").messages.iter().all(SealedMessage::is_deleted));
}
