//! The command line.
use crate::settings::HELP;
use clap::{Args, Parser, Subcommand};

/// Private one-to-one chat that you host yourself.
#[derive(Parser)]
#[command(name = "sotto", version, after_help = HELP)]
pub struct Cli {
    /// What to do; `serve` if nothing is given.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Default, Subcommand)]
pub enum Command {
    /// Serve the site until told to stop
    #[default]
    Serve,
    /// Manage accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Print the API's description (OpenAPI)
    Openapi,
}

/// What to do with accounts.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Make an account
    Create(CreateUserArgs),
}

/// The account to make.
#[derive(Args)]
pub struct CreateUserArgs {
    /// Its username
    #[arg(long)]
    pub username: String,
    /// Its email address
    #[arg(long)]
    pub email: String,
    /// Read the password from the first line of standard input
    #[arg(long, required = true)]
    pub password_stdin: bool,
    /// Take the address as proved; otherwise its owner proves it at the first sign-in, within a day
    #[arg(long)]
    pub verified: bool,
}
