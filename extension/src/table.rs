//! The virtual table: there without being created, read-only.

use crate::constraints;
use crate::cursor::Cursor;
use std::borrow::Cow;
use std::ffi::CStr;
use store::rusqlite::vtab::{IndexInfo, Module, VTab, VTabConfig, VTabConnection};
use store::rusqlite::{Connection, Result, ffi};

/// `samples`
#[repr(C)]
pub(crate) struct Samples {
    /// SQLite's part; must be first.
    base: ffi::sqlite3_vtab,
    db: *mut ffi::sqlite3,
}

pub(crate) fn register(db: &Connection) -> Result<()> {
    const MODULE: Module<Samples> = Module::eponymous_only_module();
    db.create_module(c"samples", &MODULE, None::<()>)
}

// SAFETY: `#[repr(C)]`, and SQLite's part stands first.
unsafe impl<'vtab> VTab<'vtab> for Samples {
    type Aux = ();
    type Cursor = Cursor;

    fn connect(
        db: &mut VTabConnection,
        _aux: Option<&()>,
        _module: &[u8],
        _database: &[u8],
        _table: &[u8],
        _arguments: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Samples)> {
        // It reads tables of the database: views and triggers of a foreign file shall not.
        db.config(VTabConfig::DirectOnly)?;
        const DECLARATION: &CStr = match CStr::from_bytes_with_nul(constraints::COLUMNS.as_bytes()) {
            Ok(text) => text,
            Err(_) => panic!("a C string"),
        };
        let table = Samples {
            base: ffi::sqlite3_vtab::default(),
            // SAFETY: the handle is used as long as the table is connected to it.
            db: unsafe { db.handle() },
        };
        Ok((Cow::Borrowed(DECLARATION), table))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        constraints::plan(info)
    }

    fn open(&'vtab mut self) -> Result<Cursor> {
        Ok(Cursor::new(self.db))
    }
}
