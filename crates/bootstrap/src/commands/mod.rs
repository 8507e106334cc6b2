//! The commands.
mod openapi;
mod serve;
mod user;

use crate::{
    cli::{Command, UserCommand},
    settings::Settings,
};
use anyhow::Result;

/// Runs a command to its end.
pub async fn run(command: Command, settings: Settings) -> Result<()> {
    match command {
        Command::Serve => serve::run(settings).await,
        Command::User(UserCommand::Create(args)) => user::create(args, settings).await,
        Command::Openapi => openapi::print(&settings),
    }
}
