//! Many instances on MongoDB and Redis behind nginx.
use journeys::{Correspondent, Deployment, Heard, Person, Traffic, client_id, send_frame};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

const PAIRS: usize = 20;

/// So much is acknowledged between two blows, wherever they find it.
async fn after_more(traffic: &Traffic, messages: usize) {
    let goal = traffic.acknowledged() + messages;
    let waiting = async {
        while traffic.acknowledged() < goal {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let came = tokio::time::timeout(Duration::from_mins(1), waiting).await;
    assert!(came.is_ok(), "{} of {goal} were acknowledged", traffic.acknowledged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_sent_on_one_instance_appears_on_the_sockets_of_another() {
    let deployment = Deployment::start(2).await;
    let (ann, bob, room) = deployment.pair().await;
    let [first, second] = [0, 1].map(|number| deployment.instance(number));
    let (ann_here, bob_there) = (ann.at(&first), bob.at(&second));
    let (mut hers, mut his) = (ann_here.socket().await, bob_there.socket().await);
    for n in 1..=20 {
        let (from, to, sender) =
            if n % 2 == 0 { (&mut hers, &mut his, &ann) } else { (&mut his, &mut hers, &bob) };
        let id = client_id();
        from.send(&send_frame(&room, &id, &format!("number {n}"))).await;
        for socket in [from, to] {
            let heard = socket.next_of("message").await;
            assert_eq!((&heard["client_id"], &heard["seq"]), (&json!(id), &json!(n)));
            assert_eq!(heard["sender"], sender.id.as_str());
        }
    }
    // What is no message crosses over as well.
    his.send(&json!({"type": "read", "room": room, "seq": 20})).await;
    assert_eq!(hers.next_of("read").await["seq"], 20);
    hers.send(&json!({"type": "typing", "room": room})).await;
    assert_eq!(his.next_of("typing").await["user"], ann.id.as_str());
    // And whoever signs out at one door is out at every other.
    bob.post("/api/logout", json!({})).await.must(204);
    assert_eq!(his.end().await, Some(4401));
    assert_eq!(bob_there.get("/api/me").await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_is_killed_every_acknowledged_message_is_there_once_and_in_order() {
    let mut deployment = Deployment::start(2).await;
    let traffic = Arc::new(Traffic::default());
    let mut writing = JoinSet::new();
    for _ in 0..PAIRS {
        let (ann, bob, room) = deployment.pair().await;
        for person in [ann, bob] {
            writing.spawn(Correspondent::new(&person, &room, &traffic).write());
        }
    }

    let blow = 400;
    after_more(&traffic, blow).await;
    deployment.instances[0].kill();
    after_more(&traffic, blow).await;
    deployment.instances[0].restart();
    for _ in 0..2 {
        after_more(&traffic, blow).await;
        deployment.mongod.kill();
        deployment.mongod.restart().await;
    }
    after_more(&traffic, blow).await;
    deployment.redis.kill();
    after_more(&traffic, blow).await;
    deployment.redis.restart().await;
    after_more(&traffic, blow).await;
    deployment.nginx.kill();
    deployment.nginx.restart();
    after_more(&traffic, blow).await;
    traffic.end();

    let correspondents = writing.join_all().await;
    let mut total = 0;
    for correspondent in correspondents {
        let mut histories = Vec::new();
        for number in 0..deployment.instances.len() {
            let person: Person = correspondent.person().at(deployment.instance(number));
            histories.push(person.history(correspondent.room()).await);
        }
        assert_eq!(histories[0], histories[1], "both instances tell the same history");
        let history = histories.remove(0);
        assert_dense(&history);
        total += history.len();
        correspondent.check(&history).await;
    }
    let (connections, resyncs, refused) = traffic.troubles();
    // Shown where the test fails, or with `--nocapture`.
    eprintln!(
        "{} acknowledged, {} stored; {connections} connections, {resyncs} resyncs, {refused} refusals",
        traffic.acknowledged(),
        total / 2
    );
    assert_eq!(traffic.acknowledged(), total / 2, "nothing is stored that nobody was told of");
    assert!(connections > 2 * PAIRS, "the blows were felt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_redis_people_stay_signed_in_and_nothing_is_missed() {
    let mut deployment = Deployment::start(2).await;
    let (ann, bob, room) = deployment.pair().await;
    let [first, second] = [0, 1].map(|number| deployment.instance(number));
    let (ann_here, bob_there) = (ann.at(&first), bob.at(&second));
    let (mut hers, mut his) = (ann_here.socket().await, bob_there.socket().await);
    let mut his_here = bob.at(&first).socket().await;
    deployment.redis.kill();

    let id = client_id();
    hers.send(&send_frame(&room, &id, "without Redis")).await;
    for socket in [&mut hers, &mut his_here, &mut his] {
        assert_eq!(socket.next_of("message").await["client_id"], id.as_str());
    }
    for person in [&ann_here, &bob_there] {
        person.get("/api/me").await.must(200);
    }
    deployment.redis.restart().await;
    // Whoever may have missed something is told so, and hears of what is new again.
    for socket in [&mut hers, &mut his] {
        socket.next_of("resync").await;
    }
    let id = client_id();
    his.send(&send_frame(&room, &id, "with Redis again")).await;
    assert_eq!(until(&mut hers, &id).await["seq"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_are_restarted_one_after_the_other_and_no_message_is_lost_or_refused() {
    let mut deployment = Deployment::start(2).await;
    let traffic = Arc::new(Traffic::default());
    let mut writing = JoinSet::new();
    for _ in 0..3 {
        let (ann, bob, room) = deployment.pair().await;
        for person in [ann, bob] {
            writing.spawn(Correspondent::new(&person, &room, &traffic).write());
        }
    }
    let (ann, _, _) = deployment.pair().await;
    for number in 0..2 {
        after_more(&traffic, 100).await;
        let mut socket = ann.at(deployment.instance(number)).socket().await;
        deployment.instances[number].ask_to_stop();
        assert_eq!(socket.end().await, Some(1001), "it says that it goes");
        assert!(deployment.instances[number].wait().success());
        after_more(&traffic, 100).await;
        deployment.instances[number].restart();
        // As long as nginx leaves one alone that did not answer.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    after_more(&traffic, 100).await;
    traffic.end();
    for correspondent in writing.join_all().await {
        let history = correspondent.person().history(correspondent.room()).await;
        assert_dense(&history);
        correspondent.check(&history).await;
    }
    let (connections, resyncs, refused) = traffic.troubles();
    eprintln!("{connections} connections, {resyncs} resyncs, {refused} refusals");
    assert_eq!(refused, 0, "whoever is connected is served");
    assert!(connections > 6, "the restarts were felt");
}

/// The message of that name, past all else.
async fn until(socket: &mut journeys::Socket, id: &str) -> Value {
    loop {
        match socket.next().await {
            Heard::Frame(frame) if frame["client_id"] == id => return frame,
            Heard::Frame(_) => {}
            Heard::End(code) => panic!("the socket ended with {code:?}"),
        }
    }
}

fn assert_dense(history: &[Value]) {
    let seqs: Vec<u64> =
        history.iter().map(|message| message["seq"].as_u64().expect("a seq")).collect();
    assert_eq!(seqs, (1..=history.len() as u64).collect::<Vec<_>>());
}
