//! From what was recorded to what went wrong: windows, rules, causes, reports; also the import of what others recorded.

pub mod cat;
pub mod causes;
pub mod diff;
pub mod explain;
pub mod export;
pub mod import;
pub mod links;
pub mod onset;
pub mod processes;
pub mod report;
pub mod rules;
pub mod settings;
pub mod signals;
#[cfg(feature = "sql")]
pub mod sql;
pub mod tables;
pub mod time_grammar;
pub mod topology;
pub mod units;
pub mod window;
