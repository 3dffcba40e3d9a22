//! Families of samples as text: OpenMetrics 1.0, or the older format of Prometheus (0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    OpenMetrics,
    Prometheus,
}

impl Format {
    /// The `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What the numbers of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Gauge,
    /// Its name ends in `_total`.
    Counter,
    Histogram,
    /// Not told by who gave the number; what node_exporter calls untyped.
    Unknown,
}

/// Name, type and meaning of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) is: Type,
    pub(crate) help: String,
}

/// A label and its value.
pub(crate) type Label<'a> = (&'static str, &'a str);

/// All families of an answer, by name.
#[derive(Default)]
pub(crate) struct Families(BTreeMap<String, (Arc<Family>, String)>);

impl Families {
    /// Adds a sample.
    pub(crate) fn sample(&mut self, family: &Arc<Family>, labels: &str, value: f64) {
        self.line(family, "", labels, value);
    }

    /// Adds a line whose name is the family's and an ending (`_bucket`, `_sum`).
    pub(crate) fn line(&mut self, family: &Arc<Family>, ending: &str, labels: &str, value: f64) {
        let entry = self.0.entry(family.name.clone());
        let (_, lines) = entry.or_insert_with(|| (family.clone(), String::new()));
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{}{ending}{labels} {value}", family.name);
    }

    /// The whole answer.
    pub(crate) fn text(self, format: Format) -> String {
        let mut text = String::new();
        for (family, lines) in self.0.into_values() {
            let (name, word) = match (format, family.is) {
                // OpenMetrics names a counter without the ending that its samples have.
                (Format::OpenMetrics, Type::Counter) => (
                    family.name.strip_suffix("_total").unwrap_or(&family.name),
                    "counter",
                ),
                (Format::Prometheus, Type::Counter) => (family.name.as_str(), "counter"),
                (_, Type::Gauge) => (family.name.as_str(), "gauge"),
                (_, Type::Histogram) => (family.name.as_str(), "histogram"),
                (Format::OpenMetrics, Type::Unknown) => (family.name.as_str(), "unknown"),
                (Format::Prometheus, Type::Unknown) => (family.name.as_str(), "untyped"),
            };
            let _ = writeln!(text, "# HELP {name} {}", escaped(&family.help));
            let _ = writeln!(text, "# TYPE {name} {word}");
            let unit = ["seconds", "bytes"]
                .into_iter()
                .find(|unit| name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')));
            if let (Format::OpenMetrics, Some(unit)) = (format, unit) {
                let _ = writeln!(text, "# UNIT {name} {unit}");
            }
            text += &lines;
        }
        if format == Format::OpenMetrics {
            text += "# EOF\n";
        }
        text
    }
}

/// `{node="0",zone="DMA"}`; nothing where there are no labels.
pub(crate) fn labels(labels: &[Label]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let each = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    format!("{{{}}}", each.collect::<Vec<_>>().join(","))
}

/// A name as Prometheus takes it: what it does not, becomes an underscore.
pub(crate) fn name(parts: &[&str]) -> String {
    let mut name = parts.concat();
    if !name.bytes().all(is_of_name) {
        name = name
            .chars()
            .map(|c| {
                if u8::try_from(c).is_ok_and(is_of_name) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
    }
    name
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn families() -> Families {
        let family = |name: &str, is| {
            Arc::new(Family {
                name: name.into(),
                is,
                help: "What it \"is\".\nAnd more.".into(),
            })
        };
        let mut families = Families::default();
        let seconds = family("a_seconds_total", Type::Counter);
        families.sample(&seconds, &labels(&[("of", "x\"y\\z\n"), ("in", "ä")]), 0.25);
        families.sample(&seconds, &labels(&[("of", "w")]), 9_007_199_254_740_991.0);
        families.sample(&family("m_bytes", Type::Gauge), "", 1e21);
        families.sample(&family("k", Type::Unknown), "", 7.0);
        families
    }

    #[test]
    fn both_formats() {
        expect![[r##"
            # HELP a_seconds What it \"is\".\nAnd more.
            # TYPE a_seconds counter
            # UNIT a_seconds seconds
            a_seconds_total{of="x\"y\\z\n",in="ä"} 0.25
            a_seconds_total{of="w"} 9007199254740991
            # HELP k What it \"is\".\nAnd more.
            # TYPE k unknown
            k 7
            # HELP m_bytes What it \"is\".\nAnd more.
            # TYPE m_bytes gauge
            # UNIT m_bytes bytes
            m_bytes 1000000000000000000000
            # EOF
        "##]]
        .assert_eq(&families().text(Format::OpenMetrics));
        expect![[r##"
            # HELP a_seconds_total What it \"is\".\nAnd more.
            # TYPE a_seconds_total counter
            a_seconds_total{of="x\"y\\z\n",in="ä"} 0.25
            a_seconds_total{of="w"} 9007199254740991
            # HELP k What it \"is\".\nAnd more.
            # TYPE k untyped
            k 7
            # HELP m_bytes What it \"is\".\nAnd more.
            # TYPE m_bytes gauge
            m_bytes 1000000000000000000000
        "##]]
        .assert_eq(&families().text(Format::Prometheus));
    }

    #[test]
    fn names_are_harmless() {
        assert_eq!(name(&["node_vmstat_", "pgfault"]), "node_vmstat_pgfault");
        assert_eq!(name(&["node_vmstat_", "a-b ä{}"]), "node_vmstat_a_b____");
    }
}
