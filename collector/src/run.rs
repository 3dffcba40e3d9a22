//! `collector run`: the beat.

use crate::clock::{Grid, Instant, monotonic};
use crate::config::Effective;
use crate::keeper::{Keep, Keeper};
use crate::kmsg::KernelLog;
use crate::metrics::{Metrics, OWN};
use crate::processes::Processes;
use crate::recorder::{Message, Recorder};
use crate::sampler::{Sampler, why};
use crate::service::{Service, stay_in_memory};
use crate::signals::{Signals, Woken};
use crate::{cli, config, inventory, node, pressure_events, say};
use anyhow::Context;
use model::{Gap, Nanos, Run, RunOrigin};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// Time between two looks at the processes, a little less than a second for what is late at one and early at the next.
const PROCESSES_EVERY: Nanos = 950_000_000;

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
    pressure_events::start(proc, recorder.sender())?;
    let mut watch = Watch::new(proc, !arguments.no_processes);
    OWN.every(interval);
    watch.metrics = arguments.metrics.and_then(Metrics::start);
    let mut service = Service::from_environment();
    stay_in_memory().iter().for_each(|refused| say(refused));
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
            if changed.iter().any(|key| key == "no_processes") {
                watch.processes = (!arguments.no_processes).then(|| Processes::new(proc));
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
        let late = grid.keep(now.monotonic);
        for gap in before.iter().flat_map(|before| missed(before, &now, late)) {
            say(&gap.why);
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
    recorder.finish()
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
const LIVE: [&str; 4] = ["interval", "keep_age", "keep_bytes", "no_processes"];

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
    processes: Option<Processes>,
    looked: Option<Nanos>,
    log: Option<KernelLog>,
    metrics: Option<Arc<Metrics>>,
}

impl Watch {
    fn new(proc: &Path, processes: bool) -> Watch {
        // The log is this kernel's: it belongs to no other machine's /proc.
        let log = node::is_of_this_kernel(proc).then(|| KernelLog::open(Path::new("/dev/kmsg")));
        let log = log.and_then(|log| {
            log.map_err(|e| say(&format!("kmsg: not recorded: {}", why(&e))))
                .ok()
        });
        Watch {
            sampler: Sampler::new(proc),
            processes: processes.then(|| Processes::new(proc)),
            looked: None,
            log,
            metrics: None,
        }
    }

    fn tick(&mut self, now: &Instant, recorder: &mut Recorder) -> anyhow::Result<()> {
        let (tick, gaps) = self.sampler.tick(now);
        if let Some(metrics) = &self.metrics {
            metrics.tick(&tick);
        }
        recorder.tick(tick)?;
        for gap in gaps {
            recorder.send(Message::Gap(gap))?;
        }
        if let Some(processes) = &mut self.processes
            && self
                .looked
                .is_none_or(|last| now.monotonic - last >= PROCESSES_EVERY)
        {
            self.looked = Some(now.monotonic);
            if let Ok(look) = processes.look(now)
                && !look.samples.is_empty()
                && !recorder.send(Message::Processes(look))?
            {
                processes.lost();
            }
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
