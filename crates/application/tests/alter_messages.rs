use crate::world::{World, a_body, a_draft, limits_but};
use application::chat::{AlterError, AlterMessages, Barrier, Content, OpenedMessage, Wish};
use domain::{
    block::Block,
    event::ChatEvent,
    history::Limit,
    id::{MessageId, RoomId, UserId},
    reaction::Emoji,
    room::Standing,
};
use testkit::{START, a_user};

fn me(n: u32) -> UserId {
    a_user(n).id
}

fn thumb() -> Emoji {
    Emoji::parse("👍").expect("an emoji")
}

fn edit(text: &str) -> Wish {
    Wish::Edit(a_body(text))
}

/// A room of two, and what person 1 said in it.
async fn said(w: &World) -> (RoomId, MessageId) {
    let room = w.a_room(1, 2).await;
    (room, w.send(1, a_draft(room, 1, "hello")).await.message.id)
}

async fn alter(
    w: &World,
    n: u32,
    (room, message): (RoomId, MessageId),
    wish: Wish,
) -> Result<OpenedMessage, AlterError> {
    w.alter_messages().execute(me(n), room, message, wish).await
}

async fn altered(w: &World, n: u32, place: (RoomId, MessageId), wish: Wish) -> OpenedMessage {
    alter(w, n, place, wish).await.expect("is altered")
}

fn announced(w: &World) -> Vec<u64> {
    let revs = w.store.bus.events().into_iter().filter_map(|event| match event {
        ChatEvent::Message { message, .. } => Some(message.rev),
        _ => None,
    });
    revs.collect()
}

#[tokio::test]
async fn what_was_said_anew_is_what_everybody_reads() {
    let w = World::new();
    let place = said(&w).await;
    let answer = altered(&w, 1, place, edit("hello, Bob")).await;
    assert_eq!(answer.content, Content::Text(a_body("hello, Bob")));
    assert_eq!((answer.message.seq, answer.message.rev), (1, 2));
    assert_eq!(answer.message.edited_at, Some(w.now()));
    let read = w.history().changes(me(2), place.0, 1, Limit::default()).await.expect("answers");
    assert_eq!(read.messages, [answer]);
    assert_eq!(announced(&w), [1, 2]);
}

#[tokio::test]
async fn what_was_taken_back_is_empty_and_can_not_be_changed_any_more() {
    let w = World::new();
    let place = said(&w).await;
    altered(&w, 2, place, Wish::React(thumb())).await;
    let answer = altered(&w, 1, place, Wish::Delete).await;
    assert_eq!(answer.content, Content::Deleted);
    assert_eq!((answer.message.seq, answer.message.reactions.len()), (1, 0));
    for wish in [edit("again"), Wish::Delete, Wish::React(thumb()), Wish::Unreact(thumb())] {
        assert!(matches!(alter(&w, 1, place, wish).await, Err(AlterError::NotFound)));
    }
}

#[tokio::test]
async fn one_changes_ones_own_and_nobody_elses() {
    let w = World::new();
    let place = said(&w).await;
    for wish in [edit("something else"), Wish::Delete] {
        assert!(matches!(alter(&w, 2, place, wish).await, Err(AlterError::NotFound)));
    }
    w.an_account(3).await;
    for wish in [edit("a stranger"), Wish::Delete, Wish::React(thumb()), Wish::Unreact(thumb())] {
        let refused = alter(&w, 3, place, wish).await;
        assert!(matches!(refused, Err(AlterError::Barred(Barrier::NoSuchRoom))), "{refused:?}");
    }
    assert_eq!(announced(&w), [1]);
}

#[tokio::test]
async fn a_message_is_found_in_its_own_room_alone() {
    let w = World::new();
    let (_, message) = said(&w).await;
    let elsewhere = w.a_room(1, 3).await;
    for wish in [edit("moved"), Wish::Delete, Wish::React(thumb())] {
        let refused = alter(&w, 1, (elsewhere, message), wish).await;
        assert!(matches!(refused, Err(AlterError::NotFound)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_reaction_that_is_there_already_is_not_told_again() {
    let w = World::new();
    let place = said(&w).await;
    for _ in 0..2 {
        let liked = altered(&w, 2, place, Wish::React(thumb())).await;
        assert_eq!((liked.message.rev, liked.message.reactions.len()), (2, 1));
    }
    for _ in 0..2 {
        let bare = altered(&w, 2, place, Wish::Unreact(thumb())).await;
        assert_eq!((bare.message.rev, bare.message.reactions.len()), (3, 0));
    }
    assert_eq!(announced(&w), [1, 2, 3]);
}

#[tokio::test]
async fn a_message_bears_twenty_emoji_of_one_person() {
    let w = World::new();
    let place = said(&w).await;
    let emoji = |n: u32| {
        let c = char::from_u32(0x1f600 + n).expect("a character");
        Emoji::parse(&c.to_string()).expect("an emoji")
    };
    for n in 0..20 {
        altered(&w, 2, place, Wish::React(emoji(n))).await;
    }
    let refused = alter(&w, 2, place, Wish::React(emoji(20))).await;
    assert!(matches!(refused, Err(AlterError::TooManyReactions(_))), "{refused:?}");
    altered(&w, 2, place, Wish::Unreact(emoji(3))).await;
    altered(&w, 2, place, Wish::React(emoji(20))).await;
}

#[tokio::test]
async fn a_reaction_answers_a_request() {
    let w = World::new();
    let [ann, bob] = [w.an_account(1).await, w.an_account(2).await];
    let opened = w.open_room().execute(ann.id, bob.username.as_str()).await.expect("opens");
    let room = opened.0.view.room.id;
    let message = w.send(1, a_draft(room, 1, "hello")).await.message.id;
    altered(&w, 2, (room, message), Wish::React(thumb())).await;
    let entry = w.rooms().find(bob.id, room).await.expect("answers").expect("is theirs");
    assert_eq!(entry.view.standing, Standing::Open);
}

#[tokio::test]
async fn behind_a_block_one_takes_back_and_says_nothing_new() {
    let w = World::new();
    let place = said(&w).await;
    altered(&w, 1, place, Wish::React(thumb())).await;
    let block = Block { blocker: me(2), blocked: me(1), created_at: START };
    w.store.blocks.insert(&block).await.expect("answers");
    w.relations.forget_tie(me(1), me(2));
    for wish in [edit("read this"), Wish::React(Emoji::parse("👎").expect("an emoji"))] {
        let refused = alter(&w, 1, place, wish).await;
        assert!(matches!(refused, Err(AlterError::Barred(Barrier::NotDelivered))), "{refused:?}");
    }
    let refused = alter(&w, 2, place, Wish::React(thumb())).await;
    assert!(matches!(refused, Err(AlterError::Barred(Barrier::Blocked))), "{refused:?}");
    altered(&w, 1, place, Wish::Unreact(thumb())).await;
    altered(&w, 1, place, Wish::Delete).await;
}

#[tokio::test]
async fn changing_is_limited() {
    let w = World::new();
    let place = said(&w).await;
    let alter_messages = AlterMessages { limits: limits_but("alter"), ..w.alter_messages() };
    let refused = alter_messages.execute(me(1), place.0, place.1, Wish::Delete).await;
    assert!(matches!(refused, Err(AlterError::Throttled(_))), "{refused:?}");
    assert_eq!(announced(&w), [1]);
}
