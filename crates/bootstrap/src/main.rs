//! The `sotto` program: reads the settings, chooses the adapters, runs a command.
mod cli;
mod commands;
mod keys;
mod logging;
mod parts;
mod settings;
mod wiring;

use anyhow::Result;
use clap::Parser;
use cli::Command;
use commands::report_wrong_settings;
use settings::Settings;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.command {
        Some(Command::DrawPicture) => return adapter_images::run_worker(),
        Some(Command::DrawPreview) => return adapter_images::run_preview_worker(),
        _ => {}
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sotto: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: cli::Cli) -> Result<()> {
    let command = cli.command.unwrap_or_default();
    let settings = match (Settings::from_environment(), &command) {
        (Err(error), Command::Doctor(args)) => return report_wrong_settings(args, &error),
        (settings, _) => settings?,
    };
    logging::start(&settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::run(command, settings));
    // What still runs (a password being hashed, say) must not hold up the end.
    runtime.shutdown_background();
    outcome
}
