//! The document that `analyzer explain --json` prints: version 1 of the contract with other programs.
//!
//! Field for field what CONTRACT.md says. Times are RFC 3339 in UTC with a fraction, durations seconds.

use chrono::{DateTime, SecondsFormat, Utc};
use model::UnixNanos;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The schema's name.
pub const SCHEMA: &str = "highwater.explain/1";

/// A time, printed as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub UnixNanos);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time: DateTime<Utc> = DateTime::from_timestamp_nanos(self.0.0);
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text).map_err(serde::de::Error::custom)?;
        let nanos = time
            .timestamp_nanos_opt()
            .ok_or_else(|| serde::de::Error::custom("not a time"))?;
        Ok(Time(UnixNanos(nanos)))
    }
}

/// Not a number is `null`: unknown, never zero.
fn known<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_some(value)
    } else {
        serializer.serialize_none()
    }
}

/// The whole answer.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The machine.
    pub node: Node,
    /// What was looked at.
    pub window: Window,
    /// `incident`, `no_incident`, `no_data`.
    pub status: Status,
    /// Worst first.
    pub incidents: Vec<Incident>,
    /// What a reader should know about the data.
    pub notes: Vec<String>,
}

impl Explanation {
    /// With these incidents, worst first, and the status that they make.
    pub(crate) fn with(mut self, incidents: Vec<Incident>) -> Explanation {
        let harmed = incidents.iter().any(|i| i.severity > Severity::Info);
        self.status = if harmed {
            Status::Incident
        } else {
            Status::NoIncident
        };
        self.incidents = incidents;
        self
    }
}

/// Whether anything was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// At least one incident that did harm.
    Incident,
    /// None; there may be entries of severity `info`.
    NoIncident,
    /// Nothing recorded in the window.
    NoData,
}

/// The machine that the data is of.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// Host name.
    pub hostname: String,
    /// Kernel release.
    pub kernel: String,
    /// Boot id.
    pub boot_id: String,
    /// CPUs.
    pub cpus: u32,
    /// MemTotal.
    pub memory_bytes: Option<u64>,
}

/// The span that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Window {
    /// From.
    pub from: Time,
    /// To.
    pub to: Time,
    /// IANA zone in which times are shown to people.
    pub tz: String,
    /// Nominal seconds between two ticks.
    pub interval_s: f64,
    /// Ticks recorded.
    pub ticks: usize,
    /// Ticks that a full record would have.
    pub expected_ticks: usize,
    /// Holes.
    pub gaps: Vec<Hole>,
}

/// A hole in the record.
#[derive(Debug, Clone, Serialize)]
pub struct Hole {
    /// Last data before it.
    pub from: Time,
    /// First data after it.
    pub to: Time,
    /// Why.
    pub why: String,
}

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, harmless.
    Info,
    /// Somebody was slowed.
    Warning,
    /// Somebody was stopped, or nearly.
    Critical,
}

/// How sure (kernel.md §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Only co-occurrence.
    Consistent,
    /// Order or dose is missing, but the rivals are refuted.
    Likely,
    /// Identity, order and dose hold and no rival is left.
    Shown,
}

/// One trouble.
#[derive(Debug, Clone, Serialize)]
pub struct Incident {
    /// Stable for the same data: cause and start.
    pub id: String,
    /// First event.
    pub from: Time,
    /// Last harm; the window's end when still going on.
    pub to: Time,
    /// How bad.
    pub severity: Severity,
    /// One line for a person.
    pub headline: String,
    /// Best first.
    pub causes: Vec<Cause>,
    /// Causes that a reader would think of, each with the number against it.
    pub ruled_out: Vec<RuledOut>,
    /// By best onset, cause before effect in a tie.
    pub timeline: Vec<Event>,
    /// What set off what.
    pub links: Vec<Link>,
    /// What helps.
    pub advice: Vec<Advice>,
    /// Still going on at the end of the data.
    pub open: bool,
    /// The verdict's story in two or three sentences.
    pub story: String,
    /// The worst harm seen, in one line; `None`: nobody was seen to be hurt.
    pub harm: Option<String>,
    /// The decisive signals over the incident, thinned, for reports that draw.
    pub charts: Vec<Chart>,
}

/// A signal, thinned for drawing.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    /// `vda`, `free`, …
    pub label: String,
    /// Name of the signal.
    pub signal: String,
    /// Of what.
    pub subject: String,
    /// Of the values.
    pub unit: String,
    /// First point.
    pub from: Time,
    /// Last point.
    pub to: Time,
    /// At equal distances; `null` where nothing is known.
    pub values: Vec<Option<f64>>,
}

/// A candidate with its judgement.
#[derive(Debug, Clone, Serialize)]
pub struct Cause {
    /// Id of the taxonomy.
    pub cause: &'static str,
    /// `stream`, `reread`, `leak`, `burst`, …
    pub variant: Option<&'static str>,
    /// How sure.
    pub confidence: Confidence,
    /// 0–1.
    pub score: f64,
    /// When it began.
    pub onset: OnsetTimes,
    /// Culprit first.
    pub devices: Vec<String>,
    /// Mount points concerned.
    pub mounts: Vec<String>,
    /// Culprit first.
    pub processes: Vec<Culprit>,
    /// Settings that set it off or made it worse.
    pub settings: Vec<SettingChange>,
    /// What happened, in two or three sentences.
    pub story: String,
    /// Id of the event that moved first, if it is on the timeline.
    pub event: Option<String>,
    /// Speaks for it.
    #[serde(rename = "for")]
    pub evidence_for: Vec<Evidence>,
    /// Speaks against it.
    #[serde(rename = "against")]
    pub evidence_against: Vec<Evidence>,
    /// What would have told more.
    pub missing: Vec<Missing>,
    /// The same first mover at the same time of an earlier day, where that was recorded.
    pub seen_before: Vec<Earlier>,
}

/// The first mover on an earlier day.
#[derive(Debug, Clone, Serialize)]
pub struct Earlier {
    /// When it began then.
    pub at: Time,
    /// Days before.
    pub days: u64,
    /// Its level then.
    pub value: Option<f64>,
    /// Unit of the value.
    pub unit: String,
    /// How bad it was then.
    pub harm: HarmThen,
    /// One line for a person.
    pub text: String,
}

/// Whether anybody was hurt on an earlier day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HarmThen {
    /// Nobody was.
    None,
    /// What would have told was not recorded.
    Unknown,
    /// Somebody was slowed.
    Warning,
    /// Somebody was stopped, or nearly.
    Critical,
}

/// Earliest, best, latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OnsetTimes {
    /// Certainly not before.
    pub earliest: Time,
    /// Best estimate.
    pub best: Time,
    /// Certainly not after.
    pub latest: Time,
}

impl From<model::Onset> for OnsetTimes {
    fn from(onset: model::Onset) -> Self {
        Self {
            earliest: Time(onset.earliest),
            best: Time(onset.best),
            latest: Time(onset.latest),
        }
    }
}

/// A process and its share.
#[derive(Debug, Clone, Serialize)]
pub struct Culprit {
    /// Process id.
    pub pid: u32,
    /// Name.
    pub comm: String,
    /// Control group.
    pub cgroup: Option<String>,
    /// 0–1.
    pub share: f64,
    /// Of what.
    pub of: String,
}

/// A changed setting.
#[derive(Debug, Clone, Serialize)]
pub struct SettingChange {
    /// `vm.min_free_kbytes`
    pub name: String,
    /// Before.
    pub was: Option<String>,
    /// After.
    pub is: Option<String>,
    /// When first seen.
    pub at: Time,
}

/// A number with its time, unit, baseline and threshold.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// Name of the signal or metric.
    pub signal: String,
    /// Of what.
    pub subject: String,
    /// When.
    pub at: Time,
    /// How much.
    pub value: f64,
    /// In what.
    pub unit: String,
    /// The node's own quiet.
    pub baseline: Option<f64>,
    /// What it was compared with.
    pub threshold: Option<f64>,
    /// One line for a person.
    pub text: String,
}

/// What would tell.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    /// File or signal.
    pub signal: String,
    /// What it would tell.
    pub would_tell: String,
}

/// A cause that it was not.
#[derive(Debug, Clone, Serialize)]
pub struct RuledOut {
    /// Id of the taxonomy.
    pub cause: &'static str,
    /// One line with the number.
    pub because: String,
    /// The number.
    pub evidence: Vec<Evidence>,
}

/// A subject by kind and name.
#[derive(Debug, Clone, Serialize)]
pub struct SubjectName {
    /// `host`, `device`, …
    pub kind: &'static str,
    /// Name.
    pub name: String,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Id of the rule that saw it.
    pub event: &'static str,
    /// `e1`, `e2`, …
    pub id: String,
    /// To what.
    pub subject: SubjectName,
    /// When it began.
    pub onset: OnsetTimes,
    /// When it ended; `None`: still going on.
    pub end: Option<Time>,
    /// One line for a person.
    pub headline: String,
    /// Numbers.
    pub evidence: Vec<Evidence>,
    /// Level before; not a number when not known.
    #[serde(serialize_with = "known")]
    pub before: f64,
    /// Level in the middle of it.
    #[serde(serialize_with = "known")]
    pub now: f64,
    /// Unit of the two.
    pub unit: &'static str,
}

/// What set off what.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    /// Event id.
    pub from: String,
    /// Event id.
    pub to: String,
    /// How.
    pub mechanism: String,
    /// From best onset to best onset.
    pub lag_s: f64,
    /// `proved`, `same_second`, `assumed`.
    pub order: Order,
}

/// What the order of a link rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The bounds do not overlap.
    Proved,
    /// The bounds overlap; the mechanism orders them.
    SameSecond,
    /// One of the two has no usable bounds.
    Assumed,
}

/// What helps.
#[derive(Debug, Clone, Serialize)]
pub struct Advice {
    /// Do this.
    pub text: String,
    /// Because.
    pub because: String,
}
