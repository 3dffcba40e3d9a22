//! `collector run`: the beat.

use crate::beside::Beside;
use crate::burst::Burst;
use crate::clock::{Grid, Instant, monotonic};
use crate::config::Effective;
use crate::keeper::{Keep, Keeper};
use crate::kmsg::KernelLog;
use crate::memory::hold_our_place;
use crate::metrics::{Metrics, OWN};
use crate::own_cost::{Counts, OwnCost};
use crate::recorder::{Message, Recorder};
use crate::sampler::{Sampler, why};
use crate::service::Service;
use crate::signals::{Signals, Woken};
use crate::watermarks::Watermarks;
use crate::{cgroups, cli, config, inventory, node, pressure_events, process_watch, say, tracepoints};
use anyhow::Context;
use model::{Event, Gap, Nanos, Run, RunOrigin};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Records until it is told to end.
pub(crate) fn run(arguments: cli::Run, effective: Vec<Effective>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(record(arguments, effective))?;
    Ok(ExitCode::SUCCESS)
}

async fn record(mut arguments: cli::Run, mut effective: Vec<Effective>) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let proc = &arguments.common.proc.clone();
    let begun = Instant::now();
    let (run, keep) = settings(&arguments, &begun);
    let interval = run.interval;
    let database = arguments.common.database()?;
    let mut recorder = Recorder::start(Keeper::open(&database, node::boot(proc, begun.wall), run, keep)?)?;
    inventory::start(proc, recorder.sender())?;
    let beside = Beside::default();
    let burst = match arguments.burst_interval.as_nanos() as Nanos {
        0 => None,
        apart => {
            let ring = arguments.burst_ring.as_nanos() as Nanos;
            let (beside, sender) = (beside.clone(), recorder.sender());
            Some(Burst::start(proc, apart, ring, beside, sender)?)
        }
    };
    pressure_events::start(proc, recorder.sender(), burst.clone())?;
    // The events are this kernel's, as the log is.
    let tracepoints = match proc == Path::new("/proc") {
        true => tracepoints::start(recorder.sender())?,
        false => None,
    };
    if !arguments.no_processes {
        process_watch::start(proc, interval, recorder.sender())?;
    }
    if !arguments.no_cgroups {
        cgroups::start(
            &inventory::sys_beside(proc),
            interval,
            beside.clone(),
            recorder.sender(),
        )?;
    }
    let mut watch = Watch::new(proc, beside, recorder.sender().counts());
    OWN.every(interval);
    watch.burst = burst;
    watch.metrics = arguments.metrics.and_then(Metrics::start);
    let mut service = Service::from_environment();
    hold_our_place().iter().for_each(|refused| say(refused));
    say(&format!(
        "recording {} every {:?} to {}",
        proc.display(),
        arguments.interval,
        database.display()
    ));

    let mut grid = Grid::new(monotonic(), interval);
    let mut before: Option<Instant> = None;
    while let Some(woken) = signals.wait_until(grid.due().min(service.sign_due())).await {
        if woken == Woken::Reload {
            service.reloading();
            let changed = reload(&mut arguments, &mut effective, &mut recorder)?;
            if changed.iter().any(|key| key == "interval") {
                OWN.every(arguments.interval.as_nanos() as Nanos);
                grid = Grid::new(monotonic(), arguments.interval.as_nanos() as Nanos);
            }
            service.ready(&format!("recording to {}", database.display()));
            continue;
        }
        if monotonic() < grid.due() {
            service.alive();
            continue;
        }
        let now = Instant::now();
        let lateness = now.monotonic - grid.due();
        watch.own.begun(lateness, grid.skipped(now.monotonic));
        let late = grid.keep(now.monotonic);
        for gap in before.iter().flat_map(|before| missed(before, &now, late)) {
            say(&gap.why);
            watch.own.gaps(1);
            recorder.send(Message::Gap(gap))?;
        }
        watch.tick(&now, &mut recorder)?;
        OWN.tick(lateness, monotonic() - now.monotonic);
        if before.is_none() {
            service.ready(&format!("recording to {}", database.display()));
        }
        service.alive();
        before = Some(now);
    }
    service.stopping();
    for gap in watch.sampler.open_gaps(Instant::now().wall) {
        recorder.send(Message::Gap(gap))?;
    }
    let finished = recorder.finish();
    // Its instance is removed before we are gone.
    let joined = tracepoints.map(std::thread::JoinHandle::join);
    anyhow::ensure!(
        !matches!(joined, Some(Err(_))),
        "the thread of tracepoints broke down"
    );
    finished
}

/// What the record must know of the settings.
fn settings(arguments: &cli::Run, now: &Instant) -> (Run, Keep) {
    let run = Run {
        origin: RunOrigin::Collector,
        interval: arguments.interval.as_nanos() as Nanos,
        started: now.wall,
        import_key: None,
    };
    let keep = Keep {
        age: arguments.keep_age.as_nanos() as Nanos,
        bytes: arguments.keep_bytes,
    };
    (run, keep)
}

/// Settings that a running collector takes over; the others hold from the next start.
const LIVE: [&str; 3] = ["interval", "keep_age", "keep_bytes"];

/// Reads the configuration again. Answers the keys whose new value holds from now on, and says what became of each change.
fn reload(
    arguments: &mut cli::Run,
    effective: &mut Vec<Effective>,
    recorder: &mut Recorder,
) -> anyhow::Result<Vec<String>> {
    let new = config::again().and_then(|layers| {
        let run = layers.arguments.into_run().context("not `run`")?;
        Ok((run, layers.effective))
    });
    let (mut new, mut settings_now) = match new {
        Ok(new) => new,
        Err(error) => {
            say(&format!("{error:#}; the settings stay as they were"));
            return Ok(Vec::new());
        }
    };
    let (run, keep) = settings(&new, &Instant::now());
    if !recorder.send(Message::Settings(run, keep))? {
        say("the database cannot be written at present; the settings stay as they were");
        return Ok(Vec::new());
    }
    let mut changed = Vec::new();
    for (before, now) in effective.iter().zip(&mut settings_now) {
        if before.value == now.value {
            continue;
        }
        let value = now.value.as_deref().unwrap_or("(not set)");
        if LIVE.contains(&now.key.as_str()) {
            say(&format!("{} is now {value} ({})", now.key, now.origin));
            changed.push(now.key.clone());
        } else {
            say(&format!(
                "{} will be {value} after the next start ({})",
                now.key, now.origin
            ));
            *now = before.clone();
        }
    }
    if changed.is_empty() {
        say("configuration read again: nothing changed");
    }
    new.common = arguments.common.clone();
    (*arguments, *effective) = (new, settings_now);
    Ok(changed)
}

/// All that is looked at on the beat.
struct Watch {
    sampler: Sampler,
    beside: Beside,
    own: OwnCost,
    log: Option<KernelLog>,
    metrics: Option<Arc<Metrics>>,
    watermarks: Watermarks,
    burst: Option<Burst>,
}

impl Watch {
    fn new(proc: &Path, beside: Beside, counts: Arc<Counts>) -> Watch {
        // The log is this kernel's: it belongs to no other machine's /proc.
        let log = node::is_of_this_kernel(proc).then(|| KernelLog::open(Path::new("/dev/kmsg")));
        let log = log.and_then(|log| {
            log.map_err(|e| say(&format!("kmsg: not recorded: {}", why(&e))))
                .ok()
        });
        Watch {
            sampler: Sampler::new(proc),
            beside,
            own: OwnCost::new(counts),
            log,
            metrics: None,
            watermarks: Watermarks::default(),
            burst: None,
        }
    }

    fn tick(&mut self, now: &Instant, recorder: &mut Recorder) -> anyhow::Result<()> {
        let (mut tick, gaps) = self.sampler.tick(now);
        tick.readings.extend(self.beside.take(now));
        tick.readings.extend(self.own.ended(now, self.sampler.spent()));
        self.own.gaps(gaps.len());
        if let Some(metrics) = &self.metrics {
            metrics.tick(&tick);
        }
        let zones = tick
            .readings
            .iter()
            .find(|reading| &*reading.source == "zoneinfo");
        let fallen = zones.and_then(|reading| self.watermarks.fallen(reading));
        recorder.tick(tick)?;
        if let Some(detail) = fallen {
            self.burst.iter().for_each(Burst::begin);
            let event = Event {
                at: now.wall,
                kind: "watermark.low".into(),
                detail,
            };
            recorder.send(Message::Events(vec![event]))?;
        }
        for gap in gaps {
            recorder.send(Message::Gap(gap))?;
        }
        if let Some(log) = &mut self.log {
            let (records, gaps) = log.read(now);
            for gap in gaps {
                recorder.send(Message::Gap(gap))?;
            }
            if !records.is_empty() {
                recorder.send(Message::Log(records))?;
            }
        }
        Ok(())
    }
}

/// What happened between two ticks that a reader of the data must know.
fn missed(before: &Instant, now: &Instant, late: Option<Nanos>) -> Vec<Gap> {
    let late = late.map(|late| format!("late by {:.1} s", late as f64 / 1e9));
    let (from, to) = (before.wall.min(now.wall), before.wall.max(now.wall));
    let gap = |why| Gap {
        from,
        to,
        source: None,
        why,
    };
    late.into_iter().chain(now.steps_since(before)).map(gap).collect()
}
