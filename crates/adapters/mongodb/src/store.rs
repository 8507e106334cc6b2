//! How the repositories reach the database.
use crate::schema::{self, step_1};
use application::ports::EventBus;
use mongodb::{
    Client, Collection, Database,
    options::{ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use std::{sync::Arc, time::Duration};

/// How long a primary is looked for.
const SELECTION: Duration = Duration::from_secs(3);
/// How long a connection is waited for.
const CONNECT: Duration = Duration::from_secs(3);
/// Most connections of one instance. Further calls queue for them, within their time limit.
const POOL: u32 = 64;
/// The database, unless the connection string names another.
const DATABASE: &str = "sotto";

/// Everything that is kept, in one database of a replica set. Cheap to clone.
#[derive(Clone)]
pub struct MongoStore {
    database: Database,
    bus: Arc<dyn EventBus>,
}

impl MongoStore {
    /// Connects with options that are read already, for tests that watch the commands sent.
    pub async fn open_with(
        mut options: ClientOptions,
        bus: Arc<dyn EventBus>,
    ) -> anyhow::Result<Self> {
        settle(&mut options);
        let name = options.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
        let database = Client::with_options(options)?.database(&name);
        schema::create(&database, step_1::COLLECTIONS).await?;
        Ok(Self { database, bus })
    }

    /// A collection, for documents of a form.
    pub(crate) fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(name)
    }

    /// The client, for transactions.
    pub(crate) fn client(&self) -> &Client {
        self.database.client()
    }

    /// Where changes are announced.
    pub(crate) fn bus(&self) -> &Arc<dyn EventBus> {
        &self.bus
    }
}

/// Sets what the promises rest on.
fn settle(options: &mut ClientOptions) {
    options.app_name.get_or_insert_with(|| "sotto".to_owned());
    options.server_selection_timeout = Some(SELECTION);
    options.connect_timeout = Some(CONNECT);
    options.max_pool_size.get_or_insert(POOL);
    options.write_concern = Some(
        WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority).journal(true).build(),
    );
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.retry_reads = Some(true);
    options.retry_writes = Some(true);
}
