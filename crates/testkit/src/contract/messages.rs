//! The contract of `MessageRepository`.
use super::at_once;
use crate::{Dice, START, StoreUnderTest, a_message, a_room_of, a_user, an_emoji, later, resent};
use application::ports::{Appended, MessageChange};
use domain::{
    event::ChatEvent,
    history::{ChangePage, HistoryPage, Limit, Window},
    id::{MessageId, RoomId, UserId},
    message::{Alteration, AlterationRefused, NewMessage, SealedMessage},
    reaction::Reaction,
    sealing::SealedBody,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// Appends one message and says what became of it.
async fn append(store: &StoreUnderTest, message: NewMessage) -> Appended {
    let mut outcomes = store.messages.append(vec![message]).await;
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0).expect("answers")
}

/// Appends a message that is new.
pub(crate) async fn sent(store: &StoreUnderTest, message: NewMessage) -> SealedMessage {
    match append(store, message).await {
        Appended::New(stored) => stored,
        other => panic!("expected a new message, got {other:?}"),
    }
}

/// Changes a message.
pub(crate) async fn altered(
    store: &StoreUnderTest,
    message: &SealedMessage,
    by: UserId,
    alteration: Alteration,
) -> Result<SealedMessage, AlterationRefused> {
    let change = MessageChange { room: message.room, message: message.id, by, alteration };
    store.messages.alter(change).await.expect("answers")
}

async fn window(store: &StoreUnderTest, room: RoomId, window: Window, limit: u64) -> HistoryPage {
    let limit = Limit::of(limit).expect("positive");
    store.messages.list_window(room, window, limit).await.expect("answers")
}

async fn changes(store: &StoreUnderTest, room: RoomId, after: u64, limit: u64) -> ChangePage {
    let limit = Limit::of(limit).expect("positive");
    store.messages.list_changes(room, after, limit).await.expect("answers")
}

/// The whole history of a room.
async fn history(store: &StoreUnderTest, room: RoomId) -> Vec<SealedMessage> {
    let mut all: Vec<SealedMessage> = Vec::new();
    loop {
        let after = all.last().map_or(0, |message| message.seq);
        let page = window(store, room, Window::After(after), 100).await;
        all.extend(page.messages);
        if !page.has_more {
            return all;
        }
    }
}

fn edit(text: &str, at: u32) -> Alteration {
    Alteration::Edit { body: SealedBody::new(text.as_bytes().to_vec()), at: later(at) }
}

fn seqs(messages: &[SealedMessage]) -> Vec<u64> {
    messages.iter().map(|message| message.seq).collect()
}

fn revs(messages: &[SealedMessage]) -> Vec<u64> {
    messages.iter().map(|message| message.rev).collect()
}

/// A room of persons 1 and 2 with so many messages, sent by turns.
async fn a_room_with(store: &StoreUnderTest, count: u32) -> (RoomId, Vec<SealedMessage>) {
    let room = a_room_of(store, 1, 2).await.id;
    let batch = (1..=count).map(|n| a_message(room, a_user(1 + (n + 1) % 2).id, n)).collect();
    let outcomes = store.messages.append(batch).await;
    let new = |outcome| match outcome {
        Ok(Appended::New(stored)) => stored,
        other => panic!("expected a new message, got {other:?}"),
    };
    (room, outcomes.into_iter().map(new).collect())
}

pub async fn the_first_messages_are_numbered_from_one(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    for n in 1..=3 {
        let message = a_message(room, a_user(1).id, n);
        let stored = sent(store, message.clone()).await;
        assert_eq!(stored, message.numbered(u64::from(n), u64::from(n)));
    }
    let other = a_room_of(store, 1, 3).await.id;
    let first = sent(store, a_message(other, a_user(1).id, 9)).await;
    assert_eq!((first.seq, first.rev), (1, 1), "each room counts for itself");
}

pub async fn a_message_reads_back_as_it_was_stored(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let first = sent(store, a_message(room, a_user(1).id, 1)).await;
    let long = SealedBody::new((0..20_000_u32).map(|n| n.to_be_bytes()[3]).collect());
    let message =
        NewMessage { reply_to: Some(first.id), body: long, ..a_message(room, a_user(2).id, 2) };
    let second = sent(store, message).await;
    assert_eq!(second.reply_to, Some(first.id));
    assert_eq!(history(store, room).await, [first, second]);
}

pub async fn a_batch_goes_through_several_rooms_in_its_order(store: &StoreUnderTest) {
    let [one, other] = [a_room_of(store, 1, 2).await.id, a_room_of(store, 1, 3).await.id];
    let rooms = [one, other, one, one, other];
    let batch = (1..).zip(rooms).map(|(n, room)| a_message(room, a_user(1).id, n)).collect();
    let outcomes = store.messages.append(batch).await;
    let numbers: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Ok(Appended::New(stored)) => (stored.room, stored.seq),
            other => panic!("expected a new message, got {other:?}"),
        })
        .collect();
    assert_eq!(numbers, [(one, 1), (other, 1), (one, 2), (one, 3), (other, 2)]);
    assert!(store.messages.append(Vec::new()).await.is_empty());
}

pub async fn a_room_that_does_not_exist_takes_nothing(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let nowhere = RoomId::mint(START, [200; 10]);
    let batch = (1..).zip([room, nowhere, room, nowhere]);
    let batch = batch.map(|(n, room)| a_message(room, a_user(1).id, n)).collect();
    let outcomes = store.messages.append(batch).await;
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false]);
    assert_eq!(seqs(&history(store, room).await), [1, 2]);
    assert_eq!(history(store, nowhere).await, []);
}

pub async fn a_repeated_client_id_stores_nothing(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let message = a_message(room, a_user(1).id, 1);
    let stored = sent(store, message.clone()).await;
    sent(store, a_message(room, a_user(2).id, 2)).await;
    let known = Appended::Known(stored);
    assert_eq!(append(store, resent(&message, 1)).await, known);
    assert_eq!(append(store, message.clone()).await, known, "under the same id as well");
    let elsewhere = NewMessage {
        room: a_room_of(store, 1, 3).await.id,
        body: SealedBody::new(b"something else".to_vec()),
        ..resent(&message, 2)
    };
    assert_eq!(append(store, elsewhere).await, known, "whatever it says now");
    assert_eq!(seqs(&history(store, room).await), [1, 2]);
    assert_eq!(store.bus.messages().len(), 2, "a repeat is not announced");
    let next = sent(store, a_message(room, a_user(1).id, 3)).await;
    assert_eq!((next.seq, next.rev), (3, 3), "and takes no number");
}

pub async fn a_client_id_counts_for_its_sender_alone(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let [mine, theirs] = [1, 2].map(|person| a_message(room, a_user(person).id, 1));
    assert_eq!(mine.client_id, theirs.client_id);
    sent(store, mine).await;
    assert_eq!(sent(store, theirs).await.seq, 2);
}

pub async fn a_repeat_after_a_change_gives_the_message_as_it_is_now(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let message = a_message(room, a_user(1).id, 1);
    let stored = sent(store, message.clone()).await;
    let steps = [
        (1, edit("anew", 5)),
        (2, Alteration::React(an_emoji(1))),
        (1, Alteration::React(an_emoji(2))),
        (1, Alteration::Delete),
    ];
    for (person, step) in steps {
        let now = altered(store, &stored, a_user(person).id, step).await.expect("allowed");
        assert_eq!(append(store, resent(&message, 1)).await, Appended::Known(now));
    }
    assert_eq!(history(store, room).await.len(), 1);
}

pub async fn the_same_client_id_twenty_times_at_once_is_one_message(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let message = a_message(room, a_user(1).id, 1);
    let outcomes = at_once(20, |n| {
        let store = store.clone();
        let again = resent(&message, u8::try_from(n).expect("small"));
        async move { append(&store, again).await }
    });
    let outcomes = outcomes.await;
    let [stored] = &history(store, room).await[..] else { panic!("there is one message") };
    let new = Appended::New(stored.clone());
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == new).count(), 1);
    let known = Appended::Known(stored.clone());
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == known).count(), 19);
    assert_eq!(store.bus.messages(), std::slice::from_ref(stored));
}

pub async fn a_repeat_inside_a_batch_is_known(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let [first, second] = [1, 2].map(|n| a_message(room, a_user(1).id, n));
    let batch = vec![first.clone(), resent(&first, 1), second.clone(), resent(&second, 1)];
    let outcomes = store.messages.append(batch).await;
    let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("answers")).collect();
    let [first, second] = [first.numbered(1, 1), second.numbered(2, 2)];
    let expected = [
        Appended::New(first.clone()),
        Appended::Known(first),
        Appended::New(second.clone()),
        Appended::Known(second),
    ];
    assert_eq!(outcomes, expected);
}

pub async fn a_reply_needs_a_message_of_its_room(store: &StoreUnderTest) {
    let [room, other] = [a_room_of(store, 1, 2).await.id, a_room_of(store, 1, 3).await.id];
    let elsewhere = sent(store, a_message(other, a_user(1).id, 1)).await;
    let reply = |n, to| NewMessage { reply_to: Some(to), ..a_message(room, a_user(1).id, n) };
    let to_nothing = MessageId::mint(START, [99; 10]);
    for (n, to) in [(2, elsewhere.id), (3, to_nothing)] {
        assert_eq!(append(store, reply(n, to)).await, Appended::NoSuchReply);
    }
    assert_eq!(history(store, room).await, []);

    let first = a_message(room, a_user(2).id, 4);
    let batch = vec![first.clone(), reply(5, first.id), reply(6, to_nothing), reply(7, first.id)];
    let outcomes = store.messages.append(batch).await;
    let took: Vec<_> =
        outcomes.iter().map(|outcome| matches!(outcome, Ok(Appended::New(_)))).collect();
    assert_eq!(took, [true, true, false, true], "one earlier in the batch will do");
    assert_eq!(seqs(&history(store, room).await), [1, 2, 3]);

    let stored = &history(store, room).await[0];
    altered(store, stored, stored.sender, Alteration::Delete).await.expect("allowed");
    assert_eq!(sent(store, reply(8, stored.id)).await.seq, 4, "its place is still there");
}

pub async fn a_repeat_is_known_even_if_its_reply_is_wrong(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let message = a_message(room, a_user(1).id, 1);
    let stored = sent(store, message.clone()).await;
    let wrong =
        NewMessage { reply_to: Some(MessageId::mint(START, [99; 10])), ..resent(&message, 1) };
    assert_eq!(append(store, wrong).await, Appended::Known(stored));
}

pub async fn an_edit_takes_the_next_rev(store: &StoreUnderTest) {
    let (room, messages) = a_room_with(store, 3).await;
    let first = &messages[0];
    let edited = altered(store, first, first.sender, edit("anew", 9)).await.expect("allowed");
    let expected = SealedMessage {
        rev: 4,
        body: Some(SealedBody::new(b"anew".to_vec())),
        edited_at: Some(later(9)),
        ..first.clone()
    };
    assert_eq!(edited, expected);
    assert_eq!(history(store, room).await[0], expected);
    let next = sent(store, a_message(room, a_user(1).id, 9)).await;
    assert_eq!((next.seq, next.rev), (4, 5));
}

pub async fn a_deletion_keeps_the_place_and_nothing_else(store: &StoreUnderTest) {
    let (room, messages) = a_room_with(store, 2).await;
    let first = &messages[0];
    altered(store, first, a_user(2).id, Alteration::React(an_emoji(1))).await.expect("allowed");
    let deleted = altered(store, first, first.sender, Alteration::Delete).await.expect("allowed");
    assert_eq!(deleted, SealedMessage { rev: 4, body: None, ..first.clone() });
    assert_eq!(history(store, room).await[0], deleted);
    for how in [edit("anew", 9), Alteration::Delete, Alteration::React(an_emoji(2))] {
        let refused = altered(store, first, first.sender, how).await;
        assert_eq!(refused, Err(AlterationRefused::NotFound));
    }
    assert_eq!(history(store, room).await[0], deleted);
}

pub async fn reactions_keep_the_order_in_which_they_were_given(store: &StoreUnderTest) {
    let (room, messages) = a_room_with(store, 3).await;
    let given = [(1, 30), (2, 10), (1, 20), (2, 30)];
    for message in &messages[..2] {
        for (person, emoji) in given {
            let react = Alteration::React(an_emoji(emoji));
            altered(store, message, a_user(person).id, react).await.expect("allowed");
        }
    }
    let reaction = |(person, emoji)| Reaction { emoji: an_emoji(emoji), user: a_user(person).id };
    let page = history(store, room).await;
    assert_eq!(page[0].reactions, given.map(reaction));
    assert_eq!(page[1].reactions, given.map(reaction));
    assert_eq!(page[2].reactions, []);

    let take_back = Alteration::Unreact(an_emoji(10));
    altered(store, &messages[0], a_user(2).id, take_back).await.expect("allowed");
    let again = Alteration::React(an_emoji(10));
    altered(store, &messages[0], a_user(2).id, again).await.expect("allowed");
    let expected = [(1, 30), (1, 20), (2, 30), (2, 10)].map(reaction);
    assert_eq!(history(store, room).await[0].reactions, expected);
    assert_eq!(changes(store, room, 0, 200).await.messages.pop().expect("one").reactions, expected);
}

pub async fn what_changes_nothing_takes_no_rev(store: &StoreUnderTest) {
    let (room, messages) = a_room_with(store, 1).await;
    let react = || Alteration::React(an_emoji(1));
    let liked = altered(store, &messages[0], a_user(2).id, react()).await.expect("allowed");
    assert_eq!(liked.rev, 2);
    let announced = store.bus.events().len();
    for how in [react(), Alteration::Unreact(an_emoji(2))] {
        let same = altered(store, &messages[0], a_user(2).id, how).await.expect("allowed");
        assert_eq!(same, liked);
    }
    assert_eq!(store.bus.events().len(), announced);
    assert_eq!(sent(store, a_message(room, a_user(1).id, 9)).await.rev, 3);
}

pub async fn what_is_not_there_cannot_be_changed(store: &StoreUnderTest) {
    let (_, messages) = a_room_with(store, 1).await;
    let message = &messages[0];
    let elsewhere = SealedMessage { room: a_room_of(store, 1, 3).await.id, ..message.clone() };
    let nothing = SealedMessage { id: MessageId::mint(START, [99; 10]), ..message.clone() };
    let nowhere = SealedMessage { room: RoomId::mint(START, [99; 10]), ..message.clone() };
    for missing in [&elsewhere, &nothing, &nowhere] {
        let refused = altered(store, missing, message.sender, edit("anew", 9)).await;
        assert_eq!(refused, Err(AlterationRefused::NotFound));
    }
    let others = altered(store, message, a_user(2).id, edit("anew", 9)).await;
    assert_eq!(others, Err(AlterationRefused::NotFound), "the domain judges");
    assert_eq!(store.bus.messages(), messages);
}

pub async fn of_reactions_that_race_none_is_lost(store: &StoreUnderTest) {
    let (room, messages) = a_room_with(store, 1).await;
    let results = at_once(20, |n| {
        let (store, message) = (store.clone(), messages[0].clone());
        let react = Alteration::React(an_emoji(n / 2));
        async move { altered(&store, &message, a_user(1 + n % 2).id, react).await.expect("allowed") }
    });
    let mut revs = revs(&results.await);
    revs.sort_unstable();
    assert_eq!(revs, (2..=21).collect::<Vec<_>>());
    assert_eq!(history(store, room).await[0].reactions.len(), 20);
}

pub async fn fifty_writers_leave_no_hole_and_keep_their_order(store: &StoreUnderTest) {
    const WRITERS: u32 = 50;
    const EACH: u32 = 20;
    let room = a_room_of(store, 1, 2).await.id;
    let written = at_once(WRITERS, |writer| {
        let store = store.clone();
        async move {
            let mut seqs = Vec::new();
            for n in 0..EACH {
                let message = a_message(room, a_user(1 + writer % 2).id, writer * EACH + n);
                seqs.push(sent(&store, message).await.seq);
            }
            seqs
        }
    });
    let written = written.await;
    assert!(written.iter().all(|seqs| seqs.is_sorted()), "each writer's order is kept");
    let all = history(store, room).await;
    assert_eq!(seqs(&all), (1..=u64::from(WRITERS * EACH)).collect::<Vec<_>>());
    assert_eq!(store.bus.messages(), all, "announced in the order of the room");
}

pub async fn windows_show_the_part_that_was_asked_for(store: &StoreUnderTest) {
    let (room, all) = a_room_with(store, 10).await;
    let cases = [
        (Window::Latest, 3, vec![8, 9, 10]),
        (Window::Latest, 10, (1..=10).collect()),
        (Window::Before(4), 2, vec![2, 3]),
        (Window::Before(1), 5, vec![]),
        (Window::Before(u64::MAX), 2, vec![9, 10]),
        (Window::After(7), 2, vec![8, 9]),
        (Window::After(0), 2, vec![1, 2]),
        (Window::After(10), 5, vec![]),
        (Window::After(u64::MAX), 5, vec![]),
        (Window::Around(5), 5, vec![3, 4, 5, 6, 7]),
        (Window::Around(5), 1, vec![5]),
        (Window::Around(1), 5, vec![1, 2, 3]),
        (Window::Around(10), 5, vec![8, 9, 10]),
    ];
    for (asked, limit, expected) in cases {
        let page = window(store, room, asked, limit).await;
        assert_eq!(seqs(&page.messages), expected, "{asked:?}");
        let whole = page.messages.iter().all(|message| all.contains(message));
        assert!(whole, "{asked:?} shows them as they are");
    }
}

pub async fn windows_know_whether_there_is_more(store: &StoreUnderTest) {
    let (room, _) = a_room_with(store, 10).await;
    let cases = [
        (Window::Latest, 10, false),
        (Window::Latest, 9, true),
        (Window::Before(5), 4, false),
        (Window::Before(5), 3, true),
        (Window::Before(1), 3, false),
        (Window::After(5), 5, false),
        (Window::After(5), 4, true),
        (Window::After(10), 4, false),
        (Window::Around(5), 20, false),
        (Window::Around(2), 5, true),
        (Window::Around(9), 5, true),
        (Window::Around(5), 1, true),
    ];
    for (asked, limit, has_more) in cases {
        assert_eq!(window(store, room, asked, limit).await.has_more, has_more, "{asked:?} {limit}");
    }
    let empty = a_room_of(store, 1, 3).await.id;
    let nothing = HistoryPage { messages: Vec::new(), has_more: false };
    assert_eq!(window(store, empty, Window::Latest, 5).await, nothing);
}

pub async fn changes_give_latest_states_only(store: &StoreUnderTest) {
    let (room, messages) = a_room_with(store, 3).await;
    for time in 5..=8 {
        altered(store, &messages[1], a_user(2).id, edit("anew", time)).await.expect("allowed");
    }
    let page = changes(store, room, 0, 10).await;
    assert_eq!(revs(&page.messages), [1, 3, 7]);
    assert_eq!(seqs(&page.messages), [1, 3, 2]);
    assert_eq!(page.messages[2].edited_at, Some(later(8)));
    assert_eq!(revs(&changes(store, room, 3, 10).await.messages), [7]);
    let nothing = ChangePage { messages: Vec::new(), has_more: false };
    for after in [7, 8, u64::MAX] {
        assert_eq!(changes(store, room, after, 10).await, nothing);
    }
}

pub async fn changes_are_paged(store: &StoreUnderTest) {
    let (room, messages) = a_room_with(store, 7).await;
    let react = Alteration::React(an_emoji(1));
    let last = altered(store, &messages[2], a_user(1).id, react).await.expect("allowed");
    let (mut position, mut pages) = (0, Vec::new());
    loop {
        let page = changes(store, room, position, 3).await;
        position = page.position(position);
        pages.push(revs(&page.messages));
        if !page.has_more {
            assert_eq!(page.messages, [last]);
            break;
        }
    }
    assert_eq!(pages, [vec![1, 2, 4], vec![5, 6, 7], vec![8]]);
}

pub async fn every_change_is_announced_before_its_call_returns(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await;
    let mut expected = Vec::new();
    let check = |expected: &[SealedMessage]| {
        let event = |message: &SealedMessage| ChatEvent::Message {
            participants: room.participants,
            message: message.clone(),
        };
        assert_eq!(store.bus.events(), expected.iter().map(event).collect::<Vec<_>>());
    };
    for n in 1..=3 {
        expected.push(sent(store, a_message(room.id, a_user(1).id, n)).await);
        check(&expected);
    }
    let first = expected[0].clone();
    for (person, how) in [
        (2, Alteration::React(an_emoji(1))),
        (1, edit("anew", 9)),
        (2, Alteration::Unreact(an_emoji(1))),
        (1, Alteration::Delete),
    ] {
        expected.push(altered(store, &first, a_user(person).id, how).await.expect("allowed"));
        check(&expected);
    }
}

/// The case that decides: whatever writers do at once, whoever follows the changes ends with
/// exactly what the store holds, and never meets one that came in behind them.
pub async fn a_reader_of_changes_misses_nothing_while_writers_race(store: &StoreUnderTest) {
    const WRITERS: u32 = 6;
    const STEPS: u32 = 60;
    let room = a_room_of(store, 1, 2).await.id;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = [1, 7, 200]
        .map(|limit| tokio::spawn(follow(store.clone(), room, limit, done.clone())))
        .into();

    let stored = Arc::new(Mutex::new(Vec::new()));
    let results =
        at_once(WRITERS, |writer| write(store.clone(), room, writer, STEPS, stored.clone()));
    let mut results: Vec<_> = results.await.into_iter().flatten().collect();
    done.store(true, Ordering::Release);

    let all = history(store, room).await;
    assert_eq!(seqs(&all), (1..=all.len() as u64).collect::<Vec<_>>(), "no hole");
    for reader in readers {
        let followed: Vec<_> = reader.await.expect("follows").into_values().collect();
        assert_eq!(followed, all, "a reader ends with the store's history");
    }
    let announced = store.bus.messages();
    let in_order = revs(&announced).windows(2).all(|pair| pair[0] < pair[1]);
    assert!(in_order, "announced in the order of the changes");
    results.sort_by_key(|message| message.rev);
    results.dedup_by_key(|message| message.rev);
    assert_eq!(announced, results, "announced as the calls said, no more and no less");
}

/// Reads changes, a few at a time, until the writers are done and there are no more.
async fn follow(
    store: StoreUnderTest,
    room: RoomId,
    limit: u64,
    done: Arc<AtomicBool>,
) -> BTreeMap<u64, SealedMessage> {
    let (mut position, mut known) = (0, BTreeMap::new());
    loop {
        let were_done = done.load(Ordering::Acquire);
        let page = changes(&store, room, position, limit).await;
        for message in page.messages {
            assert!(message.rev > position, "rev {} came in behind {position}", message.rev);
            position = message.rev;
            known.insert(message.seq, message);
        }
        if were_done && !page.has_more {
            return known;
        }
        tokio::task::yield_now().await;
    }
}

/// Sends, edits, deletes and reacts as the dice fall; gives each state that came of it.
async fn write(
    store: StoreUnderTest,
    room: RoomId,
    writer: u32,
    steps: u32,
    stored: Arc<Mutex<Vec<SealedMessage>>>,
) -> Vec<SealedMessage> {
    let mut dice = Dice::seeded(u64::from(writer));
    let mut results = Vec::new();
    for step in 0..steps {
        let by = a_user(1 + u32::from(dice.throw(2) == 1)).id;
        let target = pick(&stored, &mut dice);
        let Some(target) = target.filter(|_| dice.throw(2) == 1) else {
            let message = sent(&store, a_message(room, by, writer * steps + step)).await;
            stored.lock().expect("not poisoned").push(message.clone());
            results.push(message);
            continue;
        };
        let emoji = an_emoji(u32::try_from(dice.throw(4)).expect("small"));
        let (by, how) = match dice.throw(8) {
            0 => (target.sender, Alteration::Delete),
            1..=3 => (target.sender, edit(&format!("by {writer} in {step}"), step)),
            4..=6 => (by, Alteration::React(emoji)),
            _ => (by, Alteration::Unreact(emoji)),
        };
        // A message that another writer deleted meanwhile is refused.
        if let Ok(message) = altered(&store, &target, by, how).await {
            results.push(message);
        }
    }
    results
}

/// One of the last messages, where changes meet.
fn pick(stored: &Mutex<Vec<SealedMessage>>, dice: &mut Dice) -> Option<SealedMessage> {
    let stored = stored.lock().expect("not poisoned");
    let recent = &stored[stored.len().saturating_sub(5)..];
    let choice = dice.throw(recent.len().max(1) as u64);
    recent.get(usize::try_from(choice).expect("small")).cloned()
}

pub async fn a_message_is_found_by_what_its_sender_calls_it(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await;
    let message = a_message(room.id, a_user(1).id, 1);
    let (sender, client_id) = (message.sender, message.client_id);
    let stored = sent(store, message).await;
    let found =
        async |sender| store.messages.find_by_client_id(sender, client_id).await.expect("answers");
    assert_eq!(found(sender).await.as_ref(), Some(&stored));
    assert_eq!(found(a_user(2).id).await, None, "to another it is unknown");
    let deleted = altered(store, &stored, sender, Alteration::Delete).await.expect("allowed");
    assert_eq!(found(sender).await, Some(deleted), "as it is now");
}
