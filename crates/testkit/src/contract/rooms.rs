//! The contract of `RoomRepository`.
use super::{
    at_once,
    messages::{altered, sent},
};
use crate::{START, StoreUnderTest, a_message, a_room_of, a_user, an_emoji, later};
use application::ports::{Appended, OpenedRoom};
use domain::{
    history::{Limit, Window},
    id::{RoomId, UserId},
    message::{Alteration, NewMessage},
    reaction::Reaction,
    room::{
        Cleared, DeliveredMark, NewRoom, Participants, Partner, Reached, ReadMark, Room,
        RoomCursor, RoomView, Standing,
    },
    sealing::SealedBody,
};

fn pair(one: u32, other: u32) -> Participants {
    Participants::pair(a_user(one).id, a_user(other).id).expect("two people")
}

fn a_room_id(n: u8) -> RoomId {
    RoomId::mint(START, [n; 10])
}

/// A request for whoever is not person 1, or the first of the two.
fn a_room(participants: Participants, n: u8, at: u32) -> NewRoom {
    let [low, _] = participants.both();
    let me = a_user(1).id;
    let opener = if participants.includes(me) { me } else { low };
    let other = Standing::Request;
    NewRoom { id: a_room_id(n), participants, opener, other, created_at: later(at) }
}

async fn opened(store: &StoreUnderTest, pair: Participants, n: u8, at: u32) -> OpenedRoom {
    store.rooms.open(a_room(pair, n, at)).await.expect("answers")
}

async fn standing(store: &StoreUnderTest, room: RoomId, user: u32) -> Option<Standing> {
    store.rooms.find_standing(room, a_user(user).id).await.expect("answers")
}

async fn view(store: &StoreUnderTest, room: RoomId, user: u32) -> RoomView {
    store.rooms.find(room, a_user(user).id).await.expect("answers").expect("is theirs")
}

async fn listed(store: &StoreUnderTest, user: UserId) -> Vec<RoomView> {
    store.rooms.list_by_user(user, None, Limit::default()).await.expect("answers")
}

async fn ids_listed(store: &StoreUnderTest, user: u32) -> Vec<RoomId> {
    listed(store, a_user(user).id).await.iter().map(|view| view.room.id).collect()
}

async fn read(store: &StoreUnderTest, room: RoomId, user: u32, seq: u64) -> Option<ReadMark> {
    store.rooms.mark_read_up_to(room, a_user(user).id, seq).await.expect("answers")
}

pub async fn two_people_have_one_room(store: &StoreUnderTest) {
    let opened = opened(store, pair(1, 2), 1, 7).await;
    let room = Room {
        id: a_room_id(1),
        participants: pair(1, 2),
        last_seq: 0,
        rev: 0,
        created_at: later(7),
        active_at: later(7),
    };
    assert!(opened.created);
    assert_eq!(opened.room, room);
    let again = self::opened(store, pair(2, 1), 2, 8).await;
    assert!(!again.created);
    assert_eq!(again.room, room);
    let other = self::opened(store, pair(1, 3), 3, 9).await;
    assert!(other.created);
    assert_eq!(other.room.id, a_room_id(3));
}

pub async fn of_openers_that_race_one_makes_the_room(store: &StoreUnderTest) {
    let opened = at_once(16, |n| {
        let rooms = store.rooms.clone();
        let room = a_room(pair(1, 2), u8::try_from(n).expect("small"), 0);
        async move { rooms.open(room).await.expect("answers") }
    });
    let opened = opened.await;
    assert_eq!(opened.iter().filter(|opened| opened.created).count(), 1);
    assert!(opened.iter().all(|other| other.room == opened[0].room));
    assert_eq!(ids_listed(store, 1).await, [opened[0].room.id]);
}

pub async fn a_room_is_seen_from_both_sides(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await;
    for n in 1..=3 {
        sent(store, a_message(room.id, a_user(1).id, n)).await;
    }
    read(store, room.id, 2, 2).await;
    let (mine, theirs) = (view(store, room.id, 1).await, view(store, room.id, 2).await);
    assert_eq!((mine.other, theirs.other), (a_user(2).id, a_user(1).id));
    assert_eq!((mine.read_seq, mine.other_read_seq, mine.unread), (0, 2, 0));
    assert_eq!((theirs.read_seq, theirs.other_read_seq, theirs.unread), (2, 0, 1));
    assert_eq!(mine.room, theirs.room);
    let expected = Room { last_seq: 3, rev: 3, active_at: later(3), ..room };
    assert_eq!(mine.room, expected);
    assert_eq!(mine.last_message.as_ref().map(|message| message.seq), Some(3));
    for (user, view) in [(1, mine), (2, theirs)] {
        assert_eq!(listed(store, a_user(user).id).await, [view], "lists show the same");
    }
}

pub async fn a_room_is_shown_to_its_people_alone(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await;
    let stranger = a_user(3).id;
    assert_eq!(store.rooms.find(room.id, stranger).await.expect("answers"), None);
    assert_eq!(store.rooms.find_participants(room.id, stranger).await.expect("answers"), None);
    assert_eq!(read(store, room.id, 3, 1).await, None);
    assert_eq!(listed(store, stranger).await, []);
    let nowhere = store.rooms.find(a_room_id(9), a_user(1).id).await.expect("answers");
    assert_eq!(nowhere, None);
    for person in [1, 2] {
        let who = store.rooms.find_participants(room.id, a_user(person).id).await;
        assert_eq!(who.expect("answers"), Some(pair(1, 2)));
    }
}

pub async fn the_last_message_is_shown_as_it_is_now(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await;
    assert_eq!(view(store, room.id, 1).await.last_message, None);
    sent(store, a_message(room.id, a_user(1).id, 1)).await;
    let last = sent(store, a_message(room.id, a_user(1).id, 2)).await;
    for n in 0..3 {
        let react = Alteration::React(an_emoji(n));
        let changed = altered(store, &last, a_user(2).id, react).await.expect("allowed");
        assert_eq!(view(store, room.id, 1).await.last_message.as_ref(), Some(&changed));
        assert_eq!(listed(store, a_user(2).id).await[0].last_message.as_ref(), Some(&changed));
    }
    let deleted = altered(store, &last, last.sender, Alteration::Delete).await.expect("allowed");
    let now = view(store, room.id, 2).await;
    assert_eq!(now.last_message, Some(deleted), "deleted or not");
    assert_eq!((now.room.last_seq, now.room.rev), (2, 6));
}

pub async fn only_undeleted_messages_of_the_other_count_as_unread(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await;
    let mut theirs = Vec::new();
    for n in 1..=5 {
        theirs.push(sent(store, a_message(room.id, a_user(1).id, n)).await);
        sent(store, a_message(room.id, a_user(2).id, n)).await;
    }
    let unread = || async {
        let found = view(store, room.id, 2).await.unread;
        let in_list = listed(store, a_user(2).id).await[0].unread;
        assert_eq!(found, in_list);
        found
    };
    assert_eq!(unread().await, 5, "one's own do not count");
    altered(store, &theirs[0], a_user(1).id, Alteration::Delete).await.expect("allowed");
    assert_eq!(unread().await, 4);
    read(store, room.id, 2, theirs[2].seq).await;
    assert_eq!(unread().await, 2);
    altered(store, &theirs[1], a_user(1).id, Alteration::Delete).await.expect("allowed");
    assert_eq!(unread().await, 2, "that one was read already");
    altered(store, &theirs[4], a_user(1).id, Alteration::Delete).await.expect("allowed");
    assert_eq!(unread().await, 1);
    let edit = Alteration::Edit { body: SealedBody::new(vec![1]), at: later(9) };
    altered(store, &theirs[2], a_user(1).id, edit).await.expect("allowed");
    assert_eq!(unread().await, 1, "an edit is nothing new to read");
    read(store, room.id, 2, u64::MAX).await;
    assert_eq!(unread().await, 0);
}

pub async fn reading_moves_the_mark_forward_only(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await;
    let mark = |seq, moved| Some(ReadMark { seq, moved });
    assert_eq!(read(store, room.id, 1, 3).await, mark(0, false), "there is nothing to read");
    for n in 1..=5 {
        sent(store, a_message(room.id, a_user(1).id, n)).await;
    }
    assert_eq!(view(store, room.id, 1).await.read_seq, 0, "sending moves nothing");
    assert_eq!(read(store, room.id, 2, 3).await, mark(3, true));
    assert_eq!(read(store, room.id, 2, 3).await, mark(3, false));
    assert_eq!(read(store, room.id, 2, 1).await, mark(3, false));
    assert_eq!(read(store, room.id, 2, u64::MAX).await, mark(5, true));
    assert_eq!(view(store, room.id, 2).await.read_seq, 5);
}

pub async fn of_read_marks_that_race_the_furthest_stays(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await;
    for n in 1..=30 {
        sent(store, a_message(room.id, a_user(1).id, n)).await;
    }
    let marks = at_once(30, |n| {
        let rooms = store.rooms.clone();
        let wanted = u64::from(n) * 7 % 30 + 1;
        async move {
            let mark = rooms.mark_read_up_to(room.id, a_user(2).id, wanted).await;
            (wanted, mark.expect("answers").expect("is theirs"))
        }
    });
    let marks = marks.await;
    assert!(marks.iter().all(|(wanted, mark)| mark.seq >= *wanted));
    assert!(marks.iter().all(|(wanted, mark)| !mark.moved || mark.seq == *wanted));
    assert_eq!(view(store, room.id, 2).await.read_seq, 30);
}

pub async fn rooms_are_listed_by_latest_activity(store: &StoreUnderTest) {
    let mut rooms = Vec::new();
    for other in 2..=4 {
        rooms.push(a_room_of(store, 1, other).await.id);
    }
    a_room_of(store, 2, 3).await;
    for (room, at) in [(0, 5), (2, 6), (1, 7), (0, 8)] {
        sent(store, a_message(rooms[room], a_user(1).id, at)).await;
    }
    let expected = [rooms[0], rooms[1], rooms[2]];
    assert_eq!(ids_listed(store, 1).await, expected);
    let views = listed(store, a_user(1).id).await;
    assert_eq!(
        views.iter().map(|view| view.other).collect::<Vec<_>>(),
        [2, 3, 4].map(|n| a_user(n).id)
    );
    let one = Limit::of(1).expect("positive");
    let first = store.rooms.list_by_user(a_user(1).id, None, one).await.expect("answers");
    assert_eq!(first.iter().map(|view| view.room.id).collect::<Vec<_>>(), [rooms[0]]);
}

pub async fn rooms_of_equal_activity_are_paged_without_gap_or_repeat(store: &StoreUnderTest) {
    let mut expected = Vec::new();
    for other in 2..=12 {
        let room = a_room_of(store, 1, other).await;
        let sent_at = later(100 + other % 2);
        let message = NewMessage { sent_at, ..a_message(room.id, a_user(1).id, other) };
        sent(store, message).await;
        expected.push((sent_at, room.id));
    }
    expected.sort_unstable();
    expected.reverse();
    let (mut seen, mut behind) = (Vec::new(), None);
    loop {
        let limit = Limit::of(3).expect("positive");
        let page = store.rooms.list_by_user(a_user(1).id, behind, limit).await.expect("answers");
        let Some(last) = page.last() else { break };
        behind = Some(RoomCursor::from(&last.room));
        seen.extend(page.iter().map(|view| (view.room.active_at, view.room.id)));
    }
    assert_eq!(seen, expected);
}

pub async fn activity_never_moves_back(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await;
    sent(store, a_message(room.id, a_user(1).id, 50)).await;
    sent(store, a_message(room.id, a_user(2).id, 20)).await;
    let now = view(store, room.id, 1).await;
    assert_eq!((now.room.active_at, now.room.last_seq), (later(50), 2));
    assert_eq!(listed(store, a_user(2).id).await[0].room.active_at, later(50));
}

pub async fn an_edit_does_not_lift_a_room_in_the_list(store: &StoreUnderTest) {
    let quiet = a_room_of(store, 1, 2).await.id;
    let busy = a_room_of(store, 1, 3).await.id;
    let old = sent(store, a_message(quiet, a_user(1).id, 1)).await;
    sent(store, a_message(busy, a_user(1).id, 2)).await;
    let edit = Alteration::Edit { body: SealedBody::new(vec![1]), at: later(9) };
    altered(store, &old, a_user(1).id, edit).await.expect("allowed");
    let liked = altered(store, &old, a_user(2).id, Alteration::React(an_emoji(1))).await;
    let by = a_user(2).id;
    assert_eq!(liked.expect("allowed").reactions, [Reaction { emoji: an_emoji(1), user: by }]);
    assert_eq!(ids_listed(store, 1).await, [busy, quiet]);
}

pub async fn partners_are_those_of_the_latest_rooms(store: &StoreUnderTest) {
    let mut rooms = Vec::new();
    for other in 2..=5 {
        rooms.push(a_room_of(store, 1, other).await.id);
    }
    a_room_of(store, 2, 6).await;
    for (room, at) in [(1, 5), (3, 6), (0, 7), (2, 8), (1, 9)] {
        sent(store, a_message(rooms[room], a_user(1).id, at)).await;
    }
    let partners = |user: u32, limit| async move {
        let limit = Limit::of(limit).expect("positive");
        let partners = store.rooms.list_partners(a_user(user).id, limit).await.expect("answers");
        partners.iter().map(|partner| partner.user).collect::<Vec<_>>()
    };
    assert_eq!(partners(1, 200).await, [3, 4, 2, 5].map(|n| a_user(n).id));
    assert_eq!(partners(1, 2).await, [3, 4].map(|n| a_user(n).id), "the latest");
    assert_eq!(partners(3, 200).await, [a_user(1).id]);
    assert_eq!(partners(7, 200).await, [], "a stranger has none");
}

pub async fn who_opens_a_room_stands_in_it_and_the_other_as_was_asked_for(store: &StoreUnderTest) {
    // From either side of the pair.
    for (opener, other, theirs) in [
        (1, 2, Standing::Request),
        (1, 3, Standing::Open),
        (1, 4, Standing::Declined),
        (5, 1, Standing::Request),
    ] {
        let plain =
            a_room(pair(1, opener.max(other)), u8::try_from(other + opener).expect("small"), 1);
        let new = NewRoom { opener: a_user(opener).id, other: theirs, ..plain };
        let room = store.rooms.open(new).await.expect("answers").room.id;
        assert_eq!(standing(store, room, opener).await, Some(Standing::Open));
        assert_eq!(standing(store, room, other).await, Some(theirs));
        assert_eq!(standing(store, room, 9).await, None, "it is not theirs");
        let (mine, seen) = (view(store, room, opener).await, view(store, room, other).await);
        assert_eq!((mine.standing, mine.other_standing), (Standing::Open, theirs));
        assert_eq!((seen.standing, seen.other_standing), (theirs, Standing::Open));
    }
    assert_eq!(standing(store, a_room_id(99), 1).await, None);
}

pub async fn a_standing_changes_from_what_it_was_only(store: &StoreUnderTest) {
    let room = opened(store, pair(1, 2), 1, 1).await.room.id;
    let change = |user: u32, from: &'static [Standing], to| async move {
        store.rooms.change_standing(room, a_user(user).id, from, to).await.expect("answers")
    };
    assert!(!change(2, &[Standing::Declined], Standing::Open).await);
    assert!(!change(2, &[], Standing::Open).await);
    assert!(!change(3, &[Standing::Request], Standing::Open).await, "it is not theirs");
    assert_eq!(standing(store, room, 2).await, Some(Standing::Request));
    assert!(change(2, &[Standing::Request], Standing::Declined).await);
    assert!(!change(2, &[Standing::Request], Standing::Declined).await);
    assert!(change(2, &[Standing::Request, Standing::Declined], Standing::Open).await);
    assert_eq!(
        [standing(store, room, 1).await, standing(store, room, 2).await],
        [Some(Standing::Open); 2]
    );
    // Asking for the room once more changes nothing.
    opened(store, pair(2, 1), 2, 2).await;
    assert_eq!(standing(store, room, 2).await, Some(Standing::Open));
}

pub async fn of_standings_that_race_one_is_told_that_it_changed(store: &StoreUnderTest) {
    let room = opened(store, pair(1, 2), 1, 1).await.room.id;
    let changing = at_once(16, |n| {
        let rooms = store.rooms.clone();
        let to = if n % 2 == 0 { Standing::Open } else { Standing::Declined };
        async move {
            let changed = rooms.change_standing(room, a_user(2).id, &[Standing::Request], to).await;
            changed.expect("answers").then_some(to)
        }
    });
    let changed: Vec<Standing> = changing.await.into_iter().flatten().collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(standing(store, room, 2).await, Some(changed[0]));
}

pub async fn what_was_declined_is_out_of_sight_for_one_alone(store: &StoreUnderTest) {
    let [declined, request] = [
        opened(store, pair(1, 2), 1, 1).await.room.id,
        opened(store, pair(2, 3), 2, 2).await.room.id,
    ];
    let change = |room, user: u32, from, to| async move {
        let changed = store.rooms.change_standing(room, a_user(user).id, &[from], to).await;
        assert!(changed.expect("answers"));
    };
    change(declined, 2, Standing::Request, Standing::Declined).await;
    sent(store, a_message(declined, a_user(1).id, 9)).await;
    assert_eq!(ids_listed(store, 2).await, [request], "whatever is written in it");
    assert_eq!(ids_listed(store, 1).await, [declined]);
    let limit = Limit::WHOLE_PAGE;
    let partners =
        async |user: u32| store.rooms.list_partners(a_user(user).id, limit).await.expect("answers");
    let low_asks = pair(2, 3).both()[0] == a_user(2).id;
    let (two, three) = if low_asks {
        (Standing::Open, Standing::Request)
    } else {
        (Standing::Request, Standing::Open)
    };
    assert_eq!(partners(2).await, [Partner { user: a_user(3).id, mine: two, theirs: three }]);
    let (mine, theirs) = (Standing::Open, Standing::Declined);
    assert_eq!(partners(1).await, [Partner { user: a_user(2).id, mine, theirs }]);
    assert_eq!(view(store, declined, 2).await.standing, Standing::Declined);
    change(declined, 2, Standing::Declined, Standing::Request).await;
    assert_eq!(ids_listed(store, 2).await, [declined, request]);
}

async fn clear(store: &StoreUnderTest, room: RoomId, user: u32) -> Option<Cleared> {
    store.rooms.clear(room, a_user(user).id).await.expect("answers")
}

async fn cleared(store: &StoreUnderTest, room: RoomId, user: u32) -> Option<Cleared> {
    store.rooms.find_cleared(room, a_user(user).id).await.expect("answers")
}

pub async fn what_was_cleared_is_out_of_sight_for_one_alone(store: &StoreUnderTest) {
    let (ann, room) = (a_user(1).id, a_room_of(store, 1, 2).await.id);
    assert_eq!(cleared(store, room, 1).await, Some(Cleared::default()));
    for n in 1..=3 {
        sent(store, a_message(room, ann, n)).await;
    }
    let up_to_now = Cleared { seq: 3, rev: 3 };
    assert_eq!(clear(store, room, 2).await, Some(up_to_now));
    assert_eq!(cleared(store, room, 2).await, Some(up_to_now));
    let seen = view(store, room, 2).await;
    assert_eq!((seen.cleared, seen.put_away_at, seen.unread), (up_to_now, Some(3), 0));
    assert!(seen.is_cleared() && !seen.is_listed());
    assert_eq!((seen.read_seq, seen.room.last_seq), (0, 3), "clearing is not reading");
    let hers = view(store, room, 1).await;
    assert_eq!((hers.cleared, hers.put_away_at), (Cleared::default(), None));
    assert!(hers.is_listed() && !hers.is_cleared());
    assert_eq!(cleared(store, room, 1).await, Some(Cleared::default()));
}

pub async fn what_comes_after_clearing_counts_from_there(store: &StoreUnderTest) {
    let (ann, room) = (a_user(1).id, a_room_of(store, 1, 2).await.id);
    let first = sent(store, a_message(room, ann, 1)).await;
    sent(store, a_message(room, ann, 2)).await;
    clear(store, room, 2).await;
    let third = sent(store, a_message(room, ann, 3)).await;
    sent(store, a_message(room, ann, 4)).await;
    altered(store, &first, ann, Alteration::Delete).await.expect("allowed");
    let seen = view(store, room, 2).await;
    assert_eq!(seen.unread, 2);
    assert!(seen.is_listed() && !seen.is_cleared());
    altered(store, &third, ann, Alteration::Delete).await.expect("allowed");
    assert_eq!(view(store, room, 2).await.unread, 1);
    assert_eq!(clear(store, room, 2).await, Some(Cleared { seq: 4, rev: 6 }));
    assert_eq!(view(store, room, 2).await.unread, 0);
}

pub async fn what_was_put_away_comes_back_when_asked_for(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    assert_eq!(clear(store, room, 1).await, Some(Cleared::default()), "nothing was written");
    assert_eq!(view(store, room, 1).await.put_away_at, Some(0));
    store.rooms.bring_back(room, a_user(1).id).await.expect("answers");
    let seen = view(store, room, 1).await;
    assert_eq!(seen.put_away_at, None);
    assert!(seen.is_listed());
}

pub async fn what_both_have_cleared_is_emptied_and_keeps_its_place(store: &StoreUnderTest) {
    let (ann, bob, room) = (a_user(1).id, a_user(2).id, a_room_of(store, 1, 2).await.id);
    let first = sent(store, a_message(room, ann, 1)).await;
    let reply = NewMessage { reply_to: Some(first.id), ..a_message(room, bob, 2) };
    let second = sent(store, reply).await;
    altered(store, &second, ann, Alteration::React(an_emoji(1))).await.expect("allowed");
    sent(store, a_message(room, ann, 3)).await;
    clear(store, room, 1).await;
    let empty = async |most| {
        let limit = Limit::of(most).expect("a limit");
        store.rooms.empty_cleared(limit).await.expect("answers")
    };
    assert!(!empty(200).await, "one of them still reads it");
    let last = sent(store, a_message(room, ann, 4)).await;
    clear(store, room, 2).await;
    let mut calls = 0;
    while empty(2).await {
        calls += 1;
        assert!(calls < 10, "it comes to an end");
    }
    let page = store.messages.list_window(room, Window::Latest, Limit::default()).await;
    let messages = page.expect("answers").messages;
    let numbers: Vec<_> = messages.iter().map(|message| message.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    for message in &messages[..3] {
        assert!(message.is_deleted() && message.reactions.is_empty(), "{message:?}");
        assert_eq!(message.reply_to, None);
    }
    assert_eq!(messages[3], last, "not cleared by both");
    let again = store.messages.append(vec![a_message(room, ann, 1)]).await.pop();
    let known = matches!(again, Some(Ok(Appended::Known(message))) if message.seq == 1);
    assert!(known, "its name is not free");
    assert_eq!(sent(store, a_message(room, ann, 5)).await.seq, 5);
}

pub async fn nobody_clears_the_rooms_of_others(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    for id in [room, a_room_id(77)] {
        assert_eq!(clear(store, id, 3).await, None);
        assert_eq!(cleared(store, id, 3).await, None);
        store.rooms.bring_back(id, a_user(3).id).await.expect("answers");
    }
    assert!(view(store, room, 1).await.is_listed());
}

async fn mute(store: &StoreUnderTest, room: RoomId, user: u32, muted: bool) -> Option<bool> {
    store.rooms.set_muted(room, a_user(user).id, muted).await.expect("answers")
}

pub async fn a_room_is_muted_for_one_alone(store: &StoreUnderTest) {
    // From either side of the pair.
    for (me, other) in [(1, 2), (4, 3)] {
        let room = a_room_of(store, me, other).await.id;
        assert!(!view(store, room, me).await.muted);
        assert_eq!(mute(store, room, me, false).await, Some(false));
        assert_eq!(mute(store, room, me, true).await, Some(true));
        assert_eq!(mute(store, room, me, true).await, Some(false), "it is so already");
        assert!(view(store, room, me).await.muted);
        assert!(!view(store, room, other).await.muted);
        let in_list = listed(store, a_user(me).id).await;
        assert!(in_list.iter().any(|view| view.room.id == room && view.muted));
        assert_eq!(mute(store, room, me, false).await, Some(true));
        assert!(!view(store, room, me).await.muted);
    }
}

pub async fn nobody_mutes_the_rooms_of_others(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    for id in [room, a_room_id(77)] {
        assert_eq!(mute(store, id, 3, true).await, None);
    }
    assert!(!view(store, room, 1).await.muted && !view(store, room, 2).await.muted);
}

pub async fn of_callers_that_race_to_mute_one_changes_it(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let muting = at_once(16, |_| {
        let rooms = store.rooms.clone();
        async move { rooms.set_muted(room, a_user(1).id, true).await.expect("answers") }
    });
    let changed = muting.await.into_iter().filter(|changed| *changed == Some(true)).count();
    assert_eq!(changed, 1);
    assert!(view(store, room, 1).await.muted);
}

fn up_to(room: RoomId, user: u32, seq: u64) -> Reached {
    Reached { user: a_user(user).id, room, seq }
}

async fn delivered(store: &StoreUnderTest, reached: &[Reached]) -> Vec<Reached> {
    let moved = store.rooms.mark_delivered(reached).await.expect("answers");
    moved.into_iter().map(|mark| mark.reached).collect()
}

async fn undelivered(store: &StoreUnderTest, user: u32, only: Option<RoomId>) -> Vec<Reached> {
    let latest = Limit::WHOLE_PAGE;
    store.rooms.list_undelivered(a_user(user).id, only, latest).await.expect("answers")
}

pub async fn what_reached_a_device_moves_the_mark_forward_only(store: &StoreUnderTest) {
    // From either side of the pair.
    for (me, other) in [(1, 2), (4, 3)] {
        let room = a_room_of(store, me, other).await.id;
        assert_eq!(delivered(store, &[up_to(room, me, 3)]).await, [], "there is nothing");
        for n in 1..=5 {
            sent(store, a_message(room, a_user(other).id, n)).await;
        }
        assert_eq!(delivered(store, &[up_to(room, me, 3)]).await, [up_to(room, me, 3)]);
        assert_eq!(delivered(store, &[up_to(room, me, 3)]).await, []);
        assert_eq!(delivered(store, &[up_to(room, me, 1)]).await, []);
        let (mine, theirs) = (view(store, room, me).await, view(store, room, other).await);
        assert_eq!((mine.delivered_seq, mine.other_delivered_seq), (3, 0));
        assert_eq!((theirs.delivered_seq, theirs.other_delivered_seq), (0, 3));
        assert_eq!((mine.read_seq, mine.unread), (0, 5), "what is there need not be read");
        assert_eq!(delivered(store, &[up_to(room, me, u64::MAX)]).await, [up_to(room, me, 5)]);
        let in_list = listed(store, a_user(other).id).await;
        assert!(in_list.iter().any(|view| view.room.id == room && view.other_delivered_seq == 5));
        read(store, room, me, 2).await;
        assert_eq!(view(store, room, me).await.delivered_seq, 5, "reading is another mark");
    }
}

pub async fn many_marks_move_together_and_tell_whose_they_are(store: &StoreUnderTest) {
    let [ann_bob, ann_cid] = [a_room_of(store, 1, 2).await.id, a_room_of(store, 1, 3).await.id];
    let request = opened(store, pair(1, 4), 9, 1).await.room.id;
    for (room, n) in [(ann_bob, 1), (ann_cid, 2), (request, 3)] {
        sent(store, a_message(room, a_user(1).id, n)).await;
    }
    sent(store, a_message(ann_bob, a_user(2).id, 4)).await;
    let wanted = [
        up_to(ann_bob, 1, 2),
        up_to(ann_bob, 2, 1),
        up_to(ann_cid, 3, 7),
        up_to(request, 4, 1),
        up_to(ann_bob, 3, 1),
        up_to(a_room_id(77), 1, 1),
    ];
    let moved = store.rooms.mark_delivered(&wanted).await.expect("answers");
    let theirs = |room, user: u32, seq, other: u32, standing| DeliveredMark {
        reached: up_to(room, user, seq),
        participants: pair(user, other),
        standing,
    };
    assert_eq!(moved.len(), 4, "nobody has a mark in rooms of others: {moved:?}");
    for mark in [
        theirs(ann_bob, 1, 2, 2, Standing::Open),
        theirs(ann_bob, 2, 1, 1, Standing::Open),
        theirs(ann_cid, 3, 1, 1, Standing::Open),
        theirs(request, 4, 1, 1, Standing::Request),
    ] {
        assert!(moved.contains(&mark), "{mark:?} in {moved:?}");
    }
    assert_eq!(delivered(store, &wanted).await, []);
    assert_eq!(delivered(store, &[]).await, []);
}

pub async fn of_delivered_marks_that_race_the_furthest_stays(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    for n in 1..=30 {
        sent(store, a_message(room, a_user(1).id, n)).await;
    }
    let marking = at_once(30, |n| {
        let rooms = store.rooms.clone();
        let wanted = up_to(room, 2, u64::from(n) * 7 % 30 + 1);
        async move {
            let moved = rooms.mark_delivered(&[wanted]).await.expect("answers");
            assert!(moved.iter().all(|mark| mark.reached == wanted), "{moved:?}");
            moved.len()
        }
    });
    let moved: usize = marking.await.into_iter().sum();
    assert!((1..=30).contains(&moved));
    assert_eq!(view(store, room, 2).await.delivered_seq, 30);
    assert_eq!(view(store, room, 1).await.other_delivered_seq, 30);
}

pub async fn marks_and_messages_that_race_leave_both_whole(store: &StoreUnderTest) {
    let room = a_room_of(store, 1, 2).await.id;
    let racing = at_once(20, |n| {
        let (rooms, messages) = (store.rooms.clone(), store.messages.clone());
        async move {
            let seq = match messages.append(vec![a_message(room, a_user(1).id, n)]).await.pop() {
                Some(Ok(Appended::New(message))) => message.seq,
                other => panic!("{other:?}"),
            };
            rooms.mark_delivered(&[up_to(room, 2, seq)]).await.expect("answers");
        }
    });
    racing.await;
    let seen = view(store, room, 1).await;
    assert_eq!((seen.room.last_seq, seen.other_delivered_seq), (20, 20));
}

pub async fn what_no_device_has_yet_is_listed_up_to_the_head(store: &StoreUnderTest) {
    let mut rooms = Vec::new();
    for other in 2..=5 {
        rooms.push(a_room_of(store, 1, other).await.id);
    }
    let me = a_user(1).id;
    assert_eq!(undelivered(store, 1, None).await, [], "nothing was written");
    // 0: the other's; 1: the other's and then one's own; 2: one's own alone; 3: read.
    for (room, from, at) in [(0, 2, 1), (0, 2, 2), (1, 3, 3), (1, 1, 4), (2, 1, 5), (3, 5, 6)] {
        sent(store, a_message(rooms[room], a_user(from).id, at)).await;
    }
    read(store, rooms[3], 1, 1).await;
    let expected = [up_to(rooms[1], 1, 2), up_to(rooms[0], 1, 2)];
    assert_eq!(undelivered(store, 1, None).await, expected, "those of the latest rooms first");
    assert_eq!(undelivered(store, 1, Some(rooms[0])).await, [expected[1]]);
    assert_eq!(undelivered(store, 1, Some(rooms[2])).await, []);
    assert_eq!(undelivered(store, 9, Some(rooms[0])).await, [], "it is not theirs");
    let two = Limit::of(2).expect("positive");
    let latest = store.rooms.list_undelivered(me, None, two).await.expect("answers");
    assert_eq!(latest, [], "only the latest rooms are looked at");
    assert_eq!(delivered(store, &expected).await.len(), 2);
    assert_eq!(undelivered(store, 1, None).await, []);
    assert_eq!(undelivered(store, 2, None).await, [], "one's own is nothing that could reach one");
    sent(store, a_message(rooms[0], a_user(2).id, 7)).await;
    assert_eq!(undelivered(store, 1, None).await, [up_to(rooms[0], 1, 3)]);
}

pub async fn what_is_out_of_sight_waits_for_no_device(store: &StoreUnderTest) {
    let [declined, cleared] = [
        opened(store, pair(1, 2), 1, 1).await.room.id,
        opened(store, pair(2, 3), 2, 2).await.room.id,
    ];
    for (room, from) in [(declined, 1), (cleared, 3)] {
        sent(store, a_message(room, a_user(from).id, 3)).await;
    }
    let waiting = undelivered(store, 2, None).await;
    assert_eq!(waiting.len(), 2, "also of requests: {waiting:?}");
    let (from, to) = (&[Standing::Request], Standing::Declined);
    let changed = store.rooms.change_standing(declined, a_user(2).id, from, to).await;
    assert!(changed.expect("answers"));
    clear(store, cleared, 2).await;
    assert_eq!(undelivered(store, 2, None).await, []);
    assert_eq!(undelivered(store, 2, Some(declined)).await, []);
    sent(store, a_message(cleared, a_user(3).id, 4)).await;
    assert_eq!(undelivered(store, 2, None).await, [up_to(cleared, 2, 2)]);
}
