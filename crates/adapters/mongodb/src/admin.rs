//! For the commands beside the server: bringing a replica set about, and asking whether all is
//! well.
use crate::{
    OpenError,
    errors::code,
    greeting::{self, Hello, failed},
    options::{self, listed, parse, settle},
    schema,
};
use mongodb::{
    Client,
    bson::doc,
    options::{ClientOptions, ServerAddress},
};
use std::time::Duration;

/// How long a new replica set takes to have a primary.
const ELECTION: Duration = Duration::from_secs(20);
/// How often it is asked.
const ASKED_EVERY: Duration = Duration::from_millis(200);

/// How long making a user takes at most.
const SETTLING: Duration = Duration::from_secs(10);

/// There is a user of this name.
const USER_EXISTS: i32 = 51003;
/// The set has been initiated before.
const ALREADY_INITIALIZED: i32 = 23;
/// Somebody else is initiating it.
const CONFLICTING_OPERATION: i32 = 117;
/// The server was started without `--replSet`.
const NO_REPLICATION: i32 = 76;

/// Makes the server, the first that the connection string names, the one member of a new replica
/// set, under the address by which everybody reaches it (`host:port`; that of the connection string
/// where none is given), and waits until it accepts writes. One that was initiated before is left
/// as it is. Takes 30 s at most.
pub async fn initiate_replica_set(
    uri: &str,
    name: &str,
    member: Option<&str>,
) -> Result<(), OpenError> {
    let options = parse(uri).await?;
    let Some(server) = options.hosts.first().cloned() else {
        return Err(OpenError::Malformed { part: "the host" });
    };
    let client = alone(options, &server)?;
    let member = member.map_or_else(|| server.to_string(), str::to_owned);
    let hosts = listed(&[server]);
    let started = initiate(&client, name, &member, &hosts);
    let done = async {
        started.await?;
        wait_until_writable(&client).await
    };
    match tokio::time::timeout(ELECTION, done).await {
        Ok(result) => result,
        Err(_) => Err(OpenError::NoPrimary { hosts }),
    }
}

/// Makes the user that an application's connection string names, with the role `readWrite` on its
/// database and no other; one that is there gets this password and this role. The other connection
/// string is that of somebody who may. Takes 20 s at most.
pub async fn settle_user(administrator_uri: &str, application_uri: &str) -> Result<(), OpenError> {
    let application = parse(application_uri).await?;
    let credential = application.credential.clone().unwrap_or_default();
    let (Some(user), Some(password)) = (credential.username, credential.password) else {
        return Err(OpenError::Malformed { part: "the user or the password" });
    };
    let name = options::database(&application);
    let home = credential.source.unwrap_or_else(|| name.clone());

    let mut administrator = parse(administrator_uri).await?;
    settle(&mut administrator)?;
    let database = greeting::connect(administrator).await?.client().database(&home);
    let role = doc! { "role": "readWrite", "db": name };
    let settle = async {
        for verb in ["createUser", "updateUser"] {
            let command = doc! { verb: &user, "pwd": &password, "roles": [role.clone()] };
            match database.run_command(command).await {
                Err(error) if code(&error) == Some(USER_EXISTS) => {}
                settled => return settled.map(|_| ()),
            }
        }
        Ok(())
    };
    match tokio::time::timeout(SETTLING, settle).await {
        Ok(settled) => settled.map_err(|error| greeting::refused(&error, &database)),
        Err(_) => Err(OpenError::NoPrimary { hosts: listed(&application.hosts) }),
    }
}

/// Whether the database can be used: reaches the primary as its user, within 10 s, and changes
/// nothing.
pub async fn check_server(uri: &str) -> Result<(), OpenError> {
    let mut options = parse(uri).await?;
    settle(&mut options)?;
    let database = greeting::connect(options).await?;
    schema::check(&database).await
}

/// A client of this one server that does not mind what state it is in.
fn alone(mut options: ClientOptions, server: &ServerAddress) -> Result<Client, OpenError> {
    settle(&mut options)?;
    options.hosts = vec![server.clone()];
    options.direct_connection = Some(true);
    options.repl_set_name = None;
    Client::with_options(options).map_err(|error| failed(&error))
}

async fn initiate(
    client: &Client,
    name: &str,
    member_host: &str,
    hosts: &str,
) -> Result<(), OpenError> {
    let hello = Hello::of(client).await.map_err(|error| greeting::unanswered(&error, hosts))?;
    if hello.writable {
        return hello.judge(hosts);
    }
    let member = doc! { "_id": 0, "host": member_host };
    let command = doc! { "replSetInitiate": { "_id": name, "members": [member] } };
    let Err(error) = client.database("admin").run_command(command).await else {
        return Ok(());
    };
    match code(&error) {
        Some(ALREADY_INITIALIZED | CONFLICTING_OPERATION) => Ok(()),
        Some(NO_REPLICATION) => Err(OpenError::NotAReplicaSet { hosts: hosts.to_owned() }),
        _ => Err(greeting::refused(&error, &client.database("admin"))),
    }
}

async fn wait_until_writable(client: &Client) -> Result<(), OpenError> {
    loop {
        match Hello::of(client).await {
            Ok(hello) if hello.writable => return Ok(()),
            Ok(_) => tokio::time::sleep(ASKED_EVERY).await,
            Err(error) => return Err(failed(&error)),
        }
    }
}
