//! Logs, to standard error.
use crate::settings::{LogFormat, Settings};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging as set.
pub fn start(settings: &Settings) {
    let filter = EnvFilter::new(&settings.log);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        // The span is the request: `.span.request_id`. It would stand there twice.
        LogFormat::Json => log.json().with_span_list(false).init(),
    }
}
