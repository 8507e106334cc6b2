//! Declares the statements of a file, so that none escapes the test that asks `SQLite` how it would
//! answer each of them.

/// Constants with the text of each statement, and `STATEMENTS`, a list of them all.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$doc])* const $name: &str = $sql;)+

        /// Every statement of this file with its name.
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

/// What a message is read from, in the order of `messages::message_from`; `m` is its table.
macro_rules! message_columns {
    () => {
        "m.id, m.room, m.seq, m.rev, m.sender, m.client_id, m.fingerprint, m.sealed, m.sent_at, \
         m.edited_at, m.reply_to"
    };
}

/// A query for messages.
macro_rules! select_messages {
    ($rest:literal) => {
        concat!("SELECT ", message_columns!(), " FROM messages m ", $rest)
    };
}

#[cfg(test)]
mod tests {
    use crate::{
        attachments, blocks, ceremonies, challenges, external_sign_ins, heads, keys, known_devices,
        messages, outbox, passkeys, password_resets, pictures, registrations, rooms, schema,
        second_factors, sessions, users,
    };
    use rusqlite::Connection;

    /// Read whole, once at start; it has a row for each sealing key.
    const SMALL_TABLES: [&str; 1] = ["key_fingerprints"];

    fn database() -> Connection {
        let mut conn = Connection::open_in_memory().expect("opens");
        schema::migrate(&mut conn).expect("migrates");
        conn
    }

    /// The steps by which a statement would be answered.
    fn plan(conn: &Connection, sql: &str) -> Vec<String> {
        let mut statement = conn
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let parameters = rusqlite::params_from_iter(vec![None::<i64>; statement.parameter_count()]);
        let steps = statement.query_map(parameters, |row| row.get("detail")).expect("explains");
        steps.collect::<Result<_, _>>().expect("reads")
    }

    /// The steps that read more than they need to: a whole table, or everything before sorting it.
    fn waste(plan: &[String]) -> Vec<&String> {
        let reads_all = |step: &str| {
            step.strip_prefix("SCAN ").is_some_and(|what| {
                let table = what.split(' ').next().unwrap_or_default();
                let is_list = table == "CONSTANT" || what.contains("VIRTUAL TABLE");
                !is_list && !SMALL_TABLES.contains(&table)
            })
        };
        plan.iter().filter(|step| reads_all(step) || step.contains("TEMP B-TREE")).collect()
    }

    #[test]
    fn every_statement_is_answered_by_an_index() {
        let conn = database();
        let files = [
            attachments::STATEMENTS,
            blocks::STATEMENTS,
            ceremonies::STATEMENTS,
            challenges::STATEMENTS,
            external_sign_ins::STATEMENTS,
            heads::STATEMENTS,
            keys::STATEMENTS,
            known_devices::STATEMENTS,
            messages::STATEMENTS,
            outbox::STATEMENTS,
            passkeys::STATEMENTS,
            password_resets::STATEMENTS,
            pictures::STATEMENTS,
            registrations::STATEMENTS,
            rooms::STATEMENTS,
            second_factors::STATEMENTS,
            sessions::STATEMENTS,
            users::STATEMENTS,
        ];
        for (name, sql) in files.into_iter().flatten() {
            let plan = plan(&conn, sql);
            assert!(waste(&plan).is_empty(), "{name} is answered by {plan:#?}");
        }
    }

    #[test]
    fn a_statement_without_an_index_would_be_noticed() {
        let conn = database();
        for sql in [
            "SELECT id FROM messages WHERE sent_at > ?1",
            "SELECT id FROM messages WHERE room = ?1 ORDER BY sent_at",
            "DELETE FROM sessions WHERE last_used_at + 1 < ?1",
            "SELECT m.id FROM rooms r JOIN messages m ON m.room = r.id WHERE r.low = ?1 ORDER BY m.seq",
            "UPDATE members SET read_seq = 0 WHERE read_seq > ?1",
        ] {
            assert!(!waste(&plan(&conn, sql)).is_empty(), "{sql}");
        }
    }

    #[test]
    fn statements_are_prepared_nowhere_but_from_the_lists() {
        let sources = [
            include_str!("attachments.rs"),
            include_str!("ceremonies.rs"),
            include_str!("challenges.rs"),
            include_str!("external_sign_ins.rs"),
            include_str!("heads.rs"),
            include_str!("keys.rs"),
            include_str!("known_devices.rs"),
            include_str!("messages.rs"),
            include_str!("outbox.rs"),
            include_str!("passkeys.rs"),
            include_str!("password_resets.rs"),
            include_str!("pictures.rs"),
            include_str!("registrations.rs"),
            include_str!("rooms.rs"),
            include_str!("second_factors.rs"),
            include_str!("sessions.rs"),
            include_str!("users.rs"),
        ];
        for source in sources {
            for call in source.split("prepare_cached(").skip(1) {
                assert!(!call.starts_with('"'), "a statement of its own: {}", &call[..40]);
            }
            for bypass in [".prepare(", ".execute_batch(", "conn.execute(", "conn.query_row("] {
                assert!(!source.contains(bypass), "{bypass}");
            }
        }
    }
}
