use crate::world::{World, down};
use adapter_local::LocalPresence;
use application::{
    accounts::SignedIn,
    chat::{Attendance, Follow, Following, LiveEvent, Memory, Relations, Scope},
    ports::{EventBus, MockPresence, MockRoomRepository, Presence},
};
use domain::{
    TimeDelta, Timestamp,
    event::{ChatEvent, Sight},
    id::{RoomId, UserId},
    room::Participants,
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use testkit::{a_session, a_user};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
/// In which whatever is to come has come.
const A_MOMENT: Duration = Duration::from_millis(100);
/// Longer than any test.
const LONG: Duration = Duration::from_hours(1);

/// A world in which it is known who is online.
struct Town {
    w: World,
    attendance: Arc<Attendance>,
}

fn ann() -> UserId {
    a_user(1).id
}

fn bob() -> UserId {
    a_user(2).id
}

fn online(user: UserId) -> LiveEvent {
    LiveEvent::Presence { user, sight: Sight::Online }
}

fn gone(user: UserId, left_at: Timestamp) -> LiveEvent {
    LiveEvent::Presence { user, sight: Sight::Left(left_at) }
}

impl Town {
    /// Where whoever closes a socket still counts for so long.
    fn new(grace: Duration) -> Self {
        let w = World::new();
        let attendance = Attendance { grace, ..w.attendance(Arc::new(LocalPresence::default())) };
        Self { w, attendance: Arc::new(attendance) }
    }

    async fn follow(&self, n: u32, scope: Scope) -> Following {
        let user = a_user(n).id;
        let who = SignedIn { user, session: a_session(n, user).id };
        let follow = Follow { attendance: self.attendance.clone(), ..self.w.follow() };
        follow.execute(who, scope).await.expect("answers").expect("may follow")
    }

    /// Person `n`, who knows already who is there.
    async fn join(&self, n: u32) -> Following {
        let mut following = self.follow(n, Scope::AllRooms).await;
        while timeout(A_MOMENT, following.next()).await.is_ok() {}
        following
    }
}

async fn next(following: &mut Following) -> LiveEvent {
    timeout(PATIENCE, following.next()).await.expect("an event")
}

async fn assert_quiet(following: &mut Following) {
    if let Ok(event) = timeout(A_MOMENT, following.next()).await {
        panic!("expected nothing, got {event:?}");
    }
}

#[tokio::test]
async fn those_who_share_a_room_hear_of_each_other() {
    let town = Town::new(Duration::ZERO);
    town.w.a_room(1, 2).await;
    let mut anns = town.join(1).await;
    let mut bobs = town.follow(2, Scope::AllRooms).await;
    assert_eq!(next(&mut bobs).await, online(ann()), "who is there already");
    assert_eq!(next(&mut anns).await, online(bob()), "who comes");
    town.w.clock.advance(TimeDelta::seconds(30));
    drop(bobs);
    assert_eq!(next(&mut anns).await, gone(bob(), town.w.now()));
    assert_quiet(&mut anns).await;
}

#[tokio::test]
async fn the_moment_of_leaving_is_when_the_socket_closed_not_when_the_grace_was_over() {
    let town = Town::new(Duration::from_secs(2));
    town.w.a_room(1, 2).await;
    let (mut anns, bobs) = (town.join(1).await, town.join(2).await);
    assert_eq!(next(&mut anns).await, online(bob()));
    let left_at = town.w.now();
    drop(bobs);
    assert_quiet(&mut anns).await;
    town.w.clock.advance(TimeDelta::seconds(30));
    assert_eq!(next(&mut anns).await, gone(bob(), left_at));
}

#[tokio::test]
async fn strangers_hear_nothing() {
    let town = Town::new(Duration::ZERO);
    town.w.a_room(1, 2).await;
    town.w.a_room(2, 3).await;
    let (mut anns, mut carls) = (town.join(1).await, town.join(3).await);
    let bobs = town.join(2).await;
    assert_eq!(next(&mut anns).await, online(bob()));
    assert_eq!(next(&mut carls).await, online(bob()));
    drop(anns);
    assert_quiet(&mut carls).await;
    drop(bobs);
    assert_eq!(next(&mut carls).await, gone(bob(), town.w.now()));
}

#[tokio::test]
async fn a_second_socket_changes_nothing_and_nor_does_its_end() {
    let town = Town::new(Duration::ZERO);
    town.w.a_room(1, 2).await;
    let mut anns = town.join(1).await;
    let (first, second) = (town.join(2).await, town.join(2).await);
    assert_eq!(next(&mut anns).await, online(bob()));
    drop(first);
    assert_quiet(&mut anns).await;
    drop(second);
    assert_eq!(next(&mut anns).await, gone(bob(), town.w.now()));
}

#[tokio::test]
async fn when_somebody_left_does_not_show_once_their_account_is_gone() {
    let town = Town::new(Duration::ZERO);
    town.w.a_room(1, 2).await;
    let (mut anns, bobs) = (town.join(1).await, town.join(2).await);
    assert_eq!(next(&mut anns).await, online(bob()));
    town.w.store.users.remove(bob()).await.expect("answers");
    drop(bobs);
    let hidden = LiveEvent::Presence { user: bob(), sight: Sight::Hidden };
    assert_eq!(next(&mut anns).await, hidden);
}

#[tokio::test]
async fn who_comes_back_soon_was_never_gone() {
    let town = Town::new(LONG);
    town.w.a_room(1, 2).await;
    let (mut anns, mut bobs) = (town.join(1).await, town.join(2).await);
    assert_eq!(next(&mut anns).await, online(bob()));
    for _ in 0..5 {
        drop(bobs);
        bobs = town.join(2).await;
    }
    assert_quiet(&mut anns).await;
}

#[tokio::test]
async fn in_a_one_room_scope_only_the_other_is_heard_of() {
    let town = Town::new(Duration::ZERO);
    let room = town.w.a_room(1, 2).await;
    town.w.a_room(1, 3).await;
    let carls = town.join(3).await;
    let mut anns = town.follow(1, Scope::Room(room)).await;
    assert_quiet(&mut anns).await;
    let bobs = town.join(2).await;
    assert_eq!(next(&mut anns).await, online(bob()));
    let mut again = town.follow(1, Scope::Room(room)).await;
    assert_eq!(next(&mut again).await, online(bob()), "who is there already");
    drop(carls);
    assert_quiet(&mut anns).await;
    drop(bobs);
    assert_eq!(next(&mut anns).await, gone(bob(), town.w.now()));
}

#[tokio::test]
async fn two_who_begin_a_room_learn_that_both_are_there() {
    let town = Town::new(Duration::ZERO);
    for n in [1, 2] {
        town.w.an_account(n).await;
    }
    let (mut anns, mut bobs) = (town.join(1).await, town.join(2).await);
    let open_room = town.w.open_room();
    open_room.execute(ann(), a_user(2).username.as_str()).await.expect("opens");
    assert!(matches!(next(&mut bobs).await, LiveEvent::Room(_)));
    assert_eq!(next(&mut bobs).await, online(ann()), "who asks does not hide");
    assert!(matches!(next(&mut anns).await, LiveEvent::Room(_)));
    assert_quiet(&mut anns).await;
    open_room.execute(bob(), a_user(1).username.as_str()).await.expect("opens");
    assert!(matches!(next(&mut anns).await, LiveEvent::Room(_)));
    assert_eq!(next(&mut anns).await, online(bob()));
}

#[tokio::test]
async fn a_shutdown_waits_for_no_grace_and_every_socket_has_left_after_it() {
    let town = Town::new(LONG);
    town.w.a_room(1, 2).await;
    let followings = [town.join(1).await, town.join(1).await, town.join(2).await];
    town.attendance.ending.cancel();
    town.attendance.tasks.close();
    let ended = || timeout(A_MOMENT, town.attendance.tasks.wait());
    assert!(ended().await.is_err(), "sockets are open");
    drop(followings);
    timeout(PATIENCE, town.attendance.tasks.wait()).await.expect("ends");
    let online = town.attendance.presence.list_online(&[ann(), bob()]).await;
    assert_eq!(online, HashSet::new());
}

#[tokio::test]
async fn a_store_that_is_down_keeps_nobody_from_coming_and_going() {
    let w = World::new();
    let mut rooms = MockRoomRepository::new();
    rooms.expect_list_partners().times(3).returning(|_, _| Err(down()));
    let presence = Arc::new(LocalPresence::default());
    let relations = Relations {
        rooms: Arc::new(rooms),
        blocks: w.store.blocks.clone(),
        users: w.store.users.clone(),
        clock: w.clock.clone(),
        memory: Memory::default(),
    };
    let relations = Arc::new(relations);
    let attendance = Arc::new(Attendance { relations, ..w.attendance(presence.clone()) });
    let attending = attendance.attend(ann());
    assert_eq!(attendance.look(ann(), None).await.expect("is answered"), []);
    assert!(presence.list_online(&[ann()]).await.contains(&ann()));
    drop(attending);
    attendance.tasks.close();
    timeout(PATIENCE, attendance.tasks.wait()).await.expect("ends");
    assert_eq!(presence.list_online(&[ann()]).await, HashSet::new());
    assert_eq!(w.store.bus.events(), []);
}

#[tokio::test]
async fn that_somebody_left_is_not_told_once_they_are_back() {
    let w = World::new();
    w.a_room(1, 2).await;
    let mut presence = MockPresence::new();
    presence.expect_arrive().once().return_const(false);
    presence.expect_leave().once().return_const(true);
    presence.expect_list_online().once().returning(|users| users.iter().copied().collect());
    let attendance = Arc::new(w.attendance(Arc::new(presence)));
    drop(attendance.attend(ann()));
    attendance.tasks.close();
    timeout(PATIENCE, attendance.tasks.wait()).await.expect("ends");
    let told = w.store.bus.events();
    assert!(!told.iter().any(|event| matches!(event, ChatEvent::Presence { .. })), "{told:?}");
}

#[tokio::test]
async fn after_a_loss_it_is_found_out_again_who_is_there() {
    let town = Town::new(Duration::ZERO);
    town.w.a_room(1, 2).await;
    let _bobs = town.join(2).await;
    town.w.store.sessions.insert(&a_session(1, ann())).await.expect("answers");
    let mut anns = town.join(1).await;
    // More than a subscription holds.
    let participants = Participants::pair(ann(), a_user(9).id).expect("two people");
    let room = RoomId::from_bytes([7; 16]);
    for seq in 0..10_100 {
        let read = ChatEvent::Read { participants, room, user: ann(), seq, shown: true };
        town.w.store.bus.publish(read);
    }
    assert_eq!(next(&mut anns).await, LiveEvent::Resync);
    assert_eq!(next(&mut anns).await, online(bob()));
}
