//! The memory of a process and of those that it starts.
use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// The most memory that a process and its children take while it is watched.
pub struct Peak {
    process: u32,
    before: u64,
    over: Arc<AtomicBool>,
    watcher: JoinHandle<u64>,
}

impl Peak {
    /// Begins to watch.
    pub fn watch(process: u32) -> Self {
        // The system counts its peak from here on (proc(5)).
        fs::write(format!("/proc/{process}/clear_refs"), "5").expect("our own process");
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let watcher = thread::spawn(move || watch_children(process, &seen));
        Self { process, before: peak(process), over, watcher }
    }

    /// By how many MiB they grew at most, the children's largest with the process's own.
    pub fn grown(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        let children = self.watcher.join().expect("watches");
        (peak(self.process) - self.before + children).div_ceil(1024)
    }
}

/// The system forgets the peak of a process with it, so that one has to look while it runs.
fn watch_children(process: u32, over: &AtomicBool) -> u64 {
    let mut peaks = HashMap::new();
    while !over.load(Ordering::Relaxed) {
        for child in children(process).into_iter().filter(|child| runs(*child)) {
            let most: &mut u64 = peaks.entry(child).or_default();
            // What it shares with its parent is there once.
            let own = figure(child, "VmHWM:").zip(figure(child, "RssFile:"));
            *most = own.map_or(0, |(all, shared)| all.saturating_sub(shared)).max(*most);
        }
        thread::sleep(Duration::from_micros(200));
    }
    peaks.into_values().max().unwrap_or_default()
}

fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(Path::new("/proc").join(process.to_string()).join("task"));
    let threads = threads.expect("a process").flatten();
    let children = threads.filter_map(|one| fs::read_to_string(one.path().join("children")).ok());
    children
        .flat_map(|ids| ids.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Whether it has become a program of its own: until then, its memory is its parent's.
fn runs(child: u32) -> bool {
    let arguments = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
    arguments.ends_with(b"\0draw-picture\0")
}

fn peak(process: u32) -> u64 {
    figure(process, "VmHWM:").expect("runs")
}

/// In KiB.
fn figure(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim_end_matches("kB").trim().parse().ok()
}
