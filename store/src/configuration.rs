//! The configuration file, as far as every program reads it alike: which lines say what, and where the database is.
//!
//! ```toml
//! db = "/var/lib/highwater/highwater.db"   # for all programs
//!
//! [collector]                              # for one of them
//! keep_age = "30d"
//! ```
//!
//! What the keys of a section mean is for its program to say; it has the line of each, for when it means nothing.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where it is when `$HIGHWATER_CONFIG` does not say.
const PATH: &str = "/etc/highwater/highwater.toml";

/// Programs that have a section.
const SECTIONS: [&str; 2] = ["collector", "web"];

/// Keys that stand before all sections, for every program.
const COMMON: [&str; 1] = ["db"];

/// What is wrong with a configuration file, in one line for a person: file, line, reason.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {why}", .path.display(), .line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigurationError {
    /// The file.
    path: PathBuf,
    /// Counted from 1; `None` where it is about the whole file.
    line: Option<usize>,
    why: String,
}

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// Text, or a number as it is written.
    Text(String),
    /// `true` or `false`.
    Switch(bool),
    /// Several texts or numbers.
    List(Vec<String>),
}

/// A key with its value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As written.
    pub key: String,
    /// What it is set to.
    pub setting: Setting,
    /// Counted from 1.
    pub line: usize,
}

/// A configuration file that was read; without entries where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// The file; empty where there is none.
    pub path: PathBuf,
    common: Vec<Entry>,
    sections: BTreeMap<String, Vec<Entry>>,
}

impl Configuration {
    /// Reads the file that `$HIGHWATER_CONFIG` names, or else /etc/highwater/highwater.toml if it is there. An empty variable
    /// means none.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, or has a section or common key that no program knows.
    pub fn load() -> Result<Configuration, ConfigurationError> {
        let named = std::env::var_os("HIGHWATER_CONFIG");
        match &named {
            Some(name) if name.is_empty() => Ok(Configuration::default()),
            Some(name) => Configuration::read(Path::new(name)),
            None if Path::new(PATH).exists() => Configuration::read(Path::new(PATH)),
            None => Ok(Configuration::default()),
        }
    }

    /// Reads this file.
    ///
    /// # Errors
    /// As [`Configuration::load`], and when it is not there.
    pub fn read(path: &Path) -> Result<Configuration, ConfigurationError> {
        let text = std::fs::read(path).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
        });
        let text = text.map_err(|error| wrong(path, None, error.to_string()))?;
        Configuration::parse(path, &text)
    }

    /// Understands the text of a file; `path` is for what is said of it.
    ///
    /// # Errors
    /// When it is no TOML, or has a section or common key that no program knows.
    pub fn parse(path: &Path, text: &str) -> Result<Configuration, ConfigurationError> {
        let reader = Lines { path, text };
        let table = DeTable::parse(text).map_err(|error| {
            let why = error.message().replace(['\n', '\r'], " ");
            wrong(path, error.span().map(|span| reader.line(&span)), why)
        })?;
        let mut configuration = Configuration {
            path: path.into(),
            ..Configuration::default()
        };
        for (key, value) in table.get_ref() {
            let name = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(section) if SECTIONS.contains(&name) => {
                    let entries = section.iter().map(|(key, value)| reader.entry(key, value));
                    let entries = entries.collect::<Result<Vec<_>, _>>()?;
                    configuration.sections.insert(name.to_owned(), entries);
                }
                DeValue::Table(_) => {
                    let why = format!("unknown section [{name}]: there are {}", SECTIONS.join(", "));
                    return Err(reader.wrong(&key.span(), why));
                }
                _ if COMMON.contains(&name) => configuration.common.push(reader.entry(key, value)?),
                _ => {
                    let why = format!(
                        "unknown key {name}: before the sections stands {}",
                        COMMON.join(", ")
                    );
                    return Err(reader.wrong(&key.span(), why));
                }
            }
        }
        Ok(configuration)
    }

    /// What stands before all sections, and then the section of this program.
    pub fn of(&self, program: &str) -> impl Iterator<Item = &Entry> {
        self.common
            .iter()
            .chain(self.sections.get(program).into_iter().flatten())
    }

    /// The database it names.
    ///
    /// # Errors
    /// When it is no text.
    pub fn database(&self) -> Result<Option<PathBuf>, ConfigurationError> {
        let Some(entry) = self.common.iter().find(|entry| entry.key == "db") else {
            return Ok(None);
        };
        match &entry.setting {
            Setting::Text(path) if !path.is_empty() => Ok(Some(path.into())),
            _ => Err(self.wrong(entry, "expected the path of a file")),
        }
    }

    /// An error about an entry: what is wrong with its value or key.
    pub fn wrong(&self, entry: &Entry, why: &str) -> ConfigurationError {
        wrong(&self.path, Some(entry.line), format!("{}: {why}", entry.key))
    }
}

/// Finds lines.
struct Lines<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Lines<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    fn wrong(&self, span: &Range<usize>, why: String) -> ConfigurationError {
        wrong(self.path, Some(self.line(span)), why)
    }

    fn entry(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Entry, ConfigurationError> {
        let name = key.get_ref().to_string();
        let refuse = |kind: &str| {
            let why =
                format!("{name}: expected text, a number, true, false or a list of texts, found {kind}");
            self.wrong(&key.span(), why)
        };
        let setting = match value.get_ref() {
            DeValue::Boolean(switch) => Setting::Switch(*switch),
            DeValue::Array(list) => {
                let texts = list
                    .iter()
                    .map(|each| scalar(each.get_ref()).ok_or_else(|| refuse("a list of something else")));
                Setting::List(texts.collect::<Result<_, _>>()?)
            }
            other => Setting::Text(scalar(other).ok_or_else(|| refuse(other.type_str()))?),
        };
        Ok(Entry {
            line: self.line(&key.span()),
            key: name,
            setting,
        })
    }
}

/// Text, or a number as it is written.
fn scalar(value: &DeValue) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

fn wrong(path: &Path, line: Option<usize>, why: String) -> ConfigurationError {
    ConfigurationError {
        path: path.into(),
        line,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::parse(Path::new("h.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_are_known() {
        let read = parse(
            "# a comment\ndb = \"/x.db\"\n\n[collector]\nkeep_age = \"3d\"\nport = 9101\nno_processes = true\n\
             files = [\"a\", \"b\"]\n[web]\nlisten = \"127.0.0.1:1\"\n",
        );
        let read = read.unwrap();
        assert_eq!(read.database().unwrap(), Some("/x.db".into()));
        let told = |program| {
            read.of(program)
                .map(|e| format!("{} {} {:?}", e.line, e.key, e.setting))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            told("collector"),
            [
                "2 db Text(\"/x.db\")",
                "8 files List([\"a\", \"b\"])",
                "5 keep_age Text(\"3d\")",
                "7 no_processes Switch(true)",
                "6 port Text(\"9101\")",
            ]
        );
        assert_eq!(
            told("web"),
            ["2 db Text(\"/x.db\")", "10 listen Text(\"127.0.0.1:1\")"]
        );
        assert_eq!(parse("").unwrap().database().unwrap(), None);
    }

    #[test]
    fn what_is_wrong_has_a_line_and_a_reason() {
        let refused = |text: &str| parse(text).unwrap_err();
        assert_eq!(
            refused("\ndata = 1\n"),
            "h.toml:2: unknown key data: before the sections stands db"
        );
        assert_eq!(
            refused("[colector]\n"),
            "h.toml:1: unknown section [colector]: there are collector, web"
        );
        assert_eq!(
            refused("[web]\nx = { a = 1 }\n"),
            "h.toml:2: x: expected text, a number, true, false or a list of texts, found table"
        );
        assert_eq!(
            refused("[web]\nx = [[1]]\n"),
            "h.toml:2: x: expected text, a number, true, false or a list of texts, found a list of something else"
        );
        assert_eq!(
            refused("[web]\n\nx = \n"),
            "h.toml:3: string values must be quoted, expected literal string"
        );
        assert_eq!(refused("[web]\nx = 1\nx = 2\n"), "h.toml:3: duplicate key");
        let number = parse("db = 1\n").unwrap();
        assert_eq!(number.database().unwrap(), Some("1".into()));
        let switch = parse("db = true\n").unwrap().database().unwrap_err();
        assert_eq!(switch.to_string(), "h.toml:1: db: expected the path of a file");
        assert!(
            Configuration::read(Path::new("/nowhere/h.toml"))
                .unwrap_err()
                .to_string()
                .starts_with("/nowhere/h.toml: No such file")
        );
    }

    #[test]
    fn no_beginning_of_a_file_breaks_it() {
        let text = "db = \"/ä.db\"\n[collector]\nfiles = [\"a\", 1.5]\nno = true\n[web]\nx = '''\ny\n'''\n";
        for end in 0..=text.len() {
            if let Some(part) = text.get(..end)
                && let Err(why) = parse(part)
            {
                assert!(
                    why.starts_with("h.toml:") && !why.contains('\n'),
                    "{part:?}: {why}"
                );
            }
        }
    }
}
