//! Events between instances, all being well.
use crate::{Keys, PATIENCE, a_prefix, next, patient_link, raw};
use adapter_redis::RedisBroadcast;
use application::ports::{Broadcast, Received};
use domain::{
    attachment::AttachedFile,
    event::{ChatEvent, Sight},
    id::{RoomId, UserId},
    message::SealedMessage,
    reaction::Reaction,
    room::Participants,
    sealing::{SealedBody, SealedPayload},
};
use redis::{PushInfo, PushKind, Value};
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};
use testkit::{a_message, a_session, a_user, an_arriving_file, an_emoji, later};
use tokio::{sync::mpsc, time::timeout};

pub fn ann() -> UserId {
    a_user(1).id
}

pub fn bob() -> UserId {
    a_user(2).id
}

pub fn room() -> RoomId {
    RoomId::from_bytes([0x5a; 16])
}

pub fn ended(n: u32) -> ChatEvent {
    let session = a_session(n, a_user(n).id);
    ChatEvent::SessionEnded { user: session.user, session: session.id }
}

pub fn typing() -> ChatEvent {
    let participants = Participants::pair(ann(), bob()).expect("two people");
    ChatEvent::Typing { participants, room: room(), user: ann() }
}

pub fn received(event: &ChatEvent) -> Received {
    Received::Event(Box::new(event.clone()))
}

fn a_long_lived_message() -> SealedMessage {
    let message = a_message(room(), ann(), 7).numbered(3, u64::MAX);
    SealedMessage {
        edited_at: Some(later(99)),
        reply_to: Some(message.id),
        reactions: vec![
            Reaction { emoji: an_emoji(1), user: bob() },
            Reaction { emoji: an_emoji(2), user: ann() },
        ],
        attachments: vec![AttachedFile {
            id: an_arriving_file(1, room(), ann()).id,
            details: SealedPayload::new(vec![0xcd; 300]),
        }],
        ..message
    }
}

fn one_of_each_kind() -> Vec<ChatEvent> {
    let participants = Participants::pair(ann(), bob()).expect("two people");
    let (room, user) = (room(), ann());
    let deleted = SealedMessage { body: None, ..a_message(room, bob(), 8).numbered(1, 2) };
    let large = SealedMessage {
        body: Some(SealedBody::new(vec![0xab; 20_000])),
        ..a_message(room, bob(), 9).numbered(2, 2)
    };
    vec![
        ChatEvent::Message { participants, message: a_long_lived_message() },
        ChatEvent::Message { participants, message: deleted },
        ChatEvent::Message { participants, message: large },
        ChatEvent::Read { participants, room, user, seq: u64::MAX, shown: true },
        ChatEvent::Delivered { participants, room, user, seq: u64::MAX },
        ChatEvent::RoomChanged { participants, room, only: None },
        ChatEvent::RoomChanged { participants, room, only: Some(user) },
        ChatEvent::Presence { audience: vec![ann(), bob()], user, sight: Sight::Online },
        ChatEvent::Presence { audience: Vec::new(), user: bob(), sight: Sight::Left(later(5)) },
        ChatEvent::Presence { audience: vec![bob()], user, sight: Sight::Hidden },
        ChatEvent::PrivacyChanged { user },
        typing(),
        ended(1),
    ]
}

async fn instances<const N: usize>() -> [RedisBroadcast; N] {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let mut all = Vec::new();
    for _ in 0..N {
        all.push(keys.broadcast(patient_link(&url, &prefix).await).await);
    }
    all.try_into().ok().expect("as many as asked for")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_event_reaches_all_others_as_it_was_and_in_order() {
    let [one, two, three] = instances().await;
    assert!(one.is_connected());
    for event in one_of_each_kind() {
        one.publish(&event);
    }
    for other in [&two, &three] {
        for event in one_of_each_kind() {
            assert_eq!(next(other).await, received(&event));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_there_in_a_moment() {
    let [one, two] = instances().await;
    let mut took = Vec::new();
    for n in 0..500 {
        let began = Instant::now();
        one.publish(&ended(n));
        assert_eq!(next(&two).await, received(&ended(n)));
        took.push(began.elapsed());
    }
    took.sort();
    eprintln!("from publishing to receiving: p50 {:?}, p99 {:?}", took[250], took[495]);
    // A hint that comes after a heartbeat only would take a second.
    assert!(took[250] < Duration::from_millis(500));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_flushed_arrives_although_its_instance_ends_right_after() {
    let [one, two] = instances().await;
    for n in 0..200 {
        one.publish(&ended(n));
    }
    one.flush().await;
    drop(one);
    for n in 0..200 {
        assert_eq!(next(&two).await, received(&ended(n)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_of_their_own_events() {
    let [one, two] = instances().await;
    one.publish(&ended(1));
    assert_eq!(next(&two).await, received(&ended(1)));
    two.publish(&ended(2));
    assert_eq!(next(&one).await, received(&ended(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn receiving_may_be_given_up_without_losing_anything() {
    let [one, two] = instances().await;
    for n in 0..300 {
        one.publish(&ended(n));
    }
    let mut heard = 0;
    while heard < 300 {
        if let Ok(event) = timeout(Duration::from_micros(50), two.receive()).await {
            assert_eq!(event, received(&ended(heard)));
            heard += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_hears_nothing_of_another_on_the_same_server() {
    let ([one, two], [stranger, strangers_friend]) = (instances().await, instances().await);
    stranger.publish(&ended(9));
    one.publish(&ended(1));
    assert_eq!(next(&two).await, received(&ended(1)));
    assert_eq!(next(&strangers_friend).await, received(&ended(9)));
}

// One thread: what is published in one go finds nobody who sends it meanwhile.
#[tokio::test]
async fn what_does_not_fit_is_told_by_its_people_and_the_rest_arrives() {
    let [one, two] = instances().await;
    let all: Vec<_> = (0..12_000).map(ended).collect();
    for event in &all {
        one.publish(event);
    }
    let (mut heard, mut lost) = (Vec::new(), HashSet::new());
    while heard.len() + lost.len() < all.len() {
        match next(&two).await {
            Received::Event(event) => heard.push(*event),
            Received::LostFor(users) => lost.extend(users),
            Received::Lost => panic!("it is known what was lost"),
        }
    }
    assert_eq!(heard, all[..10_000]);
    let expected: HashSet<_> = all[10_000..].iter().flat_map(ChatEvent::audience).collect();
    assert_eq!(lost, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_read_is_told_as_a_loss() {
    let (url, prefix) = (servers::redis().await, a_prefix());
    let (ours, theirs) = (Keys::new(), Keys::new());
    let one = ours.broadcast(patient_link(&url, &prefix).await).await;
    let other_keys = theirs.broadcast(patient_link(&url, &prefix).await).await;
    other_keys.publish(&ended(1));
    assert_eq!(next(&one).await, Received::Lost);
    drop(other_keys);

    let of_the_next_version = [&[2][..], &[7; 100]].concat();
    let publish = redis::Cmd::publish(format!("{prefix}events"), of_the_next_version);
    publish.query_async::<()>(&mut raw(&url).await).await.expect("publishes");
    assert_eq!(next(&one).await, Received::Lost);

    let two = ours.broadcast(patient_link(&url, &prefix).await).await;
    two.publish(&ended(2));
    assert_eq!(next(&one).await, received(&ended(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_sees_nothing_in_the_clear() {
    let (url, prefix, keys) = (servers::redis().await, a_prefix(), Keys::new());
    let mut seen = eavesdrop(&url, &prefix).await;
    let one = keys.broadcast(patient_link(&url, &prefix).await).await;
    let two = keys.broadcast(patient_link(&url, &prefix).await).await;
    let mut message = a_long_lived_message();
    message.body = Some(SealedBody::new(b"the canary sings".to_vec()));
    let participants = Participants::pair(ann(), bob()).expect("two people");
    let event = ChatEvent::Message { participants, message };
    one.publish(&event);
    assert_eq!(next(&two).await, received(&event));

    let mut traffic = Vec::new();
    // Only the event is as long.
    loop {
        let frame = timeout(PATIENCE, seen.recv()).await.expect("comes").expect("open");
        traffic.extend(&frame);
        if frame.len() > 500 {
            break;
        }
    }
    for secret in secrets() {
        assert!(!contains(&traffic, &secret), "{:?}", String::from_utf8_lossy(&secret));
    }
    // The search does find what is there.
    assert!(contains(&traffic, &traffic[300..316]));
}

async fn eavesdrop(url: &str, prefix: &str) -> mpsc::UnboundedReceiver<Vec<u8>> {
    let (heard, seen) = mpsc::unbounded_channel();
    let client = redis::Client::open(format!("{url}?protocol=resp3")).expect("a URL");
    let push = move |push: PushInfo| {
        if push.kind == PushKind::PMessage
            && let Some(Value::BulkString(bytes)) = push.data.into_iter().nth(2)
        {
            heard.send(bytes).map_err(drop)?;
        }
        Ok::<(), ()>(())
    };
    let config = redis::AsyncConnectionConfig::new().set_push_sender(push);
    let mut connection =
        client.get_multiplexed_async_connection_with_config(&config).await.expect("connects");
    connection.psubscribe(format!("{prefix}*")).await.expect("subscribes");
    // Listens for as long as the test runs.
    std::mem::forget(connection);
    seen
}

fn secrets() -> Vec<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
    let ids = [*ann().as_bytes(), *bob().as_bytes(), *room().as_bytes()];
    let texts = [ann().to_string(), bob().to_string(), room().to_string()];
    let mut secrets: Vec<Vec<u8>> = texts.map(String::into_bytes).to_vec();
    for bytes in ids.iter().map(<[u8; 16]>::as_slice).chain([&b"the canary sings"[..]]) {
        secrets.push(bytes.to_vec());
        secrets.push(BASE64.encode(bytes).into_bytes());
    }
    secrets.extend([b"canary".to_vec(), b"message".to_vec(), b"participants".to_vec()]);
    secrets
}

pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
