use crate::world::{World, a_draft};
use application::{
    accounts::SignedIn,
    chat::{Following, LiveEvent, MarkDelivered, Scope},
    ports::{MockRoomRepository, RoomRepository, Unavailable},
};
use domain::{
    block::Block,
    event::ChatEvent,
    id::{RoomId, UserId},
    room::{DeliveredMark, Participants, Reached, Standing},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use testkit::{a_session, a_user};
use tokio::time::{Instant, sleep, timeout};

/// In which whatever is to come has come.
const A_MOMENT: Duration = Duration::from_millis(100);

fn me(n: u32) -> UserId {
    a_user(n).id
}

fn up_to(room: RoomId, n: u32, seq: u64) -> Reached {
    Reached { user: me(n), room, seq }
}

/// What was told of deliveries: whose device it was, and up to where.
fn told(w: &World) -> Vec<(UserId, u64)> {
    let delivered = |event| match event {
        ChatEvent::Delivered { user, seq, .. } => Some((user, seq)),
        _ => None,
    };
    w.store.bus.events().into_iter().filter_map(delivered).collect()
}

/// How far one sees that the other got it.
async fn shown(w: &World, n: u32, room: RoomId) -> u64 {
    let entry = w.rooms().find(me(n), room).await.expect("answers").expect("is theirs");
    entry.view.other_delivered_seq
}

/// Waits until nothing is to be noted any more.
async fn noted(mark_delivered: &MarkDelivered) {
    mark_delivered.tasks.close();
    timeout(Duration::from_secs(5), mark_delivered.tasks.wait()).await.expect("comes to an end");
    mark_delivered.tasks.reopen();
}

async fn follow(w: &World, n: u32) -> Following {
    let who = SignedIn { user: me(n), session: a_session(n, me(n)).id };
    w.follow().execute(who, Scope::AllRooms).await.expect("answers").expect("may follow")
}

async fn heard(following: &mut Following) -> Vec<LiveEvent> {
    let mut heard = Vec::new();
    while let Ok(event) = timeout(A_MOMENT, following.next()).await {
        if matches!(event, LiveEvent::Delivered { .. }) {
            heard.push(event);
        }
    }
    heard
}

#[tokio::test]
async fn what_reached_a_device_is_noted_and_told_to_whom_wrote_it_alone() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    for n in 1..=3 {
        w.send(1, a_draft(room, n, "hello")).await;
    }
    let (mut hers, mut his) = (follow(&w, 1).await, follow(&w, 2).await);
    let mark_delivered = Arc::new(w.mark_delivered());
    mark_delivered.reached([up_to(room, 2, 2), up_to(room, 2, 1)]);
    noted(&mark_delivered).await;
    assert_eq!(told(&w), [(me(2), 2)], "the furthest, once");
    assert_eq!(heard(&mut hers).await, [LiveEvent::Delivered { room, user: me(2), seq: 2 }]);
    assert_eq!(heard(&mut his).await, []);
    assert_eq!((shown(&w, 1, room).await, shown(&w, 2, room).await), (2, 0));
    mark_delivered.reached([up_to(room, 2, 2)]);
    noted(&mark_delivered).await;
    assert_eq!(told(&w).len(), 1, "it is known");
}

#[tokio::test]
async fn whoever_comes_has_what_waited_for_them() {
    let w = World::new();
    let [with_ann, with_cid] = [w.a_room(1, 2).await, w.a_room(3, 2).await];
    for n in 1..=2 {
        w.send(1, a_draft(with_ann, n, "hello")).await;
    }
    w.send(3, a_draft(with_cid, 1, "hello")).await;
    let mark_delivered = Arc::new(w.mark_delivered());
    mark_delivered.arrived(me(2), Some(with_cid));
    noted(&mark_delivered).await;
    assert_eq!(told(&w), [(me(2), 1)], "a socket of one room says nothing of others");
    mark_delivered.arrived(me(2), None);
    noted(&mark_delivered).await;
    assert_eq!(told(&w), [(me(2), 1), (me(2), 2)]);
    assert_eq!((shown(&w, 1, with_ann).await, shown(&w, 3, with_cid).await), (2, 1));
    mark_delivered.arrived(me(1), None);
    noted(&mark_delivered).await;
    assert_eq!(told(&w).len(), 2, "what one wrote oneself can't reach one");
}

#[tokio::test]
async fn nothing_shows_of_whoever_has_not_accepted_until_they_do() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    let (from, to) = (&[Standing::Open], Standing::Request);
    assert!(w.relations.change_standing(room, me(2), from, to).await.expect("answers"));
    w.send(1, a_draft(room, 1, "hello")).await;
    let mark_delivered = Arc::new(w.mark_delivered());
    mark_delivered.reached([up_to(room, 2, 1)]);
    noted(&mark_delivered).await;
    assert_eq!((told(&w), shown(&w, 1, room).await), (vec![], 0));
    w.requests().accept(me(2), room).await.expect("is theirs");
    assert_eq!(shown(&w, 1, room).await, 1, "it was noted all the same");
}

#[tokio::test]
async fn whoever_comes_shows_it_to_nobody_with_whom_there_is_a_block() {
    for (blocker, blocked) in [(1, 2), (2, 1)] {
        let w = World::new();
        let (apart, together) = (w.a_room(1, 2).await, w.a_room(3, 2).await);
        w.send(1, a_draft(apart, 1, "hello")).await;
        w.send(3, a_draft(together, 2, "hello")).await;
        let block = Block { blocker: me(blocker), blocked: me(blocked), created_at: w.now() };
        w.store.blocks.insert(&block).await.expect("answers");
        let mark_delivered = Arc::new(w.mark_delivered());
        mark_delivered.arrived(me(2), None);
        noted(&mark_delivered).await;
        assert_eq!((shown(&w, 1, apart).await, shown(&w, 3, together).await), (0, 1));
        w.store.blocks.remove(me(blocker), me(blocked)).await.expect("answers");
        mark_delivered.arrived(me(2), None);
        noted(&mark_delivered).await;
        assert_eq!(shown(&w, 1, apart).await, 1, "it was left, not lost");
    }
}

#[tokio::test]
async fn what_was_read_was_there() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    for n in 1..=2 {
        w.send(1, a_draft(room, n, "hello")).await;
    }
    w.mark_read().execute(me(2), room, 1).await.expect("is theirs");
    assert_eq!(shown(&w, 1, room).await, 1, "whether or not it is noted");
    let mark_delivered = Arc::new(w.mark_delivered());
    mark_delivered.arrived(me(2), None);
    noted(&mark_delivered).await;
    assert_eq!((told(&w), shown(&w, 1, room).await), (vec![(me(2), 2)], 2));
}

fn mark_of(reached: &Reached) -> DeliveredMark {
    DeliveredMark {
        reached: *reached,
        participants: Participants::pair(reached.user, me(99)).expect("two people"),
        standing: Standing::Open,
    }
}

type Asked = Arc<Mutex<Vec<(Instant, Vec<Reached>)>>>;

/// What is asked to be marked, and when; the first tries fail.
fn asked(failures: usize) -> (Asked, Arc<dyn RoomRepository>) {
    let asked = Asked::default();
    let noted = asked.clone();
    let mut rooms = MockRoomRepository::new();
    rooms.expect_mark_delivered().returning(move |reached| {
        let mut noted = noted.lock().expect("not poisoned");
        noted.push((Instant::now(), reached.to_vec()));
        if noted.len() <= failures {
            return Err(Unavailable::of("store", anyhow::anyhow!("gone")));
        }
        Ok(reached.iter().map(mark_of).collect())
    });
    (asked, Arc::new(rooms))
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_noted_is_noted_with_what_comes_next() {
    let w = World::new();
    let room = RoomId::from_bytes([1; 16]);
    let (asked, rooms) = asked(2);
    let mark_delivered = Arc::new(MarkDelivered { rooms, ..w.mark_delivered() });
    mark_delivered.reached([up_to(room, 2, 5)]);
    sleep(Duration::from_millis(4)).await;
    mark_delivered.reached([up_to(room, 2, 4), up_to(room, 3, 1)]);
    noted(&mark_delivered).await;
    let asked = asked.lock().expect("not poisoned");
    assert_eq!(asked.len(), 3);
    let mut last = asked[2].1.clone();
    last.sort_by_key(|reached| reached.seq);
    assert_eq!(last, [up_to(room, 3, 1), up_to(room, 2, 5)], "nothing moves back");
    assert_eq!(told(&w).len(), 2, "what failed is not told");
}

#[tokio::test(start_paused = true)]
async fn however_much_comes_one_write_for_everybody_is_made_at_a_time() {
    let w = World::new();
    let (asked, rooms) = asked(0);
    let pause = MarkDelivered::PAUSE;
    let mark_delivered = Arc::new(MarkDelivered { rooms, pause, ..w.mark_delivered() });
    // For four seconds, 20 people in 5 rooms each are written to every 10 ms.
    for tick in 1..=400_u64 {
        for person in 1..=20_u32 {
            let room = RoomId::from_bytes([u8::try_from(tick % 5).expect("small"); 16]);
            mark_delivered.reached([up_to(room, person, tick)]);
        }
        sleep(Duration::from_millis(10)).await;
    }
    noted(&mark_delivered).await;
    let asked = asked.lock().expect("not poisoned");
    assert!((8..=11).contains(&asked.len()), "{} writes", asked.len());
    assert!(asked.iter().all(|(_, reached)| reached.len() <= 100), "one mark a room and person");
    assert!(asked.windows(2).all(|two| two[1].0 - two[0].0 >= pause));
    let furthest = asked.iter().flat_map(|(_, reached)| reached).map(|reached| reached.seq).max();
    assert_eq!(furthest, Some(400), "nothing is left");
}

#[tokio::test(start_paused = true)]
async fn what_is_outstanding_when_the_server_goes_is_noted_at_once() {
    let w = World::new();
    let (asked, rooms) = asked(0);
    let pause = Duration::from_mins(1);
    let mark_delivered = Arc::new(MarkDelivered { rooms, pause, ..w.mark_delivered() });
    let began = Instant::now();
    mark_delivered.reached([up_to(RoomId::from_bytes([1; 16]), 2, 1)]);
    mark_delivered.ending.cancel();
    noted(&mark_delivered).await;
    assert_eq!(asked.lock().expect("not poisoned").len(), 1);
    assert!(began.elapsed() < pause);
}

#[tokio::test(start_paused = true)]
async fn what_is_outstanding_is_bounded() {
    let w = World::new();
    let (asked, rooms) = asked(0);
    let mark_delivered = Arc::new(MarkDelivered { rooms, ..w.mark_delivered() });
    let room = |n: u128| RoomId::from_bytes(n.to_be_bytes());
    mark_delivered.reached((0..70_000).map(|n| up_to(room(n), 2, 1)));
    noted(&mark_delivered).await;
    let asked = asked.lock().expect("not poisoned");
    let marks: Vec<usize> = asked.iter().map(|(_, reached)| reached.len()).collect();
    assert_eq!(marks.iter().sum::<usize>(), 65_536);
    assert!(marks.iter().all(|marks| *marks <= 500), "each write is bounded, too");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_is_asked_ever_so_often_and_not_waited_for_at_the_end() {
    let w = World::new();
    let (asked, rooms) = asked(usize::MAX);
    let pause = MarkDelivered::PAUSE;
    let mark_delivered = Arc::new(MarkDelivered { rooms, pause, ..w.mark_delivered() });
    mark_delivered.reached([up_to(RoomId::from_bytes([1; 16]), 2, 1)]);
    sleep(Duration::from_mins(1)).await;
    let tries = asked.lock().expect("not poisoned").len();
    assert!((10..=25).contains(&tries), "{tries} tries in a minute");
    mark_delivered.ending.cancel();
    noted(&mark_delivered).await;
    assert_eq!(asked.lock().expect("not poisoned").len(), tries + 1);
    assert_eq!(told(&w), []);
}
