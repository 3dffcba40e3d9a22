//! What was worked out once: kept in the database under the version of the rules, and thrown away with it.
//!
//! A key holds only what cannot change any more. A database that cannot be written (a copy, another user's) is read without a
//! cache, and answers the same.

use serde::{Serialize, de::DeserializeOwned};
use std::path::Path;
use store::{Reader, Writer};

/// Changes whenever a rule, a cause or a signal does: a hash over their sources, by build.rs.
pub(super) const RULES_VERSION: &str = env!("HIGHWATER_RULES_VERSION");

/// What all keys begin with.
const FAMILY: &str = "incidents ";

/// Remembers, or does not.
pub struct Cache {
    enabled: bool,
    /// What stands in front of each key.
    version: String,
    fresh: Vec<(String, String)>,
}

impl Cache {
    /// One that remembers nothing.
    pub fn off() -> Cache {
        Cache {
            enabled: false,
            version: String::new(),
            fresh: Vec::new(),
        }
    }

    /// One that reads what the database keeps. `site` stands for rules that are not built in: other ones, other answers.
    pub fn on(site: &str) -> Cache {
        Cache {
            enabled: true,
            version: format!("{FAMILY}{RULES_VERSION}{site}"),
            fresh: Vec::new(),
        }
    }

    /// What is kept under a key. What cannot be understood is not known.
    pub(super) fn get<T: DeserializeOwned>(&self, reader: &Reader, key: &str) -> store::Result<Option<T>> {
        if !self.enabled {
            return Ok(None);
        }
        let kept = reader.cached(&self.key(key))?;
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Notes what [`Cache::save`] is to keep.
    pub(super) fn put<T: Serialize>(&mut self, key: String, value: &T) {
        if let (true, Ok(text)) = (self.enabled, serde_json::to_string(value)) {
            self.fresh.push((self.key(&key), text));
        }
    }

    /// Writes what was worked out since. A database that cannot be written now stays as it is: nothing is lost but time.
    pub fn save(&mut self, path: &Path) {
        if self.fresh.is_empty() {
            return;
        }
        if let Ok(mut writer) = Writer::open(path) {
            let _ = writer.cache_version(FAMILY, &self.version, &self.fresh);
            self.fresh.clear();
        }
    }

    fn key(&self, key: &str) -> String {
        format!("{} {key}", self.version)
    }
}

/// A short hash of some bytes, the same on every machine.
pub(crate) fn hash(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|p| hasher.update(p));
    hasher.finalize()
}
