use application::ports::EventBus;
use mongodb::Database;
use std::sync::Arc;

#[expect(dead_code, reason = "what uses them follows")]
/// Everything that is kept, in one database of a replica set.
pub struct MongoStore {
    database: Database,
    bus: Arc<dyn EventBus>,
}
