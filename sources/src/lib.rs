//! What each kernel file means: one file per source, pure decoders from templates to columns.

use model::{Column, Template};

/// A kernel file that highwater knows.
pub struct Source {
    /// Name, and path under /proc: `meminfo`, `pressure/io`.
    pub name: &'static str,
    /// Says what each slot of a template is. Slots that nobody knows still get a column, named after the text before them.
    pub decode: fn(&Template) -> Vec<Column>,
}

/// All of them, in the order in which the collector reads them.
pub fn all() -> &'static [Source] {
    &[]
}

/// The source of this name.
pub fn find(name: &str) -> Option<&'static Source> {
    all().iter().find(|s| s.name == name)
}
