//! A long history for measuring: recordings one after another, again and again, at one second, with what moves in them scaled
//! anew each time, written through the store as a collector would.
//!
//! `cargo xtask history` imports the recordings and runs this. By hand: `history OUT.db DAYS RECORDING.db…`; the first recording is
//! the ordinary state, each of the others comes once in twelve.

use model::{
    Boot, ProcessCounter, ProcessIdentity, ProcessSample, ProcessTick, Reading, Run, RunOrigin, TimeSpan,
    UnixNanos,
};
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use store::{Reader, STRETCH_TICKS, Slots, Writer};

const SECOND: i64 = 1_000_000_000;
const ALWAYS: TimeSpan = TimeSpan {
    from: UnixNanos(i64::MIN),
    to: UnixNanos(i64::MAX),
};
/// One repetition in so many is not of the first recording.
const RARE: u64 = 12;
/// Steps are scaled by n/16, n from 8 to 24.
const SIXTEENTHS: std::ops::RangeInclusive<u64> = 8..=24;

/// A recording in memory, tick by tick.
struct Recording {
    ticks: Vec<Vec<Reading>>,
    looks: Vec<Vec<ProcessSample>>,
}

impl Recording {
    fn load(reader: &Reader) -> Result<Recording, Box<dyn Error>> {
        let stamps = reader.ticks(ALWAYS)?;
        let mut ticks: BTreeMap<i64, Vec<Reading>> = stamps.iter().map(|s| (s.at.0, Vec::new())).collect();
        for source in reader.sources(ALWAYS)? {
            for stretch in reader.stretches(&source, ALWAYS, &mut |_| Slots::All)? {
                for (i, at) in stretch.at.iter().enumerate() {
                    // A reading belongs to the tick that was begun last before it.
                    let Some((&tick, readings)) = ticks.range_mut(..=at.0).next_back() else {
                        continue;
                    };
                    readings.push(Reading {
                        source: source.clone(),
                        offset: at.0 - tick,
                        template: stretch.template.clone(),
                        values: stretch.columns.iter().map(|c| c[i]).collect(),
                    });
                }
            }
        }
        Ok(Recording {
            ticks: ticks.into_values().collect(),
            looks: reader.processes(ALWAYS)?.into_iter().map(|t| t.samples).collect(),
        })
    }

    /// Who is there from the first look to the last.
    fn always_there(&self) -> HashMap<&ProcessIdentity, usize> {
        let mut seen = HashMap::new();
        for sample in self.looks.iter().flatten().filter(|s| s.state != 'X') {
            *seen.entry(&*sample.identity).or_insert(0) += 1;
        }
        seen.retain(|_, looks| *looks == self.looks.len());
        seen
    }
}

/// Numbers that were written last, and from where those of this repetition go on.
#[derive(Default)]
struct Numbers {
    /// Of the first reading of this repetition: as recorded, and as written.
    begun: Option<(Vec<u64>, Vec<u64>)>,
    last: Vec<u64>,
}

impl Numbers {
    /// What to write for `recorded`.
    fn next(&mut self, recorded: &[u64], counts: &dyn Fn(usize) -> bool, sixteenths: u64) -> Vec<u64> {
        let fits = |b: &(Vec<u64>, Vec<u64>)| b.0.len() == recorded.len();
        if !self.begun.as_ref().is_some_and(fits) {
            let goes_on = self.last.len() == recorded.len();
            let from = (0..recorded.len()).map(|i| match goes_on && counts(i) {
                true => self.last[i],
                false => recorded[i],
            });
            self.begun = Some((recorded.to_vec(), from.collect()));
        }
        let (first, from) = self.begun.as_ref().expect("set above");
        self.last = recorded
            .iter()
            .enumerate()
            .map(|(i, value)| {
                let step = i128::from(*value) - i128::from(first[i]);
                let step = step * i128::from(sixteenths) / 16;
                (i128::from(from[i]) + step).clamp(0, i128::from(u64::MAX)) as u64
            })
            .collect();
        self.last.clone()
    }
}

/// Slots of each source that never go back in any of the recordings.
fn counters(recordings: &[Recording]) -> HashMap<Arc<str>, Vec<bool>> {
    let mut counts: HashMap<Arc<str>, Vec<bool>> = HashMap::new();
    for recording in recordings {
        let mut before: HashMap<&str, &[u64]> = HashMap::new();
        for reading in recording.ticks.iter().flatten() {
            let counts = counts.entry(reading.source.clone()).or_default();
            counts.resize(counts.len().max(reading.values.len()), true);
            if let Some(before) = before.insert(&reading.source, &reading.values)
                && before.len() == reading.values.len()
            {
                for (i, (was, is)) in before.iter().zip(&reading.values).enumerate() {
                    counts[i] &= is >= was;
                }
            }
        }
    }
    counts
}

fn is_gauge(counter: ProcessCounter) -> bool {
    use ProcessCounter as C;
    matches!(
        counter,
        C::Threads
            | C::RssPages
            | C::RssAnonKib
            | C::RssFileKib
            | C::RssShmemKib
            | C::SwapKib
            | C::OomScoreAdjPlus1000
    )
}

/// Numbers that look random and are the same each time.
fn scramble(n: u64) -> u64 {
    let n = (n ^ (n >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 17
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, days, sources @ ..] = &arguments[..] else {
        return Err("usage: history OUT.db DAYS RECORDING.db…".into());
    };
    let total = (days.parse::<f64>()? * 86_400.0) as i64;
    let readers: Vec<Reader> = sources
        .iter()
        .map(|p| Reader::open(Path::new(p)))
        .collect::<store::Result<_>>()?;
    let recordings: Vec<Recording> = readers.iter().map(Recording::load).collect::<Result<_, _>>()?;
    let ordinary = readers.first().ok_or("no recording")?;
    let counts = counters(&recordings);
    let lasting: Vec<_> = recordings.iter().map(Recording::always_there).collect();

    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    let start = now / SECOND * SECOND - total * SECOND;
    let mut writer = Writer::open(Path::new(out))?;
    let boot = Boot {
        boot_id: format!("history-{start}"),
        ..ordinary.boots()?.remove(0)
    };
    let run = Run {
        origin: RunOrigin::Collector,
        interval: SECOND,
        started: UnixNanos(start),
        import_key: None,
    };
    let run = writer
        .begin_run(&boot, &run)?
        .ok_or("this run is there already")?;
    let mut facts = ordinary.facts(ALWAYS)?;
    facts.iter_mut().for_each(|fact| fact.at = UnixNanos(start));
    writer.append_facts(&facts)?;

    let begun = Instant::now();
    let mut numbers: HashMap<Arc<str>, Numbers> = HashMap::new();
    let mut of_processes: HashMap<Arc<ProcessIdentity>, Numbers> = HashMap::new();
    let mut passing: BTreeMap<Arc<ProcessIdentity>, ProcessSample> = BTreeMap::new();
    let (mut which, mut row, mut repetition) = (0, 0, 0u64);
    let mut written = 0;
    while written < total {
        let part = (total - written).min(STRETCH_TICKS as i64);
        writer.transaction(|writer| -> Result<(), store::Error> {
            for second in written..written + part {
                let recording = &recordings[which];
                let sixteenths =
                    SIXTEENTHS.start() + scramble(repetition) % (SIXTEENTHS.end() - SIXTEENTHS.start() + 1);
                let at = start + second * SECOND + (scramble(second as u64) % 300_000) as i64;
                let readings = recording.ticks[row].iter().map(|reading| {
                    let counts = &counts[&reading.source];
                    let numbers = numbers.entry(reading.source.clone()).or_default();
                    Reading {
                        values: numbers.next(&reading.values, &|i| counts[i], sixteenths),
                        ..reading.clone()
                    }
                });
                let tick = model::Tick {
                    at: UnixNanos(at),
                    monotonic: at - start,
                    readings: readings.collect(),
                };
                writer.append(run, &tick)?;
                if let Some(look) = recording.looks.get(row) {
                    let mut samples = Vec::new();
                    let mut gone = std::mem::take(&mut passing);
                    let is_last = row + 1 == recording.ticks.len();
                    for sample in look {
                        let mut sample = sample.clone();
                        // Who came or went in the recording is somebody else each time.
                        let is_passing = !lasting[which].contains_key(&*sample.identity);
                        if is_passing {
                            Arc::make_mut(&mut sample.identity).start_ticks += repetition * 1_000_000;
                        }
                        let known: Vec<usize> = (0..sample.counters.len())
                            .filter(|i| sample.counters[*i].is_some())
                            .collect();
                        let recorded: Vec<u64> = known.iter().filter_map(|i| sample.counters[*i]).collect();
                        let numbers = of_processes.entry(sample.identity.clone()).or_default();
                        let before = numbers.last.clone();
                        let now = numbers.next(
                            &recorded,
                            &|i| !is_gauge(ProcessCounter::ALL[known[i]]),
                            sixteenths,
                        );
                        let is_still = now == before && sample.state == 'S' && second > 0;
                        known
                            .iter()
                            .zip(now)
                            .for_each(|(i, now)| sample.counters[*i] = Some(now));
                        if is_passing {
                            gone.remove(&sample.identity);
                            if is_last {
                                sample.state = 'X';
                            }
                            if sample.state != 'X' {
                                passing.insert(sample.identity.clone(), sample.clone());
                            }
                        }
                        if is_still && sample.state != 'X' {
                            continue;
                        }
                        samples.push(sample);
                    }
                    // A collector tells of each end.
                    samples.extend(
                        gone.into_values()
                            .map(|sample| ProcessSample { state: 'X', ..sample }),
                    );
                    let at = UnixNanos(at + 3_000_000);
                    writer.append_processes(
                        run,
                        &ProcessTick {
                            at,
                            complete: second == 0,
                            samples,
                        },
                    )?;
                }
                row += 1;
                if row == recording.ticks.len() {
                    (row, repetition) = (0, repetition + 1);
                    which = match repetition % RARE {
                        0 if recordings.len() > 1 => {
                            1 + (repetition / RARE) as usize % (recordings.len() - 1)
                        }
                        _ => 0,
                    };
                    numbers.values_mut().for_each(|n| n.begun = None);
                    of_processes.values_mut().for_each(|n| n.begun = None);
                    of_processes.retain(|who, _| lasting.iter().any(|l| l.contains_key(&**who)));
                }
            }
            while writer.compact(false)? {}
            Ok(())
        })?;
        written += part;
        if written % (STRETCH_TICKS as i64 * 24) == 0 || written == total {
            print!("\r{written} of {total} s, {:.0} s", begun.elapsed().as_secs_f64());
            std::io::stdout().flush()?;
        }
    }
    println!();
    while writer.compact(false)? {}
    drop(writer);
    let bytes = Reader::open(Path::new(out))?.size_bytes();
    println!(
        "{out}: {:.1} MB, {:.1} bytes a second of history",
        bytes as f64 / 1e6,
        bytes as f64 / total as f64
    );
    Ok(())
}
