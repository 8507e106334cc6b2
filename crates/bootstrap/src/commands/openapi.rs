//! `sotto openapi`: the API's description, for generating clients and for comparing versions.
use crate::{parts::Parts, settings::Settings};
use anyhow::Result;
use std::io::Write;
use web::{Caps, Shutdown, openapi_document};

/// Prints the description.
pub fn print(settings: &Settings) -> Result<()> {
    let site = Parts::in_memory(settings)?.site(settings, Caps::STANDARD, Shutdown::default())?;
    writeln!(std::io::stdout(), "{}", openapi_document(site))?;
    Ok(())
}
