//! One server for each data dir.
use anyhow::{Context, bail};
use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Held by `sotto serve` as long as it runs; the system lets go of it however the process ends.
/// Other commands work beside a server and do not take it.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Takes the lock, or says who has it and what to do.
    pub fn acquire(dir: &Path) -> anyhow::Result<Self> {
        crate::store::create_private_dir(dir)?;
        let path = dir.join("sotto.lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => bail!(
                "another sotto serve is running on this data dir ({}); stop it first or give this one its own SOTTO_DATA_DIR",
                dir.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("locking {}", path.display()))
            }
        }
    }
}
