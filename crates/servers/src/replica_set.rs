//! Makes a fresh `mongod` the primary of a replica set of one.
use crate::{GLANCE, PATIENCE};
use mongodb::{
    Client, Database,
    bson::{Document, RawDocumentBuf, doc},
    error::ErrorKind,
    options::ClientOptions,
};
use std::time::Instant;

/// The name of every set that is made here.
pub const NAME: &str = "rs0";

const ALREADY_INITIALIZED: i32 = 23;

/// Makes the server at `uri` the set's only member, under the address `member` by which it finds
/// itself. A server that is one already stays as it is.
pub async fn initiate(uri: &str, member: &str) -> Result<(), String> {
    let admin = admin(uri).await?;
    let set = doc! { "_id": NAME, "members": [{ "_id": 0, "host": member }] };
    match admin.run_command(doc! { "replSetInitiate": set }).await {
        Ok(_) => Ok(()),
        Err(error) => match *error.kind {
            ErrorKind::Command(ref refusal) if refusal.code == ALREADY_INITIALIZED => Ok(()),
            _ => Err(format!("no replica set could be made: {error}")),
        },
    }
}

/// Waits until the server at `uri` takes writes.
pub async fn primary(uri: &str) -> Result<(), String> {
    let admin = admin(uri).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let hello = admin.run_command(doc! { "hello": 1 }).await;
        if hello.as_ref().is_ok_and(|said| said.get_bool("isWritablePrimary").unwrap_or(false)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("the server did not become primary: {hello:?}"));
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Makes the first user, who may do everything. A server without users lets somebody from its own
/// machine do that.
pub async fn create_root(uri: &str, name: &str, password: &str) -> Result<Document, String> {
    let command = doc! { "createUser": name, "pwd": password, "roles": ["root"] };
    let made = admin(uri).await?.run_command(command).await;
    made.map_err(|error| format!("no user could be made: {error}"))
}

/// The bytes of all documents, by the names of their collections. Has the server write them all to
/// its files first.
pub async fn dump(uri: &str) -> Result<Vec<(String, Vec<u8>)>, mongodb::error::Error> {
    let mut options = ClientOptions::parse(uri).await?;
    options.direct_connection = Some(true);
    let client = Client::with_options(options)?;
    client.database("admin").run_command(doc! { "fsync": 1 }).await?;
    let mut dumped = Vec::new();
    for name in client.list_database_names().await? {
        let database = client.database(&name);
        for name in database.list_collection_names().await? {
            let mut all = database.collection::<RawDocumentBuf>(&name).find(doc! {}).await?;
            let mut bytes = Vec::new();
            while all.advance().await? {
                bytes.extend_from_slice(all.current().as_bytes());
            }
            dumped.push((format!("{}.{name}", database.name()), bytes));
        }
    }
    Ok(dumped)
}

async fn admin(uri: &str) -> Result<Database, String> {
    let unusable = |error| format!("{uri} can't be used: {error}");
    let mut options = ClientOptions::parse(uri).await.map_err(unusable)?;
    options.direct_connection = Some(true);
    options.server_selection_timeout = Some(PATIENCE);
    Ok(Client::with_options(options).map_err(unusable)?.database("admin"))
}
