use crate::world::{World, a_body, a_draft, down, no_limits};
use application::{
    chat::{Barrier, Content, Draft, Reach, SendError, SendMessages, Sent},
    limits::Limits,
    ports::{Appended, MockMessageRepository, MockRateLimiter, MockRoomRepository},
};
use domain::{
    TimeDelta,
    event::ChatEvent,
    history::{Limit, Window},
    id::{MessageId, RoomId, UserId},
    message::{Alteration, SealedMessage},
    room::Participants,
    throttle::Throttled,
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use testkit::{START, a_user};

fn ann() -> UserId {
    a_user(1).id
}

/// What rests in a room.
async fn history(w: &World, room: RoomId) -> Vec<SealedMessage> {
    let page = w.store.messages.list_window(room, Window::Latest, Limit::default()).await;
    page.expect("answers").messages
}

/// What became of a draft, in a word.
fn word(outcome: &Result<Sent, SendError>) -> String {
    match outcome {
        Ok(Sent::New(sent)) => format!("new {}", sent.message.seq),
        Ok(Sent::Known(sent)) => format!("known {}", sent.message.seq),
        Err(SendError::Barred(Barrier::NoSuchRoom)) => "no room".to_owned(),
        Err(SendError::NoSuchAttachment) => "no attachment".to_owned(),
        Err(SendError::NoSuchReply) => "no reply".to_owned(),
        Err(SendError::Barred(Barrier::NotDelivered)) => "not delivered".to_owned(),
        Err(SendError::Barred(Barrier::Blocked)) => "blocked".to_owned(),
        Err(SendError::ClientIdReused) => "reused".to_owned(),
        Err(SendError::Throttled(_)) => "throttled".to_owned(),
        Err(SendError::Unavailable(_)) => "unavailable".to_owned(),
    }
}

/// What becomes of a batch that person 1 sends.
async fn words(send_messages: &SendMessages, drafts: Vec<Draft>) -> Vec<String> {
    send_messages.execute_batch(ann(), drafts).await.iter().map(word).collect()
}

async fn word_of(w: &World, draft: Draft) -> String {
    word(&w.send_messages().execute(ann(), draft).await)
}

#[tokio::test]
async fn a_message_is_stored_sealed_and_announced_to_both() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let sent = w.send(1, a_draft(room, 1, "  hello there\n")).await;
    assert_eq!(sent.content, Content::Text(a_body("hello there")));
    assert_eq!((sent.message.seq, sent.message.sender), (1, ann()));
    assert_eq!(sent.message.sent_at, w.now());
    let stored = history(&w, room).await;
    assert_eq!(stored, std::slice::from_ref(&sent.message));
    let rests = stored[0].body.as_ref().expect("a body").as_bytes();
    assert!(!rests.windows(5).any(|bytes| bytes == b"hello"));
    let participants = Participants::pair(ann(), a_user(2).id).expect("two people");
    let told = ChatEvent::Message { participants, message: sent.message };
    assert_eq!(w.store.bus.events(), [told]);
}

#[tokio::test]
async fn sending_again_stores_nothing_and_tells_nobody() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let first = w.send(1, a_draft(room, 1, "hello")).await;
    w.clock.advance(TimeDelta::days(400));
    let again = w.send_messages().execute(ann(), a_draft(room, 1, "hello")).await;
    assert!(matches!(again, Ok(Sent::Known(message)) if message == first));
    assert_eq!(history(&w, room).await, [first.message]);
    assert_eq!(w.store.bus.events().len(), 1);
    assert_eq!(word_of(&w, a_draft(room, 2, "hello")).await, "new 2", "the same text is no retry");
}

#[tokio::test]
async fn a_client_id_names_one_message_for_ever() {
    let w = World::new();
    let [room, elsewhere] = [w.a_room(1, 2).await, w.a_room(1, 3).await];
    let earlier = w.send(2, a_draft(room, 1, "hi")).await.message;
    let reply = Some(earlier.id);
    let first = Draft { reply_to: reply, ..a_draft(room, 1, "hello") };
    let message = w.send(1, first.clone()).await.message;
    let others = [
        Draft { body: a_body("hello!"), ..first.clone() },
        Draft { room: elsewhere, ..first.clone() },
        Draft { room: elsewhere, reply_to: None, ..first.clone() },
        Draft { reply_to: None, ..first.clone() },
        Draft { reply_to: Some(message.id), ..first.clone() },
        Draft { reply_to: Some(MessageId::mint(START, [200; 10])), ..first.clone() },
    ];
    let refuses_all_others = async |when: &str| {
        assert_eq!(word_of(&w, first.clone()).await, "known 2", "{when}");
        for other in &others {
            assert_eq!(word_of(&w, other.clone()).await, "reused", "{when}: {other:?}");
        }
    };
    refuses_all_others("as it was sent").await;
    let edited = w.edit(&message, "hello!").await;
    refuses_all_others("once edited").await;
    w.alter(&edited, Alteration::Delete).await;
    refuses_all_others("once deleted").await;
    assert_eq!(history(&w, room).await.len(), 2);
    assert_eq!(history(&w, elsewhere).await.len(), 0);
}

#[tokio::test]
async fn sending_again_gives_the_message_as_it_is_now() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let message = w.send(1, a_draft(room, 1, "hello")).await.message;
    let again = async || match w.send_messages().execute(ann(), a_draft(room, 1, "hello")).await {
        Ok(Sent::Known(message)) => message,
        other => panic!("expected a known message, got {other:?}"),
    };
    let edited = w.edit(&message, "good day").await;
    let known = again().await;
    assert_eq!((known.message, known.content), (edited, Content::Text(a_body("good day"))));
    let deleted = w.alter(&message, Alteration::Delete).await;
    let known = again().await;
    assert_eq!((known.message, known.content), (deleted, Content::Deleted));
}

#[tokio::test]
async fn another_person_may_use_the_same_client_id() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    w.send(1, a_draft(room, 1, "mine")).await;
    assert_eq!(w.send(2, a_draft(room, 1, "yours")).await.message.seq, 2);
}

#[tokio::test]
async fn a_reply_answers_a_message_of_its_room() {
    let w = World::new();
    let [room, elsewhere] = [w.a_room(1, 2).await, w.a_room(1, 3).await];
    let here = w.send(2, a_draft(room, 1, "hi")).await.message.id;
    let there = w.send(3, a_draft(elsewhere, 1, "hi")).await.message.id;
    let nowhere = MessageId::mint(START, [200; 10]);
    for (n, reply_to, expected) in
        [(2, there, "no reply"), (3, nowhere, "no reply"), (4, here, "new 2")]
    {
        let draft = Draft { reply_to: Some(reply_to), ..a_draft(room, n, "well") };
        assert_eq!(word_of(&w, draft).await, expected);
    }
}

#[tokio::test]
async fn a_strangers_room_and_one_that_does_not_exist_are_told_alike() {
    let w = World::new();
    let theirs = w.a_room(2, 3).await;
    w.an_account(1).await;
    for room in [theirs, RoomId::mint(START, [200; 10])] {
        assert_eq!(word_of(&w, a_draft(room, 1, "let me in")).await, "no room");
    }
    assert_eq!(history(&w, theirs).await, []);
}

#[tokio::test]
async fn a_batch_keeps_its_order_and_each_draft_its_answer() {
    let w = World::new();
    let [one, other, theirs] = [w.a_room(1, 2).await, w.a_room(1, 3).await, w.a_room(2, 3).await];
    w.send(1, a_draft(one, 1, "before")).await;
    let nowhere = Some(MessageId::mint(START, [200; 10]));
    let drafts = vec![
        a_draft(theirs, 2, "let me in"),
        a_draft(one, 3, "second"),
        a_draft(other, 4, "first"),
        a_draft(one, 1, "before"),
        Draft { reply_to: nowhere, ..a_draft(one, 5, "lost") },
        a_draft(one, 1, "something else"),
        a_draft(one, 6, "third"),
        a_draft(one, 6, "third"),
        a_draft(other, 7, "second"),
        a_draft(theirs, 8, "let me in"),
    ];
    assert_eq!(
        words(&w.send_messages(), drafts).await,
        [
            "no room", "new 2", "new 1", "known 1", "no reply", "reused", "new 3", "known 3",
            "new 2", "no room"
        ]
    );
    let texts: Vec<_> = history(&w, one).await.iter().map(|m| m.client_id.as_bytes()[0]).collect();
    assert_eq!(texts, [1, 3, 6]);
}

#[tokio::test]
async fn an_empty_batch_has_no_answers() {
    assert_eq!(words(&World::new().send_messages(), Vec::new()).await, [""; 0]);
}

/// Every room is this sender's.
fn everybodys() -> MockRoomRepository {
    let mut rooms = MockRoomRepository::new();
    let participants = Participants::pair(ann(), a_user(2).id).expect("two people");
    rooms.expect_find_participants().returning(move |_, _| Ok(Some(participants)));
    rooms
}

#[tokio::test]
async fn once_the_store_fails_a_message_it_fails_the_later_ones_of_its_room_alone() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    // The store can't store in a room it does not have.
    let broken = RoomId::mint(START, [200; 10]);
    let send_messages = SendMessages {
        reach: Reach { rooms: Arc::new(everybodys()), ..w.reach() },
        ..w.send_messages()
    };
    let drafts = vec![
        a_draft(room, 1, "a"),
        a_draft(broken, 2, "b"),
        a_draft(room, 3, "c"),
        a_draft(broken, 4, "d"),
        a_draft(room, 5, "e"),
    ];
    assert_eq!(
        words(&send_messages, drafts).await,
        ["new 1", "unavailable", "new 2", "unavailable", "new 3"]
    );
}

#[tokio::test]
async fn answers_of_the_store_find_their_drafts_behind_refused_ones() {
    let w = World::new();
    let [one, other, theirs] = [w.a_room(1, 2).await, w.a_room(1, 3).await, w.a_room(2, 3).await];
    let mut messages = MockMessageRepository::new();
    messages.expect_append().once().returning(|batch| {
        let fails = [false, true, false, true];
        assert_eq!(batch.len(), fails.len(), "refused drafts are not stored");
        let numbered =
            batch.into_iter().zip(1..).map(|(m, seq)| Appended::New(m.numbered(seq, seq)));
        numbered.zip(fails).map(|(new, fail)| if fail { Err(down()) } else { Ok(new) }).collect()
    });
    let send_messages = SendMessages { messages: Arc::new(messages), ..w.send_messages() };
    let drafts = vec![
        a_draft(theirs, 1, "let me in"),
        a_draft(one, 2, "a"),
        a_draft(one, 3, "b"),
        a_draft(theirs, 4, "let me in"),
        a_draft(other, 5, "c"),
        a_draft(one, 6, "d"),
    ];
    assert_eq!(
        words(&send_messages, drafts).await,
        ["no room", "new 1", "unavailable", "no room", "new 3", "unavailable"]
    );
}

#[tokio::test]
async fn a_room_that_can_not_be_looked_up_fails_all_its_messages_and_no_others() {
    let w = World::new();
    let [fine, failing] = [w.a_room(1, 2).await, w.a_room(1, 3).await];
    let asked = Arc::new(AtomicU32::new(0));
    let mut rooms = MockRoomRepository::new();
    let participants = Participants::pair(ann(), a_user(2).id).expect("two people");
    let counter = asked.clone();
    rooms.expect_find_participants().returning(move |room, _| {
        if room == fine {
            return Ok(Some(participants));
        }
        // It would answer if it were asked again.
        match counter.fetch_add(1, Ordering::SeqCst) {
            0 => Err(down()),
            _ => Ok(Some(participants)),
        }
    });
    let send_messages =
        SendMessages { reach: Reach { rooms: Arc::new(rooms), ..w.reach() }, ..w.send_messages() };
    let drafts = || {
        vec![
            a_draft(failing, 1, "a"),
            a_draft(fine, 2, "b"),
            a_draft(failing, 3, "c"),
            a_draft(fine, 4, "d"),
        ]
    };
    assert_eq!(
        words(&send_messages, drafts()).await,
        ["unavailable", "new 1", "unavailable", "new 2"]
    );
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(history(&w, failing).await, []);
    assert_eq!(
        words(&send_messages, drafts()).await,
        ["new 1", "known 1", "new 2", "known 2"],
        "and in order once it is sent again"
    );
}

#[tokio::test]
async fn once_a_message_is_throttled_so_are_all_later_ones() {
    let w = World::new();
    let [one, other] = [w.a_room(1, 2).await, w.a_room(1, 3).await];
    let mut limiter = MockRateLimiter::new();
    let asked = AtomicU32::new(0);
    // It would admit another if it were asked again.
    limiter.expect_admit().times(3).returning(move |_, _| {
        match asked.fetch_add(1, Ordering::SeqCst) {
            2 => Err(Throttled { retry_after: TimeDelta::seconds(7) }),
            _ => Ok(()),
        }
    });
    let limits = Limits { limiter: Arc::new(limiter), ..no_limits() };
    let send_messages = SendMessages { limits, ..w.send_messages() };
    let drafts = vec![
        a_draft(one, 1, "a"),
        a_draft(one, 2, "b"),
        a_draft(one, 3, "c"),
        a_draft(other, 4, "d"),
        a_draft(one, 5, "e"),
    ];
    let outcomes = send_messages.execute_batch(ann(), drafts).await;
    let words: Vec<_> = outcomes.iter().map(word).collect();
    assert_eq!(words, ["new 1", "new 2", "throttled", "throttled", "throttled"]);
    for outcome in &outcomes[2..] {
        assert!(matches!(
            outcome,
            Err(SendError::Throttled(t)) if t.retry_after == TimeDelta::seconds(7)
        ));
    }
    assert_eq!(history(&w, other).await, []);
}

#[tokio::test]
async fn nothing_of_a_message_is_in_what_its_drafts_show_of_themselves() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let draft = a_draft(room, 1, "between us");
    assert!(!format!("{draft:?}").contains("between"));
    let sent = w.send(1, draft).await;
    assert!(!format!("{sent:?}").contains("between"));
}
