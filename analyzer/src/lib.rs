//! From what was recorded to what went wrong: windows, rules, causes, reports; also the import of what others recorded.

pub mod cat;
pub mod diff;
pub mod import;
pub mod time_grammar;
