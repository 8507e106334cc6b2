use crate::world::{World, a_draft, down, limits_but};
use application::{
    chat::{Draft, Found, SearchCursor, SearchError, SearchFrom, SearchMessages},
    ports::MockMessageRepository,
};
use domain::{
    TimeDelta,
    id::{ClientId, RoomId},
    message::Alteration,
    search::SearchTerm,
};
use std::sync::Arc;
use testkit::a_user;
use tokio::sync::Semaphore;

fn term(text: &str) -> SearchTerm {
    SearchTerm::parse(text).expect("a term")
}

async fn search(w: &World, n: u32, text: &str, from: SearchFrom) -> Result<Found, SearchError> {
    w.search_messages().execute(a_user(n).id, &term(text), from).await
}

/// Every hit, part by part, and how many parts there were.
async fn search_all(w: &World, n: u32, text: &str, from: SearchFrom) -> (Vec<String>, usize) {
    let (mut from, mut hits, mut parts) = (from, Vec::new(), 0);
    loop {
        let found = search(w, n, text, from).await.expect("answers");
        parts += 1;
        hits.extend(found.messages.iter().map(|hit| match &hit.content {
            application::chat::Content::Text(body) => body.as_str().to_owned(),
            other => panic!("found {other:?}"),
        }));
        let Some(next) = found.next else { return (hits, parts) };
        from = SearchFrom::Cursor(next);
    }
}

/// Person `n` says something a second later than whoever spoke before.
async fn say(w: &World, n: u32, room: RoomId, text: &str) {
    w.clock.advance(TimeDelta::seconds(1));
    let name = u128::from(n) << 100 | u128::try_from(w.now().timestamp_millis()).expect("ahead");
    let client_id = ClientId::from_bytes(name.to_be_bytes());
    w.send(n, Draft { client_id, ..a_draft(room, 1, text) }).await;
}

#[tokio::test]
async fn words_are_found_in_every_room_newest_first() {
    let w = World::new();
    let [with_bob, with_cat] = [w.a_room(1, 2).await, w.a_room(1, 3).await];
    let elsewhere = w.a_room(2, 3).await;
    for (n, room, text) in [
        (2, with_bob, "Apples, first"),
        (3, with_cat, "apples, second"),
        (1, with_bob, "pears"),
        (1, with_bob, "ÄPPLES, third"),
        (2, elsewhere, "apples of others"),
        (3, with_cat, "apples, fourth"),
    ] {
        say(&w, n, room, text).await;
    }
    let (hits, parts) = search_all(&w, 1, "apples", SearchFrom::AllRooms).await;
    assert_eq!(hits, ["apples, fourth", "ÄPPLES, third", "apples, second", "Apples, first"]);
    assert_eq!(parts, 1);
    let (hits, _) = search_all(&w, 1, "apples", SearchFrom::Room(with_bob)).await;
    assert_eq!(hits, ["ÄPPLES, third", "Apples, first"]);
    assert_eq!(search_all(&w, 1, "plums", SearchFrom::AllRooms).await, (Vec::new(), 1));
}

#[tokio::test]
async fn many_hits_come_in_parts_and_each_once() {
    let w = World::new();
    let rooms = [w.a_room(1, 2).await, w.a_room(1, 3).await];
    for n in 0..120 {
        say(&w, 1, rooms[n % 2], &format!("hit {n}")).await;
    }
    let (hits, parts) = search_all(&w, 1, "hit", SearchFrom::AllRooms).await;
    let expected: Vec<_> = (0..120).rev().map(|n| format!("hit {n}")).collect();
    assert_eq!(hits, expected);
    assert_eq!(parts, 3);
}

#[tokio::test]
async fn what_is_written_between_two_parts_repeats_nothing() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    for n in 0..60 {
        say(&w, 1, room, &format!("hit {n}")).await;
    }
    let first = search(&w, 1, "hit", SearchFrom::AllRooms).await.expect("answers");
    say(&w, 2, room, "hit, too late").await;
    let next = first.next.expect("there is more");
    let (rest, _) = search_all(&w, 1, "hit", SearchFrom::Cursor(next)).await;
    let expected: Vec<_> = (0..10).rev().map(|n| format!("hit {n}")).collect();
    assert_eq!(rest, expected);
}

#[tokio::test]
async fn more_rooms_than_are_searched_at_once_are_all_searched() {
    let w = World::new();
    let others = 2..=u32::try_from(SearchMessages::ROOMS_AT_ONCE).expect("few") + 4;
    for n in others.clone() {
        let room = w.a_room(1, n).await;
        say(&w, 1, room, &format!("hit {n}")).await;
    }
    let (hits, _) = search_all(&w, 1, "hit", SearchFrom::AllRooms).await;
    let expected: Vec<_> = others.rev().map(|n| format!("hit {n}")).collect();
    assert_eq!(hits, expected);
}

#[tokio::test]
async fn what_was_taken_back_or_said_anew_is_not_found() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let gone = w.send(1, a_draft(room, 1, "apples")).await.message;
    let changed = w.send(1, a_draft(room, 2, "apples")).await.message;
    w.alter(&gone, Alteration::Delete).await;
    w.edit(&changed, "pears").await;
    assert_eq!(search_all(&w, 2, "apples", SearchFrom::AllRooms).await.0, Vec::<String>::new());
    assert_eq!(search_all(&w, 2, "pears", SearchFrom::AllRooms).await.0, ["pears"]);
}

#[tokio::test]
async fn nobody_searches_the_rooms_of_others() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    say(&w, 1, room, "between us").await;
    w.an_account(3).await;
    let lane = application::chat::LaneCursor { room, before: u64::MAX };
    let forged = SearchFrom::Cursor(SearchCursor { lanes: vec![lane], behind: None });
    for from in [SearchFrom::Room(room), forged] {
        let refused = search(&w, 3, "between", from).await;
        assert!(matches!(refused, Err(SearchError::NoSuchRoom)), "{refused:?}");
    }
    assert_eq!(search_all(&w, 3, "between", SearchFrom::AllRooms).await, (Vec::new(), 1));
}

#[tokio::test]
async fn searching_is_limited_and_waits_for_a_place() {
    let w = World::new();
    w.an_account(1).await;
    let limited = SearchMessages { limits: limits_but("search_messages"), ..w.search_messages() };
    let refused = limited.execute(a_user(1).id, &term("x"), SearchFrom::AllRooms).await;
    assert!(matches!(refused, Err(SearchError::Throttled(_))), "{refused:?}");

    tokio::time::pause();
    let crowded = SearchMessages { places: Arc::new(Semaphore::new(0)), ..w.search_messages() };
    let refused = crowded.execute(a_user(1).id, &term("x"), SearchFrom::AllRooms).await;
    assert!(matches!(refused, Err(SearchError::Throttled(_))), "{refused:?}");
}

#[tokio::test]
async fn a_store_that_is_down_is_told() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let mut messages = MockMessageRepository::new();
    messages.expect_list_window().returning(|_, _, _| Err(down()));
    let search = SearchMessages { messages: Arc::new(messages), ..w.search_messages() };
    let refused = search.execute(a_user(1).id, &term("x"), SearchFrom::Room(room)).await;
    assert!(matches!(refused, Err(SearchError::Unavailable(_))), "{refused:?}");
}
