//! The table of SQLite's functions, as rusqlite wants it from programs that are older than its bindings.
//!
//! rusqlite's bindings know SQLite 3.45.3, and refuse an older one because its table of functions is shorter. Debian 12 has 3.40.1.
//! All that is used here was there in 3.40: the table is copied as far as that version has it, and what came later is none.

use std::ffi::c_int;
use std::mem::{MaybeUninit, offset_of, size_of};
use std::sync::OnceLock;
use store::rusqlite::ffi::{SQLITE_VERSION_NUMBER, sqlite3_api_routines};

/// The first version whose table reaches to `value_encoding`.
const OLDEST: c_int = 3_040_000;

/// Its size: `is_interrupted` came with 3.41.
const OLDEST_SIZE: usize = offset_of!(sqlite3_api_routines, is_interrupted);

/// The table that is passed on: the program's own, or a longer copy of it. `None`: it is too old.
///
/// # Safety
/// `routines` is what SQLite passed, or null.
pub(crate) unsafe fn known(routines: *mut sqlite3_api_routines) -> Option<*mut sqlite3_api_routines> {
    if routines.is_null() {
        return None;
    }
    // SAFETY: every version that can load extensions has this function, at this place.
    let version = unsafe { (&raw const (*routines).libversion_number).read() }?;
    // SAFETY: it takes nothing and answers a number.
    let version = unsafe { version() };
    if version >= SQLITE_VERSION_NUMBER {
        return Some(routines);
    }
    if version < OLDEST {
        return None;
    }
    static COPY: OnceLock<Copied> = OnceLock::new();
    let copy = COPY.get_or_init(|| {
        let mut table = MaybeUninit::<sqlite3_api_routines>::zeroed();
        // SAFETY: a table is nothing but optional functions, of which all zeroes is none; the program's is at least so long.
        let mut table = unsafe {
            std::ptr::copy_nonoverlapping(
                routines.cast::<u8>().cast_const(),
                table.as_mut_ptr().cast::<u8>(),
                OLDEST_SIZE.min(size_of::<sqlite3_api_routines>()),
            );
            table.assume_init()
        };
        table.libversion_number = Some(known_version);
        Copied(Box::into_raw(Box::new(table)))
    });
    Some(copy.0)
}

/// Never changed after it was made, and never freed.
struct Copied(*mut sqlite3_api_routines);

// SAFETY: the table is only read.
unsafe impl Send for Copied {}
// SAFETY: the table is only read.
unsafe impl Sync for Copied {}

unsafe extern "C" fn known_version() -> c_int {
    SQLITE_VERSION_NUMBER
}
