//! The `sotto` program: reads the settings, chooses the adapters, runs a command.
mod cli;
mod commands;
mod keys;
mod logging;
mod settings;
mod wiring;

use anyhow::Result;
use clap::Parser;
use settings::Settings;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sotto: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: cli::Cli) -> Result<()> {
    let settings = Settings::from_environment()?;
    logging::start(&settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::run(cli.command.unwrap_or_default(), settings));
    // What still runs (a password being hashed, say) must not hold up the end.
    runtime.shutdown_background();
    outcome
}
