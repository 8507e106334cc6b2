//! Sends, edits, deletions and reactions race by two doors while whatever stands behind is killed.
//! `TEST_SEED` repeats the choices of a race that failed.
use journeys::{
    Deployment, Entrance, Person, Server,
    races::{ANNOUNCED_WITHIN, Chance, Race, seed},
};
use std::time::Duration;

/// Three people, each of whom talks with both others.
const NAMES: [&str; 3] = ["ann", "bob", "cat"];

/// How many changes are acknowledged between two blows.
fn some(chance: &mut Chance) -> usize {
    40 + chance.below(120)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_races_on_two_instances_that_are_killed_ends_in_one_history_that_all_were_told() {
    let mut chance = Chance::seeded(seed());
    let mut deployment = Deployment::start(2).await;
    let mut people = Vec::new();
    for name in NAMES {
        let entrance = deployment.nginx.entrance();
        people.push(Person::created_at(&deployment.instances[0], &entrance, name).await);
    }
    let doors = [0, 1].map(|number| deployment.instance(number));
    let mut race = Race::begin(doors, people, chance.split()).await;

    for _ in 0..2 {
        // One after the other, and the second as soon as the first is back.
        let first = chance.below(2);
        race.after_more(some(&mut chance)).await;
        deployment.instances[first].kill();
        race.after_more(some(&mut chance)).await;
        deployment.instances[first].restart();
        deployment.instances[1 - first].kill();
        race.after_more(some(&mut chance)).await;
        deployment.instances[1 - first].restart();
    }
    race.after_more(some(&mut chance)).await;
    let from = race.now();
    deployment.mongod.kill();
    deployment.mongod.restart().await;
    race.was_away_since(from);

    // One instance stays, long enough that all its sockets have to have heard of much.
    let steady = chance.below(2);
    let until = race.now() + ANNOUNCED_WITHIN + Duration::from_secs(4);
    race.after_more(some(&mut chance)).await;
    deployment.redis.kill();
    race.after_more(some(&mut chance)).await;
    // What tells others of changes is away, and so is one who had some to tell.
    deployment.instances[1 - steady].kill();
    deployment.redis.restart().await;
    deployment.instances[1 - steady].restart();
    while race.now() < until {
        race.after_more(10).await;
    }
    deployment.instances[steady].kill();
    race.after_more(some(&mut chance)).await;
    deployment.instances[steady].restart();
    race.after_more(some(&mut chance)).await;
    let summary = race.finish().await;
    assert!(summary.due > 100, "the sockets that stood had to hear of much: {summary:?}");
    assert!(summary.unanswered > 0, "the blows were felt: {summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_races_on_the_embedded_store_that_is_killed_ends_in_one_history_that_all_were_told()
 {
    let mut chance = Chance::seeded(seed());
    let mut server = Server::start_with(&[("SOTTO_MONGODB_URI", ""), ("SOTTO_RATE_LIMITS", "off")]);
    let mut people = Vec::new();
    for name in NAMES {
        people.push(Person::created(&server, name).await);
    }
    let doors = [0, 1].map(|_| Entrance::from(&server));
    let mut race = Race::begin(doors, people, chance.split()).await;
    for _ in 0..4 {
        race.after_more(some(&mut chance)).await;
        let from = race.now();
        server.kill();
        server.restart();
        race.was_away_since(from);
    }
    race.after_more(some(&mut chance)).await;
    let summary = race.finish().await;
    assert!(summary.unanswered > 0, "the blows were felt: {summary:?}");
}
