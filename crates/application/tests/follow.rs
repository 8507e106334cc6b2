use crate::world::{World, a_body, a_draft, down, limits_but};
use application::{
    accounts::{Authenticate, SignedIn},
    chat::{Content, Follow, Following, LiveEvent, Memory, Relations, Rooms, Scope, Typing},
    ports::{
        EventBus, EventSender, MockEventBus, MockRoomRepository, MockSessionRepository, OpenedRoom,
        RoomRepository, Subscription, Unavailable, event_channel,
    },
};
use async_trait::async_trait;
use domain::{
    TimeDelta,
    event::ChatEvent,
    history::Limit,
    id::{RoomId, UserId},
    message::Alteration,
    room::{
        Cleared, DeliveredMark, NewRoom, Participants, Partner, Reached, ReadMark, RoomCursor,
        RoomView, Standing,
    },
    session::Session,
};
use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::{START, a_message, a_session, a_user};
use tokio::{sync::Semaphore, task::yield_now, time::sleep};

/// Person `n`, signed in.
async fn signed_in(w: &World, n: u32) -> SignedIn {
    // Whoever is there already stays.
    let _ = w.store.users.insert(&a_user(n)).await.expect("answers");
    let token = w.sign_in_as(n).await.token;
    w.authenticate().execute(&token).await.expect("answers").expect("is signed in")
}

async fn following(follow: &Follow, who: SignedIn, scope: Scope) -> Following {
    follow.execute(who, scope).await.expect("answers").expect("may follow")
}

/// Person `n` follows all of their rooms.
async fn follow_as(w: &World, n: u32) -> Following {
    following(&w.follow(), signed_in(w, n).await, Scope::AllRooms).await
}

/// What comes next, if that is a message: its text and `rev`.
async fn next_text(following: &mut Following) -> (String, u64) {
    match following.next().await {
        LiveEvent::Message(opened) => match opened.content {
            Content::Text(body) => (body.as_str().to_owned(), opened.message.rev),
            other => (format!("{other:?}"), opened.message.rev),
        },
        other => panic!("expected a message, got {other:?}"),
    }
}

/// That nothing has come that was not shown yet.
async fn assert_quiet(following: &mut Following) {
    tokio::select! {
        biased;
        event = following.next() => panic!("expected nothing, got {event:?}"),
        () = ready(()) => {}
    }
}

#[tokio::test]
async fn both_follow_what_is_sent_and_changed_in_order() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let mut both = [follow_as(&w, 1).await, follow_as(&w, 2).await];
    let first = w.send(1, a_draft(room, 1, "hello")).await.message;
    w.send(2, a_draft(room, 1, "hi")).await;
    w.edit(&first, "good day").await;
    w.alter(&first, Alteration::Delete).await;
    for following in &mut both {
        for (text, rev) in [("hello", 1), ("hi", 2), ("good day", 3), ("Deleted", 4)] {
            assert_eq!(next_text(following).await, (text.to_owned(), rev));
        }
        assert_quiet(following).await;
    }
}

#[tokio::test]
async fn what_happened_before_is_not_followed() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    w.send(1, a_draft(room, 1, "before")).await;
    let mut bob = follow_as(&w, 2).await;
    w.send(1, a_draft(room, 2, "after")).await;
    assert_eq!(next_text(&mut bob).await.0, "after");
}

#[tokio::test]
async fn strangers_hear_nothing() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let mut stranger = follow_as(&w, 3).await;
    let mut bob = follow_as(&w, 2).await;
    w.send(1, a_draft(room, 1, "between us")).await;
    w.typing().execute(a_user(1).id, room).await.expect("answers");
    w.mark_read().execute(a_user(2).id, room, 1).await.expect("answers");
    assert_quiet(&mut stranger).await;
    assert_eq!(next_text(&mut bob).await.0, "between us");
}

#[tokio::test]
async fn in_a_one_room_scope_other_rooms_are_silent() {
    let w = World::new();
    let [mine, other] = [w.a_room(1, 2).await, w.a_room(1, 3).await];
    let ann = signed_in(&w, 1).await;
    let mut one = following(&w.follow(), ann, Scope::Room(mine)).await;
    let mut all = following(&w.follow(), ann, Scope::AllRooms).await;
    w.send(3, a_draft(other, 1, "elsewhere")).await;
    w.typing().execute(a_user(3).id, other).await.expect("answers");
    w.mark_read().execute(a_user(1).id, other, 1).await.expect("answers");
    w.an_account(4).await;
    w.open_room().execute(a_user(4).id, "person-b").await.expect("opens");
    w.send(2, a_draft(mine, 1, "here")).await;
    assert_eq!(next_text(&mut one).await.0, "here");
    assert_eq!(next_text(&mut all).await.0, "elsewhere");
    assert!(matches!(all.next().await, LiveEvent::Typing { .. }));
    assert!(matches!(all.next().await, LiveEvent::Read { .. }));
    assert!(matches!(all.next().await, LiveEvent::Room(_)));
    assert_eq!(next_text(&mut all).await.0, "here");
}

#[tokio::test]
async fn nobody_follows_a_strangers_room() {
    let w = World::new();
    let theirs = w.a_room(2, 3).await;
    let ann = signed_in(&w, 1).await;
    for room in [theirs, RoomId::mint(START, [200; 10])] {
        let outcome = w.follow().execute(ann, Scope::Room(room)).await.expect("answers");
        assert!(outcome.is_none());
    }
}

#[tokio::test]
async fn nothing_is_missed_while_the_room_is_looked_up() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let ann = signed_in(&w, 1).await;
    let participants = Participants::pair(ann.user, a_user(2).id).expect("two people");
    let message = a_message(room, a_user(2).id, 1).numbered(1, 1);
    let mut rooms = MockRoomRepository::new();
    let bus = w.store.bus.clone();
    rooms.expect_find_participants().once().returning(move |_, _| {
        bus.publish(ChatEvent::Message { participants, message: message.clone() });
        Ok(Some(participants))
    });
    rooms.expect_find_cleared().returning(|_, _| Ok(Some(Cleared::default())));
    let rooms = Rooms { rooms: Arc::new(rooms), ..w.rooms() };
    let mut following = following(&Follow { rooms, ..w.follow() }, ann, Scope::Room(room)).await;
    assert_eq!(next_text(&mut following).await, ("Unreadable".to_owned(), 1));
}

#[tokio::test]
async fn typing_is_told_to_the_other_and_not_to_the_writer() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let [mut ann, mut bob] = [follow_as(&w, 1).await, follow_as(&w, 2).await];
    let user = a_user(1).id;
    assert!(w.typing().execute(user, room).await.expect("answers"));
    assert_eq!(bob.next().await, LiveEvent::Typing { room, user });
    assert_quiet(&mut ann).await;
}

#[tokio::test]
async fn typing_that_is_said_too_often_is_told_no_more() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let seldom = Typing { limits: limits_but("typing"), ..w.typing() };
    assert!(seldom.execute(a_user(1).id, room).await.expect("answers"), "nothing is wrong with it");
    assert_eq!(w.store.bus.events(), []);
    assert!(
        !seldom.execute(a_user(3).id, room).await.expect("answers"),
        "still nobody else's room"
    );
}

#[tokio::test]
async fn nobody_types_in_a_strangers_room() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    w.an_account(3).await;
    assert!(!w.typing().execute(a_user(3).id, room).await.expect("answers"));
    assert_eq!(w.store.bus.events(), []);
}

#[tokio::test]
async fn both_follow_how_far_somebody_has_read() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    w.send(1, a_draft(room, 1, "hello")).await;
    let user = a_user(2).id;
    let both = [follow_as(&w, 1).await, follow_as(&w, 2).await];
    w.mark_read().execute(user, room, 1).await.expect("answers");
    for mut following in both {
        assert_eq!(following.next().await, LiveEvent::Read { room, user, seq: 1 });
    }
}

#[tokio::test]
async fn a_room_that_begins_is_shown_to_each_with_the_other() {
    let w = World::new();
    let [mut ann, mut bob] = [follow_as(&w, 1).await, follow_as(&w, 2).await];
    let opened = w.open_room().execute(a_user(1).id, "person-c").await.expect("opens").0;
    for (following, other) in [(&mut ann, 2), (&mut bob, 1)] {
        match following.next().await {
            LiveEvent::Room(entry) => {
                assert_eq!(entry.view.room, opened.view.room);
                assert_eq!(entry.other, Some(a_user(other)));
            }
            event => panic!("expected a room, got {event:?}"),
        }
    }
}

#[tokio::test]
async fn a_room_that_can_not_be_shown_is_to_be_asked_for() {
    let w = World::new();
    let ann = signed_in(&w, 1).await;
    w.an_account(2).await;
    let mut rooms = MockRoomRepository::new();
    rooms.expect_find().once().returning(|_, _| Err(down()));
    let rooms = Rooms { rooms: Arc::new(rooms), ..w.rooms() };
    let mut following = following(&Follow { rooms, ..w.follow() }, ann, Scope::AllRooms).await;
    w.open_room().execute(ann.user, "person-c").await.expect("opens");
    assert_eq!(following.next().await, LiveEvent::Resync);
}

#[tokio::test]
async fn following_ends_with_its_own_session() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let [here, there] = [signed_in(&w, 1).await, signed_in(&w, 1).await];
    let mut following = following(&w.follow(), here, Scope::Room(room)).await;
    assert!(following.still_counts().await.expect("answers"));
    w.sign_out().execute(there.user, there.session).await.expect("answers");
    w.send(2, a_draft(room, 1, "still here?")).await;
    assert_eq!(next_text(&mut following).await.0, "still here?", "another session may end");
    w.sign_out().execute(here.user, here.session).await.expect("answers");
    assert_eq!(following.next().await, LiveEvent::SessionEnded);
    assert!(!following.still_counts().await.expect("answers"));
}

#[tokio::test]
async fn a_session_that_expires_counts_no_longer() {
    let w = World::new();
    let following = follow_as(&w, 1).await;
    w.clock.advance(Session::IDLE - TimeDelta::milliseconds(1));
    assert!(following.still_counts().await.expect("answers"));
    w.clock.advance(TimeDelta::milliseconds(1));
    assert!(!following.still_counts().await.expect("answers"));
}

/// A follow whose buffer holds one event, and the end to fill it from.
fn with_room_for_one(w: &World) -> (Follow, EventSender) {
    let (sender, subscription) = event_channel(1);
    (Follow { bus: bus_of(subscription), ..w.follow() }, sender)
}

fn bus_of(subscription: Subscription) -> Arc<MockEventBus> {
    let mut bus = MockEventBus::new();
    bus.expect_subscribe().return_once(|_| Ok(subscription));
    Arc::new(bus)
}

fn a_read(room: RoomId) -> Arc<ChatEvent> {
    let participants = Participants::pair(a_user(1).id, a_user(2).id).expect("two people");
    Arc::new(ChatEvent::Read { participants, room, user: a_user(2).id, seq: 1, shown: true })
}

#[tokio::test]
async fn whoever_is_too_slow_is_told_to_ask_and_follows_on() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let (follow, sender) = with_room_for_one(&w);
    let mut following = following(&follow, signed_in(&w, 1).await, Scope::AllRooms).await;
    let read = LiveEvent::Read { room, user: a_user(2).id, seq: 1 };
    sender.offer(a_read(room)).expect("listens");
    assert_eq!(following.next().await, read, "nothing is lost while there is room");
    for _ in 0..3 {
        sender.offer(a_read(room)).expect("listens");
    }
    assert_eq!(following.next().await, LiveEvent::Resync);
    assert_quiet(&mut following).await;
    sender.offer(a_read(room)).expect("listens");
    assert_eq!(following.next().await, read);
}

#[tokio::test]
async fn a_session_whose_end_was_lost_ends_all_the_same() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let ann = signed_in(&w, 1).await;
    let (follow, sender) = with_room_for_one(&w);
    let mut following = following(&follow, ann, Scope::AllRooms).await;
    sender.offer(a_read(room)).expect("listens");
    w.sign_out().execute(ann.user, ann.session).await.expect("answers");
    let ended = ChatEvent::SessionEnded { user: ann.user, session: ann.session };
    sender.offer(Arc::new(ended)).expect("listens");
    assert_eq!(following.next().await, LiveEvent::SessionEnded);
}

#[tokio::test]
async fn after_a_loss_a_store_that_is_down_ends_no_session() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let user = a_user(1).id;
    let (follow, sender) = with_room_for_one(&w);
    let mut sessions = MockSessionRepository::new();
    sessions.expect_find().once().returning(|_| Err(down()));
    let authenticate = Authenticate { sessions: Arc::new(sessions), ..w.authenticate() };
    let who = SignedIn { user, session: a_session(1, user).id };
    let mut following = following(&Follow { authenticate, ..follow }, who, Scope::AllRooms).await;
    for _ in 0..2 {
        sender.offer(a_read(room)).expect("listens");
    }
    assert_eq!(following.next().await, LiveEvent::Resync);
}

/// Rooms that are found once they are let through, and what was asked for.
struct Slow {
    rooms: Arc<dyn RoomRepository>,
    asked: Mutex<Vec<&'static str>>,
    let_through: Semaphore,
}

impl Slow {
    fn new(w: &World) -> Arc<Self> {
        let (asked, let_through) = (Mutex::default(), Semaphore::new(0));
        Arc::new(Self { rooms: w.store.rooms.clone(), asked, let_through })
    }

    /// Person 1 follows what is as slow as this.
    async fn follow(self: &Arc<Self>, w: &World) -> Following {
        let ann = signed_in(w, 1).await;
        let relations = Arc::new(Relations {
            rooms: self.clone(),
            blocks: w.store.blocks.clone(),
            users: w.store.users.clone(),
            clock: w.clock.clone(),
            memory: Memory::default(),
        });
        let rooms = Rooms { rooms: self.clone(), ..w.rooms() };
        following(&Follow { rooms, relations, ..w.follow() }, ann, Scope::AllRooms).await
    }

    async fn pass(&self, question: &'static str) {
        self.asked.lock().expect("is whole").push(question);
        self.let_through.acquire().await.expect("is open").forget();
    }

    fn asked(&self) -> Vec<&'static str> {
        self.asked.lock().expect("is whole").clone()
    }
}

#[async_trait]
impl RoomRepository for Slow {
    async fn open(&self, room: NewRoom) -> Result<OpenedRoom, Unavailable> {
        self.rooms.open(room).await
    }

    async fn find(&self, room: RoomId, user: UserId) -> Result<Option<RoomView>, Unavailable> {
        self.pass("room").await;
        self.rooms.find(room, user).await
    }

    async fn find_participants(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Participants>, Unavailable> {
        self.rooms.find_participants(room, user).await
    }

    async fn find_standing(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Standing>, Unavailable> {
        self.pass("standing").await;
        self.rooms.find_standing(room, user).await
    }

    async fn change_standing(
        &self,
        room: RoomId,
        user: UserId,
        from: &[Standing],
        to: Standing,
    ) -> Result<bool, Unavailable> {
        self.rooms.change_standing(room, user, from, to).await
    }

    async fn list_by_user(
        &self,
        user: UserId,
        behind: Option<RoomCursor>,
        limit: Limit,
    ) -> Result<Vec<RoomView>, Unavailable> {
        self.rooms.list_by_user(user, behind, limit).await
    }

    async fn list_partners(&self, user: UserId, limit: Limit) -> Result<Vec<Partner>, Unavailable> {
        self.rooms.list_partners(user, limit).await
    }

    async fn mark_read_up_to(
        &self,
        room: RoomId,
        user: UserId,
        seq: u64,
    ) -> Result<Option<ReadMark>, Unavailable> {
        self.rooms.mark_read_up_to(room, user, seq).await
    }

    async fn clear(&self, room: RoomId, user: UserId) -> Result<Option<Cleared>, Unavailable> {
        self.rooms.clear(room, user).await
    }

    async fn find_cleared(
        &self,
        room: RoomId,
        user: UserId,
    ) -> Result<Option<Cleared>, Unavailable> {
        self.pass("cleared").await;
        self.rooms.find_cleared(room, user).await
    }

    async fn bring_back(&self, room: RoomId, user: UserId) -> Result<(), Unavailable> {
        self.rooms.bring_back(room, user).await
    }

    async fn list_undelivered(
        &self,
        user: UserId,
        only: Option<RoomId>,
        limit: Limit,
    ) -> Result<Vec<Reached>, Unavailable> {
        self.rooms.list_undelivered(user, only, limit).await
    }

    async fn mark_delivered(&self, reached: &[Reached]) -> Result<Vec<DeliveredMark>, Unavailable> {
        self.rooms.mark_delivered(reached).await
    }

    async fn set_muted(
        &self,
        room: RoomId,
        user: UserId,
        muted: bool,
    ) -> Result<Option<bool>, Unavailable> {
        self.rooms.set_muted(room, user, muted).await
    }

    async fn empty_cleared(&self, limit: Limit) -> Result<bool, Unavailable> {
        self.rooms.empty_cleared(limit).await
    }
}

/// Waits for the next event again and again, and gives up each time, until so much was asked for.
async fn wait_in_vain(following: &mut Following, slow: &Slow, asked: &[&str]) {
    while slow.asked().len() < asked.len() {
        assert_quiet(following).await;
        sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..5 {
        assert_quiet(following).await;
        yield_now().await;
    }
    assert_eq!(slow.asked(), asked, "each once");
}

#[tokio::test]
async fn a_wait_that_is_cancelled_loses_nothing_and_asks_nothing_twice() {
    let w = World::new();
    let slow = Slow::new(&w);
    let mut following = slow.follow(&w).await;
    w.an_account(2).await;
    assert_quiet(&mut following).await;
    let opened = w.open_room().execute(a_user(2).id, "person-b").await.expect("opens").0;
    w.send(2, a_draft(opened.view.room.id, 1, "hello")).await;
    // Takes the room's event off the bus and is cancelled while it is looked up.
    wait_in_vain(&mut following, &slow, &["standing"]).await;
    slow.let_through.add_permits(1);
    wait_in_vain(&mut following, &slow, &["standing", "room"]).await;
    slow.let_through.add_permits(1);
    match following.next().await {
        LiveEvent::Room(entry) => assert_eq!(entry.view.room.id, opened.view.room.id),
        event => panic!("expected the room, got {event:?}"),
    }
    wait_in_vain(&mut following, &slow, &["standing", "room", "cleared"]).await;
    slow.let_through.add_permits(1);
    assert_eq!(next_text(&mut following).await.0, a_body("hello").as_str());
    assert_quiet(&mut following).await;
    assert_eq!(slow.asked().len(), 3);
}
