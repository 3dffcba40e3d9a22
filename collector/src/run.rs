//! `collector run`: the beat.

use crate::beside::Beside;
use crate::burst::Burst;
use crate::clock::{Grid, Instant, monotonic};
use crate::keeper::{Keep, Keeper};
use crate::kmsg::KernelLog;
use crate::memory::hold_our_place;
use crate::own_cost::{Counts, OwnCost};
use crate::recorder::{Message, Recorder};
use crate::sampler::{Sampler, why};
use crate::service::Service;
use crate::{cgroups, cli, inventory, node, pressure_events, process_watch, say, tracepoints};
use model::{Gap, Nanos, Run, RunOrigin};
use std::future::poll_fn;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Records until it is told to end.
pub(crate) fn run(arguments: &cli::Run) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(record(arguments))?;
    Ok(ExitCode::SUCCESS)
}

async fn record(arguments: &cli::Run) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let proc = &arguments.common.proc;
    let interval = arguments.interval.as_nanos() as Nanos;
    let begun = Instant::now();
    let run = Run {
        origin: RunOrigin::Collector,
        interval,
        started: begun.wall,
        import_key: None,
    };
    let database = arguments.common.database();
    let keep = Keep {
        age: arguments.keep_age.as_nanos() as Nanos,
        bytes: arguments.keep_bytes,
    };
    let mut recorder = Recorder::start(Keeper::open(&database, node::boot(proc, begun.wall), run, keep)?)?;
    inventory::start(proc, recorder.sender())?;
    let beside = Beside::default();
    let burst = match arguments.burst_interval.as_nanos() as Nanos {
        0 => None,
        apart => Some(Burst::start(proc, apart, beside.clone(), recorder.sender())?),
    };
    pressure_events::start(proc, recorder.sender(), burst)?;
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
    while wait_until(grid.due(), &mut terminate, &mut interrupt).await {
        let now = Instant::now();
        watch
            .own
            .begun(now.monotonic - grid.due(), grid.skipped(now.monotonic));
        let late = grid.keep(now.monotonic);
        for gap in before.iter().flat_map(|before| missed(before, &now, late)) {
            say(&gap.why);
            watch.own.gaps(1);
            recorder.send(Message::Gap(gap))?;
        }
        watch.tick(&now, &mut recorder)?;
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

/// All that is looked at on the beat.
struct Watch {
    sampler: Sampler,
    beside: Beside,
    own: OwnCost,
    log: Option<KernelLog>,
}

impl Watch {
    fn new(proc: &Path, beside: Beside, counts: Arc<Counts>) -> Watch {
        // The log is this kernel's: it belongs to no other machine's /proc.
        let log = (proc == Path::new("/proc")).then(|| KernelLog::open(Path::new("/dev/kmsg")));
        let log = log.and_then(|log| {
            log.map_err(|e| say(&format!("kmsg: not recorded: {}", why(&e))))
                .ok()
        });
        Watch {
            sampler: Sampler::new(proc),
            beside,
            own: OwnCost::new(counts),
            log,
        }
    }

    fn tick(&mut self, now: &Instant, recorder: &mut Recorder) -> anyhow::Result<()> {
        let (mut tick, gaps) = self.sampler.tick(now);
        tick.readings.extend(self.beside.take(now));
        tick.readings.extend(self.own.ended(now, self.sampler.spent()));
        self.own.gaps(gaps.len());
        recorder.tick(tick)?;
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

/// Waits for a point on the monotonic clock; `false` when told to end before.
async fn wait_until(due: Nanos, terminate: &mut Signal, interrupt: &mut Signal) -> bool {
    let rest = Duration::from_nanos(u64::try_from(due - monotonic()).unwrap_or(0));
    let told = poll_fn(|context| {
        let signals = [terminate.poll_recv(context), interrupt.poll_recv(context)];
        if signals.iter().any(Poll::is_ready) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    tokio::time::timeout(rest, told).await.is_err()
}
