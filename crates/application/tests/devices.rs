use crate::world::{FROM, MILLISECOND, PASSWORD, World, a_browser_at, a_known_browser, down};
use application::{
    accounts::{Acquaintance, DevicesError, OpenedSession, Sessions, SignIn, SignedIn},
    ports::{Mail, MockKnownDeviceRepository, MockMailer},
};
use domain::{TimeDelta, event::ChatEvent, known_device::KnownDevice, session::Session};
use std::{net::IpAddr, sync::Arc};
use testkit::{a_user, an_email};

fn address(n: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, n])
}

/// Person 1 signs in with browser `n`.
async fn with_browser(w: &World, n: u8, at: IpAddr) -> OpenedSession {
    let browser = a_known_browser(n, at);
    w.sign_in().execute(browser, "person-b", "password 1").await.expect("signs in")
}

async fn signed_in(w: &World, opened: &OpenedSession) -> SignedIn {
    w.authenticate().execute(&opened.token).await.expect("answers").expect("is signed in")
}

/// The addresses that person 1 was told of, oldest first.
fn told_of(w: &World) -> Vec<IpAddr> {
    let mails = w.mailer.sent_to(&an_email(1)).into_iter();
    mails
        .filter_map(|mail| match mail {
            Mail::NewSignIn { device, .. } => Some(device.address),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn ones_live_sessions_are_listed_with_the_one_in_use_first() {
    let w = World::new();
    w.an_account(1).await;
    w.an_account(2).await;
    let oldest = signed_in(&w, &with_browser(&w, 1, FROM).await).await;
    w.clock.advance(Session::IDLE - TimeDelta::days(1));
    let mine = signed_in(&w, &with_browser(&w, 2, FROM).await).await;
    w.clock.advance(TimeDelta::hours(1));
    let newest = signed_in(&w, &with_browser(&w, 3, address(7)).await).await;
    w.sign_in_as(2).await;
    let list = async || {
        let listed = w.devices().list(mine).await.expect("answers");
        listed.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [mine.session, newest.session, oldest.session]);
    w.clock.advance(TimeDelta::days(1) - TimeDelta::hours(1));
    assert_eq!(list().await, [mine.session, newest.session], "unused for two weeks");
}

#[tokio::test]
async fn one_ends_ones_own_sessions_and_nobody_elses() {
    let w = World::new();
    w.an_account(1).await;
    w.an_account(2).await;
    let mine = signed_in(&w, &with_browser(&w, 1, FROM).await).await;
    let other = signed_in(&w, &with_browser(&w, 2, FROM).await).await;
    let theirs = signed_in(&w, &w.sign_in_as(2).await).await;
    let outcome = w.devices().end(mine, theirs.session).await;
    assert!(matches!(outcome, Err(DevicesError::NoSuchSession)));
    assert!(w.authenticate().still_counts(theirs.session).await.expect("answers"));

    w.devices().end(mine, other.session).await.expect("ends");
    assert!(!w.authenticate().still_counts(other.session).await.expect("answers"));
    assert!(w.authenticate().still_counts(mine.session).await.expect("answers"));
    let told = ChatEvent::SessionEnded { user: mine.user, session: other.session };
    assert_eq!(w.store.bus.events().last(), Some(&told));
    let again = w.devices().end(mine, other.session).await;
    assert!(matches!(again, Err(DevicesError::NoSuchSession)));
}

#[tokio::test]
async fn a_session_that_no_longer_counts_is_not_there_to_be_ended() {
    let w = World::new();
    w.an_account(1).await;
    let old = signed_in(&w, &with_browser(&w, 1, FROM).await).await;
    w.clock.advance(Session::IDLE);
    let mine = signed_in(&w, &with_browser(&w, 1, FROM).await).await;
    let outcome = w.devices().end(mine, old.session).await;
    assert!(matches!(outcome, Err(DevicesError::NoSuchSession)));
}

#[tokio::test]
async fn all_others_end_and_are_told() {
    let w = World::new();
    w.an_account(1).await;
    w.an_account(2).await;
    let mine = signed_in(&w, &with_browser(&w, 1, FROM).await).await;
    let others = [2, 3].map(|n| with_browser(&w, n, FROM));
    let [second, third] = others;
    let others = [signed_in(&w, &second.await).await, signed_in(&w, &third.await).await];
    let theirs = signed_in(&w, &w.sign_in_as(2).await).await;
    w.devices().end_others(mine).await.expect("ends");
    for gone in others {
        assert!(!w.authenticate().still_counts(gone.session).await.expect("answers"));
        let told = ChatEvent::SessionEnded { user: mine.user, session: gone.session };
        assert!(w.store.bus.events().contains(&told));
    }
    for stays in [mine, theirs] {
        assert!(w.authenticate().still_counts(stays.session).await.expect("answers"));
    }
}

#[tokio::test]
async fn a_new_browser_is_told_of_once_and_the_first_not_at_all() {
    let w = World::new();
    w.an_account(1).await;
    with_browser(&w, 1, address(1)).await;
    assert!(told_of(&w).is_empty(), "the first");
    with_browser(&w, 1, address(2)).await;
    assert!(told_of(&w).is_empty(), "the same somewhere else");
    with_browser(&w, 2, address(1)).await;
    assert_eq!(told_of(&w), [address(1)], "another in the same place");
    with_browser(&w, 2, address(3)).await;
    with_browser(&w, 1, address(3)).await;
    assert_eq!(told_of(&w), [address(1)], "both are known");
    let bare = w.sign_in().execute(a_browser_at(address(4)), "person-b", "password 1").await;
    assert!(bare.is_ok());
    assert_eq!(told_of(&w), [address(1), address(4)], "one that keeps no cookie is always new");
    let mails = w.mailer.sent_to(&an_email(1));
    assert!(matches!(&mails[..], [Mail::NewSignIn { username, at, .. }, _]
        if *username == a_user(1).username && *at == w.now()));
}

#[tokio::test]
async fn opening_an_account_is_no_news_but_the_next_browser_is() {
    let w = World::new();
    let flow = w.sign_up_as(1).await;
    let browser = a_known_browser(1, FROM);
    let code = w.code(1);
    let opened = w.verify_otp().execute(browser, Some(flow), &an_email(1), &code).await;
    assert!(opened.is_ok());
    assert!(told_of(&w).is_empty());
    let elsewhere = a_known_browser(2, address(2));
    let opened = w.sign_in().execute(elsewhere, "person-b", PASSWORD).await;
    assert!(opened.is_ok());
    assert_eq!(told_of(&w), [address(2)]);
}

#[tokio::test]
async fn an_account_whose_devices_nobody_remembers_is_told() {
    let w = World::new();
    w.an_account(1).await;
    // Signed in before devices were remembered.
    let opened = w.sign_in().execute(a_browser_at(FROM), "person-b", "password 1").await;
    assert!(opened.is_ok());
    with_browser(&w, 1, address(1)).await;
    assert_eq!(told_of(&w), [address(1)]);
    // Or so long ago that they are forgotten.
    w.clock.advance(KnownDevice::LIFETIME);
    with_browser(&w, 1, address(2)).await;
    assert_eq!(told_of(&w), [address(1), address(2)]);
}

#[tokio::test]
async fn a_browser_is_known_for_a_year_after_its_last_use() {
    let w = World::new();
    w.an_account(1).await;
    with_browser(&w, 1, FROM).await;
    for _ in 0..2 {
        w.clock.advance(KnownDevice::LIFETIME - MILLISECOND);
        w.sweep().execute().await.expect("sweeps");
        with_browser(&w, 1, address(1)).await;
    }
    assert!(told_of(&w).is_empty());
    w.clock.advance(KnownDevice::LIFETIME + MILLISECOND);
    w.sweep().execute().await.expect("sweeps");
    let kept = w.store.known_devices.list_by_user(a_user(1).id).await.expect("answers");
    assert_eq!(kept, []);
}

#[tokio::test]
async fn a_sign_in_goes_well_whatever_becomes_of_the_mail_and_the_memory() {
    let w = World::new();
    w.an_account(1).await;
    with_browser(&w, 1, FROM).await;
    let mut mailer = MockMailer::new();
    mailer.expect_send().once().returning(|_, _| Err(down()));
    let unmailed = Acquaintance { mailer: Arc::new(mailer), ..w.acquaintance() };
    let mut devices = MockKnownDeviceRepository::new();
    devices.expect_list_by_user().once().returning(|_| Ok(Vec::new()));
    devices.expect_list_by_user().once().returning(|_| Err(down()));
    devices.expect_keep().once().returning(|_| Err(down()));
    let forgetful = Acquaintance { devices: Arc::new(devices), ..w.acquaintance() };
    for acquaintance in [unmailed, forgetful] {
        let sessions = Sessions { acquaintance, ..w.sessions() };
        let sign_in = SignIn { sessions, ..w.sign_in() };
        let opened = sign_in.execute(a_known_browser(2, FROM), "person-b", "password 1").await;
        signed_in(&w, &opened.expect("signs in")).await;
    }
}

#[tokio::test]
async fn beyond_so_many_sessions_the_one_used_least_recently_ends() {
    let w = World::new();
    w.an_account(1).await;
    let mut opened = Vec::new();
    for _ in 0..=Session::MOST {
        opened.push(signed_in(&w, &with_browser(&w, 1, FROM).await).await);
        w.clock.advance(MILLISECOND);
    }
    let last = opened[Session::MOST];
    assert_eq!(w.devices().list(last).await.expect("answers").len(), Session::MOST);
    assert!(!w.authenticate().still_counts(opened[0].session).await.expect("answers"));
    for stays in [opened[1], last] {
        assert!(w.authenticate().still_counts(stays.session).await.expect("answers"));
    }
    let told = ChatEvent::SessionEnded { user: last.user, session: opened[0].session };
    assert_eq!(w.store.bus.events(), [told]);
}
