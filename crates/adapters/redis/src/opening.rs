//! Opening a link at the start, when whatever is wrong with Redis is still for somebody to put
//! right.
use crate::RedisOptions;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisError,
    RedisResult, Value, aio::MultiplexedConnection,
};
use std::{collections::HashMap, time::Duration};
use tokio::time::{Instant, sleep};

/// Redis is given so long to come up when both are started together.
const PATIENCE: Duration = Duration::from_secs(4);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// Scripts, pub/sub and RESP3 are relied on as they are from this major version on.
const OLDEST_VERSION: u32 = 7;

/// Why a link to Redis was not opened. Never holds the URL, which holds the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The URL does not parse.
    #[error(
        "the Redis URL is malformed: give redis://user:password@host:port/db, or rediss:// for TLS, with special characters of the password percent-encoded"
    )]
    Malformed,
    /// Nobody answers, or not in Redis' protocol.
    #[error(
        "Redis can't be reached at {address} ({cause}): check host and port, and that it runs (rediss:// if it wants TLS, with a certificate the system trusts)"
    )]
    Unreachable {
        /// Host and port.
        address: String,
        /// What went wrong.
        cause: String,
    },
    /// Redis does not know the user or the password.
    #[error(
        "Redis at {address} refuses the user or the password: correct them in the URL (special characters percent-encoded)"
    )]
    WrongCredentials {
        /// Host and port.
        address: String,
    },
    /// Redis let us in and then would not do as it was told.
    #[error(
        "Redis at {address} refuses what Sotto needs ({cause}): check the number of the database, and let the user read and write the keys and channels {prefix}*, run scripts and publish"
    )]
    Refused {
        /// Host and port.
        address: String,
        /// What all keys and channels begin with.
        prefix: String,
        /// What Redis said.
        cause: String,
    },
    /// A server of a time long ago.
    #[error("Redis at {address} is of version {version}: use Redis {OLDEST_VERSION} or newer")]
    TooOld {
        /// Host and port.
        address: String,
        /// What it calls itself.
        version: String,
    },
}

/// Reads the URL. Says RESP3 and no delays, whatever the URL says.
pub(crate) fn client(options: &RedisOptions) -> Result<Client, OpenError> {
    if !["redis://", "rediss://"].iter().any(|scheme| options.url.starts_with(scheme)) {
        return Err(OpenError::Malformed);
    }
    if options.url.starts_with("rediss://") {
        // Whoever names another provider first keeps it.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let info = options.url.as_str().into_connection_info().map_err(|_| OpenError::Malformed)?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp))
        .map_err(|_| OpenError::Malformed)
}

/// Waits a moment for a server that is only starting, then sees whether it is one to work with.
pub(crate) async fn check(client: &Client, options: &RedisOptions) -> Result<(), OpenError> {
    let until = Instant::now() + PATIENCE;
    let mut connection = loop {
        match connect(client, options).await {
            Ok(connection) => break connection,
            Err(error) if is_absence(&error) && Instant::now() < until => {
                sleep(BETWEEN_TRIES).await;
            }
            Err(error) => return Err(explain(&error, client, options)),
        }
    };
    let version = version(&mut connection).await.map_err(|e| explain(&e, client, options))?;
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST_VERSION) {
        return Err(OpenError::TooOld { address: address(client), version });
    }
    try_out(&mut connection, &options.prefix).await.map_err(|e| explain(&e, client, options))
}

async fn connect(client: &Client, options: &RedisOptions) -> RedisResult<MultiplexedConnection> {
    // More than later on: at the start nobody waits but whoever starts it.
    let limit = Some(2 * options.connect_limit);
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(limit).set_response_timeout(limit);
    client.get_multiplexed_async_connection_with_config(&config).await
}

async fn version(connection: &mut MultiplexedConnection) -> RedisResult<String> {
    let hello: HashMap<String, Value> = redis::cmd("HELLO").query_async(connection).await?;
    let version = hello.get("version").cloned().unwrap_or(Value::Nil);
    Ok(redis::from_redis_value(version)?)
}

/// Does a little of everything that will be wanted.
async fn try_out(connection: &mut MultiplexedConnection, prefix: &str) -> RedisResult<()> {
    let key = format!("{prefix}check");
    let script = "redis.call('SET', KEYS[1], '1', 'PX', 1000) return redis.call('GET', KEYS[1])";
    let _: Value = redis::cmd("EVAL").arg(script).arg(1).arg(&key).query_async(connection).await?;
    redis::cmd("PUBLISH").arg(&key).arg("").query_async(connection).await
}

/// Whether time may help.
fn is_absence(error: &RedisError) -> bool {
    error.is_io_error() || matches!(error.code(), Some("LOADING" | "MASTERDOWN"))
}

fn explain(error: &RedisError, client: &Client, options: &RedisOptions) -> OpenError {
    let address = address(client);
    if is_about_credentials(error) {
        return OpenError::WrongCredentials { address };
    }
    let cause = cause(error);
    match error.kind() {
        ErrorKind::RESP3NotSupported => {
            OpenError::TooOld { address, version: "5 or older".to_owned() }
        }
        ErrorKind::Server(_) | ErrorKind::Extension => {
            OpenError::Refused { address, prefix: options.prefix.clone(), cause }
        }
        _ => OpenError::Unreachable { address, cause },
    }
}

fn is_about_credentials(error: &RedisError) -> bool {
    let says = |words: &str| error.detail().is_some_and(|detail| detail.contains(words));
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("WRONGPASS" | "NOAUTH"))
        || says("must be called with the client already authenticated")
}

/// In one line, without a full stop.
fn cause(error: &RedisError) -> String {
    let text = error.to_string().replace(['\n', '\r'], " ");
    text.trim_end_matches('.').to_owned()
}

/// Host and port, never the credentials.
fn address(client: &Client) -> String {
    client.get_connection_info().addr().to_string()
}
