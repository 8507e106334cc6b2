//! What the process takes up, read from Linux when somebody asks. The names are those that every
//! Prometheus client uses. Where there is no `/proc`, there are none of these figures.
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use std::{fmt, fs};

/// Linux counts time in these for programs, whatever the kernel's own tick (`man 5 proc`).
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
pub struct ProcessCollector;

/// Read at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Figures {
    cpu_seconds: f64,
    started_at: f64,
    resident_bytes: i64,
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(figures) = read_figures() {
            gauge(
                &mut encoder,
                "process_resident_memory_bytes",
                "Memory in use",
                &ConstGauge::new(figures.resident_bytes),
            )?;
            gauge(
                &mut encoder,
                "process_start_time_seconds",
                "When the process began, since 1970",
                &ConstGauge::new(figures.started_at),
            )?;
            let counter = ConstCounter::new(figures.cpu_seconds);
            let help = "Processor time used";
            counter.encode(encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                MetricType::Counter,
            )?)?;
        }
        if let Some(open) = open_descriptors() {
            let help = "File descriptors in use; a socket is one";
            gauge(&mut encoder, "process_open_fds", help, &ConstGauge::new(open))?;
        }
        if let Some(most) = most_descriptors() {
            let help = "File descriptors there may be";
            gauge(&mut encoder, "process_max_fds", help, &ConstGauge::new(most))?;
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    gauge: &impl EncodeMetric,
) -> fmt::Result {
    gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn read_figures() -> Option<Figures> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let system = fs::read_to_string("/proc/stat").ok()?;
    parse_figures(&stat, &status, &system)
}

/// From `/proc/self/stat`, `/proc/self/status` and `/proc/stat`.
fn parse_figures(stat: &str, status: &str, system: &str) -> Option<Figures> {
    // The second field is the program's name, in brackets, and may hold anything; the third is
    // the first of these.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let booted_at: f64 = line(system, "btime ")?.parse().ok()?;
    let resident_kib: i64 = line(status, "VmRSS:")?.trim_end_matches("kB").trim().parse().ok()?;
    Some(Figures {
        cpu_seconds: (ticks(14)? + ticks(15)?) / TICKS_PER_SECOND,
        started_at: booted_at + ticks(22)? / TICKS_PER_SECOND,
        resident_bytes: resident_kib * 1024,
    })
}

fn line<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(start)).map(str::trim)
}

fn open_descriptors() -> Option<i64> {
    // Looking takes one itself.
    let open = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    i64::try_from(open).ok()
}

fn most_descriptors() -> Option<i64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    line(&limits, "Max open files")?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_past_whatever_the_program_is_called() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 150 50 0 0 20 0 4 0 1000 9 8 7";
        let status = "Name:\tsotto\nVmRSS:\t   2048 kB\n";
        let figures = parse_figures(stat, status, "cpu 1\nbtime 1700000000\n");
        let expected = Figures {
            cpu_seconds: 2.0,
            started_at: 1_700_000_010.0,
            resident_bytes: 2 * 1024 * 1024,
        };
        assert_eq!(figures, Some(expected));
        assert_eq!(parse_figures("", status, ""), None);
    }

    #[test]
    fn this_process_has_figures() {
        let figures = read_figures().expect("this is Linux");
        assert!(figures.resident_bytes > 0 && figures.started_at > 1.5e9, "{figures:?}");
        let (open, most) = (open_descriptors().expect("some"), most_descriptors().expect("some"));
        assert!(0 < open && open < most, "{open} of {most}");
    }
}
