use crate::world::{World, a_draft, down, limits_but};
use adapter_local::LocalPresence;
use application::{
    accounts::{OwnPrivacy, PrivacyError, SignedIn},
    chat::{Attendance, Follow, Following, LiveEvent, Memory, Relations, Scope},
    ports::MockUserRepository,
};
use domain::{
    event::{ChatEvent, Sight},
    history::Limit,
    id::{RoomId, UserId},
    room::Standing,
    user::{Privacy, PrivacyChange, User},
};
use std::{sync::Arc, time::Duration};
use testkit::{a_session, a_user};
use tokio::time::timeout;

/// In which whatever is to come has come.
const A_MOMENT: Duration = Duration::from_millis(100);
const NOTHING: PrivacyChange = PrivacyChange { receipts: None, presence: None };

/// A place where persons 1 and 2 talk, and it is known who is there.
struct House {
    w: World,
    attendance: Arc<Attendance>,
    room: RoomId,
}

fn me(n: u32) -> UserId {
    a_user(n).id
}

fn receipts(on: bool) -> PrivacyChange {
    PrivacyChange { receipts: Some(on), ..NOTHING }
}

fn presence(on: bool) -> PrivacyChange {
    PrivacyChange { presence: Some(on), ..NOTHING }
}

fn seen(n: u32, sight: Sight) -> LiveEvent {
    LiveEvent::Presence { user: me(n), sight }
}

impl House {
    async fn new() -> Self {
        let w = World::new();
        let room = w.a_room(1, 2).await;
        let attendance = Arc::new(w.attendance(Arc::new(LocalPresence::default())));
        Self { w, attendance, room }
    }

    fn privacy(&self) -> OwnPrivacy {
        self.w.own_privacy(self.attendance.clone())
    }

    async fn change(&self, n: u32, change: PrivacyChange) -> Privacy {
        self.privacy().change(me(n), change).await.expect("changes")
    }

    async fn follow(&self, n: u32) -> Following {
        self.follow_with(n, &self.attendance).await
    }

    async fn follow_with(&self, n: u32, attendance: &Arc<Attendance>) -> Following {
        let who = SignedIn { user: me(n), session: a_session(n, me(n)).id };
        let (attendance, relations) = (attendance.clone(), attendance.relations.clone());
        let follow = Follow { attendance, relations, ..self.w.follow() };
        follow.execute(who, Scope::AllRooms).await.expect("answers").expect("may follow")
    }

    /// Both of them, who have heard what there was to hear.
    async fn both(&self) -> [Following; 2] {
        let mut both = [self.follow(1).await, self.follow(2).await];
        for following in &mut both {
            hear(following).await;
        }
        both
    }

    async fn read(&self, n: u32, seq: u64) {
        self.w.mark_read().execute(me(n), self.room, seq).await.expect("reads");
    }

    /// Up to where somebody sees the other of the room read, and what is unread to them.
    async fn other_read(&self, n: u32) -> (u64, u64) {
        let found = self.w.rooms().find(me(n), self.room).await.expect("answers");
        let view = found.expect("is there").view;
        (view.other_read_seq, view.unread)
    }

    /// What another instance knows, apart from this one.
    fn elsewhere(&self) -> Arc<Attendance> {
        let relations = Relations {
            rooms: self.w.store.rooms.clone(),
            blocks: self.w.store.blocks.clone(),
            users: self.w.store.users.clone(),
            clock: self.w.clock.clone(),
            memory: Memory::default(),
        };
        let relations = Arc::new(relations);
        let presence = self.attendance.presence.clone();
        Arc::new(Attendance { relations, ..self.w.attendance(presence) })
    }
}

async fn hear(following: &mut Following) -> Vec<LiveEvent> {
    let mut heard = Vec::new();
    while let Ok(event) = timeout(A_MOMENT, following.next()).await {
        heard.push(event);
    }
    heard
}

/// That one hears of a room once, and up to where the other has read there.
#[track_caller]
fn assert_room_told(heard: &[LiveEvent], other_read: u64) {
    let [LiveEvent::Room(entry)] = heard else { panic!("expected a room, got {heard:?}") };
    assert_eq!(entry.view.other_read_seq, other_read);
}

#[tokio::test]
async fn everything_shows_until_it_is_turned_off() {
    let house = House::new().await;
    let found = async || house.privacy().find(me(1)).await.expect("answers");
    assert_eq!(found().await, Some(Privacy::default()));
    let hidden = Privacy { receipts: false, presence: true };
    assert_eq!(house.change(1, receipts(false)).await, hidden);
    assert_eq!(found().await, Some(hidden));
    assert_eq!(house.change(1, NOTHING).await, hidden, "what is left out stays");
    let both = PrivacyChange { receipts: Some(true), presence: Some(false) };
    assert_eq!(house.change(1, both).await, Privacy { receipts: true, presence: false });
    assert_eq!(house.privacy().find(me(2)).await.expect("answers"), Some(Privacy::default()));
    assert_eq!(house.privacy().find(me(9)).await.expect("answers"), None);
    let nobodys = house.privacy().change(me(9), receipts(false)).await;
    assert!(matches!(nobodys, Err(PrivacyError::Gone)));
}

#[tokio::test]
async fn whoever_hides_their_reading_sees_none_and_shows_none() {
    let house = House::new().await;
    for n in 1..=2 {
        house.w.send(n, a_draft(house.room, 1, "hello")).await;
    }
    let [mut anns, mut bobs] = house.both().await;
    house.read(2, 1).await;
    let read = |n, seq| LiveEvent::Read { room: house.room, user: me(n), seq };
    assert_eq!(hear(&mut anns).await, [read(2, 1)], "while both show it");
    assert_eq!(house.other_read(1).await, (1, 1));
    hear(&mut bobs).await;

    house.change(1, receipts(false)).await;
    assert_room_told(&hear(&mut bobs).await, 0);
    assert_eq!(hear(&mut anns).await[0], LiveEvent::Resync, "her own devices ask anew");
    assert_eq!(house.other_read(1).await, (0, 1), "what is unread counts as before");
    let mut second = house.follow(1).await;
    hear(&mut second).await;
    for n in 1..=2 {
        house.read(n, 2).await;
    }
    for own in [&mut anns, &mut second] {
        assert_eq!(hear(own).await, [read(1, 2)], "her own, and nothing of his");
    }
    assert_eq!(hear(&mut bobs).await, [read(2, 2)], "his own, and nothing of hers");
    for n in 1..=2 {
        assert_eq!(house.other_read(n).await, (0, 0));
    }
    let listed = house.w.rooms().list(me(2), None, Limit::default()).await.expect("answers");
    assert_eq!(listed.rooms[0].view.other_read_seq, 0);

    house.change(1, receipts(true)).await;
    assert_room_told(&hear(&mut bobs).await, 2);
    assert_eq!(house.other_read(1).await, (2, 0));
}

#[tokio::test]
async fn nobody_is_told_what_changes_nothing_for_them() {
    let house = House::new().await;
    // A stranger who asks, one whose asking was declined, one who hides as well, one with a block.
    let [asking, declined] = [house.w.a_room(3, 1).await, house.w.a_room(1, 4).await];
    for (room, n, standing) in [(asking, 1, Standing::Request), (declined, 4, Standing::Declined)] {
        let changed = house.w.relations.change_standing(room, me(n), &[Standing::Open], standing);
        assert!(changed.await.expect("answers"));
    }
    house.w.a_room(1, 5).await;
    house.change(5, receipts(false)).await;
    house.attendance.tasks.close();
    house.attendance.tasks.wait().await;
    let before = house.w.store.bus.events().len();
    house.change(1, NOTHING).await;
    house.change(1, receipts(true)).await;
    assert_eq!(house.w.store.bus.events().len(), before, "nothing changed");
    house.change(1, receipts(false)).await;
    house.attendance.tasks.wait().await;
    let told = house.w.store.bus.events().split_off(before);
    let audience: Vec<UserId> = told.iter().flat_map(ChatEvent::audience).collect();
    assert_eq!(audience, [me(1), me(2)], "{told:?}");
}

#[tokio::test]
async fn whoever_hides_vanishes_for_others_and_these_for_them_until_they_show_again() {
    let house = House::new().await;
    let [mut anns, mut bobs] = house.both().await;
    house.change(1, presence(false)).await;
    assert_eq!(hear(&mut bobs).await, [seen(1, Sight::Hidden)]);
    assert_eq!(hear(&mut anns).await, [LiveEvent::Resync, seen(2, Sight::Hidden)]);
    let (mut again, mut his) = (house.follow(1).await, house.follow(2).await);
    for following in [&mut again, &mut his] {
        assert_eq!(hear(following).await, [], "nor is anybody there for whoever comes anew");
    }
    drop((his, bobs));
    let mut bobs = house.follow(2).await;
    assert_eq!(hear(&mut anns).await, [], "nor do they come or go");
    drop((again, anns));
    assert_eq!(hear(&mut bobs).await, []);
    let mut anns = house.follow(1).await;
    assert!(house.w.typing().execute(me(1), house.room).await.expect("answers"));
    let typing = LiveEvent::Typing { room: house.room, user: me(1) };
    assert_eq!(hear(&mut bobs).await, [typing], "that they write still shows");

    house.change(1, presence(true)).await;
    assert_eq!(hear(&mut bobs).await, [seen(1, Sight::Online)]);
    assert_eq!(hear(&mut anns).await, [LiveEvent::Resync, seen(2, Sight::Online)]);
    drop(anns);
    assert_eq!(hear(&mut bobs).await, [seen(1, Sight::Left(house.w.now()))]);
}

#[tokio::test]
async fn whoever_is_away_vanishes_as_well_and_does_not_appear() {
    let house = House::new().await;
    let [anns, mut bobs] = house.both().await;
    drop(anns);
    assert_eq!(hear(&mut bobs).await, [seen(1, Sight::Left(house.w.now()))]);
    house.change(1, presence(false)).await;
    assert_eq!(hear(&mut bobs).await, [seen(1, Sight::Hidden)], "that they were there before");
    house.change(1, presence(true)).await;
    assert_eq!(hear(&mut bobs).await, []);
}

#[tokio::test]
async fn a_block_tells_nothing_of_who_hides() {
    let house = House::new().await;
    let [mut anns, mut bobs] = house.both().await;
    house.change(1, presence(false)).await;
    for following in [&mut anns, &mut bobs] {
        hear(following).await;
    }
    house.w.blocks(house.attendance.clone()).block(me(2), me(1)).await.expect("blocks");
    for following in [&mut anns, &mut bobs] {
        assert_eq!(hear(following).await, []);
    }
}

#[tokio::test]
async fn to_whom_one_is_a_stranger_or_blocked_nothing_is_told() {
    let house = House::new().await;
    let asking = house.w.a_room(3, 1).await;
    let (open, request) = (&[Standing::Open], Standing::Request);
    let changed = house.w.relations.change_standing(asking, me(1), open, request).await;
    assert!(changed.expect("answers"));
    house.w.a_room(1, 4).await;
    house.w.blocks(house.attendance.clone()).block(me(4), me(1)).await.expect("blocks");
    house.change(1, presence(false)).await;
    house.attendance.tasks.close();
    house.attendance.tasks.wait().await;
    let told = house.w.store.bus.events();
    let told: Vec<(UserId, Vec<UserId>)> = told
        .iter()
        .filter_map(|event| match event {
            ChatEvent::Presence { user, audience, sight: Sight::Hidden } => {
                Some((*user, audience.clone()))
            }
            _ => None,
        })
        .collect();
    let expected = [(me(1), vec![me(2)]), (me(3), vec![me(1)]), (me(2), vec![me(1)])];
    assert_eq!(told, expected, "who asks shows, and so is hidden");
}

#[tokio::test]
async fn an_instance_that_knew_otherwise_learns_at_once() {
    let house = House::new().await;
    for n in 1..=2 {
        house.w.send(1, a_draft(house.room, n, "hello")).await;
    }
    let there = house.elsewhere();
    let mut anns = house.follow_with(1, &there).await;
    house.read(2, 1).await;
    let read = LiveEvent::Read { room: house.room, user: me(2), seq: 1 };
    assert!(hear(&mut anns).await.contains(&read), "remembered from now on");
    house.change(2, receipts(false)).await;
    assert_room_told(&hear(&mut anns).await, 0);
    house.read(2, 2).await;
    assert_eq!(hear(&mut anns).await, [], "no time has passed");
    let mut bobs = house.follow_with(2, &there).await;
    assert_eq!(hear(&mut bobs).await, [seen(1, Sight::Online)]);
    assert_eq!(hear(&mut anns).await, [seen(2, Sight::Online)]);
    house.change(2, presence(false)).await;
    assert_eq!(hear(&mut anns).await, [seen(2, Sight::Hidden)]);
    drop(bobs);
    assert_eq!(hear(&mut anns).await, []);
}

#[tokio::test]
async fn of_whoever_is_gone_no_reading_shows() {
    let house = House::new().await;
    house.w.send(1, a_draft(house.room, 1, "hello")).await;
    house.read(2, 1).await;
    assert_eq!(house.other_read(1).await.0, 1);
    house.w.erase().execute(&a_user(2)).await.expect("answers");
    assert_eq!(house.other_read(1).await.0, 0, "what they let others see is not known any more");
}

#[tokio::test]
async fn changing_too_often_is_refused_and_changes_nothing() {
    let house = House::new().await;
    let privacy = OwnPrivacy { limits: limits_but("privacy"), ..house.privacy() };
    let refused = privacy.change(me(1), receipts(false)).await;
    assert!(matches!(refused, Err(PrivacyError::Throttled(_))));
    assert_eq!(privacy.find(me(1)).await.expect("answers"), Some(Privacy::default()));
}

#[tokio::test]
async fn what_could_not_be_stored_is_told_to_nobody() {
    let house = House::new().await;
    let mut users = MockUserRepository::new();
    users.expect_change_privacy().once().returning(|_, _| Err(down()));
    let privacy = OwnPrivacy { users: Arc::new(users), ..house.privacy() };
    let outcome = privacy.change(me(1), presence(false)).await;
    assert!(matches!(outcome, Err(PrivacyError::Unavailable(_))));
    assert_eq!(house.w.store.bus.events(), []);
}

#[tokio::test]
async fn whoever_asks_may_go_away_before_the_answer() {
    let house = House::new().await;
    let [_anns, mut bobs] = house.both().await;
    let privacy = house.privacy();
    {
        let mut asking = Box::pin(privacy.change(me(1), presence(false)));
        tokio::select! {
            biased;
            _ = &mut asking => panic!("answered without having been waited for"),
            () = std::future::ready(()) => {}
        }
    }
    assert_eq!(hear(&mut bobs).await, [seen(1, Sight::Hidden)]);
}

#[tokio::test]
async fn who_comes_and_hides_costs_two_look_ups_and_a_reading_one() {
    let house = House::new().await;
    house.w.send(1, a_draft(house.room, 1, "hello")).await;
    let mut users = MockUserRepository::new();
    users
        .expect_list()
        .once()
        .withf(|ids| ids.len() == 2)
        .returning(|ids| Ok((1..=2).map(a_user).filter(|user| ids.contains(&user.id)).collect()));
    // Whoever comes, and later how each of the two shows their reading: remembered after that.
    users
        .expect_find()
        .times(3)
        .returning(|id| Ok((1..=2).map(a_user).find(|user: &User| user.id == id)));
    let there = house.elsewhere();
    let relations = Relations {
        rooms: house.w.store.rooms.clone(),
        blocks: house.w.store.blocks.clone(),
        users: Arc::new(users),
        clock: house.w.clock.clone(),
        memory: Memory::default(),
    };
    there.presence.arrive(me(2)).await;
    let presence = there.presence.clone();
    let there = Attendance { relations: Arc::new(relations), ..house.w.attendance(presence) };
    let mut anns = house.follow_with(1, &Arc::new(there)).await;
    assert_eq!(hear(&mut anns).await, [seen(2, Sight::Online)]);
    for n in 2..=6 {
        house.w.send(1, a_draft(house.room, n, "hello")).await;
        house.read(2, u64::from(n)).await;
    }
    let heard = hear(&mut anns).await;
    let reads = heard.iter().filter(|event| matches!(event, LiveEvent::Read { .. })).count();
    assert_eq!(reads, 5, "{heard:?}");
}
