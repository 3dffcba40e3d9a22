//! From a span of the record to an explanation: window → signals → findings → cases → judged causes → incidents.

pub mod case;
pub mod document;
mod earlier;
pub mod harm;
mod incident;
mod sums;
mod unusual;

use crate::rules::{Finding, Scene, find_all};
use crate::signals::Signals;
use crate::site::Site;
use crate::topology::Topology;
use crate::window::{Chosen, Window};
pub use earlier::look_back;
#[cfg(test)]
pub(crate) use incident::cases;

use document::{Explanation, Hole, Incident, Node, SCHEMA, Status, Time};
use model::TimeSpan;
use store::Reader;

/// How to explain.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Zone in which times are shown to people.
    pub tz: chrono_tz::Tz,
    /// Rules beside those that are built in.
    pub site: &'static Site,
}

impl Options {
    /// Without rules of a site.
    pub fn new(tz: chrono_tz::Tz) -> Options {
        Options {
            tz,
            site: Site::none(),
        }
    }
}

/// What happened in a span.
///
/// # Errors
/// Only what reading the database gives: an explanation itself cannot fail.
pub fn explain(reader: &Reader, span: TimeSpan, options: &Options) -> store::Result<Explanation> {
    let Some(window) = Window::load(reader, span)? else {
        return no_data(reader, span, options);
    };
    let mut explanation = explain_window(&window, options);
    earlier::look_back(reader, &mut explanation, options)?;
    Ok(explanation)
}

/// Everything found in a window, and the incidents made of it, worst first.
fn look_at(window: &Window, options: &Options) -> (Vec<Finding>, Vec<Incident>) {
    let signals = Signals::derive(window);
    let topology = Topology::of(window);
    let scene = Scene {
        window,
        signals: &signals,
        topology: &topology,
        site: options.site,
    };
    let findings = find_all(&scene);
    let incidents = incident::incidents(&scene, findings.clone());
    (findings, incidents)
}

/// The same, from a window that is loaded already, without a look at earlier days.
pub fn explain_window(window: &Window, options: &Options) -> Explanation {
    let signals = Signals::derive(window);
    let topology = Topology::of(window);
    let scene = Scene {
        window,
        signals: &signals,
        topology: &topology,
        site: options.site,
    };
    let incidents = incident::incidents(&scene, find_all(&scene));
    let mut explanation = empty(window, options);
    if window.processes.is_empty() {
        explanation.notes.push(NO_PROCESSES.into());
    }
    explanation.notes.extend(sums::notes(&scene, &incidents));
    explanation.notes.extend(unusual::note(&scene, &incidents));
    explanation.with(incidents)
}

/// What is said of a window before anything is looked for in it: the machine, the span, its holes. Few columns are read for it, so
/// that it may be of weeks. `None` when it holds no tick.
pub(crate) fn frame(
    reader: &Reader,
    span: TimeSpan,
    options: &Options,
) -> store::Result<Option<Explanation>> {
    const COLUMNS: Chosen<'static> = Chosen {
        sources: &[
            "meminfo",
            "pressure/memory",
            "vmstat",
            "stat",
            "loadavg",
            "averages",
        ],
        wanted: |metric, subject| {
            *subject == model::Subject::Host && (metric == MEMORY || SHOW_HARM.contains(&metric))
        },
    };
    let window = Window::load_columns(reader, span, &COLUMNS)?;
    Ok(window.map(|window| empty(&window, options)))
}

fn empty(window: &Window, options: &Options) -> Explanation {
    Explanation {
        schema: SCHEMA,
        node: node(window),
        window: span_of(window, options),
        status: Status::NoIncident,
        incidents: Vec::new(),
        notes: notes(window),
    }
}

/// Said where nobody can be named.
pub(crate) const NO_PROCESSES: &str =
    "no processes were recorded: devices can be named, readers and writers cannot";

const MEMORY: &str = "meminfo.MemTotal";
/// Any of these would show harm.
const SHOW_HARM: [&str; 4] = [
    "pressure/memory.some_total",
    "vmstat.pgmajfault",
    "stat.iowait",
    "loadavg.load1",
];

fn no_data(reader: &Reader, span: TimeSpan, options: &Options) -> store::Result<Explanation> {
    let boot = reader.boots()?.into_iter().next_back();
    let node = boot.as_ref().map_or_else(
        || Node {
            hostname: String::new(),
            kernel: String::new(),
            boot_id: String::new(),
            cpus: 0,
            memory_bytes: None,
        },
        |b| Node {
            hostname: b.hostname.clone(),
            kernel: b.kernel.clone(),
            boot_id: b.boot_id.clone(),
            cpus: b.cpus,
            memory_bytes: b.memory_bytes,
        },
    );
    Ok(Explanation {
        schema: SCHEMA,
        node,
        window: document::Window {
            from: Time(span.from),
            to: Time(span.to),
            tz: options.tz.name().into(),
            interval_s: 1.0,
            ticks: 0,
            expected_ticks: 0,
            gaps: Vec::new(),
        },
        status: Status::NoData,
        incidents: Vec::new(),
        notes: vec!["nothing was recorded in this span".into()],
    })
}

fn node(window: &Window) -> Node {
    let total = window.get(MEMORY, &model::Subject::Host);
    let measured = total
        .and_then(|t| t.values.iter().rev().find(|v| !v.is_nan()))
        .map(|kib| (kib * 1024.0) as u64);
    Node {
        hostname: window.boot.hostname.clone(),
        kernel: window.boot.kernel.clone(),
        boot_id: window.boot.boot_id.clone(),
        cpus: window.boot.cpus,
        memory_bytes: window.boot.memory_bytes.or(measured),
    }
}

fn span_of(window: &Window, options: &Options) -> document::Window {
    let inside = &window.ticks[window.first..];
    // The span may reach beyond the data at either end; what could have been recorded lies between its first and last tick.
    let recorded = inside[inside.len() - 1].seconds_since(inside[0]);
    document::Window {
        from: Time(window.span.from),
        to: Time(window.span.to),
        tz: options.tz.name().into(),
        interval_s: window.interval,
        ticks: inside.len(),
        expected_ticks: ((recorded / window.interval).round() as usize + 1).max(inside.len()),
        gaps: window
            .gaps
            .iter()
            .map(|g| Hole {
                from: Time(g.from),
                to: Time(g.to),
                why: g.why.clone(),
            })
            .collect(),
    }
}

fn notes(window: &Window) -> Vec<String> {
    let mut notes = Vec::new();
    if window.averages {
        notes.push(format!(
            "the record holds averages over {:.0} s: nothing shorter than three of them can be put in order; one reading a second would",
            window.interval
        ));
    }
    let rows = window.len() - window.first;
    if window.interval > 1.5 && rows < 3 {
        notes.push(format!(
            "only {rows} rows of {:.0} s lie in the span: no change can be seen in so few, and \"no incident\" says nothing",
            window.interval
        ));
    }
    if !SHOW_HARM.iter().any(|m| window.has(m)) {
        notes.push(
            "nothing was recorded that would show harm (pressure, vmstat, stat, loadavg): \"no incident\" says nothing".into(),
        );
    }
    if !window.reboots.is_empty() {
        notes.push("the machine was rebooted inside the span: nothing is compared across it".into());
    }
    notes
}
