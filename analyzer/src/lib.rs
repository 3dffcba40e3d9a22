//! From what was recorded to what went wrong: windows, rules, causes, reports; also the import of what others recorded.

pub mod bundle;
mod bursts;
pub mod cat;
pub mod causes;
pub mod column;
pub mod compare;
pub mod diff;
pub mod explain;
pub mod export;
pub mod import;
pub mod incidents;
pub mod links;
pub mod onset;
pub mod plot;
pub mod processes;
pub mod report;
pub mod rules;
pub mod settings;
pub mod signals;
pub mod site;
pub mod snapshot;
#[cfg(feature = "sql")]
pub mod sql;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod time_grammar;
pub mod topology;
pub mod units;
pub mod watch;
pub mod window;
pub mod workers;
