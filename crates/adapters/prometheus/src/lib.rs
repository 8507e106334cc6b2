//! Figures of how an instance does, as Prometheus reads them (`OpenMetrics` 1.0 text). Everything is
//! counted in this process's memory; nothing is sent anywhere.
mod labels;
mod metrics;
mod process;
mod watched;

pub use metrics::PrometheusMetrics;
pub use watched::Watched;
