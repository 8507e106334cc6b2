use crate::world::{FROM, World, a_draft};
use application::{
    accounts::{ConfirmError, Proof, SignedIn},
    ports::{Mail, MockUserRepository, UserRepository},
};
use domain::event::ChatEvent;
use std::sync::Arc;
use testkit::{
    a_ceremony, a_known_device, a_passkey, a_password_reset, a_second_factor, a_user, an_email,
};

async fn signed_in(w: &World, n: u32) -> SignedIn {
    let opened = w.sign_in_as(n).await;
    w.authenticate().execute(&opened.token).await.expect("answers").expect("is signed in")
}

fn password(n: u32) -> Proof {
    Proof::Password(format!("password {n}"))
}

#[tokio::test]
async fn all_that_is_known_of_somebody_goes_and_they_are_told() {
    let w = World::new();
    w.an_account(1).await;
    let me = signed_in(&w, 1).await;
    signed_in(&w, 1).await;
    w.store.known_devices.keep(&a_known_device(1, me.user)).await.expect("answers");
    let reset = a_password_reset(1);
    assert!(w.store.password_resets.put(&reset, reset.created_at).await.expect("answers"));
    assert!(w.store.second_factors.put(&a_second_factor(1)).await.expect("answers"));
    assert!(w.store.passkeys.insert(&a_passkey(1, me.user)).await.expect("answers"));
    let begun = a_ceremony(1);
    w.store.ceremonies.put(&begun).await.expect("answers");
    w.delete_account().execute(me, FROM, &password(1)).await.expect("is deleted");

    assert_eq!(w.store.users.find(me.user).await.expect("answers"), None);
    assert_eq!(w.store.passkeys.list_by_user(me.user).await.expect("answers"), []);
    assert_eq!(w.store.second_factors.find(me.user).await.expect("answers"), None);
    assert_eq!(w.store.ceremonies.find(&begun.flow, begun.kind).await.expect("answers"), None);
    assert!(w.store.sessions.list_by_user(me.user).await.expect("answers").is_empty());
    assert!(w.store.known_devices.list_by_user(me.user).await.expect("answers").is_empty());
    assert_eq!(w.store.password_resets.find(&reset.token).await.expect("answers"), None);
    let ended = |event: &&ChatEvent| matches!(event, ChatEvent::SessionEnded { .. });
    assert_eq!(w.store.bus.events().iter().filter(ended).count(), 2);
    let farewell = |mail: &Mail| matches!(mail, Mail::AccountDeleted { .. });
    assert!(w.mailer.sent().iter().any(|(to, mail)| *to == an_email(1) && farewell(mail)));
}

#[tokio::test]
async fn the_other_keeps_the_conversation_and_hears_of_it() {
    let w = World::new();
    let room = w.a_room(1, 2).await;
    w.send(1, a_draft(room, 1, "hello")).await;
    w.send(2, a_draft(room, 2, "hi")).await;
    let me = signed_in(&w, 1).await;
    w.delete_account().execute(me, FROM, &password(1)).await.expect("is deleted");

    let entry = w.rooms().find(a_user(2).id, room).await.expect("answers").expect("is there");
    assert_eq!(entry.other, None);
    assert_eq!(entry.view.room.last_seq, 2);
    let told = |event: &ChatEvent| matches!(event, ChatEvent::RoomChanged { room: told, .. } if *told == room);
    assert!(w.store.bus.events().iter().any(told));
}

#[tokio::test]
async fn without_the_right_password_nothing_is_deleted() {
    let w = World::new();
    w.an_account(1).await;
    let me = signed_in(&w, 1).await;
    let outcome = w.delete_account().execute(me, FROM, &password(2)).await;
    assert!(matches!(outcome, Err(ConfirmError::WrongPassword)));
    assert_eq!(w.store.users.find(me.user).await.expect("answers"), Some(a_user(1)));
    assert!(w.authenticate().still_counts(me.session).await.expect("answers"));
}

#[tokio::test]
async fn what_failed_half_way_is_finished_by_the_next_try() {
    let w = World::new();
    let user = w.an_account(1).await;
    signed_in(&w, 1).await;
    let mut failing = MockUserRepository::new();
    failing.expect_remove().returning(|_| Err(crate::world::down()));
    let mut erase = w.erase();
    erase.users = Arc::new(failing) as Arc<dyn UserRepository>;
    erase.execute(&user).await.expect_err("the store is down");
    assert_eq!(w.store.users.find(user.id).await.expect("answers"), Some(user.clone()));

    let me = signed_in(&w, 1).await;
    w.delete_account().execute(me, FROM, &password(1)).await.expect("is deleted");
    assert_eq!(w.store.users.find(user.id).await.expect("answers"), None);
    assert!(!w.authenticate().still_counts(me.session).await.expect("answers"));
}
