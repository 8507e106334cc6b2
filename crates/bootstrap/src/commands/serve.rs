//! `sotto serve`: from the first line to the last.
use crate::{parts::Parts, settings::Settings};
use adapter_sqlite::DataDirLock;
use anyhow::{Context, Result};
use application::operations::Sweep;
use std::{io::Write, os::unix::fs::PermissionsExt, path::Path, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use web::{Caps, Shutdown, serve, site};

/// How long connections have to finish what they are doing.
const GRACE: Duration = Duration::from_secs(10);
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Serves until told to stop.
pub async fn run(settings: Settings) -> Result<()> {
    settings.refuse_open_mailbox()?;
    let _lock = match settings.mongodb_uri {
        Some(_) => None,
        None => Some(lock_data_dir(&settings.data_dir)?),
    };
    let parts = Parts::open(&settings).await?;
    let caps = caps(&settings);
    let listener = TcpListener::bind(settings.listen).await.with_context(|| {
        format!("SOTTO_LISTEN: {} can't be listened on; is another program there?", settings.listen)
    })?;

    let shutdown = Shutdown::default();
    let serving = tokio::spawn(serve(
        listener,
        site(parts.site(&settings, caps, shutdown.clone())?),
        caps,
        shutdown.clone(),
    ));
    let sweeping = tokio::spawn(sweep(parts.sweep()));
    let (beside, ended) = (TaskTracker::new(), CancellationToken::new());
    parts.run(&beside, shutdown.begun.clone(), ended.clone());
    announce(&settings)?;
    let stop = stopped().await?;

    tracing::info!("going away");
    shutdown.announced.cancel();
    if stop == Stop::Asked {
        drain(settings.drain).await;
    }
    shutdown.begun.cancel();
    shutdown.tasks.close();
    sweeping.abort();
    if tokio::time::timeout(GRACE, shutdown.tasks.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    ended.cancel();
    beside.close();
    if tokio::time::timeout(GRACE, beside.wait()).await.is_err() {
        tracing::warn!("not all work beside serving ended in time");
    }
    serving.await??;
    Ok(())
}

/// One server at a time on the embedded store.
fn lock_data_dir(data_dir: &Path) -> Result<DataDirLock> {
    let lock = DataDirLock::acquire(data_dir)
        .context("SOTTO_DATA_DIR must be a directory of its own that this user can write to")?;
    warn_of_open_data(data_dir);
    Ok(lock)
}

/// A data dir that was there before keeps its mode: it may be somebody else's, too.
fn warn_of_open_data(data_dir: &Path) {
    let mode = std::fs::metadata(data_dir).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        let data_dir = data_dir.display();
        tracing::warn!(%data_dir, "others on this machine can look into the data dir: chmod 700");
    }
}

fn caps(settings: &Settings) -> Caps {
    match rlimit::increase_nofile_limit(rlimit::INFINITY) {
        Ok(limit) => tracing::debug!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
    if settings.rate_limits {
        return Caps::STANDARD;
    }
    tracing::warn!(
        "SOTTO_RATE_LIMITS=off: anybody may guess, flood and connect without bounds; for load tests alone"
    );
    Caps::LIFTED
}

/// What somebody who started this for the first time wants to know.
fn announce(settings: &Settings) -> Result<()> {
    let address = settings.public_url.origin();
    let mut out = std::io::stdout();
    writeln!(out, "Sotto is ready.")?;
    writeln!(out, "  address   {address}")?;
    if settings.mongodb_uri.is_some() {
        writeln!(out, "  data      in MongoDB, shared with other instances")?;
    } else {
        let data = std::path::absolute(&settings.data_dir)?;
        writeln!(out, "  data      {}", data.display())?;
    }
    match &settings.smtp {
        Some(server) => writeln!(out, "  mail      by {server}")?,
        None => writeln!(
            out,
            "  mailbox   {address}/dev/mailbox/ (no mail server is set: codes arrive there)"
        )?,
    }
    out.flush()?;
    Ok(())
}

async fn sweep(sweep: Sweep) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = sweep.execute().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "expired things were not forgotten"
            );
        }
    }
}

/// How somebody said stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// A supervisor asks (SIGTERM).
    Asked,
    /// Somebody sits there and waits (Ctrl-C).
    Interrupted,
}

/// Waits for somebody to say stop.
async fn stopped() -> Result<Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => Stop::Asked,
        _ = interrupt.recv() => Stop::Interrupted,
    })
}

/// Goes on serving until whoever asks how we are has had time to, or somebody loses patience.
async fn drain(time: Duration) {
    let _ = tokio::time::timeout(time, stopped()).await;
}
