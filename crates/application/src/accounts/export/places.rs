//! How many exports run at once.
use super::ExportError;
use domain::id::UserId;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Places for those whose data is being given, one for each person.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<HashSet<UserId>>>);

/// A place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    taken: Places,
    user: UserId,
}

impl Places {
    /// How many people are given their data at once, by one instance.
    pub const MOST: usize = 4;

    pub(super) fn take(&self, user: UserId) -> Result<Place, ExportError> {
        let mut taken = self.taken();
        if taken.contains(&user) {
            return Err(ExportError::Underway);
        }
        if taken.len() >= Self::MOST {
            return Err(ExportError::Busy);
        }
        taken.insert(user);
        Ok(Place { taken: self.clone(), user })
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<UserId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.taken().remove(&self.user);
    }
}
