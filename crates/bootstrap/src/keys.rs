//! The sealing keys: given by the operator, or generated into the data dir.
use adapter_crypto::KeyRing;
use anyhow::{Context, Result, anyhow};
use application::ports::Entropy;
use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

const FILE: &str = "sealing-keys";

/// What to say when the keys are not those of the store.
pub const REMEDY: &str = "SOTTO_ENCRYPTION_KEYS, or the file sealing-keys in the data dir, must hold every key the store was used with";

/// The keys that are set, for a store that many instances share: none of them could make them for
/// the others.
pub fn given(given: Option<&str>) -> Result<Arc<KeyRing>> {
    let given = given.context(
        "SOTTO_ENCRYPTION_KEYS must be set with SOTTO_MONGODB_URI, the same for every instance: \
         an id, a colon and what `openssl rand -base64 32` prints",
    )?;
    read_given(given).map(Arc::new)
}

fn read_given(given: &str) -> Result<KeyRing> {
    KeyRing::parse(given).map_err(|error| anyhow!("SOTTO_ENCRYPTION_KEYS can't be used: {error}"))
}

/// The keys that are set, else those in the data dir, if any are there.
pub fn find(given: Option<&str>, data_dir: &Path) -> Result<Option<KeyRing>> {
    if let Some(given) = given {
        return read_given(given).map(Some);
    }
    let path = data_dir.join(FILE);
    let parse = |text: &str| {
        KeyRing::parse(text.trim())
            .map_err(|error| anyhow!("the keys in {} can't be used: {error}", path.display()))
    };
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("the keys in {} can't be read", path.display()))
        }
    }
}

/// Writes new keys into a data dir. Of two programs that start at once on a new one, both end up
/// with the keys of one.
pub fn generate(data_dir: &Path, entropy: &dyn Entropy) -> Result<KeyRing> {
    let path = &data_dir.join(FILE);
    let (ring, line) = KeyRing::generate(entropy);
    let draft = path.with_extension(std::process::id().to_string());
    let written = write_durably(&draft, line.as_bytes())
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
        assert!(find(None, dir.path()).expect("reads").is_none());
        let first = generate(dir.path(), &OsEntropy).expect("generated");
        let again = find(None, dir.path()).expect("read").expect("there");
        assert_eq!(first.fingerprints(), again.fingerprints());
        let mode = fs::metadata(dir.path().join(FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1, "no draft is left");
    }

    #[test]
    fn weak_keys_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let zeros = format!("k1:{}=", "A".repeat(43));
        assert!(find(Some(&zeros), dir.path()).is_err());
    }
}
