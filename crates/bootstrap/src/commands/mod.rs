//! The commands.
mod assets;
mod check;
mod client;
mod doctor;
mod mongodb;
mod openapi;
mod serve;
mod user;

use crate::{
    cli::{AssetsCommand, CheckCommand, Command, MongodbCommand},
    settings::Settings,
};
use anyhow::Result;

pub use doctor::{Inspected, report_wrong_settings};

/// Runs a command to its end.
pub async fn run(command: Command, settings: Settings) -> Result<()> {
    match command {
        Command::Serve => serve::run(settings).await,
        Command::User(command) => user::run(command, &settings).await,
        Command::Doctor(args) => doctor::run(&args, settings).await,
        Command::Check(CheckCommand::Health(args)) => check::health(args, &settings).await,
        Command::Check(CheckCommand::Mongodb) => check::mongodb(&settings).await,
        Command::Check(CheckCommand::Redis) => check::redis(&settings).await,
        Command::Mongodb(MongodbCommand::Initiate(args)) => {
            mongodb::initiate(args, &settings).await
        }
        Command::Assets(AssetsCommand::Export(args)) => assets::export(&args),
        Command::Openapi => openapi::print(&settings),
        Command::DrawPicture | Command::DrawPreview => {
            unreachable!("drawn before anything is set up")
        }
    }
}
