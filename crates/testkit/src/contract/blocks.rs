//! The contract of `BlockRepository`.
use super::at_once;
use crate::{StoreUnderTest, a_user, later};
use domain::{block::Block, id::UserId};

fn a_block(by: u32, whom: u32, at: u32) -> Block {
    Block { blocker: a_user(by).id, blocked: a_user(whom).id, created_at: later(at) }
}

async fn put(store: &StoreUnderTest, blocks: &[Block]) {
    for block in blocks {
        store.blocks.insert(block).await.expect("answers");
    }
}

async fn of(store: &StoreUnderTest, blocker: u32) -> Vec<Block> {
    store.blocks.list_by_blocker(a_user(blocker).id).await.expect("answers")
}

async fn between(store: &StoreUnderTest, user: u32, others: &[u32]) -> Vec<Block> {
    let others: Vec<UserId> = others.iter().map(|other| a_user(*other).id).collect();
    let found = store.blocks.list_between(a_user(user).id, &others).await;
    let mut found = found.expect("answers");
    found.sort_by_key(|block| block.created_at);
    found
}

pub async fn a_block_is_listed_for_its_blocker_alone_the_latest_first(store: &StoreUnderTest) {
    let blocks = [a_block(1, 2, 1), a_block(1, 4, 3), a_block(1, 3, 2), a_block(2, 3, 9)];
    put(store, &blocks).await;
    assert_eq!(of(store, 1).await, [blocks[1], blocks[2], blocks[0]]);
    assert_eq!(of(store, 2).await, [blocks[3]]);
    assert_eq!(of(store, 3).await, [], "who is blocked is not told");
}

pub async fn a_block_is_seen_from_both_sides(store: &StoreUnderTest) {
    let blocks = [a_block(1, 2, 1), a_block(2, 1, 2), a_block(3, 1, 3), a_block(2, 3, 4)];
    put(store, &blocks).await;
    assert_eq!(between(store, 1, &[2]).await, blocks[..2]);
    assert_eq!(between(store, 1, &[2, 3, 4]).await, blocks[..3]);
    assert_eq!(between(store, 3, &[1]).await, [blocks[2]]);
    assert_eq!(between(store, 1, &[4]).await, []);
    assert_eq!(between(store, 1, &[]).await, []);
}

pub async fn a_block_that_is_put_again_stays_as_it_was(store: &StoreUnderTest) {
    put(store, &[a_block(1, 2, 1), a_block(1, 2, 5)]).await;
    assert_eq!(of(store, 1).await, [a_block(1, 2, 1)]);
}

pub async fn of_blocks_that_race_one_is_kept(store: &StoreUnderTest) {
    let putting = at_once(16, |n| {
        let blocks = store.blocks.clone();
        async move { blocks.insert(&a_block(1, 2, n)).await }
    });
    assert!(putting.await.iter().all(Result::is_ok));
    assert_eq!(of(store, 1).await.len(), 1);
}

pub async fn a_block_is_lifted_by_its_blocker_alone(store: &StoreUnderTest) {
    put(store, &[a_block(1, 2, 1)]).await;
    let lift = |by: u32, whom: u32| store.blocks.remove(a_user(by).id, a_user(whom).id);
    lift(2, 1).await.expect("answers");
    assert_eq!(between(store, 1, &[2]).await, [a_block(1, 2, 1)]);
    for _ in 0..2 {
        lift(1, 2).await.expect("answers, also where there is none");
        assert_eq!(between(store, 1, &[2]).await, []);
    }
}

pub async fn blocks_of_a_person_are_forgotten_on_both_sides(store: &StoreUnderTest) {
    put(store, &[a_block(1, 2, 1), a_block(3, 1, 2), a_block(2, 3, 3)]).await;
    store.blocks.remove_by_user(a_user(1).id).await.expect("answers");
    assert_eq!((of(store, 1).await, of(store, 3).await), (Vec::new(), Vec::new()));
    assert_eq!(of(store, 2).await, [a_block(2, 3, 3)]);
}
