use crate::world::{FROM, World, a_draft, a_known_browser, down, limits_but, no_limits};
use application::{
    accounts::{
        Conversation, Conversations, Export, ExportError, Interrupted, OwnData, Places,
        RecordKeepers, SignedIn,
    },
    chat::Content,
    ports::{Mail, MockMailer, MockMessageRepository, MockRoomRepository},
};
use domain::{
    block::Block,
    message::Alteration,
    room::{RoomView, Standing},
};
use std::sync::Arc;
use testkit::a_user;

fn export(w: &World) -> Export {
    Export {
        keepers: RecordKeepers {
            users: w.store.users.clone(),
            pictures: w.store.pictures.clone(),
            sessions: w.store.sessions.clone(),
            known_devices: w.store.known_devices.clone(),
            second_factors: w.store.second_factors.clone(),
            passkeys: w.store.passkeys.clone(),
            blocks: w.store.blocks.clone(),
            clock: w.clock.clone(),
        },
        conversations: Conversations {
            rooms: w.store.rooms.clone(),
            users: w.store.users.clone(),
            messages: w.store.messages.clone(),
            files: w.fetch(),
            opener: w.history().opener,
        },
        authenticate: w.authenticate(),
        limits: no_limits(),
        places: Places::default(),
        mailer: w.mailer.clone(),
    }
}

/// Everything of a conversation, in words.
async fn read(data: &mut OwnData, conversation: &Conversation) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = data.read_on(conversation, after).await.expect("answers");
        let Some(last) = page.last() else { return all };
        after = last.message.seq;
        all.extend(page.iter().map(|opened| match &opened.content {
            Content::Text(body) => body.as_str().to_owned(),
            Content::Deleted => "(deleted)".to_owned(),
            Content::Unreadable => "(unreadable)".to_owned(),
        }));
    }
}

/// Signs in with a browser that the account knows from then on.
async fn somebody(w: &World) -> SignedIn {
    let name = w.an_account(1).await.username;
    let opened = w.sign_in().execute(a_known_browser(1, FROM), name.as_str(), "password 1").await;
    let token = opened.expect("signs in").token;
    w.authenticate().execute(&token).await.expect("answers").expect("is signed in")
}

#[tokio::test]
async fn whoever_asks_gets_what_is_theirs_and_is_told_by_mail() {
    let w = World::new();
    let me = somebody(&w).await;
    let [ann, carl] = [a_user(1), a_user(3)].map(|user| user.id);
    let room = w.a_room(1, 2).await;
    w.a_room(2, 3).await;
    let block = Block { blocker: ann, blocked: carl, created_at: w.now() };
    w.store.blocks.insert(&block).await.expect("answers");
    w.send(1, a_draft(room, 1, "one")).await;
    let two = w.send(2, a_draft(room, 2, "two")).await;
    let three = w.send(1, a_draft(room, 3, "three")).await;
    w.alter(&two.message, Alteration::Delete).await;
    w.edit(&three.message, "3").await;

    let mut data = export(&w).begin(me).await.expect("begins");
    assert_eq!(data.records.user.email, a_user(1).email);
    assert_eq!(data.records.sessions.len(), 1);
    assert_eq!(data.records.known_devices.len(), 1);
    assert!(data.records.second_factor.is_none() && data.records.picture.is_none());
    let blocked = &data.records.blocks[0];
    assert_eq!((blocked.id, blocked.user.as_ref()), (carl, Some(&a_user(3))));
    let conversations = data.list_conversations().await.expect("answers");
    let [conversation] = &conversations[..] else { panic!("{conversations:?}") };
    assert_eq!((conversation.room, conversation.last_seq), (room, 3));
    assert_eq!(read(&mut data, conversation).await, ["one", "(deleted)", "3"]);
    let others = data.find_others(&conversations).await.expect("answers");
    assert_eq!(others.into_values().collect::<Vec<_>>(), [a_user(2)]);

    let mails = w.mailer.sent_to(&a_user(1).email);
    let told = mails.iter().filter(|mail| matches!(mail, Mail::DataExported { .. })).count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn a_history_is_read_page_by_page_up_to_where_it_was() {
    let w = World::new();
    let me = somebody(&w).await;
    let room = w.a_room(1, 2).await;
    for n in 0..230_u8 {
        w.send(1, a_draft(room, n, &n.to_string())).await;
    }
    let mut data = export(&w).begin(me).await.expect("begins");
    let conversation = data.list_conversations().await.expect("answers")[0];
    w.send(2, a_draft(room, 1, "too late")).await;
    let page = data.read_on(&conversation, 0).await.expect("answers");
    assert_eq!(page.len(), 200, "never more at once");
    let expected: Vec<String> = (0..230).map(|n: u8| n.to_string()).collect();
    assert_eq!(read(&mut data, &conversation).await, expected);
}

#[tokio::test]
async fn a_declined_request_is_out_of_sight() {
    let w = World::new();
    let me = somebody(&w).await;
    let room = w.a_room(2, 1).await;
    let (open, declined) = (Standing::Open, Standing::Declined);
    let changed = w.relations.change_standing(room, me.user, &[open], declined).await;
    assert!(changed.expect("answers"));
    let mut data = export(&w).begin(me).await.expect("begins");
    assert_eq!(data.list_conversations().await.expect("answers"), []);
}

/// Somebody writes while the list is read: what was about to come next is at the front now.
#[tokio::test]
async fn a_room_that_moves_to_the_front_meanwhile_is_not_left_out() {
    let w = World::new();
    let me = somebody(&w).await;
    let view = async |n: u32| -> RoomView {
        let room = w.a_room(1, n).await;
        w.store.rooms.find(room, me.user).await.expect("answers").expect("is there")
    };
    let first = view(2).await;
    let mut moved = view(3).await;
    moved.room.active_at = w.now();
    let mut rooms = MockRoomRepository::new();
    let full = vec![first; 200];
    let mut pages = vec![vec![moved.clone()], full.clone(), Vec::new(), full].into_iter().rev();
    rooms.expect_list_by_user().returning(move |_, _, _| Ok(pages.next().unwrap_or_default()));
    let mut export = export(&w);
    export.conversations.rooms = Arc::new(rooms);
    let mut data = export.begin(me).await.expect("begins");
    let found = data.list_conversations().await.expect("answers");
    assert!(found.iter().any(|one| one.room == moved.room.id), "{found:?}");
    assert_eq!(found.len(), 2, "each once");
}

#[tokio::test]
async fn it_is_given_once_at_a_time_and_to_a_few_people() {
    let w = World::new();
    let export = export(&w);
    let me = somebody(&w).await;
    let first = export.begin(me).await.expect("begins");
    assert!(matches!(export.begin(me).await.err(), Some(ExportError::Underway)));
    drop(first);
    let mut kept = Vec::new();
    for n in 1..=5 {
        if n > 1 {
            w.an_account(n).await;
        }
        kept.push(export.begin(w.session_of(n).await).await);
    }
    assert_eq!(kept.iter().filter(|begun| begun.is_ok()).count(), Places::MOST);
    assert!(matches!(kept.pop().and_then(Result::err), Some(ExportError::Busy)));
    kept.clear();
    assert!(export.begin(me).await.is_ok(), "places are given back");
}

#[tokio::test]
async fn too_often_is_refused_and_takes_no_place() {
    let w = World::new();
    let me = somebody(&w).await;
    let mut export = export(&w);
    export.limits = limits_but("export");
    for _ in 0..2 {
        assert!(matches!(export.begin(me).await.err(), Some(ExportError::Throttled(_))));
    }
    assert!(
        w.mailer.sent_to(&a_user(1).email).iter().all(|m| !matches!(m, Mail::DataExported { .. }))
    );
}

#[tokio::test]
async fn nothing_is_given_in_silence() {
    let w = World::new();
    let me = somebody(&w).await;
    let mut mailer = MockMailer::new();
    mailer.expect_send().times(1).returning(|_, _| Err(down()));
    let mut export = export(&w);
    export.mailer = Arc::new(mailer);
    assert!(matches!(export.begin(me).await.err(), Some(ExportError::Unavailable(_))));
}

#[tokio::test]
async fn it_ends_with_the_session_and_with_the_store() {
    let w = World::new();
    let me = somebody(&w).await;
    let room = w.a_room(1, 2).await;
    w.send(1, a_draft(room, 1, "one")).await;
    let mut export = export(&w);
    let mut messages = MockMessageRepository::new();
    messages.expect_list_window().returning(|_, _, _| Err(down()));
    export.conversations.messages = Arc::new(messages);
    let mut data = export.begin(me).await.expect("begins");
    let conversation = data.list_conversations().await.expect("answers")[0];
    let failed = data.read_on(&conversation, 0).await.err();
    assert!(matches!(failed, Some(Interrupted::Unavailable(_))));

    w.sign_out().execute(me.user, me.session).await.expect("answers");
    let mut ended = None;
    for _ in 0..5 {
        ended = ended.or(match data.read_on(&conversation, 0).await.err() {
            Some(Interrupted::SignedOut) => Some(()),
            _ => None,
        });
    }
    assert!(ended.is_some(), "within a few pages");
    drop(data);
    assert!(matches!(export.begin(me).await.err(), Some(ExportError::Gone)));
}

#[tokio::test]
async fn what_was_cleared_is_not_given() {
    let w = World::new();
    let me = somebody(&w).await;
    let room = w.a_room(1, 2).await;
    w.send(2, a_draft(room, 1, "long ago")).await;
    w.clear_room().execute(me.user, room).await.expect("is cleared");
    w.send(2, a_draft(room, 2, "since then")).await;
    let gone = w.a_room(1, 3).await;
    w.send(3, a_draft(gone, 3, "all of it")).await;
    w.clear_room().execute(me.user, gone).await.expect("is cleared");

    let mut data = export(&w).begin(me).await.expect("begins");
    let mut given = Vec::new();
    for conversation in data.list_conversations().await.expect("answers") {
        given.extend(read(&mut data, &conversation).await);
    }
    assert_eq!(given, ["since then"]);
}
