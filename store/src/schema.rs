//! Opening: the file's identity, its version, and the migrations that bring it up to date.

use crate::error::{Error, Result, sqlite};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// `PRAGMA application_id` of a highwater database: "hiwa".
const APPLICATION_ID: i64 = 0x6869_7761;

/// Each brings a database from the version that is its index to the next.
const MIGRATIONS: &[&str] = &[include_str!("../../migrations/0001_initial.sql")];

/// The version that this program writes.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// How long to wait for another program that holds the database.
const BUSY: Duration = Duration::from_secs(5);

/// Opens for writing; creates and migrates.
pub(crate) fn open_to_write(path: &Path) -> Result<Connection> {
    let mut db = Connection::open(path).map_err(|e| sqlite(path, e))?;
    let set_up = |db: &Connection| -> rusqlite::Result<()> {
        db.busy_timeout(BUSY)?;
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
        if tables == 0 {
            // Only before the first table: space can be given back in small steps later.
            db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            db.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        Ok(())
    };
    set_up(&db).map_err(|e| sqlite(path, e))?;
    let version = identify(&db, path)?;
    let pragmas = |db: &Connection| -> rusqlite::Result<()> {
        db.pragma_update(None, "journal_mode", "WAL")?;
        // A power cut may lose the last checkpoint interval, never the database (SQLite: WAL with NORMAL).
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.pragma_update(None, "cache_size", -2048)?;
        db.pragma_update(None, "journal_size_limit", 8 << 20)
    };
    pragmas(&db).map_err(|e| sqlite(path, e))?;
    let mut migrate = || -> rusqlite::Result<()> {
        for (i, sql) in MIGRATIONS.iter().enumerate().skip(version as usize) {
            let step = db.transaction()?;
            step.execute_batch(sql)?;
            step.pragma_update(None, "user_version", i as i64 + 1)?;
            step.commit()?;
        }
        Ok(())
    };
    migrate().map_err(|e| sqlite(path, e))?;
    Ok(db)
}

/// Opens for reading only; nothing is created or changed.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection> {
    if let Err(error) = std::fs::metadata(path) {
        return Err(Error::Missing {
            path: path.into(),
            why: error.to_string(),
        });
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let open = || -> Result<Connection> {
        let db = Connection::open_with_flags(path, flags).map_err(|e| sqlite(path, e))?;
        db.busy_timeout(BUSY).map_err(|e| sqlite(path, e))?;
        identify(&db, path)?;
        Ok(db)
    };
    match open() {
        // On read-only media the -shm file that WAL wants cannot be made: nobody writes there, so the file cannot change.
        Err(Error::Sqlite {
            source: rusqlite::Error::SqliteFailure(failure, _),
            ..
        }) if matches!(
            failure.code,
            rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly
        ) =>
        {
            let escaped = path
                .to_string_lossy()
                .replace('%', "%25")
                .replace('?', "%3f")
                .replace('#', "%23");
            let uri = format!("file:{escaped}?immutable=1");
            let db = Connection::open_with_flags(uri, flags).map_err(|e| sqlite(path, e))?;
            identify(&db, path)?;
            Ok(db)
        }
        other => other,
    }
}

/// The schema version of a database that is ours and not newer than we are.
fn identify(db: &Connection, path: &Path) -> Result<i64> {
    let pragma = |name: &str| db.query_row(&format!("PRAGMA {name}"), [], |r| r.get::<_, i64>(0));
    let application = pragma("application_id").map_err(|e| sqlite(path, e))?;
    let version = pragma("user_version").map_err(|e| sqlite(path, e))?;
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
        .map_err(|e| sqlite(path, e))?;
    if application != APPLICATION_ID {
        let why = if tables == 0 {
            "an empty file"
        } else {
            "an SQLite database of another program"
        };
        return Err(Error::NotADatabase {
            path: path.into(),
            why: why.into(),
        });
    }
    if version > SCHEMA_VERSION {
        return Err(Error::TooNew {
            path: path.into(),
            found: version,
            known: SCHEMA_VERSION,
        });
    }
    Ok(version)
}
