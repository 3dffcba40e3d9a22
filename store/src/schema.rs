//! Opening: the file's identity, its version, and the migrations that bring it up to date.

use crate::error::{Error, NOT_SQLITE, Result, sqlite};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

/// `PRAGMA application_id` of a highwater database: "hiwa".
const APPLICATION_ID: i64 = 0x6869_7761;

/// Each brings a database from the version that is its index to the next.
const MIGRATIONS: &[&str] = &[include_str!("../../migrations/0001_initial.sql")];

/// The version that this program writes.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// Gives 256 pages that hold nothing back to the file system.
pub(crate) const GIVE_BACK: &str = "PRAGMA incremental_vacuum(256)";

/// How long to wait for another program that holds the database.
const BUSY: Duration = Duration::from_secs(5);

/// Opens for writing; creates and migrates.
pub(crate) fn open_to_write(path: &Path) -> Result<Connection> {
    refuse_scrap(path)?;
    let db = Connection::open(path).map_err(|e| sqlite(path, e))?;
    let begin = || -> rusqlite::Result<()> {
        db.busy_timeout(BUSY)?;
        if tables(&db)? == 0 && pragma(&db, "application_id")? == 0 {
            // Only before the first table: space can be given back in small steps later.
            db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            db.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        Ok(())
    };
    begin().map_err(|e| sqlite(path, e))?;
    identify(&db, path)?;
    let set_up = || -> rusqlite::Result<()> {
        db.pragma_update(None, "journal_mode", "WAL")?;
        // A power cut may lose what came after the last sync (Writer::sync, or a checkpoint), never the database (SQLite: WAL with NORMAL).
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.pragma_update(None, "cache_size", -2048)?;
        db.pragma_update(None, "journal_size_limit", 8 << 20)?;
        if pragma(&db, "user_version")? < SCHEMA_VERSION {
            db.execute_batch("BEGIN IMMEDIATE")?;
            migrate(&db)
                .and_then(|()| db.execute_batch("COMMIT"))
                .inspect_err(|_| {
                    // The error is what there is to tell; SQLite may have undone it already.
                    let _ = db.execute_batch("ROLLBACK");
                })?;
        }
        Ok(())
    };
    set_up().map_err(|e| sqlite(path, e))?;
    Ok(db)
}

/// Brings the schema up to date, within a transaction: who waited for another that migrated finds nothing left to do.
fn migrate(db: &Connection) -> rusqlite::Result<()> {
    let version = pragma(db, "user_version")?;
    for (sql, next) in MIGRATIONS.iter().zip(1i64..) {
        if version < next {
            db.execute_batch(sql)?;
            db.pragma_update(None, "user_version", next)?;
        }
    }
    Ok(())
}

fn pragma(db: &Connection, name: &str) -> rusqlite::Result<i64> {
    db.query_row(&format!("PRAGMA {name}"), [], |r| r.get(0))
}

fn tables(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
}

/// Opens for reading only; nothing is created or changed.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection> {
    if let Err(error) = std::fs::metadata(path) {
        return Err(Error::Missing {
            path: path.into(),
            why: error.to_string(),
        });
    }
    refuse_scrap(path)?;
    match open_read_only(path.as_os_str()) {
        // On read-only media the -shm file that WAL wants cannot be made: nobody writes there, so the file cannot change.
        Err(Error::Sqlite {
            source: rusqlite::Error::SqliteFailure(failure, _),
            ..
        }) if matches!(failure.code, ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
            let name = path
                .to_string_lossy()
                .replace('%', "%25")
                .replace('?', "%3f")
                .replace('#', "%23");
            open_read_only(format!("file:{name}?immutable=1").as_ref())
        }
        other => other,
    }
}

/// SQLite takes what is shorter than a page for nothing, and would write over it. (Its bytes are not looked at here: to close a
/// database's file drops the locks that this process has on it.)
fn refuse_scrap(path: &Path) -> Result<()> {
    let why = match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => "a folder",
        Ok(meta) if (1..512).contains(&meta.len()) => NOT_SQLITE,
        _ => return Ok(()),
    };
    Err(Error::NotADatabase {
        path: path.into(),
        why: why.into(),
    })
}

fn open_read_only(name: &OsStr) -> Result<Connection> {
    let path = Path::new(name);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(path, flags).map_err(|e| sqlite(path, e))?;
    db.busy_timeout(BUSY).map_err(|e| sqlite(path, e))?;
    if identify(&db, path)? == 0 {
        return Err(Error::NotADatabase {
            path: path.into(),
            why: "nothing was written to it yet".into(),
        });
    }
    Ok(db)
}

/// The schema version of a database that is ours and not newer than we are.
pub(crate) fn identify(db: &Connection, path: &Path) -> Result<i64> {
    let look = || {
        Ok((
            pragma(db, "application_id")?,
            pragma(db, "user_version")?,
            tables(db)?,
        ))
    };
    let (application, version, tables) = look().map_err(|e| sqlite(path, e))?;
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
