//! JSON as `sadf -j` prints it, so that programs for sar's data read ours, and `import sadf` takes it back.
//!
//! Rates are averages over the interval that ends at a sample's time, as in sar. They are printed with more decimals than
//! sadf has, and times with a fraction where they have one: what is read back is what was recorded.

use super::sadf_sample::{Host, Sampler};
use super::{Error, pieces};
use chrono::DateTime;
use model::{Boot, RunOrigin, TimeSpan, UnixNanos};
use serde_json::{Value, json};
use std::io::Write;
use store::{Reader, RunId};

/// Writes the samples of a span.
///
/// # Errors
/// When the database cannot be read, holds two machines in that span, or the document cannot be written.
pub fn write(reader: &Reader, span: TimeSpan, out: &mut dyn Write) -> Result<(), Error> {
    reader.snapshot(|reader| {
        let (boots, runs) = (reader.boots()?, reader.runs()?);
        let averages = |run: RunId| {
            let run = runs.iter().find(|(id, _, _)| *id == run);
            run.is_some_and(|(_, _, run)| run.origin == RunOrigin::ImportAverages)
        };
        let mut sampler = Sampler::new(reader, span)?;
        let mut restarts: Vec<Value> = Vec::new();
        let mut now: Option<usize> = None;
        let mut is_first = true;
        let mut last: Option<store::TickStamp> = None;
        for piece in pieces(reader, span)? {
            sampler.load(piece)?;
            for tick in reader.ticks(piece)? {
                let boot = &boots[tick.boot];
                // What a sample stands for is the time since the one before it, which is seldom the nominal one.
                let nominal = tick.interval as f64 / 1e9;
                let length = last
                    .replace(tick)
                    .filter(|last| last.run == tick.run)
                    .map(|last| tick.at.seconds_since(last.at))
                    .filter(|length| (0.5 * nominal..=1.5 * nominal).contains(length))
                    .unwrap_or(nominal);
                match now {
                    None => head(boot, out)?,
                    Some(before) if boots[before].hostname != boot.hostname => {
                        let (one, two) = (&boots[before].hostname, &boot.hostname);
                        return Err(Error::Format(format!(
                            "the span holds {one} and {two}, and sadf's JSON here one machine: narrow it with --from and --to"
                        )));
                    }
                    Some(before) if before != tick.boot => restarts.push(json!({ "boot": stamp(tick.at) })),
                    Some(_) => {}
                }
                now = Some(tick.boot);
                let host = Host {
                    cpus: boot.cpus,
                    ticks_per_second: boot.clk_tck,
                    averages: averages(tick.run),
                    kernel: &boot.kernel,
                };
                let Some(tables) = sampler.sample(tick.at, &host) else {
                    continue;
                };
                let mut timestamp = stamp(tick.at);
                let seconds = length.round() as i64;
                // sadf counts whole seconds only.
                if seconds >= 1 {
                    timestamp["interval"] = seconds.into();
                }
                let mut sample = json!({ "timestamp": timestamp });
                if let Some(sample) = sample.as_object_mut() {
                    sample.extend(tables);
                }
                let comma = if std::mem::take(&mut is_first) { "" } else { "," };
                write!(out, "{comma}\n{sample}")?;
            }
        }
        if now.is_none() {
            return Err(Error::Format("nothing was recorded in this span".into()));
        }
        writeln!(out, "\n], \"restarts\": {}}}]}}}}", Value::from(restarts))?;
        Ok(())
    })
}

fn head(boot: &Boot, out: &mut dyn Write) -> Result<(), Error> {
    let text = |text: &str| Value::from(text);
    write!(
        out,
        "{{\"sysstat\": {{\"hosts\": [{{\"nodename\": {}, \"sysname\": \"Linux\", \"release\": {}, \"machine\": {}, \
         \"number-of-cpus\": {}, \"timezone\": \"UTC\", \"statistics\": [",
        text(&boot.hostname),
        text(&boot.kernel),
        text(&boot.machine),
        boot.cpus
    )?;
    Ok(())
}

/// `{"date": "2016-09-10", "time": "10:53:32", "utc": 1}`
fn stamp(at: UnixNanos) -> Value {
    let time = DateTime::from_timestamp_nanos(at.0);
    let fraction = if at.0 % 1_000_000_000 == 0 {
        "%H:%M:%S"
    } else {
        "%H:%M:%S%.3f"
    };
    json!({
        "date": time.format("%Y-%m-%d").to_string(),
        "time": time.format(fraction).to_string(),
        "utc": 1,
    })
}
