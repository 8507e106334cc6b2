//! `sotto assets export`: for a proxy that serves `/static/` itself.
use crate::cli::ExportArgs;
use anyhow::{Context, Result};
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};
use web::Assets;

/// Writes what differs, each file whole or not at all. What other versions left stays: pages that
/// are open somewhere still ask for it.
pub fn export(args: &ExportArgs) -> Result<()> {
    let (mut written, mut all) = (0, 0);
    for (path, content) in Assets::load(false)?.list_static() {
        let path = args.dir.join(path);
        let new = write_whole(&path, content)
            .with_context(|| format!("{} can't be written", path.display()))?;
        written += usize::from(new);
        all += 1;
    }
    writeln!(io::stdout(), "{all} files in {}, {written} of them new", args.dir.display())?;
    Ok(())
}

/// Says whether anything had to be written.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.new", std::process::id()));
    let draft = Path::new(&draft);
    let outcome = write_draft(draft, content).and_then(|()| fs::rename(draft, path));
    if outcome.is_err() {
        let _ = fs::remove_file(draft);
    }
    outcome.map(|()| true)
}

/// Readable for the proxy, which is another user, whatever the umask.
fn write_draft(draft: &Path, content: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(draft)?;
    file.write_all(content)?;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_already_is_left_alone_and_what_is_broken_is_made_good() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b.css");
        assert!(write_whole(&path, b"one").expect("written"));
        assert!(!write_whole(&path, b"one").expect("there"));
        fs::write(&path, b"on").expect("broken");
        assert!(write_whole(&path, b"one").expect("written"));
        assert_eq!(fs::read(&path).expect("a file"), b"one");
        let left: Vec<_> = fs::read_dir(folder.path().join("a")).expect("a folder").collect();
        assert_eq!(left.len(), 1, "no draft is left");
    }
}
