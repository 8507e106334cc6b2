//! What the bus of one instance promises, whatever becomes of the others and of the way to them.
mod convergence;
mod history;
mod instance;

use adapter_local::RelayEventBus;
use application::ports::{Delivery, EventBus, Received};
use domain::{
    event::ChatEvent,
    id::{RoomId, SessionId, UserId},
};
use history::SharedHistory;
use instance::{Instance, Told, revs, settle, told};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

fn person(n: u8) -> UserId {
    UserId::from_bytes([n; 16])
}

/// A history with one room, of persons 1 and 2.
fn a_room() -> (Arc<SharedHistory>, RoomId) {
    let history = Arc::new(SharedHistory::default());
    let room = history.open(person(1), person(2));
    (history, room)
}

async fn after(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_order_is_restored_when_a_later_change_comes_first_without_asking_the_store() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let [mut ann, mut bob] = [here.join(person(1)).await, here.join(person(2)).await];
    let [own, remote, last] = [(); 3].map(|()| history.send(room));
    here.wire.deliver_event(remote);
    here.wire.deliver_event(last);
    settle().await;
    assert_eq!(told(&mut ann), []);
    here.bus.publish(own);
    for subscription in [&mut ann, &mut bob] {
        assert_eq!(told(subscription), revs(1..=3));
    }
    after(1).await;
    assert_eq!(history.changes_read.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_gap_lacks_is_read_from_the_store_within_milliseconds() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    let [_, _, own] = [(); 3].map(|()| history.send(room));
    here.bus.publish(own);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(told(&mut ann), revs(1..=3));
    assert_eq!(history.changes_read.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_while_nothing_can_come() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    here.wire.set_connected(false);
    let mut ann = here.join(person(1)).await;
    let [_, own] = [(); 2].map(|()| history.send(room));
    here.bus.publish(own);
    settle().await;
    assert_eq!(told(&mut ann), revs(1..=2));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_announced_is_found_within_a_period() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    // Stored by an instance that died at once.
    history.send(room);
    after(4).await;
    settle().await;
    assert_eq!(told(&mut ann), revs([1]));
}

#[tokio::test(start_paused = true)]
async fn while_the_broadcast_is_gone_changes_are_found_within_a_second() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    here.wire.set_connected(false);
    for rev in 1..=3 {
        history.send(room);
        after(1).await;
        assert_eq!(told(&mut ann), revs([rev]));
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_twice_or_too_late_is_told_once() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    let events = [(); 2].map(|()| history.send(room));
    for _ in 0..2 {
        for event in &events {
            here.bus.publish(event.clone());
            here.wire.deliver_event(event.clone());
        }
    }
    after(5).await;
    assert_eq!(told(&mut ann), revs(1..=2));
}

#[tokio::test(start_paused = true)]
async fn a_later_state_of_a_message_closes_the_gap_its_earlier_one_left() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    let first = history.send(room);
    history.edit(room, 1);
    let last = history.send(room);
    here.bus.publish(last);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(told(&mut ann), revs([2, 3]));
    here.wire.deliver_event(first);
    after(5).await;
    assert_eq!(told(&mut ann), []);
}

#[tokio::test(start_paused = true)]
async fn when_a_gap_cannot_be_filled_its_people_are_told_to_ask_and_later_events_go_on() {
    let (history, room) = a_room();
    let other_room = history.open(person(1), person(3));
    let here = Instance::on(&history).await;
    let [mut ann, mut bob, mut cleo] =
        [here.join(person(1)).await, here.join(person(2)).await, here.join(person(3)).await];
    let [missing, held] = [(); 2].map(|()| history.send(room));
    history.changes_fail.store(true, Ordering::Relaxed);
    here.bus.publish(held);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(told(&mut ann), [Told::Resync]);
    assert_eq!(told(&mut bob), [Told::Resync]);
    // Nothing older than what the resync covers is told any more.
    here.wire.deliver_event(missing);
    here.bus.publish(history.send(room));
    here.bus.publish(history.send(other_room));
    settle().await;
    assert_eq!(told(&mut bob), revs([3]));
    assert_eq!(told(&mut cleo), revs([1]));
    assert_eq!(here.bus.figures().resyncs, 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_costs_a_resync_in_time() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    history.slow.lock().expect("no panic").insert(room, Duration::from_hours(1));
    let [_, held] = [(); 2].map(|()| history.send(room));
    here.bus.publish(held);
    let heard = timeout(Duration::from_secs(3), ann.next()).await;
    assert_eq!(heard.expect("in time"), Some(Delivery::Resync));
}

#[tokio::test(start_paused = true)]
async fn a_slow_repair_in_one_room_does_not_hold_up_another() {
    let (history, slow) = a_room();
    let quick = history.open(person(1), person(3));
    let here = Instance::on(&history).await;
    let [mut bob, mut cleo] = [here.join(person(2)).await, here.join(person(3)).await];
    history.slow.lock().expect("no panic").insert(slow, Duration::from_millis(1_500));
    for room in [slow, quick] {
        let [_, held] = [(); 2].map(|()| history.send(room));
        here.bus.publish(held);
    }
    sleep(Duration::from_millis(10)).await;
    assert_eq!(told(&mut cleo), revs(1..=2));
    // Meanwhile the slow room hears more, in order, once it is repaired.
    here.bus.publish(history.send(slow));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(told(&mut bob), []);
    after(2).await;
    assert_eq!(told(&mut bob), revs(1..=3));
}

#[tokio::test(start_paused = true)]
async fn a_gap_of_many_pages_is_told_whole() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    for _ in 0..999 {
        history.send(room);
    }
    here.bus.publish(history.send(room));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(told(&mut ann), revs(1..=1_000));
}

#[tokio::test(start_paused = true)]
async fn many_pages_that_nobody_announced_are_found_by_one_look() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    for _ in 0..1_000 {
        history.send(room);
    }
    after(5).await;
    assert_eq!(told(&mut ann), revs(1..=1_000));
}

#[tokio::test(start_paused = true)]
async fn a_room_that_began_elsewhere_unheard_is_found_with_all_that_is_in_it() {
    let (history, _) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    let silent = history.open(person(1), person(4));
    history.send(silent);
    after(5).await;
    assert_eq!(told(&mut ann), [Told::Opened, Told::Rev(1)]);
    // The first word of another one is an event from its midst.
    let heard = history.open(person(1), person(5));
    history.send(heard);
    here.wire.deliver_event(history.send(heard));
    sleep(Duration::from_millis(10)).await;
    assert_eq!(told(&mut ann), [Told::Opened, Told::Rev(1), Told::Rev(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_room_found_by_the_one_who_comes_is_told_whole_to_the_one_who_was_there() {
    let (history, _) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    let silent = history.open(person(1), person(4));
    history.send(silent);
    let _theirs = here.join(person(4)).await;
    settle().await;
    assert_eq!(told(&mut ann), [Told::Opened, Told::Rev(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_begins_is_followed_from_its_first_message() {
    let (history, _) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    let room = history.open(person(1), person(4));
    here.bus.publish(history.opened(room));
    here.bus.publish(history.send(room));
    assert_eq!(told(&mut ann), [Told::Opened, Told::Rev(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_bound_ahead_of_what_is_stored_tells_nothing_and_skips_nothing() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    history.bound_ahead.store(5, Ordering::Relaxed);
    history.send(room);
    after(5).await;
    assert_eq!(told(&mut ann), revs([1]));
    here.bus.publish(history.send(room));
    assert_eq!(told(&mut ann), revs([2]));
    after(5).await;
    assert_eq!(told(&mut ann), []);
}

#[tokio::test(start_paused = true)]
async fn looks_that_failed_are_made_good_by_the_next() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    history.looks_fail.store(true, Ordering::Relaxed);
    history.send(room);
    after(60).await;
    assert_eq!(told(&mut ann), []);
    history.looks_fail.store(false, Ordering::Relaxed);
    after(1).await;
    assert_eq!(told(&mut ann), revs([1]));
    assert!(here.bus.figures().failed_looks > 50);
}

#[tokio::test(start_paused = true)]
async fn a_loss_on_the_way_is_told_to_those_it_concerns() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let [mut ann, mut bob] = [here.join(person(1)).await, here.join(person(2)).await];
    here.wire.deliver(Received::LostFor(vec![person(1), person(9)]));
    settle().await;
    assert_eq!((told(&mut ann), told(&mut bob)), (vec![Told::Resync], vec![]));
    here.wire.deliver(Received::Lost);
    settle().await;
    assert_eq!((told(&mut ann), told(&mut bob)), (vec![Told::Resync], vec![Told::Resync]));
    here.bus.publish(history.send(room));
    assert_eq!(told(&mut ann), revs([1]));
}

#[tokio::test(start_paused = true)]
async fn own_events_go_out_whoever_listens_and_those_of_others_do_not() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let [own, remote] = [(); 2].map(|()| history.send(room));
    let ended =
        ChatEvent::SessionEnded { user: person(1), session: SessionId::from_bytes([1; 16]) };
    here.wire.deliver_event(remote);
    here.wire.deliver_event(ended.clone());
    settle().await;
    here.bus.publish(own.clone());
    here.bus.publish(ended.clone());
    assert_eq!(here.wire.take_sent(), [own, ended]);
}

#[tokio::test(start_paused = true)]
async fn the_store_follows_what_others_stored_whoever_listens() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    here.bus.publish(history.send(room));
    here.wire.deliver_event(history.send(room));
    here.wire.deliver_event(history.edit(room, 1));
    settle().await;
    assert_eq!(*history.followed.lock().expect("no panic"), [2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_told_at_once_even_while_a_gap_is_open() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let mut ann = here.join(person(1)).await;
    let [_, held] = [(); 2].map(|()| history.send(room));
    let ChatEvent::Message { participants, .. } = held else { unreachable!("it is a message") };
    here.bus.publish(held);
    here.bus.publish(ChatEvent::Read { participants, room, user: person(2), seq: 1, shown: true });
    assert_eq!(told(&mut ann), [Told::Other]);
}

#[tokio::test(start_paused = true)]
async fn what_was_stored_before_somebody_came_is_not_told() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    let old = [(); 3].map(|()| history.send(room));
    let mut ann = here.join(person(1)).await;
    for event in old {
        here.wire.deliver_event(event);
    }
    after(5).await;
    assert_eq!(told(&mut ann), []);
    here.bus.publish(history.send(room));
    assert_eq!(told(&mut ann), revs([4]));
}

#[tokio::test(start_paused = true)]
async fn one_look_up_serves_all_sockets_of_a_person() {
    let (history, _) = a_room();
    let here = Instance::on(&history).await;
    *history.slow_heads.lock().expect("no panic") = Duration::from_millis(500);
    let before = Instant::now();
    let (_first, _second) = tokio::join!(here.join(person(1)), here.join(person(1)));
    let _third = here.join(person(1)).await;
    assert_eq!(before.elapsed(), Duration::from_millis(500));
    assert_eq!(history.heads_read.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_subscribing_leaves_the_look_up_to_the_next() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    *history.slow_heads.lock().expect("no panic") = Duration::from_millis(500);
    let impatient = timeout(Duration::from_millis(100), here.bus.subscribe(person(1)));
    let (impatient, mut patient) = tokio::join!(impatient, here.join(person(1)));
    assert!(impatient.is_err());
    here.bus.publish(history.send(room));
    assert_eq!(told(&mut patient), revs([1]));
}

#[tokio::test(start_paused = true)]
async fn nobody_can_subscribe_while_the_store_does_not_answer() {
    let (history, room) = a_room();
    let here = Instance::on(&history).await;
    history.heads_fail.store(true, Ordering::Relaxed);
    assert!(here.bus.subscribe(person(1)).await.is_err());
    history.heads_fail.store(false, Ordering::Relaxed);
    *history.slow_heads.lock().expect("no panic") = Duration::from_hours(1);
    let before = Instant::now();
    assert!(here.bus.subscribe(person(1)).await.is_err());
    assert!(before.elapsed() < Duration::from_secs(3));
    *history.slow_heads.lock().expect("no panic") = Duration::ZERO;
    let mut ann = here.join(person(1)).await;
    here.bus.publish(history.send(room));
    assert_eq!(told(&mut ann), revs([1]));
}

#[tokio::test(start_paused = true)]
async fn without_a_store_events_go_out_but_nobody_can_subscribe() {
    let (history, room) = a_room();
    let bus = RelayEventBus::new(None);
    bus.publish(history.send(room));
    assert!(bus.subscribe(person(1)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn those_who_left_and_rooms_in_which_nobody_is_left_are_forgotten() {
    let (history, room) = a_room();
    history.open(person(1), person(3));
    history.open(person(2), person(4));
    let here = Instance::on(&history).await;
    let ann = here.join(person(1)).await;
    let mut bob = here.join(person(2)).await;
    let size = || (here.bus.figures().people, here.bus.figures().rooms);
    assert_eq!(size(), (2, 3));
    drop(ann);
    after(5).await;
    assert_eq!(size(), (1, 2));
    here.bus.publish(history.send(room));
    assert_eq!(told(&mut bob), revs([1]));
    drop(bob);
    after(5).await;
    assert_eq!(size(), (0, 0));
    // What happened while nobody was here is not told to those who come back.
    here.bus.publish(history.send(room));
    let mut ann = here.join(person(1)).await;
    here.bus.publish(history.send(room));
    assert_eq!(told(&mut ann), revs([3]));
}

#[tokio::test(start_paused = true)]
async fn the_work_ends_when_it_is_stopped_and_the_bus_keeps_no_store_alive() {
    let (history, _) = a_room();
    let here = Instance::on(&history).await;
    let bus = Arc::downgrade(&here.bus);
    drop(here);
    settle().await;
    assert!(bus.upgrade().is_none());
    assert_eq!(Arc::strong_count(&history), 1);
}
