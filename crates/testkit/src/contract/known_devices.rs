//! The contract of `KnownDeviceRepository`.
use super::at_once;
use crate::{StoreUnderTest, a_known_device, a_user, later};
use domain::{id::UserId, known_device::KnownDevice, network::Network};

fn device(n: u32) -> KnownDevice {
    a_known_device(n, a_user(1).id)
}

async fn keep(store: &StoreUnderTest, device: &KnownDevice) {
    store.known_devices.keep(device).await.expect("answers");
}

async fn list(store: &StoreUnderTest, user: UserId) -> Vec<KnownDevice> {
    store.known_devices.list_by_user(user).await.expect("answers")
}

pub async fn a_device_is_listed_for_its_person_alone_with_the_one_used_last_first(
    store: &StoreUnderTest,
) {
    let others = a_known_device(1, a_user(2).id);
    for device in [&device(2), &device(1), &device(3), &others] {
        keep(store, device).await;
    }
    assert_eq!(list(store, a_user(1).id).await, [device(3), device(2), device(1)]);
    assert_eq!(list(store, a_user(2).id).await, [others]);
    assert_eq!(list(store, a_user(3).id).await, []);
}

pub async fn one_device_of_two_people_is_kept_for_each(store: &StoreUnderTest) {
    let hers = device(1);
    let his = KnownDevice { user: a_user(2).id, ..device(1) };
    keep(store, &hers).await;
    keep(store, &his).await;
    assert_eq!(list(store, hers.user).await, [hers]);
    assert_eq!(list(store, his.user).await, [his]);
}

pub async fn a_device_that_is_used_again_is_kept_once_with_its_new_place(store: &StoreUnderTest) {
    keep(store, &device(1)).await;
    let moved = KnownDevice {
        network: Network::of([198, 51, 100, 1].into()),
        last_used_at: later(900),
        ..device(1)
    };
    keep(store, &moved).await;
    assert_eq!(list(store, a_user(1).id).await, std::slice::from_ref(&moved));
    keep(store, &KnownDevice { last_used_at: later(800), ..moved.clone() }).await;
    assert_eq!(list(store, a_user(1).id).await, [moved], "its last use never moves back");
}

pub async fn no_more_than_so_many_are_kept_and_those_used_last_stay(store: &StoreUnderTest) {
    let most = u32::try_from(KnownDevice::MOST).expect("few");
    let others = a_known_device(1, a_user(2).id);
    keep(store, &others).await;
    for n in 1..=most + 2 {
        keep(store, &device(n)).await;
    }
    let expected: Vec<_> = (3..=most + 2).rev().map(device).collect();
    assert_eq!(list(store, a_user(1).id).await, expected);
    assert_eq!(list(store, a_user(2).id).await, [others]);
}

pub async fn of_uses_that_race_each_is_kept_once(store: &StoreUnderTest) {
    let kept = at_once(16, |n| {
        let devices = store.known_devices.clone();
        async move { devices.keep(&device(1 + n % 2)).await }
    });
    assert!(kept.await.iter().all(Result::is_ok));
    assert_eq!(list(store, a_user(1).id).await, [device(2), device(1)]);
}

pub async fn devices_of_a_person_are_forgotten_together(store: &StoreUnderTest) {
    let others = a_known_device(3, a_user(2).id);
    for device in [&device(1), &device(2), &others] {
        keep(store, device).await;
    }
    for _ in 0..2 {
        store.known_devices.remove_by_user(a_user(1).id).await.expect("forgetting none is fine");
    }
    assert_eq!(list(store, a_user(1).id).await, []);
    assert_eq!(list(store, a_user(2).id).await, [others]);
}

pub async fn devices_unused_for_long_are_forgotten(store: &StoreUnderTest) {
    for n in 1..=3 {
        keep(store, &device(n)).await;
    }
    store.known_devices.remove_used_before(later(2)).await.expect("answers");
    assert_eq!(list(store, a_user(1).id).await, [device(3), device(2)]);
}
