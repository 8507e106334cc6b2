//! The way to Redis and back: one connection that all commands share, and a circuit that opens as
//! soon as it fails.
use crate::opening::{self, OpenError};
use application::ports::Unavailable;
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, PushInfo, PushKind, RedisError,
    RedisResult, ScriptInvocation, aio::MultiplexedConnection,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

/// The first wait of whoever tries to get back to Redis; the next are twice as long each.
pub(crate) const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// The longest.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Commands that may wait to be written; those that come then wait for a place, within their limit.
const COMMANDS_IN_LINE: usize = 1_024;
/// What Redis refuses is worth a line in the log so often.
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);

/// Where Redis is, and how long anybody waits for it. Has no `Debug`: the URL holds a password.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://user:password@host:port/db`, or `rediss://…` for TLS, trusting what the system
    /// trusts.
    pub url: String,
    /// What every key and channel begins with, so that several deployments can share a server.
    pub prefix: String,
    /// How long making a connection may take, greeting included.
    pub connect_limit: Duration,
    /// How long a command may take. Who exceeds it is not waited for again until it is back.
    pub response_limit: Duration,
}

impl RedisOptions {
    /// The usual limits (1 s and 300 ms) and prefix (`sotto:`).
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "sotto:".to_owned(),
            connect_limit: Duration::from_secs(1),
            response_limit: Duration::from_millis(300),
        }
    }
}

/// A connection to Redis that is either up or known to be down.
///
/// The first command that fails by input, output or time takes the link down. While it is down,
/// commands fail at once without touching the network, and a task tries to get back, at least every
/// two seconds. Clones share the connection; the last one dropped closes it.
#[derive(Clone)]
pub struct RedisLink {
    shared: Arc<Shared>,
    _keeper: Arc<AbortOnDropHandle<()>>,
}

struct Shared {
    client: Client,
    options: RedisOptions,
    line: Mutex<Line>,
    up: watch::Sender<bool>,
    complained: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Line {
    connection: Option<MultiplexedConnection>,
    /// Which connection it is: the failure of an earlier one says nothing of this one.
    number: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("the connection is down")]
    Down,
    #[error("no answer in time")]
    TooLate,
    #[error(transparent)]
    Failed(#[from] RedisError),
}

impl RedisLink {
    /// Opens the link; refuses, within 10 s, what will not work as it is. Later on Redis may come
    /// and go.
    pub async fn open(options: RedisOptions) -> Result<Self, OpenError> {
        let client = opening::client(&options)?;
        opening::check(&client, &options).await?;
        let shared = Arc::new(Shared {
            client,
            options,
            line: Mutex::default(),
            up: watch::Sender::new(false),
            complained: Mutex::default(),
        });
        // A server that goes this very moment is one that went after the start.
        let _ = shared.connect().await;
        let keeper = Arc::new(AbortOnDropHandle::new(tokio::spawn(keep(shared.clone()))));
        Ok(Self { shared, _keeper: keeper })
    }

    /// Asks Redis for a sign of life.
    pub async fn ping(&self) -> Result<(), Unavailable> {
        let answer: Result<String, NoAnswer> = self.command(&redis::cmd("PING")).await;
        answer.map(drop).map_err(|error| Unavailable::of("redis", error))
    }

    /// Whether commands are worth sending at this moment.
    pub fn is_up(&self) -> bool {
        *self.shared.up.borrow()
    }

    /// Tells of every change between up and down.
    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.shared.up.subscribe()
    }

    /// A key or channel of ours.
    pub(crate) fn name(&self, rest: impl std::fmt::Display) -> String {
        format!("{}{rest}", self.shared.options.prefix)
    }

    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, NoAnswer> {
        let (mut connection, number) = self.shared.connection()?;
        let answer = command.query_async(&mut connection);
        self.shared.answer(number, answer).await
    }

    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, NoAnswer> {
        let (mut connection, number) = self.shared.connection()?;
        let answer = script.invoke_async(&mut connection);
        self.shared.answer(number, answer).await
    }

    /// A connection of its own that listens to a channel, made whether or not the link is up.
    /// `ended` is told when it breaks; `heard` must not wait.
    pub(crate) async fn subscribe(
        &self,
        channel: &str,
        ended: Arc<Notify>,
        heard: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> RedisResult<MultiplexedConnection> {
        let pushes = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                ended.notify_one();
            } else {
                heard(push);
            }
            Ok::<(), ()>(())
        };
        let limit = Some(self.shared.options.connect_limit);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(limit)
            .set_response_timeout(limit)
            .set_push_sender(pushes);
        let client = &self.shared.client;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(channel).await?;
        Ok(connection)
    }
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self) -> Result<(MultiplexedConnection, u64), NoAnswer> {
        let line = self.line();
        let connection = line.connection.clone().ok_or(NoAnswer::Down)?;
        Ok((connection, line.number))
    }

    /// Waits for an answer as long as anybody may, and draws the consequences.
    async fn answer<T>(
        &self,
        number: u64,
        answer: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, NoAnswer> {
        let error = match timeout(self.options.response_limit, answer).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => NoAnswer::Failed(error),
            Err(_) => NoAnswer::TooLate,
        };
        if error.is_of_the_connection() {
            self.went_down(number, &error);
        } else {
            self.complain(&error);
        }
        Err(error)
    }

    fn went_down(&self, number: u64, why: &NoAnswer) {
        let mut line = self.line();
        if line.number != number || line.connection.is_none() {
            return;
        }
        line.connection = None;
        self.up.send_replace(false);
        drop(line);
        let error = why as &dyn std::error::Error;
        tracing::warn!(error, "Redis is gone; going on without it");
    }

    /// Makes a new connection and, with it, takes the link up.
    async fn connect(self: &Arc<Self>) -> RedisResult<()> {
        let number = self.line().number + 1;
        let shared = Arc::downgrade(self);
        let pushes = move |push: PushInfo| {
            // That an idle connection broke is known before anybody waits for an answer on it.
            if push.kind == PushKind::Disconnection
                && let Some(shared) = shared.upgrade()
            {
                shared.went_down(number, &NoAnswer::Down);
            }
            Ok::<(), ()>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.options.connect_limit))
            .set_response_timeout(Some(self.options.response_limit))
            .set_pipeline_buffer_size(COMMANDS_IN_LINE)
            .set_push_sender(pushes);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut line = self.line();
        *line = Line { connection: Some(connection), number };
        self.up.send_replace(true);
        Ok(())
    }

    /// Notes what Redis refuses, now and then: every call may meet it.
    fn complain(&self, error: &NoAnswer) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_some_and(|at| at.elapsed() < COMPLAIN_EVERY) {
            return;
        }
        *complained = Some(Instant::now());
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, "Redis refuses a command; going on without it");
    }
}

/// Gets back to Redis whenever the link is down.
async fn keep(shared: Arc<Shared>) {
    let mut up = shared.up.subscribe();
    // `shared` holds the sender, so there is always another change to wait for.
    while up.wait_for(|up| !up).await.is_ok() {
        let mut pause = SHORTEST_PAUSE;
        while let Err(error) = shared.connect().await {
            tracing::debug!(%error, "Redis is still gone");
            sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
        tracing::info!("Redis is there");
    }
}

impl NoAnswer {
    /// Whether another connection may help where this one did not.
    fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Down | Self::TooLate => true,
            // A replica that was the primary is read-only: its name may lead elsewhere by now.
            Self::Failed(error) => {
                error.is_io_error()
                    || error.is_unrecoverable_error()
                    || error.code() == Some("READONLY")
            }
        }
    }
}
