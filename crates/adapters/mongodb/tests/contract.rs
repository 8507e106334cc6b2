//! The store's contract, on a real replica set.

mod support;

use adapter_mongodb::MongoStore;
use std::sync::Arc;
use support::TestDatabase;
use testkit::{RecordingBus, StoreUnderTest};

async fn open() -> StoreUnderTest {
    let database = TestDatabase::fresh().await;
    let bus = Arc::new(RecordingBus::default());
    let store = MongoStore::open(&database.uri, bus.clone()).await.expect("opens");
    StoreUnderTest::new(Arc::new(store), bus, database)
}

testkit::store_contract!(open().await);
