//! `sotto mongodb …`: for servers whose images hold no shell to do it with.
use crate::{cli::InitiateArgs, settings::Settings};
use adapter_mongodb::{initiate_replica_set, settle_user};
use anyhow::{Context, Result};
use std::{fs, io::Write};

/// Makes a replica set of one, and the application's user.
pub async fn initiate(args: InitiateArgs, settings: &Settings) -> Result<()> {
    let uri = settings.mongodb_uri()?;
    initiate_replica_set(uri, &args.name, args.member.as_deref())
        .await
        .context("SOTTO_MONGODB_URI")?;
    let mut out = std::io::stdout();
    writeln!(out, "the replica set {} accepts writes", args.name)?;
    let Some(path) = args.application_uri_file else {
        return Ok(());
    };
    let application = fs::read_to_string(&path)
        .with_context(|| format!("--application-uri-file: {} can't be read", path.display()))?;
    settle_user(uri, application.trim()).await.context("--application-uri-file")?;
    writeln!(out, "the application's user is there")?;
    Ok(())
}
