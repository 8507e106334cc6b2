use crate::world::{World, a_body, a_draft, down};
use adapter_crypto::{AesMessageSealer, KeyRing};
use application::{
    chat::{Content, History, HistoryError, OpenedMessage, Opener, SendMessages, Sent},
    ports::{MockMessageRepository, MockRoomRepository},
};
use domain::{
    history::{Limit, Window},
    id::{RoomId, UserId},
    message::{Alteration, SealedMessage},
    sealing::SealedBody,
};
use std::sync::Arc;
use testkit::{CountingEntropy, START, a_message, a_user};

fn ann() -> UserId {
    a_user(1).id
}

fn limit(n: u64) -> Limit {
    Limit::of(n).expect("positive")
}

fn texts(messages: &[OpenedMessage]) -> Vec<&str> {
    let text = |message| match message {
        &OpenedMessage { content: Content::Text(ref body), .. } => body.as_str(),
        OpenedMessage { content: Content::Deleted, .. } => "(deleted)",
        OpenedMessage { content: Content::Unreadable, .. } => "(unreadable)",
    };
    messages.iter().map(text).collect()
}

/// A room of persons 1 and 2 with five messages.
async fn a_room_with_five(w: &World) -> (RoomId, Vec<SealedMessage>) {
    let room = w.a_room(1, 2).await;
    let mut messages = Vec::new();
    for (n, text) in (1..).zip(["one", "two", "three", "four", "five"]) {
        messages.push(w.send(1, a_draft(room, n, text)).await.message);
    }
    (room, messages)
}

#[tokio::test]
async fn both_read_the_part_they_ask_for_in_order() {
    let w = World::new();
    let (room, _) = a_room_with_five(&w).await;
    for (window, size, expected, more) in [
        (Window::Latest, 2, &["four", "five"][..], true),
        (Window::Latest, 5, &["one", "two", "three", "four", "five"], false),
        (Window::Before(4), 2, &["two", "three"], true),
        (Window::Before(3), 2, &["one", "two"], false),
        (Window::After(3), 1, &["four"], true),
        (Window::After(3), 2, &["four", "five"], false),
        (Window::After(5), 2, &[], false),
    ] {
        for reader in [1, 2] {
            let page = w.history().read(a_user(reader).id, room, window, limit(size)).await;
            let page = page.expect("answers");
            assert_eq!(texts(&page.messages), expected, "{window:?}");
            assert_eq!(page.has_more, more, "{window:?}");
        }
    }
    let around = w.history().read(ann(), room, Window::Around(3), limit(3)).await;
    assert!(texts(&around.expect("answers").messages).contains(&"three"));
}

#[tokio::test]
async fn a_strangers_room_and_one_that_does_not_exist_are_told_alike() {
    let w = World::new();
    let (room, _) = a_room_with_five(&w).await;
    let nowhere = RoomId::mint(START, [200; 10]);
    // Would panic if anything were read.
    let messages = Arc::new(MockMessageRepository::new());
    let history = History { messages, ..w.history() };
    for (me, room) in [(a_user(3).id, room), (ann(), nowhere)] {
        let page = history.read(me, room, Window::Latest, Limit::default()).await;
        assert!(matches!(page, Err(HistoryError::NoSuchRoom)));
        let changes = history.changes(me, room, 0, Limit::default()).await;
        assert!(matches!(changes, Err(HistoryError::NoSuchRoom)));
    }
}

#[tokio::test]
async fn changes_give_latest_states_and_a_position_to_go_on_from() {
    let w = World::new();
    let (room, messages) = a_room_with_five(&w).await;
    w.edit(&messages[0], "one, anew").await;
    w.alter(&messages[3], Alteration::Delete).await;
    let changes = async |after| {
        let changes = w.history().changes(a_user(2).id, room, after, limit(2)).await;
        changes.expect("answers")
    };
    let page = changes(0).await;
    assert_eq!((texts(&page.messages), page.rev, page.has_more), (vec!["two", "three"], 3, true));
    let page = changes(page.rev).await;
    let expected = vec!["five", "one, anew"];
    assert_eq!((texts(&page.messages), page.rev, page.has_more), (expected, 6, true));
    let page = changes(page.rev).await;
    assert_eq!((texts(&page.messages), page.rev, page.has_more), (vec!["(deleted)"], 7, false));
    let page = changes(page.rev).await;
    assert_eq!((texts(&page.messages), page.rev, page.has_more), (vec![], 7, false));
}

#[tokio::test]
async fn a_position_ahead_of_the_room_stays_where_it_is() {
    let w = World::new();
    let (room, _) = a_room_with_five(&w).await;
    let page = w.history().changes(ann(), room, 99, Limit::default()).await.expect("answers");
    assert_eq!((page.messages, page.rev, page.has_more), (vec![], 99, false));
}

#[tokio::test]
async fn an_unreadable_message_is_shown_as_such_among_the_others() {
    let w = World::new();
    let (room, _) = a_room_with_five(&w).await;
    w.store.messages.append(vec![a_message(room, ann(), 99)]).await;
    w.send(2, a_draft(room, 7, "seven")).await;
    let expected = ["one", "two", "three", "four", "five", "(unreadable)", "seven"];
    let page = w.history().read(ann(), room, Window::Latest, Limit::default()).await;
    assert_eq!(texts(&page.expect("answers").messages), expected);
    let page = w.history().changes(ann(), room, 0, Limit::default()).await;
    assert_eq!(texts(&page.expect("answers").messages), expected);
}

#[tokio::test]
async fn a_body_moved_to_another_message_is_unreadable() {
    let w = World::new();
    let (room, messages) = a_room_with_five(&w).await;
    let stolen = messages[0].body.clone().expect("a body");
    let moved = w.alter(&messages[1], Alteration::Edit { body: stolen, at: w.now() }).await;
    assert_eq!(moved.body, messages[0].body);
    let page = w.history().read(ann(), room, Window::Latest, limit(4)).await.expect("answers");
    assert_eq!(texts(&page.messages), ["(unreadable)", "three", "four", "five"]);
}

#[tokio::test]
async fn one_flipped_bit_under_real_seals_is_unreadable_and_never_another_text() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let entropy = Arc::new(CountingEntropy::default());
    let ring = Arc::new(KeyRing::generate(&*entropy).0);
    let sealer = Arc::new(AesMessageSealer::new(ring, entropy));
    let send_messages = SendMessages { sealer: sealer.clone(), ..w.send_messages() };
    let history = History { opener: Opener { sealer, ..w.history().opener }, ..w.history() };
    let sent = send_messages.execute(ann(), a_draft(room, 1, "between us")).await;
    let Ok(Sent::New(OpenedMessage { message, .. })) = sent else {
        panic!("expected a new message, got {sent:?}");
    };
    let read = async || {
        let page = history.read(ann(), room, Window::Latest, limit(1)).await.expect("answers");
        page.messages[0].content.clone()
    };
    assert_eq!(read().await, Content::Text(a_body("between us")));
    let mut bytes = message.body.as_ref().expect("a body").as_bytes().to_vec();
    *bytes.last_mut().expect("not empty") ^= 1;
    w.alter(&message, Alteration::Edit { body: SealedBody::new(bytes), at: w.now() }).await;
    assert_eq!(read().await, Content::Unreadable);
}

#[tokio::test]
async fn a_store_that_is_down_is_no_missing_room() {
    let w = World::new();
    let (room, _) = a_room_with_five(&w).await;
    let mut rooms = MockRoomRepository::new();
    rooms.expect_find_cleared().returning(|_, _| Err(down()));
    let history = History { rooms: Arc::new(rooms), ..w.history() };
    let page = history.read(ann(), room, Window::Latest, Limit::default()).await;
    assert!(matches!(page, Err(HistoryError::Unavailable(_))));
    let changes = history.changes(ann(), room, 0, Limit::default()).await;
    assert!(matches!(changes, Err(HistoryError::Unavailable(_))));
}
