//! The folder that everything local lies in.
use super::verdict::Verdict;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// With less, an evening's talk may fill it.
const LITTLE_ROOM: u64 = 1024 * 1024 * 1024;
/// With less, nothing can be stored soon.
const NO_ROOM: u64 = 64 * 1024 * 1024;

/// Whether it is there, ours alone, and has room.
pub fn check(dir: &Path) -> Verdict {
    let shown = dir.display();
    let Ok(metadata) = fs::metadata(dir) else {
        let remedy = "`sotto serve` makes it at its first start; is SOTTO_DATA_DIR right?";
        return Verdict::failed(format!("{shown} is not there"), remedy);
    };
    if let Err(error) = try_writing(dir) {
        let remedy = "it must belong to the user Sotto runs as";
        return Verdict::failed(format!("{shown} can't be written to ({error})"), remedy);
    }
    let free = match rustix::fs::statvfs(dir) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Verdict::failed(format!("{shown}: {error}"), "see its disk"),
    };
    judge(dir, free, metadata.permissions().mode())
}

fn judge(dir: &Path, free: u64, mode: u32) -> Verdict {
    let (shown, free_mib) = (dir.display(), free / (1024 * 1024));
    let room = format!("{shown} has {free_mib} MiB free");
    if free < NO_ROOM {
        return Verdict::failed(room, "make room: nothing can be stored on a full disk");
    }
    if mode & 0o077 != 0 {
        let what = format!("others on this machine can look into {shown}");
        return Verdict::warning(what, "chmod 700");
    }
    if free < LITTLE_ROOM {
        return Verdict::warning(room, "make room soon");
    }
    Verdict::fine(room)
}

fn try_writing(dir: &Path) -> std::io::Result<()> {
    let draft = dir.join(format!("doctor.{}", std::process::id()));
    let written = fs::write(&draft, b"can this be written?");
    let _ = fs::remove_file(&draft);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * 1024 * 1024;

    #[test]
    fn room_and_mode_are_judged() {
        let judge = |free, mode| judge(Path::new("data"), free, mode);
        assert!(matches!(judge(2 * GIB, 0o40_700), Verdict::Fine(_)));
        assert!(matches!(judge(2 * GIB, 0o40_750), Verdict::Warning { .. }));
        assert!(matches!(judge(GIB / 2, 0o40_700), Verdict::Warning { .. }));
        assert!(judge(GIB / 64, 0o40_700).is_failed());
    }

    #[test]
    fn trying_it_out_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!check(folder.path()).is_failed());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        assert!(check(&folder.path().join("nowhere")).is_failed());
    }
}
