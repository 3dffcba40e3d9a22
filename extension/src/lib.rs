//! A loadable extension of SQLite: `samples` over the database that is open, decoded.
//!
//! ```text
//! sqlite> .load ./libhighwater
//! sqlite> SELECT at, value FROM samples WHERE metric = 'meminfo.MemFree' AND at BETWEEN '2016-09-10 10:50' AND '2016-09-10 11:00';
//! ```
//!
//! It reads through the connection of the program that loaded it: the same locks, the same transaction, and no second SQLite on the
//! same file, which would drop the locks of the first when it closes its own (POSIX locks belong to the process).

mod api;
mod constraints;
mod cursor;
mod table;

use std::ffi::{c_char, c_int};
use store::rusqlite::{Connection, Result, ffi};

/// Called by SQLite when the extension is loaded.
///
/// # Safety
/// Called by SQLite only, with what its documentation of loadable extensions says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sqlite3_highwater_init(
    db: *mut ffi::sqlite3,
    error: *mut *mut c_char,
    routines: *mut ffi::sqlite3_api_routines,
) -> c_int {
    // SAFETY: SQLite gives the table of its functions, which stays as long as it does.
    let Some(routines) = (unsafe { api::known(routines) }) else {
        return ffi::SQLITE_ERROR;
    };
    // SAFETY: `init` only registers a module.
    unsafe { Connection::extension_init2(db, error, routines, init) }
}

fn init(db: Connection) -> Result<bool> {
    table::register(&db)?;
    // What was read once stays useful, and the module's code must stay as long as the module.
    Ok(true)
}
