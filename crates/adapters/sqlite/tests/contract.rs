//! The store's contract, on disk and in memory.

mod on_disk {
    use adapter_sqlite::SqliteStore;
    use std::sync::Arc;
    use testkit::{RecordingBus, StoreUnderTest};

    fn open() -> StoreUnderTest {
        let dir = tempfile::tempdir().expect("a directory");
        let bus = Arc::new(RecordingBus::default());
        let store = SqliteStore::open(dir.path(), bus.clone()).expect("opens");
        StoreUnderTest::new(Arc::new(store), bus, dir)
    }

    testkit::store_contract!(open());
}

mod in_memory {
    use adapter_sqlite::SqliteStore;
    use std::sync::Arc;
    use testkit::{RecordingBus, StoreUnderTest};

    fn open() -> StoreUnderTest {
        let bus = Arc::new(RecordingBus::default());
        let store = SqliteStore::in_memory(bus.clone()).expect("opens");
        StoreUnderTest::new(Arc::new(store), bus, ())
    }

    testkit::store_contract!(open());
}
