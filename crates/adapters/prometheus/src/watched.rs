//! Figures that nobody tells but that can be looked up whenever somebody asks.
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{TypedMetric, gauge::ConstGauge},
};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// What can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// 1 while events get through to the other instances, else 0.
    BroadcastConnected,
}

impl Watched {
    fn name(self) -> &'static str {
        match self {
            Self::BroadcastConnected => "sotto_broadcast_connected",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::BroadcastConnected => "Whether events get through to the other instances",
        }
    }
}

/// Looks a figure up, at once.
pub type LookUp = Box<dyn Fn() -> i64 + Send + Sync>;

/// Everything that is looked up.
#[derive(Clone, Default)]
pub struct LookUps(Arc<Mutex<Vec<(Watched, LookUp)>>>);

impl LookUps {
    pub fn add(&self, what: Watched, look_up: LookUp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((what, look_up));
    }
}

impl fmt::Debug for LookUps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LookUps")
    }
}

impl Collector for LookUps {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (what, look_up) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let gauge = ConstGauge::new(look_up());
            let (name, help) = (what.name(), what.help());
            gauge.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                ConstGauge::<i64>::TYPE,
            )?)?;
        }
        Ok(())
    }
}
