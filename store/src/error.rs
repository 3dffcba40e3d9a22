//! What can go wrong. One line each, naming the file.

use crate::configuration::ConfigurationError;
use std::path::{Path, PathBuf};

/// An error of the store. The text is one line for a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file holds something else.
    #[error("{path}: not a highwater database ({why})")]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// A newer program wrote it.
    #[error(
        "{path}: written by a newer highwater (schema {found}; this program knows up to {known}): use the newer program"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// There is no such file.
    #[error("{path}: no database there ({why})")]
    Missing {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// SQLite says no: locked, full, read-only, corrupt.
    #[error("{path}: {why}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// In words.
        why: String,
        /// SQLite's own error.
        #[source]
        source: rusqlite::Error,
    },
    /// What was written cannot be brought to the disk.
    #[error("{path}: cannot be synced: {why}")]
    Sync {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A stored value does not decode.
    #[error("{path}: damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which value, of which source and time.
        what: String,
    },
    /// The file that should say where the database is says something else.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether the disk is full: the caller may go on and try again.
    pub fn is_full(&self) -> bool {
        self.code() == Some(rusqlite::ErrorCode::DiskFull)
    }

    /// Whether somebody else holds the database.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.code(),
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
        )
    }

    /// Whether the file itself is broken, so that only another one helps.
    pub fn is_corrupt(&self) -> bool {
        matches!(self, Error::NotADatabase { .. } | Error::Damaged { .. })
            || matches!(
                self.code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            )
    }

    fn code(&self) -> Option<rusqlite::ErrorCode> {
        match self {
            Error::Sqlite {
                source: rusqlite::Error::SqliteFailure(failure, _),
                ..
            } => Some(failure.code),
            _ => None,
        }
    }
}

/// What a file is that has no page of SQLite in it.
pub(crate) const NOT_SQLITE: &str = "not an SQLite file";

/// SQLite's error in words, with the file.
pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    let why = match &source {
        rusqlite::Error::SqliteFailure(failure, text) => match failure.code {
            Code::NotADatabase => {
                return Error::NotADatabase {
                    path: path.into(),
                    why: NOT_SQLITE.into(),
                };
            }
            Code::DatabaseBusy | Code::DatabaseLocked => "locked by another program".into(),
            Code::DiskFull => "the disk is full".into(),
            Code::ReadOnly => "read-only".into(),
            Code::DatabaseCorrupt => "the database is corrupt".into(),
            Code::CannotOpen => "cannot be opened".into(),
            _ => text.clone().unwrap_or_else(|| failure.to_string()),
        },
        other => other.to_string(),
    };
    Error::Sqlite {
        path: path.into(),
        why: why.replace('\n', " "),
        source,
    }
}
