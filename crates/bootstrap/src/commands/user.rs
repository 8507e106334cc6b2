//! `sotto user …`: accounts, beside a running server or without one.
use crate::{cli::CreateUserArgs, parts::Parts, settings::Settings};
use anyhow::{Context, Result, anyhow};
use application::accounts::NewUser;
use domain::{email::Email, username::Username};
use std::io::{BufRead, Write};

/// Makes an account.
pub async fn create(args: CreateUserArgs, settings: Settings) -> Result<()> {
    let username =
        Username::parse(&args.username).map_err(|error| anyhow!("--username: {error}"))?;
    let email = Email::parse(&args.email).map_err(|error| anyhow!("--email: {error}"))?;
    let password = read_password()?;
    let parts = Parts::open(&settings).await?;
    let name = username.as_str().to_owned();
    let new = NewUser { username, email, password, verified: args.verified };
    let mut out = std::io::stdout();
    match parts.create_user().execute(new).await? {
        Some(id) => writeln!(out, "created {name} ({id})")?,
        None => writeln!(
            out,
            "created {name}; the address is proved by a code mailed at the first sign-in"
        )?,
    }
    Ok(())
}

fn read_password() -> Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("the password can't be read from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
