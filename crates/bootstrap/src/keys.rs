//! The sealing keys: given by the operator, or generated into the data dir.
use adapter_crypto::KeyRing;
use anyhow::{Context, Result, anyhow};
use application::ports::Entropy;
use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

const FILE: &str = "sealing-keys";

/// The keys that are set, else those in the data dir, else new ones written there. Keys that can't
/// be used leave nothing behind.
pub fn load(given: Option<&str>, data_dir: &Path, entropy: &dyn Entropy) -> Result<KeyRing> {
    if let Some(given) = given {
        return KeyRing::parse(given)
            .map_err(|error| anyhow!("SOTTO_ENCRYPTION_KEYS can't be used: {error}"));
    }
    let path = data_dir.join(FILE);
    let parse = |text: &str| {
        KeyRing::parse(text.trim())
            .map_err(|error| anyhow!("the keys in {} can't be used: {error}", path.display()))
    };
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == ErrorKind::NotFound => generate(&path, entropy),
        Err(error) => {
            Err(error).with_context(|| format!("the keys in {} can't be read", path.display()))
        }
    }
}

/// Of two programs that start at once on a new data dir, both end up with the keys of one.
fn generate(path: &Path, entropy: &dyn Entropy) -> Result<KeyRing> {
    let (ring, line) = KeyRing::generate(entropy);
    let draft = path.with_extension(std::process::id().to_string());
    let written = create_private_folder(path)
        .and_then(|()| write_durably(&draft, line.as_bytes()))
        .and_then(|()| fs::hard_link(&draft, path))
        .and_then(|()| sync_folder(path));
    let _ = fs::remove_file(&draft);
    match written {
        Ok(()) => Ok(ring),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok(KeyRing::parse(fs::read_to_string(path)?.trim())?)
        }
        Err(error) => {
            Err(error).with_context(|| format!("new keys can't be written to {}", path.display()))
        }
    }
}

/// The data dir may be as new as the keys.
fn create_private_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Losing the keys loses every message, so they are on disk before anything is sealed with them.
fn write_durably(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use adapter_crypto::OsEntropy;

    #[test]
    fn generated_keys_are_found_again_and_are_nobody_elses() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        let first = load(None, dir.path(), &OsEntropy).expect("generated");
        let again = load(None, dir.path(), &OsEntropy).expect("read");
        assert_eq!(first.fingerprints(), again.fingerprints());
        let mode = fs::metadata(dir.path().join(FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1, "no draft is left");
    }

    #[test]
    fn weak_keys_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let zeros = format!("k1:{}=", "A".repeat(43));
        assert!(load(Some(&zeros), dir.path(), &OsEntropy).is_err());
    }
}
