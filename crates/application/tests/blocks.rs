use crate::world::{World, a_draft};
use adapter_local::LocalPresence;
use application::{
    accounts::SignedIn,
    chat::{Attendance, Barrier, Follow, Following, LiveEvent, Scope, SendError, Sent},
    people::{BlockError, Blocks},
};
use domain::{
    TimeDelta,
    block::Block,
    event::Sight,
    history::Limit,
    id::{RoomId, UserId},
};
use std::{sync::Arc, time::Duration};
use testkit::{START, a_session, a_user};
use tokio::time::timeout;

/// In which whatever is to come has come.
const A_MOMENT: Duration = Duration::from_millis(100);

struct Street {
    w: World,
    attendance: Arc<Attendance>,
    room: RoomId,
}

fn me(n: u32) -> UserId {
    a_user(n).id
}

impl Street {
    /// In which persons 1 and 2 talk.
    async fn new() -> Self {
        let w = World::new();
        let room = w.a_room(1, 2).await;
        let attendance = Arc::new(w.attendance(Arc::new(LocalPresence::default())));
        Self { w, attendance, room }
    }

    fn blocks(&self) -> Blocks {
        self.w.blocks(self.attendance.clone())
    }

    async fn block(&self, by: u32, whom: u32) {
        self.blocks().block(me(by), me(whom)).await.expect("blocks");
    }

    async fn follow(&self, n: u32) -> Following {
        let who = SignedIn { user: me(n), session: a_session(n, me(n)).id };
        let follow = Follow { attendance: self.attendance.clone(), ..self.w.follow() };
        follow.execute(who, Scope::AllRooms).await.expect("answers").expect("may follow")
    }

    async fn try_to_send(&self, n: u32, draft: u8) -> Result<Sent, SendError> {
        self.w.send_messages().execute(me(n), a_draft(self.room, draft, "hello")).await
    }
}

async fn hear(following: &mut Following) -> Vec<LiveEvent> {
    let mut heard = Vec::new();
    while let Ok(event) = timeout(A_MOMENT, following.next()).await {
        heard.push(event);
    }
    heard
}

#[tokio::test]
async fn who_is_blocked_can_not_be_heard_and_who_blocks_is_told_why_they_can_not_write() {
    let street = Street::new().await;
    assert!(street.try_to_send(2, 1).await.is_ok(), "and what is remembered of it is forgotten");
    assert!(street.try_to_send(1, 1).await.is_ok());
    street.block(1, 2).await;
    assert!(matches!(
        street.try_to_send(2, 2).await,
        Err(SendError::Barred(Barrier::NotDelivered))
    ));
    assert!(matches!(street.try_to_send(1, 2).await, Err(SendError::Barred(Barrier::Blocked))));
    street.blocks().unblock(me(1), me(2)).await.expect("unblocks");
    assert!(street.try_to_send(2, 2).await.is_ok());
    assert!(street.try_to_send(1, 2).await.is_ok());
}

#[tokio::test]
async fn what_was_sent_before_the_block_is_known_still() {
    let street = Street::new().await;
    let first = street.try_to_send(2, 1).await.expect("is sent");
    street.block(1, 2).await;
    match street.try_to_send(2, 1).await {
        Ok(Sent::Known(known)) => assert_eq!(Sent::New(known), first),
        other => panic!("expected the message, got {other:?}"),
    }
    let another = a_draft(street.room, 1, "other words");
    let outcome = street.w.send_messages().execute(me(2), another).await;
    assert!(matches!(outcome, Err(SendError::ClientIdReused)));
}

#[tokio::test]
async fn a_block_that_another_instance_put_counts_within_a_second() {
    let street = Street::new().await;
    assert!(street.try_to_send(2, 1).await.is_ok());
    let block = Block { blocker: me(1), blocked: me(2), created_at: street.w.now() };
    street.w.store.blocks.insert(&block).await.expect("answers");
    street.w.clock.advance(TimeDelta::seconds(1));
    assert!(matches!(
        street.try_to_send(2, 2).await,
        Err(SendError::Barred(Barrier::NotDelivered))
    ));
}

#[tokio::test]
async fn neither_sees_the_other_come_go_or_write() {
    let street = Street::new().await;
    let (mut anns, mut bobs) = (street.follow(1).await, street.follow(2).await);
    let online = |n| LiveEvent::Presence { user: me(n), sight: Sight::Online };
    assert!(hear(&mut anns).await.contains(&online(2)));
    hear(&mut bobs).await;
    street.block(1, 2).await;
    for (heard, other) in [(hear(&mut anns).await, 2), (hear(&mut bobs).await, 1)] {
        let sight = Sight::Left(street.w.now());
        assert_eq!(heard, [LiveEvent::Presence { user: me(other), sight }], "at once");
    }
    for n in 1..=2 {
        assert!(street.w.typing().execute(me(n), street.room).await.expect("answers"));
    }
    let mut again = street.follow(2).await;
    assert_eq!(hear(&mut again).await, [], "nor is anybody there for whoever comes anew");
    drop((again, bobs));
    assert_eq!(hear(&mut anns).await, []);
}

#[tokio::test]
async fn who_is_offline_does_not_show_by_a_block() {
    let street = Street::new().await;
    let mut bobs = street.follow(2).await;
    hear(&mut bobs).await;
    street.block(1, 2).await;
    assert_eq!(hear(&mut bobs).await, []);
}

#[tokio::test]
async fn who_is_blocked_does_not_come_into_sight_by_opening_a_room() {
    let street = Street::new().await;
    street.w.an_account(3).await;
    street.block(1, 3).await;
    let mut anns = street.follow(1).await;
    hear(&mut anns).await;
    let name = a_user(1).username;
    let (entry, created) = street.w.open_room().execute(me(3), name.as_str()).await.expect("opens");
    assert!(created, "they are not told");
    assert_eq!(entry.other.map(|other| other.id), Some(me(1)));
    let listed = street.w.rooms().list(me(1), None, Limit::default()).await.expect("answers");
    assert_eq!(listed.rooms.len(), 1, "the one with person 2");
    assert_eq!(hear(&mut anns).await, []);
}

#[tokio::test]
async fn whom_one_blocks_is_listed_the_latest_first_until_they_leave() {
    let street = Street::new().await;
    street.w.an_account(3).await;
    street.block(1, 2).await;
    street.w.clock.advance(TimeDelta::seconds(1));
    for _ in 0..2 {
        street.block(1, 3).await;
    }
    let names = async || {
        let listed = street.blocks().list(me(1)).await.expect("answers");
        listed.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(names().await, [me(3), me(2)]);
    street.w.erase().execute(&a_user(3)).await.expect("answers");
    assert_eq!(names().await, [me(2)]);
    assert_eq!(street.w.store.blocks.list_by_blocker(me(1)).await.expect("answers").len(), 1);
}

#[tokio::test]
async fn nobody_blocks_themselves_or_somebody_who_is_not_there() {
    let street = Street::new().await;
    let outcome = street.blocks().block(me(1), me(1)).await;
    assert!(matches!(outcome, Err(BlockError::SamePerson)));
    let outcome = street.blocks().block(me(1), me(9)).await;
    assert!(matches!(outcome, Err(BlockError::NobodyThere)));
    assert_eq!(street.blocks().list(me(1)).await.expect("answers"), []);
}

#[tokio::test]
async fn how_many_somebody_blocks_is_bounded() {
    let street = Street::new().await;
    for n in 0..Block::MOST as u128 {
        let blocked = UserId::from_bytes((n + 1).to_be_bytes());
        let block = Block { blocker: me(1), blocked, created_at: START };
        street.w.store.blocks.insert(&block).await.expect("answers");
    }
    let outcome = street.blocks().block(me(1), me(2)).await;
    assert!(matches!(outcome, Err(BlockError::TooMany)));
}

#[tokio::test]
async fn nothing_is_delivered_to_an_account_that_is_gone() {
    let street = Street::new().await;
    street.w.erase().execute(&a_user(2)).await.expect("answers");
    assert!(matches!(
        street.try_to_send(1, 1).await,
        Err(SendError::Barred(Barrier::NotDelivered))
    ));
}
