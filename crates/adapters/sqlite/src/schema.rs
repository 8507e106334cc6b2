//! The shape of the database, one numbered step after another.
use anyhow::{Context, bail};
use rusqlite::{Connection, TransactionBehavior};

/// Each step once, in order; one that was ever released is never changed. The number of steps
/// taken is the database's `user_version`.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_people_rooms_messages.sql"),
    include_str!("../migrations/0002_outbox.sql"),
    include_str!("../migrations/0003_accounts.sql"),
    include_str!("../migrations/0004_factors_pictures_blocks.sql"),
    include_str!("../migrations/0005_privacy.sql"),
    include_str!("../migrations/0006_mute_and_delivery.sql"),
];

/// Brings a database to the shape this program knows, all or nothing. One that a newer program
/// shaped is refused.
pub(crate) fn migrate(conn: &mut Connection) -> anyhow::Result<()> {
    // Immediate: of two programs that open a new database, one shapes it and the other waits.
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: isize = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let version = usize::try_from(version).context("the database is not one of Sotto's")?;
    if version > MIGRATIONS.len() {
        bail!(
            "the database was written by a newer Sotto (schema {version}, this one knows {}); \
             run that version, or go back to a backup from before it",
            MIGRATIONS.len()
        );
    }
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        tx.execute_batch(migration)
            .with_context(|| format!("migrating to schema {}", number + 1))?;
    }
    if version < MIGRATIONS.len() {
        tx.pragma_update(None, "user_version", isize::try_from(MIGRATIONS.len())?)?;
    }
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_shaped_once() {
        let mut conn = Connection::open_in_memory().expect("opens");
        migrate(&mut conn).expect("shapes");
        migrate(&mut conn).expect("has nothing to do");
        let sound: String =
            conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("answers");
        assert_eq!(sound, "ok");
    }
}
