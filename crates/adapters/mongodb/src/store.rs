//! Opening the database, and how the repositories reach it.
use crate::{OpenError, greeting, messages::Dispatcher, options, probe::Probe, schema};
use application::{KnownRooms, ports::EventBus};
use mongodb::{Collection, Database, options::ClientOptions};
use std::sync::Arc;

/// Everything that is kept, in one database of a replica set. Cheap to clone.
#[derive(Clone)]
pub struct MongoStore {
    database: Database,
    probe: Arc<Probe>,
    dispatcher: Dispatcher,
    known_rooms: Arc<KnownRooms>,
}

impl MongoStore {
    /// Connects and brings the database to the shape this program knows, beside other programs
    /// that do the same or go on working in an older shape. The connection string names the
    /// database in its path, else it is `sotto`.
    ///
    /// Says within 10 s why it can't be opened.
    pub async fn open(uri: &str, bus: Arc<dyn EventBus>) -> Result<Self, OpenError> {
        Self::open_with(options::parse(uri).await?, bus).await
    }

    /// Opens with options read already, for those who want to watch what is sent. Sets in them
    /// what [`MongoStore::open`] does, and refuses what it refuses.
    pub async fn open_with(
        mut options: ClientOptions,
        bus: Arc<dyn EventBus>,
    ) -> Result<Self, OpenError> {
        options::settle(&mut options)?;
        let database = greeting::connect(options).await?;
        schema::migrate(&database).await?;
        let dispatcher = Dispatcher::new(database.clone(), bus);
        Ok(Self { database, probe: Arc::default(), dispatcher, known_rooms: Arc::default() })
    }

    /// What makes histories longer, and changes them.
    pub(crate) fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// Who is in which room.
    pub(crate) fn known_rooms(&self) -> &KnownRooms {
        &self.known_rooms
    }

    /// A collection, for documents of a form.
    pub(crate) fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(name)
    }

    /// The database itself.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// When writing was tried last.
    pub(crate) fn probe(&self) -> &Probe {
        &self.probe
    }
}
