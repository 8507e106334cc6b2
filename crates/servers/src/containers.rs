//! Servers in containers, by testcontainers.
use crate::{PATIENCE, guard::Guard, replica_set, shared::Shared};
use std::{
    process::{Command, Stdio},
    time::Duration,
};
use testcontainers::{
    GenericImage, ImageExt,
    core::{IntoContainerPort, WaitFor},
    runners::AsyncRunner,
};

/// Long enough to fetch an image from a registry.
const PULL_PATIENCE: Duration = Duration::from_mins(5);

/// The image `TEST_MONGODB_IMAGE`, or `mongo:6.0`, as a replica set of one.
pub async fn mongodb() -> Result<Shared, String> {
    let arguments = format!(
        "--replSet {} --wiredTigerCacheSizeGB 0.25 --oplogSize 256 \
         --setParameter diagnosticDataCollectionEnabled=false",
        replica_set::NAME
    );
    let image = image("TEST_MONGODB_IMAGE", "mongo:6.0");
    let mongo = start(&image, 27017, "Waiting for connections", &arguments).await?;
    // Inside, its port has another number: only there does it find itself, and its clients must not
    // ask it for its address.
    let uri = format!("mongodb://{}/?directConnection=true", mongo.address);
    replica_set::initiate(&uri, "127.0.0.1:27017").await?;
    replica_set::primary(&uri).await?;
    Ok(Shared { address: uri, ..mongo })
}

/// The image `TEST_REDIS_IMAGE`, or `redis:7-alpine`.
pub async fn redis() -> Result<Shared, String> {
    let image = image("TEST_REDIS_IMAGE", "redis:7-alpine");
    let redis = start(&image, 6379, "Ready to accept connections", "--appendonly no").await?;
    let url = format!("redis://{}/", redis.address);
    Ok(Shared { address: url, ..redis })
}

fn image(setting: &str, usual: &str) -> String {
    std::env::var(setting).unwrap_or_else(|_| usual.to_owned())
}

/// Starts a container that is removed with its data when the test program ends. The address it is
/// reached at is `host:port`, from here.
async fn start(
    image: &str,
    port: u16,
    ready: &'static str,
    arguments: &str,
) -> Result<Shared, String> {
    docker_client()?;
    let name = format!("sotto-test-{}", uuid::Uuid::new_v4().simple());
    // First the guard: there is no moment in which a container has none.
    let guard = Guard::new(r#"docker rm --force --volumes "$1""#, &[&name]);
    let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
    let request = GenericImage::new(repository, tag)
        .with_exposed_port(port.tcp())
        .with_wait_for(WaitFor::message_on_stdout(ready))
        .with_cmd(arguments.split_whitespace())
        .with_container_name(&name)
        .with_startup_timeout(PATIENCE);
    let container = tokio::time::timeout(PULL_PATIENCE, request.start())
        .await
        .map_err(|_| format!("{image} did not come within {} s", PULL_PATIENCE.as_secs()))?
        .map_err(|error| format!("{image} does not start: {error}"))?;
    let unreachable = |error| format!("{image} can't be reached: {error}");
    let host = container.get_host().await.map_err(unreachable)?;
    let port = container.get_host_port_ipv4(port.tcp()).await.map_err(unreachable)?;
    Ok(Shared {
        address: format!("{host}:{port}"),
        description: format!("container {name} of {image}"),
        _life: Box::new((container, guard)),
    })
}

/// The guard of a container needs the command; the engine alone would not do.
fn docker_client() -> Result<(), String> {
    let asked = Command::new("docker")
        .args(["version", "--format", "{{.Server.Version}}"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("there is no docker command here: {error}"))?;
    if asked.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&asked.stderr);
    Err(format!("no Docker engine answers: {}", said.lines().last().unwrap_or_default()))
}
