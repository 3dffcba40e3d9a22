//! `explain` over hours and days: what could have hurt nobody is not read in full, so that a day takes seconds and no more memory
//! than its worst hours.

use super::each::each;
use super::{APART, Cache, Progress, troubles};
use crate::explain::document::{Explanation, Incident, Severity};
use crate::explain::{self, Options, explain};
use crate::units;
use model::TimeSpan;
use store::Reader;

/// Spans up to this are read in full.
const LONG_SECONDS: f64 = 7200.0;

/// Explains a span of any length: up to two hours in full, a longer one where anybody could have been hurt, with what did no harm
/// left out. `progress` hears seconds done, of all.
///
/// # Errors
/// When the database cannot be read.
pub fn explain_span(
    reader: &Reader,
    span: TimeSpan,
    options: &Options,
    progress: &mut Progress,
) -> store::Result<Explanation> {
    let extent = reader.extent()?.unwrap_or(span);
    let extent = TimeSpan::new(span.from.max(extent.from), span.to.min(extent.to));
    if extent.seconds() <= LONG_SECONDS {
        return explain(reader, span, options);
    }
    let Some(mut whole) = explain::frame(reader, span, options)? else {
        return explain(reader, span, options);
    };
    // What `analyzer incidents` remembers of the screen helps here too; nothing is written.
    let mut cache = Cache::on(options.site.version());
    let windows: Vec<TimeSpan> = troubles(reader, span, options, &mut cache, progress)?
        .into_iter()
        .map(|(window, _)| window)
        .collect();
    let told = each(reader, &windows, |reader, window| {
        explain(reader, window, options)
    })?;
    if !told.is_empty()
        && told
            .iter()
            .all(|t| t.notes.iter().any(|n| n == explain::NO_PROCESSES))
    {
        whole.notes.push(explain::NO_PROCESSES.into());
    }
    whole.notes.push(looked_at(&windows, extent));
    let harmful = told
        .into_iter()
        .flat_map(|t| t.incidents)
        .filter(|i| i.severity > Severity::Info && i.from.0 <= span.to && span.from <= i.to.0);
    Ok(whole.with(joined(harmful.collect())))
}

fn looked_at(windows: &[TimeSpan], extent: TimeSpan) -> String {
    let closely: f64 = windows
        .iter()
        .map(|w| TimeSpan::new(w.from.max(extent.from), w.to.min(extent.to)).seconds())
        .sum();
    let much = match windows.len() {
        0 => "no part of it".into(),
        1 => format!("one part of it, {},", units::length(closely)),
        n => format!("{n} parts of it, {} in all,", units::length(closely)),
    };
    format!(
        "the span is longer than {}: {much} could have hurt anybody by pressure, faults, swapping, load or the log. \
         Only that was read in full, and what did no harm is not listed",
        units::length(LONG_SECONDS)
    )
}

/// What two windows saw of one trouble is one: of the same cause, overlapping or one right after the other. The worse one tells it.
fn joined(mut found: Vec<Incident>) -> Vec<Incident> {
    let cause = |incident: &Incident| incident.causes.first().map(|cause| cause.cause);
    found.sort_by(|a, b| (a.from, &a.id).cmp(&(b.from, &b.id)));
    let mut out: Vec<Incident> = Vec::new();
    for next in found {
        let same = |last: &&mut Incident| cause(last) == cause(&next) && next.from.0.0 - last.to.0.0 <= APART;
        match out.iter_mut().rev().find(same) {
            Some(last) => {
                let (from, to) = (last.from.min(next.from), last.to.max(next.to));
                // Going on at the end of its window, and seen to end in the next.
                let open = if next.to >= last.to { next.open } else { last.open };
                if next.severity > last.severity {
                    *last = next;
                }
                (last.from, last.to, last.open) = (from, to, open);
            }
            None => out.push(next),
        }
    }
    out.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then(a.from.cmp(&b.from))
            .then(a.id.cmp(&b.id))
    });
    out
}
