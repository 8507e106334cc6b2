//! The bytes of files, beside the database: one file a part, of slots that have a piece each.
//!
//! Their names are ids of our own in hexadecimal. Nothing here decides whether a file counts: that
//! is in the database, which is told only once all of a file is on the disk.
use crate::store::create_private_dir;
use anyhow::Context;
use domain::{
    attachment::{FilePart, SealedPiece},
    id::AttachmentId,
};
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// What the directory is called in the data dir.
const DIRECTORY: &str = "attachments";
/// Before each piece stands how long it is.
const LENGTH: usize = size_of::<u32>();
/// Where the next piece begins.
const SLOT: u64 = (LENGTH + SealedPiece::MAX) as u64;

/// Where the bytes of files are. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Files {
    /// In this directory.
    Directory(Arc<Path>),
    /// Gone once dropped; for tests.
    Memory(Arc<Mutex<Pieces>>),
}

type Pieces = HashMap<(AttachmentId, FilePart), Vec<SealedPiece>>;

impl Files {
    /// Beside a database, in a directory that only its owner can look into.
    pub(crate) fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let directory = data_dir.join(DIRECTORY);
        create_private_dir(&directory)?;
        Ok(Self::Directory(directory.into()))
    }

    /// Does work that waits for the disk where nobody else waits for it.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let files = self.clone();
        tokio::task::spawn_blocking(move || work(&files)).await?
    }

    /// Writes a piece; not yet to the disk.
    pub(crate) fn put(
        &self,
        id: AttachmentId,
        part: FilePart,
        index: u32,
        piece: SealedPiece,
    ) -> anyhow::Result<()> {
        let bytes = piece.as_bytes();
        anyhow::ensure!(bytes.len() <= SealedPiece::MAX, "a piece of {} bytes", bytes.len());
        match self {
            Self::Directory(directory) => {
                let mut slot = u32::try_from(bytes.len())?.to_be_bytes().to_vec();
                slot.extend_from_slice(bytes);
                let mut options = OpenOptions::new();
                options.write(true).create(true).truncate(false).mode(0o600);
                let file = options.open(path(directory, id, part))?;
                Ok(file.write_all_at(&slot, u64::from(index) * SLOT)?)
            }
            Self::Memory(pieces) => {
                let mut pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner);
                pieces.entry((id, part)).or_default().push(piece);
                Ok(())
            }
        }
    }

    /// Has all pieces of a file on the disk, and their names.
    pub(crate) fn sync(&self, id: AttachmentId) -> anyhow::Result<()> {
        let Self::Directory(directory) = self else { return Ok(()) };
        File::open(path(directory, id, FilePart::Original))
            .and_then(|file| file.sync_all())
            .context("a file that arrived is not there")?;
        match File::open(path(directory, id, FilePart::Preview)) {
            Ok(preview) => preview.sync_all()?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(File::open(directory)?.sync_all()?)
    }

    /// A piece as it was written.
    pub(crate) fn find(
        &self,
        id: AttachmentId,
        part: FilePart,
        index: u32,
    ) -> anyhow::Result<Option<SealedPiece>> {
        match self {
            Self::Directory(directory) => {
                let file = match File::open(path(directory, id, part)) {
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                    opened => opened?,
                };
                read_slot(&file, u64::from(index) * SLOT)
            }
            Self::Memory(pieces) => {
                let pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner);
                let part = pieces.get(&(id, part));
                Ok(part.and_then(|part| part.get(usize::try_from(index).ok()?)).cloned())
            }
        }
    }

    /// Removes all pieces of a file, for good: the names are gone from the disk.
    pub(crate) fn remove(&self, id: AttachmentId) -> anyhow::Result<()> {
        match self {
            Self::Directory(directory) => {
                for part in [FilePart::Original, FilePart::Preview] {
                    match fs::remove_file(path(directory, id, part)) {
                        Err(error) if error.kind() != ErrorKind::NotFound => {
                            return Err(error.into());
                        }
                        _ => {}
                    }
                }
                Ok(File::open(directory)?.sync_all()?)
            }
            Self::Memory(pieces) => {
                let mut pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner);
                pieces.retain(|(of, _), _| *of != id);
                Ok(())
            }
        }
    }
}

/// `None` where the file has no such slot, or not all of it.
fn read_slot(file: &File, at: u64) -> anyhow::Result<Option<SealedPiece>> {
    let mut length = [0; LENGTH];
    if !read_at(file, &mut length, at)? {
        return Ok(None);
    }
    let length = usize::try_from(u32::from_be_bytes(length))?;
    if length > SealedPiece::MAX {
        return Ok(None);
    }
    let mut bytes = vec![0; length];
    let whole = read_at(file, &mut bytes, at + LENGTH as u64)?;
    Ok(whole.then(|| SealedPiece::new(bytes)))
}

fn read_at(file: &File, bytes: &mut [u8], at: u64) -> anyhow::Result<bool> {
    match file.read_exact_at(bytes, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn path(directory: &Path, id: AttachmentId, part: FilePart) -> PathBuf {
    let name = u128::from_be_bytes(*id.as_bytes());
    let kind = match part {
        FilePart::Original => "file",
        FilePart::Preview => "preview",
    };
    directory.join(format!("{name:032x}.{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const ID: [u8; 16] = [0xa7; 16];

    fn piece(byte: u8, length: usize) -> SealedPiece {
        SealedPiece::new(vec![byte; length])
    }

    #[test]
    fn pieces_lie_one_behind_another_in_a_file_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(folder.path()).expect("opens");
        let id = AttachmentId::from_bytes(ID);
        let original = FilePart::Original;
        files.put(id, original, 0, piece(1, SealedPiece::MAX)).expect("writes");
        files.put(id, original, 1, piece(2, 5)).expect("writes");
        files.sync(id).expect("syncs");
        assert_eq!(files.find(id, original, 0).expect("reads"), Some(piece(1, SealedPiece::MAX)));
        assert_eq!(files.find(id, original, 1).expect("reads"), Some(piece(2, 5)));
        assert_eq!(files.find(id, original, 2).expect("reads"), None);
        assert_eq!(files.find(id, FilePart::Preview, 0).expect("reads"), None);

        let directory = folder.path().join(DIRECTORY);
        let file = directory.join(format!("{}.file", "a7".repeat(16)));
        let mode = |path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&file)), (0o700, 0o600));
        files.remove(id).expect("removes");
        assert!(!file.exists());
        files.remove(id).expect("removes what is gone");
    }

    #[test]
    fn what_was_cut_or_claims_to_go_on_is_no_piece() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::open(folder.path()).expect("opens");
        let id = AttachmentId::from_bytes(ID);
        files.put(id, FilePart::Original, 0, piece(1, 100)).expect("writes");
        let path = folder.path().join(DIRECTORY).join(format!("{}.file", "a7".repeat(16)));
        let whole = fs::read(&path).expect("reads");
        for length in [0, 2, 4, 50, 103] {
            fs::write(&path, &whole[..length]).expect("writes");
            assert_eq!(files.find(id, FilePart::Original, 0).expect("reads"), None, "{length}");
        }
        fs::write(&path, [0xff; 200]).expect("writes");
        assert_eq!(files.find(id, FilePart::Original, 0).expect("reads"), None);
        let large = piece(1, SealedPiece::MAX + 1);
        assert!(files.put(id, FilePart::Original, 0, large).is_err());
    }
}
